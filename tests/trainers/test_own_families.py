"""An ordinary module as a family: what is read of it, how it trains, what is taken away."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from tests.trainers.conftest import DIGITS, ArrayData, config_of, slots_of
from tests.trainers.test_families import assert_same_end, finished
from tests.trainers.test_portable import ALONE, TRAIN, run_alone
from trainers import registry
from trainers.base import FitPlan
from trainers.evaluation import score
from trainers.loop import ArrayRun
from trainers.own.description import OwnFamilyError, OwnParameter
from trainers.own.inspection import describe, try_out
from trainers.own.probe import Probe
from trainers.portable import write_model_zip

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_vae.py"
PLAN = FitPlan(3, 1, None, "mse", "minimize")

HEAD = """
from typing import Annotated, Literal
import torch
from torch import nn
"""
METHODS = """
    def reconstruct(self, x):
        return self.net(x.flatten(1)).reshape(x.shape)
    def loss(self, x):
        return {"loss": (self.reconstruct(x) - x).square().flatten(1).sum(1).mean()}
"""

SLOPES = """
    def reconstruct(self, x):
        return self.net(x.flatten(1)).reshape(x.shape)
    def loss(self, x):
        flat = x.flatten(1).requires_grad_()
        out = self.net(flat)
        error = (out - flat).square().sum(1).mean()
        seen, own = torch.autograd.grad(
            torch.tanh(out).sum(), [flat, self.net.weight], create_graph=True
        )
        bend = seen.square().sum(1).mean() + own.square().mean()
        return {"loss": error + 0.1 * bend, "bend": bend}
"""


class Packaged(nn.Module):
    """A module of an installed package."""

    def __init__(self, features: int, width: int = 8) -> None:
        super().__init__()
        self.net = nn.Linear(features, features)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.net(x.flatten(1)).reshape(x.shape)
        return found

    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self.reconstruct(x) - x).square().sum()}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    registry.use_sources([])


@pytest.fixture
def my_vae() -> str:
    registry.use_sources([f"{EXAMPLE}:MyVAE"])
    return "my_vae"


def module(folder: Path, arguments: str = "", methods: str = METHODS, body: str = "") -> str:
    """The source of a module with such arguments of its constructor."""
    path = folder / "mine.py"
    path.write_text(
        f"{HEAD}\nclass Mine(nn.Module):\n"
        f"    def __init__(self, features, {arguments}):\n"
        f"        super().__init__()\n        self.net = nn.Linear(features, features)\n{body}"
        f"{methods}"
    )
    return f"{path}:Mine"


def parameters(source: str) -> dict[str, OwnParameter]:
    return {parameter.name: parameter for parameter in describe(source).parameters}


@pytest.mark.parametrize(
    ("argument", "expected", "searched"),
    [
        ("x: Annotated[int, (8, 64)] = 16", {"type": "int", "low": 8, "high": 64}, True),
        ("x: Annotated[int, (8, 64, 'log')] = 16", {"type": "int", "high": 64, "log": True}, True),
        ("x: Annotated[float, (0.1, 1)] = 1", {"type": "float", "low": 0.1, "high": 1.0}, True),
        ("x: Annotated[float, (0.1, 1, 'log')] = 0.5", {"type": "float", "log": True}, True),
        ("x: Annotated[int, [8, 16]] = 8", {"type": "categorical", "choices": [8, 16]}, True),
        ("x: Literal['a', 'b'] = 'b'", {"type": "categorical", "choices": ["a", "b"]}, True),
        ("x: bool = False", {"type": "categorical", "choices": [False, True]}, True),
        ("x: int = 3", {"type": "int"}, False),
        ("x: float = 3.5", {"type": "float"}, False),
        ("x=3", {"type": "int"}, False),
        ("*, x: Annotated[int, (8, 64), 'capacity'] = 16", {"type": "int", "low": 8}, False),
        ("x: Annotated[float, (0.0, 9.0), 'objective'] = 1.0", {"type": "float"}, False),
    ],
)
def test_an_annotation_is_a_range(
    tmp_path: Path, argument: str, expected: dict[str, Any], searched: bool
) -> None:
    found = parameters(module(tmp_path, argument))["x"]
    assert expected.items() <= found.allowed.model_dump().items()
    assert found.searched == searched


def test_an_annotation_says_role_and_meaning(tmp_path: Path) -> None:
    source = module(tmp_path, "x: Annotated[int, (8, 64), 'capacity', 'Numbers in the code.'] = 8")
    found = parameters(source)["x"]
    assert (found.role, found.description) == ("capacity", "Numbers in the code.")


@pytest.mark.parametrize(
    ("arguments", "line", "words"),
    [
        ("x: int", 7, ["x has no default", "= 16"]),
        ("x: str = 'a'", 7, ["x is annotated str", "Literal"]),
        ("x: Annotated[int, (8,)] = 8", 7, ["the range of x is (8,)", "(low, high)"]),
        ("x: Annotated[int, (9, 8)] = 8", 7, ["low 9 is above high 8"]),
        ("x: Annotated[int, (8, 64)] = 4", 7, ["the default 4 of x is not in its range"]),
        ("x: Annotated[float, (0, 1, 'log')] = 1.0", 7, ["a log range needs low above 0"]),
        ("learning_rate: float = 1e-3", 7, ["learning_rate is a parameter of every family"]),
        ("x: Annotated[int, [8, None]] = 8", 7, ["the choices of x are not plain values"]),
    ],
)
def test_a_constructor_that_cannot_be_tuned_is_told_with_its_line(
    tmp_path: Path, arguments: str, line: int, words: list[str]
) -> None:
    with pytest.raises(OwnFamilyError) as error:
        describe(module(tmp_path, arguments))
    assert f"{tmp_path / 'mine.py'}, line {line}" in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = (", ["line 1", "it is not Python"]),
        ("import no_such_package", ["no_such_package", "install it"]),
        ("class Other: pass", ["no nn.Module named Mine"]),
        ("from torch import nn\nclass Mines(nn.Module): pass", ["its modules are Mines"]),
        ("from torch import nn\nclass Mine(nn.Module): pass", ["line 2", "no `loss`", "def loss"]),
        (
            "from torch import nn\nclass Mine(nn.Module):\n    def loss(self, x): pass",
            ["line 2", "no `reconstruct`"],
        ),
        ("\n1 / 0", ["line 2", "ZeroDivisionError"]),
    ],
)
def test_a_file_that_is_no_family_is_told_what_is_missing(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(OwnFamilyError) as error:
        describe(f"{tmp_path / 'mine.py'}:Mine")
    assert str(tmp_path / "mine.py") in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("source", ["mine.py", "mine.py:", "/nowhere/mine.py:Mine"])
def test_a_source_that_names_no_class_or_file_is_refused(source: str) -> None:
    with pytest.raises(OwnFamilyError, match=r"--family|cannot be read"):
        describe(source)


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        (METHODS.replace("x.flatten(1)", "x"), ["RuntimeError", "in reconstruct"]),
        (METHODS.replace('{"loss": ', "(").replace(".mean()}", ".mean())"), ["`loss` is a scalar"]),
        (METHODS.replace(".mean()}", "}"), ["a loss of shape (2,)"]),
        (METHODS.replace(".reshape(x.shape)", "[:, :3]"), ["Error"]),
        (METHODS.replace("self.net(x.flatten(1))", "x.flatten(1)"), ["does not depend on"]),
    ],
)
def test_a_module_that_cannot_be_trained_on_the_data_is_told_before_it_is(
    tmp_path: Path, methods: str, words: list[str]
) -> None:
    source = module(tmp_path, "width: int = 3", methods)
    with pytest.raises(OwnFamilyError) as error:
        try_out(source, {"width": 3}, DIGITS.to_json())
    for word in words:
        assert word in str(error.value)


def test_files_beside_it_come_along(tmp_path: Path) -> None:
    (tmp_path / "blocks.py").write_text("import math\nfrom torch import nn\n")
    (tmp_path / "unused.py").write_text("")
    source = module(tmp_path, "width: int = 3")
    path = tmp_path / "mine.py"
    path.write_text("from blocks import nn\n" + path.read_text())
    assert set(describe(source).files) == {"mine.py", "blocks.py"}


def test_a_file_whose_neighbour_stands_in_the_shadow_of_another_is_refused(tmp_path: Path) -> None:
    sources = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        sources.append(module(tmp_path / name, "width: int = 3"))
        (tmp_path / name / "widths_of_mine.py").write_text(f"WIDTH = '{name}'\n")
        path = tmp_path / name / "mine.py"
        path.write_text("from widths_of_mine import WIDTH\n" + path.read_text())
    assert set(describe(sources[0]).files) == {"mine.py", "widths_of_mine.py"}
    with pytest.raises(OwnFamilyError) as error:
        describe(sources[1])
    assert f"does not give {tmp_path}/second/widths_of_mine.py, but {tmp_path}/first" in str(
        error.value
    )
    assert "rename widths_of_mine.py" in str(error.value)


def test_a_file_beside_it_with_the_name_of_a_module_of_python_is_refused(tmp_path: Path) -> None:
    source = module(tmp_path, "width: int = 3")
    (tmp_path / "colorsys.py").write_text("")
    path = tmp_path / "mine.py"
    path.write_text("import colorsys\n" + path.read_text())
    with pytest.raises(OwnFamilyError, match=r"rename colorsys\.py"):
        describe(source)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    source = module(tmp_path).replace("Mine", "VAE")
    path = tmp_path / "mine.py"
    path.write_text(path.read_text().replace("Mine", "VAE"))
    registry.use_sources([source])
    with pytest.raises(OwnFamilyError, match=r"already a family 'vae'.*rename the class"):
        registry.families()


def test_the_process_that_asks_loads_no_torch_and_hears_no_prints(tmp_path: Path) -> None:
    source = module(tmp_path, "width: int = 3", METHODS, "        print('built')\n")
    with (tmp_path / "mine.py").open("a") as file:
        file.write("\nprint('imported')\n")
    script = f"""
import sys
from trainers import registry
from trainers.problem import Problem
registry.use_sources([{source!r}])
entry = registry.catalog().families["mine"]
config = {{name: found.default for name, found in entry.parameters.items()}}
print(registry.count_parameters("mine", config, Problem("image", (8, 8)).to_json()))
try:
    registry.count_parameters("mine", config | {{"width": 3}}, Problem("table", (0,)).to_json())
except ValueError as error:
    print(error.remedy)
registry.close()
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(64 * 65)
    assert "imported" in done.stderr and "built" in done.stderr


def test_a_module_that_ends_or_hangs_the_child_is_an_error_and_the_next_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends.py").write_text("import os; os._exit(3)")
    (tmp_path / "hangs.py").write_text("import threading; threading.Event().wait()")
    probe = Probe(seconds=15)
    monkeypatch.setattr(Probe, "_is_child", False)
    try:
        with pytest.raises(OwnFamilyError, match="ended without an answer"):
            probe.describe(f"{tmp_path / 'ends.py'}:Mine")
        assert probe.describe(f"{EXAMPLE}:MyVAE").name == "my_vae"
        monkeypatch.setattr(probe, "_seconds", 0.5)
        with pytest.raises(OwnFamilyError, match="did not answer within"):
            probe.describe(f"{tmp_path / 'hangs.py'}:Mine")
    finally:
        probe.close()


def test_it_trains_and_records_what_its_loss_is_made_of(few_digits: ArrayData, my_vae: str) -> None:
    reports, (end,) = finished(ArrayRun(my_vae, slots_of(my_vae, 1), few_digits, PLAN))
    last = reports[-1]
    assert last.validation["mse"] < reports[0].validation["mse"]
    for part in (last.train, last.validation):
        assert part["loss"] == pytest.approx(part["error"] + part["kl"])
    assert last.effective_beta is None or np.isnan(last.effective_beta)
    assert end.evidence is not None
    assert {"kl_per_unit/best", "latent/best", "error_map/last"} <= end.evidence.keys()


def test_its_checkpoint_replays_the_recorded_figures(
    few_digits: ArrayData, my_vae: str, tmp_path: Path
) -> None:
    _, ends = finished(ArrayRun(my_vae, slots_of(my_vae, 2), few_digits, PLAN))
    end = ends[1]
    assert end.weights is not None and end.validation is not None
    save_file(end.weights, tmp_path / "w.safetensors")
    slot = slots_of(my_vae, 2)[1]
    found = score(
        my_vae, slot.config, tmp_path / "w.safetensors", few_digits.validation, slot.seed, DIGITS
    )
    for name, value in found.items():
        assert value == pytest.approx(end.validation[name], rel=1e-4), name


def test_it_is_the_same_alone_in_company_and_after_taking_up_again(
    few_digits: ArrayData, my_vae: str, tmp_path: Path
) -> None:
    slots = slots_of(my_vae, 3)
    _, ends = finished(ArrayRun(my_vae, slots, few_digits, PLAN))
    _, alone = finished(ArrayRun(my_vae, slots[1:2], few_digits, PLAN))
    assert_same_end(alone[0], ends[1])
    run = ArrayRun(my_vae, slots, few_digits, PLAN)
    run.run_epoch()
    run.save(tmp_path / "state.safetensors")
    again = ArrayRun.load(tmp_path / "state.safetensors", my_vae, slots[1:], few_digits, PLAN)
    _, rest = finished(again)
    assert_same_end(rest[0], ends[1])


def test_a_loss_made_of_slopes_is_evaluated_too(few_digits: ArrayData, tmp_path: Path) -> None:
    source = module(tmp_path, "width: int = 3", SLOPES)
    registry.use_sources([source])
    assert try_out(source, {"width": 3}, DIGITS.to_json()) == 64 * 65
    slots = slots_of("mine", 2)
    reports, ends = finished(ArrayRun("mine", slots, few_digits, PLAN))
    assert all(report.validation["bend"] > 0 for report in reports)
    end = ends[1]
    assert end.weights is not None and end.validation is not None
    save_file(end.weights, tmp_path / "w.safetensors")
    found = score(
        "mine", slots[1].config, tmp_path / "w.safetensors", few_digits.validation,
        slots[1].seed, DIGITS,
    )  # fmt: skip
    for name in ("loss", "bend", "mse"):
        assert found[name] == pytest.approx(end.validation[name], rel=1e-4), name


def test_a_loss_that_cannot_be_evaluated_is_told_before_it_is_trained(tmp_path: Path) -> None:
    methods = METHODS.replace(
        "def loss(self, x):", "def loss(self, x):\n        assert self.training, 'no eval mode'"
    )
    with pytest.raises(OwnFamilyError, match=r"no eval mode") as error:
        try_out(module(tmp_path, "width: int = 3", methods), {"width": 3}, DIGITS.to_json())
    assert "in loss" in str(error.value)


def test_trials_share_no_array(my_vae: str) -> None:
    one, other = config_of(my_vae), config_of(my_vae, learning_rate=1e-3)
    assert registry.signature(my_vae, one) != registry.signature(my_vae, other)


REPLAY = (
    ALONE
    + """
import json
import numpy as np
from model import load
model = load(sys.argv[2])
raw = np.load(sys.argv[3])
error = model.scaled(model.reconstruct(raw)) - model.scaled(raw)
print(json.dumps({"mse": float((error ** 2).mean()), "module": type(model.module).__name__}))
"""
)


@pytest.fixture(scope="module")
def taken_away(tmp_path_factory: pytest.TempPathFactory, digits: ArrayData) -> tuple[Path, float]:
    """A folder with the unpacked model and raw data, and its validation mse."""
    folder = tmp_path_factory.mktemp("own")
    registry.use_sources([f"{EXAMPLE}:MyVAE"])
    plan = FitPlan(4, 1, None, "mse", "minimize")
    (slot,) = slots_of("my_vae", 1)
    _, (end,) = finished(ArrayRun("my_vae", [slot], digits, plan))
    assert end.weights is not None and end.value is not None
    out = io.BytesIO()
    write_model_zip(
        out,
        family="my_vae",
        problem=DIGITS.to_json(),
        config=slot.config,
        weights=save(end.weights),
        metadata={"training": {"epochs": 4, "first_eligible_epoch": 1}, "split": {"order": "file"}},
    )
    zipfile.ZipFile(out).extractall(folder / "model")
    part = digits.validation[: min(len(digits.validation), len(digits.train))]
    np.save(folder / "validation.npy", part * 16)
    np.save(folder / "raw.npy", np.concatenate([digits.train, digits.validation]) * 16)
    registry.use_sources([])
    return folder, end.value


def test_the_zip_holds_the_source_as_it_was_and_runs_alone(taken_away: tuple[Path, float]) -> None:
    folder, value = taken_away
    assert (folder / "model" / "my_vae.py").read_text() == EXAMPLE.read_text()
    model = folder / "model"
    found = json.loads(run_alone(REPLAY, model, model, folder / "validation.npy", cwd=folder))
    assert found["module"] == "MyVAE"
    assert found["mse"] == pytest.approx(value, rel=1e-5)


def test_the_model_can_be_trained_again(taken_away: tuple[Path, float]) -> None:
    folder, value = taken_away
    again = folder / "again"
    arguments = (folder / "model", folder / "raw.npy", "--output", again)
    printed = run_alone(TRAIN, *arguments, cwd=folder)
    assert float(printed.split()[-1]) == pytest.approx(value, rel=0.25)
    found = run_alone(REPLAY, folder / "model", again, folder / "validation.npy", cwd=folder)
    assert json.loads(found)["mse"] == pytest.approx(value, rel=0.25)


def test_a_file_named_model_does_not_hide_the_models_own(tmp_path: Path) -> None:
    source = module(tmp_path, "width: int = 3")
    (tmp_path / "mine.py").rename(tmp_path / "model.py")
    registry.use_sources([source.replace("mine.py", "model.py")])
    out = io.BytesIO()
    write_model_zip(out, family="mine", problem={}, config={}, weights=b"", metadata={})
    names = zipfile.ZipFile(out).namelist()
    assert {"model.py", "own_model.py"} <= set(names)


def test_an_entry_point_may_be_a_module_class(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("packaged", f"{__name__}:Packaged", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    registry.families.cache_clear()
    try:
        family = registry.find_family("packaged")
        assert family.own is not None
        assert family.description == "A module of an installed package."
        assert (
            registry.count_parameters("packaged", family.params().model_dump(), DIGITS.to_json())
            == 64 * 65
        )
    finally:
        monkeypatch.undo()
        registry.families.cache_clear()
