"""The client and the command line go on with a study."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.client import Client, ProblemError
from service.commands.exits import Exit
from service.domain.states import StudyState
from tests.api.house import House, Seed
from tests.cli.processes import hifitune


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client(house.url) as opened:
        yield opened


def test_a_handle_goes_on_and_knows_what_was_found_before(client: Client, seed: Seed) -> None:
    handle = client.handle(seed(count=12).study_id)
    assert handle.revisions() == []
    study = handle.extend(8, seconds=60, enqueue=[{}], idempotency_key="more")
    assert (study.state, study.revision) == (StudyState.QUEUED, 2)
    assert study.resolved.extensions[0].seconds == 60
    assert handle.extend(8, seconds=60, enqueue=[{}], idempotency_key="more") == study
    (kept,) = handle.revisions()
    assert handle.submitted.best is not None
    assert (kept.trials, kept.best_value) == (12, handle.submitted.best.value)
    with pytest.raises(ProblemError) as caught:
        handle.extend(8)
    assert caught.value.status == 409


def test_the_command_goes_on_with_params_from_a_file(
    house: House, seed: Seed, tmp_path: Path
) -> None:
    study_id = seed(count=4).study_id
    file = tmp_path / "known-good.yaml"
    file.write_text("- {}\n- {nonsense: 1}\n")
    call = ("extend", study_id, "--trials", "6", "--enqueue", str(file), "--url", house.url)
    refused = hifitune(*call)
    assert refused.returncode == Exit.REFUSED
    assert "/enqueue/1/nonsense" in refused.stderr
    file.write_text("- {}\n")
    done = hifitune(*call, "--json")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert line["event"] == "extended"
    assert (line["study"]["revision"], line["study"]["progress"]["trials"]) == (2, 10)
    again = hifitune(*call)
    assert again.returncode == Exit.REFUSED and "QUEUED" in again.stderr


@pytest.mark.parametrize("text", ["a: 1", "[1, 2]", "[", None])
def test_a_file_that_holds_no_params_is_a_sentence(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "entries.yaml"
    if text is not None:
        file.write_text(text)
    done = hifitune("extend", "x", "--trials", "2", "--enqueue", str(file))
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("hifitune: --enqueue:") or "--enqueue" in done.stderr
    assert "Traceback" not in done.stderr
