"""The model to take away: a zip of plain PyTorch files that needs nothing of ours."""

import importlib.util
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from trainers.family import Family
from trainers.own.packing import own_files
from trainers.registry import find_family

FORMAT = 2
"""Of config.json."""
_TRAIN = "trainers.plain.train"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Fixed, so that the same model gives the same bytes."""


def write_model_zip(
    target: IO[bytes],
    *,
    family: str | Family,
    problem: Mapping[str, Any],
    config: Mapping[str, Any],
    weights: bytes,
    metadata: Mapping[str, Any],
) -> None:
    """Write the zip of one trained model to `target`; imports no torch.

    `weights` is the safetensors file of the plain twin's state, `problem` what data and task are
    (Problem.to_json), `config` the complete configuration. `metadata` goes into config.json
    beside them: whatever the trial has on record (`objective`, `training`, `seed`, `split`,
    `scaling`, `baselines`, ...).

    The zip holds `model.py` (the plain twin of the family, with `load(folder)`) and the plain
    modules that it imports, `train.py` (a loop that trains this config again),
    `weights.safetensors`, `config.json` and `README.md`.
    Raises KeyError for an unknown family.
    """
    known = find_family(family) if isinstance(family, str) else family
    document = {
        **metadata,
        "format": FORMAT,
        "family": known.name,
        "problem": dict(problem),
        "config": dict(config),
    }
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    files = {
        "README.md": describe_model(known, problem, config, metadata).encode(),
        "config.json": text.encode(),
        **_model_files(known),
        **_modules(_TRAIN, "train.py"),
        "weights.safetensors": weights,
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            # Weights are noise to a compressor.
            stored = name.endswith(".safetensors")
            method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compress_type=method)


def _model_files(family: Family) -> dict[str, bytes]:
    """The family's plain twin as model.py, and what it needs, by file name."""
    if family.own is None:
        return _modules(family.plain, "model.py")
    return {**_modules(family.plain, "own.py"), **own_files(family.own)}


def _modules(plain: str, first: str) -> dict[str, bytes]:
    """A plain module as the file `first`, and the modules of its package that it needs."""
    package, _, _ = plain.rpartition(".")
    neighbour = re.compile(rf"from {re.escape(package)}\.(\w+) import")
    files: dict[str, bytes] = {}
    waiting = [(first, plain)]
    while waiting:
        file, module = waiting.pop()
        source = _source(module).decode("utf-8")
        files[file] = neighbour.sub(r"from \1 import", source).encode()
        waiting += [
            (f"{name}.py", f"{package}.{name}")
            for name in dict.fromkeys(neighbour.findall(source))
            if f"{name}.py" not in files
        ]
    return files


def _source(module: str) -> bytes:
    """The source of a module, which is not imported (its packages are)."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the module {module} has no source file")
    return Path(spec.origin).read_bytes()


def describe_model(
    family: Family,
    problem: Mapping[str, Any],
    config: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> str:
    """README.md of a model: what it is, how good it is, how to use it and train it again."""
    title = family.title
    texts = family.data == ("text",)
    settings = "\n".join(f"| {name} | {value} |" for name, value in config.items())
    return _README.format(
        title=title,
        article="an" if title[:1].lower() in "aeiou" else "a",
        lower=title.lower(),
        origin=_origin(metadata),
        scores=_scores(metadata),
        settings=settings,
        scaling="none: token ids" if texts else metadata.get("scaling", "as in training"),
        use=_USE_OF_TEXTS if texts else _use_of_arrays(problem.get("task", {}).get("kind")),
        data="lines.txt" if texts else "data.npy",
    )


def _origin(metadata: Mapping[str, Any]) -> str:
    """Where the model comes from; `trained_by` says that no study has chosen it."""
    name = metadata.get("study", "a study")
    if "trained_by" in metadata:
        return f"The config `{name}`, trained by `{metadata['trained_by']}`"
    return f"The best model of the study `{name}`"


def _scores(metadata: Mapping[str, Any]) -> str:
    metrics = metadata.get("metrics") or {}
    columns = [part for part in ("train", "validation", "test") if metrics.get(part)]
    if not columns:
        return "No figures are on record.\n"
    names = [name for name in metrics[columns[0]] if _is_number(metrics[columns[0]][name])]
    lines = [
        "| metric (scaled data) | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(
            f"| {name} | " + " | ".join(_number(metrics[part].get(name)) for part in columns) + " |"
            for name in names
        ),
    ]
    if "test" not in columns:
        lines += ["", "The sealed test split had not been opened when this file was written."]
    return "\n".join(lines) + "\n"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else "-"


_USE_OF_ARRAYS = """import numpy as np
from model import load

model = load(".")                          # in eval mode
raw = np.load("data.npy")                  # {raw}
reconstructed = model.reconstruct(raw)     # a tensor of {shape}
given = model.preprocess(raw)              # what the network is given, on the scale of training
scaled = model.estimate(given)             # [samples, features] on the same scale"""

_TASK_INPUTS = {
    "denoise": "noisy samples, [samples, ...] in the units you trained on",
    "inpaint": "[samples, ...] in the units you trained on, NaN where a value is missing",
    "super_resolve": "small images, [samples, h, w, ...] in the units you trained on",
}


def _use_of_arrays(task: str | None) -> str:
    return _USE_OF_ARRAYS.format(
        raw=_TASK_INPUTS.get(task or "", "[samples, ...] in the units you trained on"),
        shape="the large images, same units"
        if task == "super_resolve"
        else "the same shape and units",
    )


_USE_OF_TEXTS = """from model import load

model = load(".")                          # in eval mode
texts = ["one text", "another"]            # of the kind you trained on
again = model.reconstruct(texts)           # a list of texts
code = model.encode(model.preprocess(texts))  # [texts, latent_dim], with gradient
ids = model.decode(code)                   # token ids, written freely
print(model.texts(ids))"""

_README = """# {title}, tuned by HiFiTune

{origin}: {article} {lower} in plain PyTorch. It needs
`torch`, `safetensors` and `numpy`, nothing else; no part of HiFiTune.

| file | what it is |
|---|---|
| `model.py` | the module, with `load(folder)`; the other `.py` files are its parts |
| `weights.safetensors` | its trained weights, the scaling of the data included |
| `config.json` | its configuration, seed, split and figures |
| `train.py` | a plain loop that trains the same configuration from your data |

## Use it

```python
{use}
```

## Train it again

```sh
python train.py {data}
```

`python train.py --help` lists what can be set.

## Figures

At the best epoch, in eval mode. Scaling: `{scaling}`, fitted on the training split.

{scores}
## Configuration

| parameter | value |
|---|---|
{settings}
"""
