"""What the Dockerfile and docker-compose.yml say of the service is true."""

import re
from pathlib import Path

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).parents[1]
FILES = ("Dockerfile", "docker-compose.yml")


@pytest.mark.parametrize("file", FILES)
def test_every_variable_is_a_setting(file: str) -> None:
    names = set(re.findall(r"\bHIFITUNE_[A-Z_]+(?=[:=])", (ROOT / file).read_text()))
    known = {f"HIFITUNE_{field.upper()}" for field in Settings.model_fields}
    assert names
    assert names - {"HIFITUNE_DATA"} <= known


def test_nothing_is_published_beyond_loopback() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert services["hifitune"]["environment"]["HIFITUNE_HOST"] == "127.0.0.1"


def test_the_image_copies_only_what_is_there_and_what_it_may_see() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    paths = [path for line in copied for path in line.split()]
    seen = (ROOT / ".dockerignore").read_text().split()
    assert all((ROOT / path).exists() for path in paths)
    assert all(f"!{path}" in seen for path in paths)
