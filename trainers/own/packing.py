"""The take-away files of a model of one's own: its source as it was, and a thin model.py."""

from trainers.own.description import OwnDescription, taken_names


def own_files(description: OwnDescription) -> dict[str, bytes]:
    """model.py, and the source files of the module; of an installed package none."""
    module = description.module
    files = dict(description.files)
    if f"{module}.py" in files and f"{module}.py" in taken_names():
        text = files.pop(f"{module}.py")
        module = f"own_{module}"
        files[f"{module}.py"] = text
    where = f"{module}.py, as it was written" if files else f"the package {description.package}"
    thin = _MODEL.format(
        title=description.title, where=where, module=module, name=description.class_name
    )
    return {name: text.encode() for name, text in {"model.py": thin, **files}.items()}


_MODEL = '''"""{title}, trained by HiFiTune; the module itself is in {where}.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
    module = model.module                   # the {name}, for samples on the scale of training
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from {module} import {name}
from base import load_model
from own import OwnModel


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> OwnModel:
    """An untrained model."""
    return OwnModel({name}, problem, config)


def load(folder: str | Path = ".") -> OwnModel:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
'''
