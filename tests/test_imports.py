"""Who may import whom (DESIGN.md 2), and what no file may contain."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("service", "trainers", "dashboards")
MAX_LINES = 300
BANNED_NAMES = ("utils", "helpers", "common", "misc", "manager")
BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
HEAVY = {"torch", "optuna", "ray", "sklearn", "scipy", "pyarrow", "kaleido", "choreographer"}
"""What the HTTP process never loads."""

PARTS = {
    "service.domain": "domain",
    "service.errors": "errors",
    "service.settings": "settings",
    "service.artifacts": "artifacts",
    "service.sources": "sources",
    "service.upload_files": "upload_files",
    "service.storage": "storage",
    "service.exports": "exports",
    "service.executors": "executors",
    "service.engine": "engine",
    "service.engine.supervisor": "root",
    "service.api": "api",
    "service.api.dependencies": "api.dependencies",
    "service.api.drafts": "api.drafts",
    "service.client": "client",
    "service.main": "root",
    "service.cli": "root",
    "service.commands": "root",
    "service": "version",
    "trainers": "trainers",
    "trainers.knobs": "trainers.registry",
    "trainers.params": "trainers.registry",
    "trainers.counts": "trainers.registry",
    "trainers.activations": "trainers.registry",
    "trainers.vq_params": "trainers.registry",
    "trainers.loss_catalog": "trainers.registry",
    "trainers.regularised_params": "trainers.registry",
    "trainers.tabular_params": "trainers.registry",
    "trainers.metric_catalog": "trainers.registry",
    "trainers.image_params": "trainers.registry",
    "trainers.restoration_params": "trainers.registry",
    "trainers.task_catalog": "trainers.registry",
    "trainers.text_catalog": "trainers.registry",
    "trainers.text_params": "trainers.registry",
    "trainers.adversarial_params": "trainers.registry",
    "trainers.vae_params": "trainers.registry",
    "trainers.families": "trainers.registry",
    "trainers.family": "trainers.registry",
    "trainers.own": "trainers.registry",
    "trainers.own.array": "trainers",
    "trainers.own.child": "trainers",
    "trainers.own.inspection": "trainers",
    "trainers.registry": "trainers.registry",
    "trainers.data": "trainers.data",
    "trainers.problem": "trainers.problem",
    "trainers.tasks": "trainers.problem",
    "trainers.portable": "trainers.portable",
    "dashboards": "dashboards",
    "dashboards.figures": "dashboards.figures",
}
"""The part of a module is that of its longest listed prefix."""

OF_API = {
    "domain",
    "storage",
    "artifacts",
    "sources",
    "upload_files",
    "exports",
    "trainers.registry",
    "trainers.data",
    "trainers.problem",
    "trainers.portable",
}
OF_ENGINE = {
    "domain",
    "storage",
    "artifacts",
    "sources",
    "executors",
    "exports",
    "trainers.registry",
    "trainers.data",
    "trainers.problem",
}
MAY_IMPORT: dict[str, set[str]] = {
    "version": set(),
    "domain": set(),
    "errors": {"domain"},
    "settings": set(),
    "artifacts": set(),
    "sources": {"domain", "trainers.data"},
    "upload_files": {"trainers.data"},
    "storage": {"domain"},
    "exports": {"domain", "storage", "trainers.data"},
    "executors": {
        "domain",
        "artifacts",
        "trainers",
        "trainers.registry",
        "trainers.data",
        "trainers.problem",
        "trainers.portable",
    },
    "engine": OF_ENGINE,
    "api": OF_API | {"api.dependencies"},
    "api.dependencies": OF_API | {"api"},
    "api.drafts": {"api", "api.dependencies", "domain"},
    "client": {"domain"},
    "trainers": {"trainers.registry", "trainers.data", "trainers.problem", "trainers.portable"},
    "trainers.registry": {"trainers", "trainers.problem"},
    "trainers.data": {"trainers.problem"},
    "trainers.problem": set(),
    "trainers.portable": {"trainers.registry", "trainers.problem"},
    "dashboards": {"dashboards.figures", "api.dependencies", "api.drafts", "domain"},
    "dashboards.figures": {"domain"},
}
"""Besides itself; `service.errors` and the version are open to all of service and dashboards."""

CATALOG_SHAPES = {"service.domain.space", "service.domain.catalog"}
"""All of the domain that the torch-free parts of trainers may know."""


@dataclass
class Module:
    name: str
    path: Path
    tree: ast.Module
    imports: set[str] = field(default_factory=set)
    """Every module that it names at run time, ours and others', functions included."""
    at_import: set[str] = field(default_factory=set)
    """Those that are loaded with it."""

    @property
    def part(self) -> str:
        prefix = self.name
        while prefix not in PARTS:
            prefix = prefix.rpartition(".")[0]
            if not prefix:
                return "unknown"
        if prefix == "service" and self.name != "service":
            return "unknown"
        return PARTS[prefix]


@cache
def modules() -> dict[str, Module]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, path, ast.parse(path.read_text(), str(path)))
    for module in found.values():
        for node in _run_time_nodes(module.tree, inside_function=False):
            statement, deferred = node
            targets = set(_targets(statement, module, found))
            module.imports |= targets
            if not deferred:
                module.at_import |= targets
    return found


def _run_time_nodes(tree: ast.AST, inside_function: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Import statements outside `if TYPE_CHECKING`, and whether a function delays them."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, inside_function
        deeper = inside_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _run_time_nodes(child, deeper)


def _targets(statement: ast.stmt, module: Module, found: dict[str, Module]) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        base = statement.module or ""
        if statement.level:
            is_package = module.path.name == "__init__.py"
            parents = module.name.split(".")
            kept = len(parents) - statement.level + (1 if is_package else 0)
            base = ".".join([*parents[:kept], *([base] if base else [])])
        for alias in statement.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in found else base


def ours(module: Module) -> Iterator[Module]:
    for name in sorted(module.imports):
        if name in modules() and name != module.name:
            yield modules()[name]


def test_every_module_belongs_to_a_part_of_the_house() -> None:
    strays = [module.name for module in modules().values() if module.part == "unknown"]
    assert strays == []


def test_no_module_imports_what_its_part_may_not() -> None:
    wrong = [
        f"{module.name} -> {target.name}"
        for module in modules().values()
        for target in ours(module)
        if not _is_allowed(module, target)
    ]
    assert wrong == []


def _is_allowed(module: Module, target: Module) -> bool:
    part, other = module.part, target.part
    if part == "root" or part == other or "unknown" in (part, other):
        return True
    in_trainers = module.name.split(".")[0] == "trainers"
    if other in ("errors", "version"):
        return not in_trainers
    if part == "trainers.registry" and other == "domain":
        return target.name in CATALOG_SHAPES
    return other in MAY_IMPORT[part]


def test_only_roots_read_settings() -> None:
    readers = [
        module.name
        for module in modules().values()
        if "service.settings" in module.imports and module.part not in ("root", "settings")
    ]
    assert readers == []


def test_imports_never_go_round_in_a_circle() -> None:
    done: set[str] = set()

    def visit(module: Module, path: tuple[str, ...]) -> None:
        if module.name in path:
            circle = [*path[path.index(module.name) :], module.name]
            pytest.fail(" -> ".join(circle))
        if module.name not in done:
            for target in ours(module):
                visit(target, (*path, module.name))
            done.add(module.name)

    for module in modules().values():
        visit(module, ())


def test_the_http_side_loads_neither_torch_nor_optuna_nor_ray_nor_scipy() -> None:
    start = [
        module
        for module in modules().values()
        if module.name == "service.main"
        or module.part
        in ("api", "api.dependencies", "client", "domain", "storage", "artifacts", "exports")
        or module.name.split(".")[0] == "dashboards"
    ]
    queue, seen, heavy = list(start), {module.name for module in start}, []
    while queue:
        module = queue.pop()
        for name in module.at_import:
            if name.split(".")[0] in HEAVY:
                heavy.append(f"{module.name} -> {name}")
            if name in modules() and name not in seen:
                seen.add(name)
                queue.append(modules()[name])
    assert heavy == []


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("optuna", ("service.engine",)),
        ("ray", ("service.executors.ray_cluster",)),
        ("torch", ("trainers", "service.executors")),
    ],
)
def test_a_heavy_library_is_imported_in_its_own_home_only(
    library: str, homes: tuple[str, ...]
) -> None:
    strangers = [
        module.name
        for module in modules().values()
        if any(name.split(".")[0] == library for name in module.imports)
        and not module.name.startswith(homes)
    ]
    assert strangers == []


def test_the_domain_needs_only_pydantic_and_the_standard_library() -> None:
    allowed = {"pydantic", "pydantic_core", "service", *sys.stdlib_module_names}
    foreign = [
        f"{module.name} -> {name}"
        for module in modules().values()
        if module.part == "domain"
        for name in module.imports
        if name.split(".")[0] not in allowed
    ]
    assert foreign == []


def test_plain_twins_import_nothing_of_ours_but_one_another() -> None:
    for module in modules().values():
        if module.name.startswith("trainers.plain."):
            outside = {name for name in module.imports if name.split(".")[0] in PACKAGES}
            beyond = {name for name in outside if not name.startswith("trainers.plain.")}
            assert beyond == set(), module.name


def test_every_file_fits_in_the_head() -> None:
    long = {
        module.name: lines
        for module in modules().values()
        if (lines := len(module.path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}


def test_nothing_is_called_by_a_name_that_says_nothing() -> None:
    named = [
        f"{module.name}: {name}"
        for module in modules().values()
        for name in [*module.name.split("."), *_classes(module)]
        if any(banned in name.lower() for banned in BANNED_NAMES)
    ]
    assert named == []


def _classes(module: Module) -> list[str]:
    return [node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]


def test_nothing_is_pickled() -> None:
    wrong = []
    for module in modules().values():
        names = {name.split(".")[0] for name in module.imports}
        wrong += [f"{module.name}: {name}" for name in sorted(names & BANNED_MODULES)]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "torch.load",
                "torch.save",
            ):
                wrong.append(f"{module.name}:{node.lineno}: {ast.unparse(node)}")
            is_flag = isinstance(node, ast.keyword) and node.arg == "allow_pickle"
            if is_flag and ast.unparse(node.value) != "False":
                wrong.append(f"{module.name}:{node.value.lineno}: allow_pickle")
    assert wrong == []


def test_no_except_is_bare() -> None:
    bare = [
        f"{module.name}:{node.lineno}"
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_a_running_http_process_has_none_of_them_loaded() -> None:
    code = "import sys, service.main; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert HEAVY & set(done.stdout.split()) == set()
