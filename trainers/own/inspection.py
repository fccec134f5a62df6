"""Looks at a module class: is it a family, and which are its parameters? Imports it, and torch."""

import ast
import importlib
import importlib.util
import inspect
import math
import sys
import textwrap
import traceback
import typing
from collections.abc import Mapping
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from trainers.contract import Config
from trainers.own.description import (
    OwnDescription,
    OwnFamilyError,
    OwnParameter,
    family_name,
    is_file,
    source_files,
    split_source,
    title_of,
)
from trainers.own.ranges import parameter_of
from trainers.plain.given import Given
from trainers.plain.own import OwnModel, sees_given

GIVEN = ("self", "shape", "features", "problem")
"""Arguments of the constructor that are not tuned."""
TRIED_PARAMETERS = 50_000_000
"""Larger models are counted, not tried out."""
SKELETON = {
    "loss": "def loss(self, batch): return {'loss': ...}",
    "reconstruct": "def reconstruct(self, x): return ...  # in the shape of x",
}


def describe(source: str) -> OwnDescription:
    """A module class as a family. Raises OwnFamilyError that names file, line and remedy."""
    path, class_name = split_source(source)
    files: dict[str, str] = {}
    package = ""
    if is_file(source):
        files = source_files(Path(path))
    module_class = load_class(source)
    lines = _Lines(module_class, path)
    for method, remedy in SKELETON.items():
        if not callable(getattr(module_class, method, None)):
            raise OwnFamilyError(
                lines.of_class, f"{class_name} has no `{method}`", f"write `{remedy}`"
            )
    if not is_file(source):
        package = _distribution(path)
    text = inspect.getdoc(module_class)
    own_text = text if text and text != inspect.getdoc(nn.Module) else None
    return OwnDescription(
        source=source,
        name=family_name(class_name),
        title=title_of(class_name),
        description=(own_text or f"{class_name} of {path}.").split("\n\n")[0].replace("\n", " "),
        class_name=class_name,
        module=Path(path).stem if is_file(source) else path,
        package=package,
        sees_given=sees_given(module_class),
        parameters=_parameters(module_class, lines),
        files=files,
    )


def is_module_class(source: str) -> bool:
    """Whether an entry point `module:name` is a class of modules. Raises OwnFamilyError."""
    path, name = split_source(source)
    found = getattr(_import_module(path), name, None)
    return isinstance(found, type) and issubclass(found, nn.Module)


def load_class(source: str) -> type[nn.Module]:
    """The class that a source names; imports it. Raises OwnFamilyError."""
    path, class_name = split_source(source)
    module = _import_file(Path(path)) if is_file(source) else _import_module(path)
    found = getattr(module, class_name, None)
    if not isinstance(found, type) or not issubclass(found, nn.Module):
        there = [
            name
            for name, value in vars(module).items()
            if isinstance(value, type)
            and issubclass(value, nn.Module)
            and value.__module__ == module.__name__
        ]
        raise OwnFamilyError(
            path,
            f"there is no nn.Module named {class_name}",
            f"its modules are {', '.join(there)}" if there else "derive your class from nn.Module",
        )
    return found


def try_out(source: str, config: Config, problem: Mapping[str, Any]) -> int:
    """Parameters of one model, which is built, and run on two samples if it is not too large.

    Raises OwnFamilyError with the place in the module's own file.
    """
    module_class = load_class(source)
    count = count_parameters(source, config, problem)
    if count > TRIED_PARAMETERS:
        return count
    with _Blame(source, "it cannot be trained on this data"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = OwnModel(module_class, problem, config)
        samples = torch.rand(2, model.features)
        given = Given(samples)
        loss = model.training_loss(samples, given)
        if not loss.requires_grad:
            raise TypeError(f"{module_class.__name__}.loss does not depend on its parameters")
        torch.autograd.backward(loss)
        model.eval()
        with torch.no_grad():
            model.estimate(given)
            model.posterior(given)
        model.training_loss(samples, given)  # evaluation reports it
    return count


def count_parameters(source: str, config: Config, problem: Mapping[str, Any]) -> int:
    """Parameters of one model, of which no memory is taken. Raises OwnFamilyError."""
    module_class = load_class(source)
    with _Blame(source, "it cannot be built for this data"):
        model = _build(module_class, problem, config)
    lazy = [
        name for name, p in model.named_parameters() if isinstance(p, nn.UninitializedParameter)
    ]
    if lazy:
        raise OwnFamilyError(
            source, f"{lazy[0].removeprefix('module.')} is lazy", "give the layer its sizes"
        )
    count = sum(math.prod(p.shape) for p in model.parameters() if p.requires_grad)
    if not count:
        raise OwnFamilyError(source, "it has nothing to train", "register layers or parameters")
    return count


def _build(module_class: type[nn.Module], problem: Mapping[str, Any], config: Config) -> OwnModel:
    """A model without memory; one with, where the constructor computes with its tensors."""
    try:
        with torch.device("meta"):
            return OwnModel(module_class, problem, config)
    except Exception:  # noqa: BLE001 -- whatever it is, it is raised again or is of no matter
        return OwnModel(module_class, problem, config)


class _Blame:
    """Turns what a module raises into an OwnFamilyError that names its line."""

    def __init__(self, source: str, what: str) -> None:
        self._path, _ = split_source(source)
        self._what = what

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, OwnFamilyError):
            return
        name = type(error).__name__
        raise OwnFamilyError(
            _place(error, self._path), f"{self._what}: {name}: {error}", "mend it, or its ranges"
        ) from None


def _place(error: BaseException, path: str) -> str:
    """The innermost line of the module's own file that an error passed through."""
    folder = str(Path(path).parent) if path.endswith(".py") else None
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == path or (folder and str(Path(frame.filename).parent) == folder):
            return f"{frame.filename}, line {frame.lineno} in {frame.name}"
    return path


def _import_file(path: Path) -> ModuleType:
    name = f"hifitune_own_{path.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: its neighbours must not stand in for others
    _check_neighbours(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise OwnFamilyError(str(path), "it is no Python file", "give a path that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 -- whatever its code raises
        del sys.modules[name]
        raise _unimportable(error, str(path)) from None
    return module


def _check_neighbours(path: Path) -> None:
    """Refuse a file whose imports would not give the files beside it, which its models carry."""
    for neighbour in sorted(path.parent / name for name in source_files(path)):
        if neighbour == path:
            continue
        module = neighbour.stem
        loaded = sys.modules.get(module)
        found = getattr(loaded, "__file__", None)
        if loaded is None:
            spec = importlib.util.find_spec(module)
            found = spec and spec.origin
        if found is None or Path(found).resolve() != neighbour.resolve():
            raise OwnFamilyError(
                str(path),
                f"its `import {module}` does not give {neighbour}, but {found or 'another module'}",
                f"rename {neighbour.name}: one name stands for one file in all families together",
            )


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 -- whatever its code raises
        raise _unimportable(error, name) from None


def _unimportable(error: Exception, path: str) -> OwnFamilyError:
    reason = f"it cannot be imported: {type(error).__name__}: {error}"
    remedy = "mend it; python must be able to import it"
    if isinstance(error, ModuleNotFoundError):
        remedy = "install it where the service runs"
    return OwnFamilyError(_place(error, path), reason, remedy)


def _distribution(module: str) -> str:
    names = packages_distributions().get(module.partition(".")[0], [])
    return f"{names[0]}=={version(names[0])}" if names else module.partition(".")[0]


def _parameters(module_class: type[nn.Module], lines: "_Lines") -> list[OwnParameter]:
    constructor = module_class.__init__
    try:
        hints = typing.get_type_hints(constructor, include_extras=True)
    except (NameError, TypeError) as error:
        raise OwnFamilyError(
            lines.of_class, f"its annotations cannot be read: {error}", "import what they name"
        ) from None
    found = []
    for name, parameter in inspect.signature(constructor).parameters.items():
        if name in GIVEN or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty:
            raise OwnFamilyError(
                lines.of(name),
                f"{name} has no default",
                f"give it one, as in `{name}: Annotated[int, (8, 64)] = 16`; of the data a "
                "constructor may ask for shape, features and problem",
            )
        hint = hints.get(name, type(parameter.default))
        found.append(parameter_of(name, hint, parameter.default, lines.of(name)))
    return found


class _Lines:
    """Where a class and the arguments of its constructor stand."""

    def __init__(self, module_class: type, path: str) -> None:
        self._arguments: dict[str, int] = {}
        self.of_class = path
        try:
            file = inspect.getsourcefile(module_class) or path
            source, first = inspect.getsourcelines(module_class)
        except (OSError, TypeError):
            return
        self._file = file
        self.of_class = f"{file}, line {first}"
        tree = ast.parse(textwrap.dedent("".join(source)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                for argument in (*node.args.args, *node.args.kwonlyargs):
                    self._arguments[argument.arg] = first + argument.lineno - 1
                break

    def of(self, argument: str) -> str:
        """File and line of an argument of the constructor."""
        if argument in self._arguments:
            return f"{self._file}, line {self._arguments[argument]}"
        return self.of_class
