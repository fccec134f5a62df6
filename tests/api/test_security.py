"""What a web page in the user's browser must not be able to do."""

import httpx
import pytest

from tests.api.house import MINIMAL, House, Seed

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", ""]
)
def test_a_foreign_host_is_refused(http: httpx.Client, host: str) -> None:
    answer = http.get("/v1/studies", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8321", "LOCALHOST:99"])
def test_loopback_names_are_served(http: httpx.Client, host: str) -> None:
    assert http.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_cannot_write(http: httpx.Client, headers: dict[str, str]) -> None:
    before = len(http.get("/v1/studies").json()["items"])
    assert http.post("/v1/studies", json=MINIMAL, headers=headers).status_code == 403
    assert http.post("/v1/studies/x:stop", headers=headers).status_code == 403
    assert http.delete("/v1/studies/x", headers=headers).status_code == 403
    assert len(http.get("/v1/studies").json()["items"]) == before


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200), (None, 200)],
)
def test_a_foreign_page_cannot_start_an_export(
    http: httpx.Client, seed: Seed, site: str | None, status: int
) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    path = f"/v1/studies/{seed(count=2).study_id}"
    assert http.get(f"{path}/export?format=csv", headers=headers).status_code == status
    assert http.get(path, headers=headers).status_code == 200


def test_our_own_pages_can_write(http: httpx.Client, house: House) -> None:
    headers = {"Origin": house.url, "Sec-Fetch-Site": "same-origin"}
    assert http.post("/v1/studies:validate", json=MINIMAL, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1/studies", "/nope", "/livez", "/openapi.json"])
def test_every_answer_carries_the_headers(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    policy = headers["content-security-policy"]
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert script == "script-src 'self'"
    assert "worker-src 'self'" in policy.split("; ")
    assert "default-src 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_a_preflight_is_not_answered(http: httpx.Client) -> None:
    answer = http.options(
        "/v1/studies",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers
