"""A server on which studies are made in the form, and what a person does on its page."""

import gzip
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from service.domain.spec import StudySpec
from tests.dashboards.synthetic import make_spec, make_study
from tests.e2e.site import Site, Visitor, serve


@dataclass
class Desk:
    """A server with data below a root."""

    site: Site

    def validate(self, text: str) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.site.url}/v1/studies:validate", content=text,
            headers={"Content-Type": "application/yaml"}, timeout=60, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str) -> Any:
        answer = httpx.get(f"{self.site.url}{path}", timeout=60, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def named(self, name: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.get(f"/v1/studies?name={name}")["items"]
        return items


@contextmanager
def open_desk(folder: Path) -> Iterator[Desk]:
    """A server for new studies, with Fashion-MNIST in name and a study to clone."""
    (folder / "fashion-mnist").mkdir()
    for name, count in (("train", 60_000), ("t10k", 10_000)):
        head = struct.pack(">BBBBIII", 0, 0, 8, 3, count, 4, 4)
        path = folder / "fashion-mnist" / f"{name}-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(head + bytes(count * 16)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIFITUNE_DATA_ROOTS", str(folder))
        with serve(folder / "data") as site:
            site.seed("source", make_study(count=4, study_id="source1", spec=source_spec()))
            yield Desk(site)


def source_spec() -> StudySpec:
    return make_spec(
        "clone-me", 12, seed=2**60 + 1,
        space={"learning_rate": {"type": "float", "low": 1e-7, "high": 10.0, "log": True},
               "latent_dim": 8, "norm": "none"},
    )  # fmt: skip


def status(page: Page) -> Locator:
    return page.locator("#check-status")


def be_ready(page: Page) -> None:
    expect(status(page)).to_have_class(re.compile("ready"))


def write(page: Page, text: str) -> None:
    page.fill("#yaml", text)


def shown(page: Page) -> str:
    return page.input_value("#yaml")


def opened(visit: Visitor, desk: Desk, query: str = "", **how: Any) -> Page:
    page: Page = visit(f"{desk.site.url}/studies/new{query}", **how).page
    page.on("dialog", lambda dialog: dialog.accept())
    be_ready(page)
    return page
