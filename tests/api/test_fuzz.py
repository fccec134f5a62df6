"""Whatever is sent, the answer is a documented one and never a 5xx."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.house import MINIMAL
from tests.api.test_json_text import documents

FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
REFUSALS = {413, 415, 422}

quick = settings(max_examples=25, deadline=None, suppress_health_check=FIXTURES)


def check(answer: httpx.Response) -> None:
    assert answer.status_code in {200} | REFUSALS, answer.text
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert body["status"] == answer.status_code
        assert body["detail"]


def post(http: httpx.Client, content: bytes, media: str) -> httpx.Response:
    return http.post("/v1/studies:validate", content=content, headers={"Content-Type": media})


@quick
@given(st.binary(max_size=400), st.sampled_from(["application/json", "application/yaml"]))
def test_raw_bytes_are_answered(http: httpx.Client, content: bytes, media: str) -> None:
    check(post(http, content, media))


@quick
@given(documents)
def test_any_document_is_answered(http: httpx.Client, document: Any) -> None:
    check(post(http, json.dumps(document).encode(), "application/json"))


fields = st.sampled_from(
    ["name", "dataset", "split", "scaling", "task", "family", "objective", "space", "training",
     "sampler", "pruner", "budget", "parallel", "seed", "trial_seed"]
)  # fmt: skip
words = st.sampled_from(
    ["digits", "vae", "autoencoder", "float", "int", "categorical", "auto", "learning_rate", "type",
     "low", "high", "choices", "when", "latent_dim", "kind", "npz", "path", "trials", "step", "log"]
)  # fmt: skip
numbers = st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=12,
)


@settings(quick, max_examples=60)
@given(st.dictionaries(fields, values, max_size=4))
def test_specs_that_are_nearly_right_are_answered(
    http: httpx.Client, changes: dict[str, Any]
) -> None:
    check(post(http, json.dumps({**MINIMAL, **changes}).encode(), "application/json"))


distributions = st.fixed_dictionaries(
    {"type": st.sampled_from(["float", "int"]), "low": numbers, "high": numbers},
    optional={"log": st.booleans(), "step": numbers},
)
names = st.sampled_from(["learning_rate", "hidden_width", "depth", "latent_dim", "dropout"])


@settings(quick, max_examples=40)
@given(
    st.dictionaries(names, distributions | numbers, max_size=3),
    st.sampled_from(["grid", "random", "tpe", "gp"]),
    st.integers(1, 100_000),
)
def test_any_range_is_answered(
    http: httpx.Client, space: dict[str, Any], sampler: str, trials: int
) -> None:
    spec = {**MINIMAL, "space": space, "sampler": {"type": sampler}, "budget": {"trials": trials}}
    check(post(http, json.dumps(spec).encode(), "application/json"))


@pytest.mark.parametrize(
    "content",
    [
        b'{"seed": NaN}',
        b'{"seed": 1e999}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "name": "b"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"seed": ' + b"9" * 100_000 + b"}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"",
        b"\x00" * 1000,
        b'"' + b"a" * 1_000_000,
    ],
)
@pytest.mark.parametrize("media", ["application/json", "application/yaml"])
def test_the_usual_suspects_are_refused(http: httpx.Client, content: bytes, media: str) -> None:
    answer = post(http, content, media)
    assert answer.status_code == 422
    check(answer)


@quick
@given(st.text(max_size=40))
def test_any_query_is_answered(http: httpx.Client, text: str) -> None:
    for name in ("page_size", "page_token", "state", "order_by", "name", "family"):
        assert http.get("/v1/studies", params={name: text}).status_code in {200, 400}


@quick
@given(st.text(min_size=1, max_size=40))
def test_any_id_is_answered(http: httpx.Client, text: str) -> None:
    path = f"/v1/studies/{httpx.QueryParams({'x': text})}".replace("x=", "")
    assert http.get(path).status_code in {404, 405}
