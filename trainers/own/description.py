"""What is known of a family of one's own without importing it. Torch-free."""

import ast
import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.domain.catalog import Role, Unbuildable
from service.domain.space import Distribution, Scalar

MAX_FILES = 64
MAX_FILE_BYTES = 1 << 20
_PLAIN = Path(__file__).parents[1] / "plain"


class OwnFamilyError(Unbuildable):
    """A module that cannot be a family: where, what is missing, and what to do about it."""

    def __init__(self, where: str, reason: str, remedy: str) -> None:
        super().__init__(f"{where}: {reason}", remedy)
        self.where = where
        """File and line, or the module."""

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


class OwnParameter(BaseModel):
    """A parameter of the module's constructor."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["bool", "int", "float", "choice"]
    default: Scalar
    allowed: Distribution
    searched: bool
    """Whether `allowed` is its default range."""
    role: Role
    description: str


class OwnDescription(BaseModel):
    """A module class as a family, as the process that imported it has found it."""

    model_config = ConfigDict(frozen=True)

    source: str
    """`/path/file.py:Class`, or `package.module:Class` of an installed package."""
    name: str
    title: str
    description: str
    class_name: str
    module: str
    """What `from ... import Class` names where the model is used."""
    package: str = ""
    """The installed distribution that has it, with its version; empty for a file."""
    sees_given: bool
    """Whether its loss takes what the task gives beside the samples themselves."""
    parameters: list[OwnParameter]
    files: dict[str, str]
    """Its source files, name -> text, as they were imported; of a package none."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the source, or of the package's name and version."""
        digest = hashlib.sha256(self.package.encode())
        for name in sorted(self.files):
            digest.update(f"\0{name}\0{self.files[name]}".encode())
        return digest.hexdigest()


def is_file(source: str) -> bool:
    """Whether a source names a file and not an installed module."""
    path, _, _ = source.rpartition(":")
    return path.endswith(".py") or "/" in path


def family_name(class_name: str) -> str:
    """MyVAE -> my_vae."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name)
    return words.lower().strip("_")


def title_of(class_name: str) -> str:
    """MyVAE -> My VAE."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", class_name).strip()


def source_files(path: Path) -> dict[str, str]:
    """A file and those beside it that it imports, directly or not: name -> text.

    Raises OwnFamilyError for a file that cannot be read, and for one too many.
    """
    found: dict[str, str] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file.name in found:
            continue
        found[file.name] = _read(file)
        if file != path and file.name in taken_names():
            raise OwnFamilyError(
                str(file), "a file of that name belongs to every portable model", "rename it"
            )
        if len(found) > MAX_FILES:
            raise OwnFamilyError(str(path), f"it imports over {MAX_FILES} files", "package them")
        for module in _imports(found[file.name], file):
            neighbour = path.parent / f"{module}.py"
            if neighbour.is_file():
                waiting.append(neighbour)
            elif (path.parent / module / "__init__.py").is_file():
                raise OwnFamilyError(
                    str(file),
                    f"it imports the folder {module}",
                    "import single files that lie beside it, or publish a package with an entry "
                    "point in hifitune.families",
                )
    return found


def taken_names() -> set[str]:
    """File names that a portable model needs for itself."""
    return {"model.py"} | {path.name for path in _PLAIN.glob("*.py")}


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise OwnFamilyError(str(file), "it is over 1 MiB", "move its data out of the code")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OwnFamilyError(
            str(file), f"it cannot be read ({error})", "give the path of a Python file, UTF-8"
        ) from None


def _imports(text: str, file: Path) -> list[str]:
    """The first names of the modules that a file imports."""
    try:
        tree = ast.parse(text, str(file))
    except SyntaxError as error:
        raise OwnFamilyError(
            f"{file}, line {error.lineno}", f"it is not Python: {error.msg}", "mend the line"
        ) from None
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module.partition(".")[0])
    return found


def split_source(source: str) -> tuple[str, str]:
    """`file.py:Class` -> (file.py, Class). Raises OwnFamilyError."""
    path, _, name = source.rpartition(":")
    if not path or not name.isidentifier():
        raise OwnFamilyError(
            source, "this names no class", "give file and class: --family ./my_vae.py:MyVAE"
        )
    return path, name
