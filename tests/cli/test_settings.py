"""Settings: documented, from the environment, handed on to children unchanged."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings


def test_every_setting_is_documented() -> None:
    missing = [name for name, field in Settings.model_fields.items() if not field.description]
    assert missing == []


def test_a_child_is_given_the_same_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path / "a b", port=0, workers=3, data_roots=(tmp_path, Path("data")),
        allowed_hosts=("tuner.example",), lease_seconds=2.5, log_level="debug",
    )  # fmt: skip
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings
    assert len(settings.environment()) == len(Settings.model_fields)


def test_the_database_is_in_the_data_directory_unless_it_is_named(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).database_url == f"sqlite:///{tmp_path}/hifitune.sqlite3"
    named = Settings(data_dir=tmp_path, database_url="postgresql://x@h/d")
    assert named.database_url == "postgresql://x@h/d"


def test_roots_are_separated_like_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIFITUNE_DATA_ROOTS", os.pathsep.join(["/data", "/more data"]))
    assert Settings().data_roots == (Path("/data"), Path("/more data"))


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "70000"), ("WORKERS", "0"), ("LOG_LEVEL", "loud")]
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"HIFITUNE_{name}", value)
    with pytest.raises(ValidationError):
        Settings()
