"""Refusals are pages for people and problems for programs."""

import pytest
from fastapi.testclient import TestClient

from tests.dashboards.test_routes import own as own

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "page"),
    [
        ("/", {"Host": "elsewhere.example"}, 403, True),
        ("/v1/studies", {"Host": "elsewhere.example"}, 403, True),
        ("/v1/studies/nothing", {}, 404, False),
        ("/static/nothing.js", {}, 404, True),
    ],
)
def test_a_browser_is_shown_what_may_be_done_next(
    own: TestClient, path: str, headers: dict[str, str], status: int, page: bool
) -> None:
    answer = own.get(path, headers={**BROWSER, **headers})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html") is page
    assert ("Next: " in answer.text) is page
    program = own.get(path, headers=headers)
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["status"] == status


def test_what_is_no_refusal_passes_untouched(own: TestClient) -> None:
    assert own.get("/v1/studies", headers=BROWSER).json()["items"] == []
    assert own.head("/nothing", headers=BROWSER).status_code in (404, 405)
