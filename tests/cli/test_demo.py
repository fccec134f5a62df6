"""`hifitune demo`: from nothing to a model, on one command."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from service.api.pointers import read_spec
from service.commands import demo
from service.commands.output import Output
from service.settings import Settings

SMALL: dict[str, Any] = {"training": {"epochs": 3}, "budget": {"trials": 2}}


@pytest.mark.parametrize("spec", [demo.VAE_SPEC, demo.AUTOENCODER_SPEC])
def test_the_specs_are_valid(spec: dict[str, Any]) -> None:
    assert read_spec(spec).name.startswith("digits-")


def test_the_vae_search_has_twenty_four_trials() -> None:
    assert read_spec(demo.VAE_SPEC).budget.trials == 24


def test_the_demo_serves_tunes_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("VAE_SPEC", "AUTOENCODER_SPEC"):
        spec = getattr(demo, name)
        monkeypatch.setattr(demo, name, {**spec, **SMALL})
    output = Output(as_json=False)
    output.notes = Console(file=io.StringIO(), force_terminal=True, width=140)

    code = demo.run(Settings(data_dir=tmp_path, port=0, workers=2), True, output)

    said = capsys.readouterr().out
    assert code == 0
    for words in ("trial_seed:", "PCA-16", "the mean sample", "latent units are active",
                  "Dashboard: http://127.0.0.1:"):  # fmt: skip
        assert words in said
    assert isinstance(output.notes.file, io.StringIO)
    assert "2/2" in output.notes.file.getvalue()
