"""JSON from outside is read strictly."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.documents import MAX_DEPTH, MAX_VALUES
from service.api.json_text import read_json
from service.errors import InvalidBody

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(documents)
def test_what_json_can_say_is_read_as_it_was_meant(document: Any) -> None:
    assert read_json(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("text", "pointer", "reason"),
    [
        ('{"a": NaN}', "/a", "not finite"),
        ('{"a": [1, -Infinity]}', "/a/1", "not finite"),
        ('{"a": 1e999}', "/a", "not finite"),
        ('{"a": 1, "b": 2, "a": 3}', "/a", "twice"),
        ('{"s": {"x/y~z": {"k": 1, "k": 1}}}', "/s/x~1y~0z/k", "twice"),
        ('{"a": "\\ud800"}', "/a", "surrogate"),
        ('{"\\udfff": 1}', "/\ufffd", "surrogate"),
        ('{"a": "b\\u0000"}', "/a", "NUL"),
        ("9" * 5000, "", "digits"),
        ("", "", "not JSON"),
        ("{'a': 1}", "", "not JSON"),
        ("[1,]", "", "not JSON"),
        ("{} {}", "", "not JSON"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, pointer: str, reason: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        read_json(text)

    error = caught.value.errors[0]
    assert error.pointer == pointer
    assert reason in error.reason
    assert error.remedy


def test_every_fault_of_a_document_is_named_at_once() -> None:
    with pytest.raises(InvalidBody) as caught:
        read_json('{"a": NaN, "b": {"c": 1, "c": 2}}')

    assert [error.pointer for error in caught.value.errors] == ["/a", "/b/c"]


@pytest.mark.parametrize("open_mark", ["[", '{"a":', "[{}, "])
def test_deep_nesting_is_refused_before_it_is_parsed(open_mark: str) -> None:
    with pytest.raises(InvalidBody, match="deep"):
        read_json(open_mark * 200_000)


def test_nesting_up_to_the_cap_is_read() -> None:
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert json.dumps(read_json(text)) == text


def test_brackets_inside_texts_are_no_nesting() -> None:
    assert read_json('["[[[[\\"[[[[' + "[" * 100 + '"]') == ['[[[["[[[[' + "[" * 100]


def test_a_mebibyte_of_values_is_refused_at_once() -> None:
    begin = time.monotonic()
    with pytest.raises(InvalidBody, match=str(MAX_VALUES)):
        read_json("[" + "1," * 500_000 + "1]")
    assert time.monotonic() - begin < 2
