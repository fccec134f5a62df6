"""YAML from outside: one plain document of the core schema."""

import math
import time
from typing import Any

import pytest
import yaml
from hypothesis import given

from service.api.yaml_text import read_yaml, write_yaml
from service.errors import InvalidBody
from tests.api.test_json_text import documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        (".5", 0.5),
        ("-7", -7),
        ("0o17", 15),
        ("0xff", 255),
        ("017", 17),
        ("true", True),
        ("null", None),
        ("~", None),
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2026-11-02", "2026-11-02"),
        ("'1e-3'", "1e-3"),
        ('"true"', "true"),
        ("a b", "a b"),
        ("1_000", "1_000"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    found = read_yaml(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_json_is_yaml() -> None:
    assert read_yaml('{"a": [1, 2.5, "x"], "b": {}}') == {"a": [1, 2.5, "x"], "b": {}}


@pytest.mark.parametrize(
    ("text", "pointer", "reason"),
    [
        ("a: 1\na: 2", "/a", "twice"),
        ("a: {b: 1, 'b': 2}", "/a/b", "twice"),
        ("a: .inf", "/a", "not finite"),
        ("a: [.nan]", "/a/0", "not finite"),
        ("a: 1e999", "/a", "not finite"),
        ("a: &x [1]\nb: *x", "", "aliases"),
        ("a: !!python/object/apply:os.system [id]", "", "tags"),
        ("a: !!float 1", "", "tags"),
        ("<<: {a: 1}\n? [b]\n: 1", "", "plain text"),
        ("a: 1\n---\nb: 2", "", "more than one"),
        ("", "", "empty"),
        ("# only words", "", "empty"),
        ("a: b: c", "", "not YAML"),
        ("a: \x07", "", "not YAML"),
        ('a: "\\ud800"', "", "not YAML"),
        ('a: "\\0"', "/a", "NUL"),
        ("a: " + "9" * 5000, "/a", "digits"),
        ("[" * 100_000, "", "deep"),
        ("- " * 100_000, "", "deep"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, pointer: str, reason: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        read_yaml(text)

    error = caught.value.errors[0]
    assert error.pointer == pointer
    assert reason in error.reason


def test_a_billion_laughs_are_refused_without_laughing() -> None:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    with pytest.raises(InvalidBody, match="aliases"):
        read_yaml("\n".join(lines))


def test_a_mebibyte_of_values_is_refused_soon() -> None:
    begin = time.monotonic()
    with pytest.raises(InvalidBody, match="more than"):
        read_yaml("[" + "1," * 500_000 + "1]")
    assert time.monotonic() - begin < 10


@given(documents)
def test_what_is_written_is_read_back_the_same(document: Any) -> None:
    assert _same(read_yaml(write_yaml(document)), document)


@pytest.mark.parametrize("value", ["1e-3", "no", "~", "0o17", ".inf", "2026-11-02", "a: b", ""])
def test_old_readers_understand_what_is_written(value: str) -> None:
    assert yaml.safe_load(write_yaml({"key": value})) == {"key": value}
    assert read_yaml(write_yaml({"key": value})) == {"key": value}


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=0, abs_tol=0)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and bool(left == right)
