import pytest

from service.domain.unions import number_kind, pointer, tag_by


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((), ""),
        (("space", "beta", "<as float>", "low"), "/space/beta/low"),
        (("space", "float", "<as float>", "low"), "/space/float/low"),
        (("space", "Bad", "[key]"), "/space/Bad"),
        (("a/b", "c~d", 0), "/a~1b/c~0d/0"),
        (("space", "a", "<as categorical>", "choices", 1, "<as int>"), "/space/a/choices/1"),
    ],
)
def test_a_pointer_names_places_of_the_document_only(
    location: tuple[str | int, ...], expected: str
) -> None:
    assert pointer(location) == expected


def test_a_tag_is_found_in_documents_and_in_objects() -> None:
    class Shape:
        kind = "round"

    tag = tag_by("kind", "round", "square")
    assert tag({"kind": "round"}) == "<as round>"
    assert tag(Shape()) == "<as round>"


@pytest.mark.parametrize("value", [{"kind": "oval"}, {}, 3, None, {"kind": ["round"]}])
def test_what_has_no_known_name_has_no_tag(value: object) -> None:
    assert tag_by("kind", "round", "square")(value) is None


def test_true_is_no_number() -> None:
    assert number_kind(True) is None
