"""examples/own_family.md as its readers would follow it: a real server, a real study, the model."""

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from service.client import Client, StudyHandle
from service.client.errors import ClientError
from tests.cli.processes import hifitune
from trainers.data.mapped import MappedData

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = (EXAMPLES / "own_family.md").read_text()
SECONDS = 240

USE = """
import numpy as np, sys
from model import load
model = load(".")
raw = np.load(sys.argv[1])
error = ((model.reconstruct(raw).numpy() - raw) ** 2).mean()
print(type(model.module).__name__, error)
"""


@contextlib.contextmanager
def serving(folder: Path, *families: str) -> Iterator[Client]:
    command = [sys.executable, "-m", "service.cli", "serve", "--json", "--port", "0"]
    named = [word for family in families for word in ("--family", family)]
    with subprocess.Popen(
        [*command, "--data-dir", str(folder), "--workers", "2", *named],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            with Client(json.loads(process.stdout.readline())["url"]) as client:
                yield client
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    (command,) = re.findall(r"^hifitune serve --family (\S+)$", PAGE, re.MULTILINE)
    source = str(EXAMPLES.parent / command)
    with serving(folder, source) as client:
        yield client


@pytest.fixture(scope="module")
def study(client: Client) -> StudyHandle:
    """The study of the page, at its end."""
    handle = client.submit(written_spec())
    handle.wait(timeout=SECONDS)
    return handle


def written_spec() -> dict[str, object]:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    spec: dict[str, object] = yaml.safe_load(text)
    return spec


def test_the_file_is_as_short_as_it_says() -> None:
    lines = [line for line in (EXAMPLES / "my_vae.py").read_text().splitlines() if line.strip()]
    assert f"{len(lines)} lines" in PAGE and len(lines) <= 30
    assert "hifitune" not in "".join(lines[1:]).lower()


def test_the_study_of_the_page_ends_with_a_model_that_loads_anywhere(
    study: StudyHandle, folder: Path, tmp_path: Path
) -> None:
    ended = study.refresh()
    best = study.best()
    assert ended.state == "COMPLETE" and ended.progress.failed == 0
    assert best.baselines["gap_closed"]["test"] > 0.5
    assert best.baselines["pca"] is not None
    for part in (best.metrics.train, best.metrics.validation, best.metrics.test):
        assert part is not None
        assert part["loss"] == pytest.approx((part["error"] or 0) + (part["kl"] or 0), rel=1e-4)
    study.download_model(tmp_path / "model")
    (stored_in,) = (path for path in (folder / "data").iterdir() if path.is_dir())
    stored = MappedData.open(stored_in)
    np.save(tmp_path / "raw.npy", stored.validation * stored.scale + stored.offset)
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'){USE}", "../raw.npy"],
        cwd=tmp_path / "model",
        capture_output=True,
        text=True,
        check=True,
    )
    name, error = done.stdout.split()
    assert name == "MyVAE"
    recorded = best.metrics.validation["mse_raw"]
    assert float(error) == pytest.approx(recorded, rel=1e-4)


def test_an_edited_file_leaves_the_models_of_earlier_studies_as_they_were(
    folder: Path, study: StudyHandle, tmp_path: Path
) -> None:
    other = tmp_path / "my_vae.py"
    other.write_text((EXAMPLES / "my_vae.py").read_text().replace("nn.GELU", "nn.ReLU"))
    for families in ((f"{other}:MyVAE",), ()):
        with serving(folder, *families) as later:
            model = later.download_model(study.id, tmp_path / f"model{len(families)}")
        assert "nn.GELU" in (model / "my_vae.py").read_text()


def test_a_module_that_does_not_fit_the_data_is_refused_with_its_line(tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.py"
    fixed.write_text(
        (EXAMPLES / "my_vae.py")
        .read_text()
        .replace("mlp(features, width, 2 *", "mlp(9, width, 2 *")
    )
    with (
        serving(tmp_path / "data", f"{fixed}:MyVAE") as client,
        pytest.raises(ClientError) as error,
    ):
        client.submit(written_spec())
    assert f"{fixed}, line" in str(error.value)
    assert "cannot be trained on this data" in str(error.value)


def test_a_file_that_is_no_family_ends_serve_with_line_and_remedy(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text((EXAMPLES / "my_vae.py").read_text().replace(" = 64", ""))
    source = f"{broken}:MyVAE"
    done = hifitune("serve", "--port", "0", "--data-dir", str(tmp_path / "d"), "--family", source)
    assert done.returncode == 2
    assert f"{broken}, line 17" in done.stderr and "width has no default" in done.stderr
    assert "Traceback" not in done.stderr
