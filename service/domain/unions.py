"""Unions that give one error each, and JSON pointers without the unions' tags in them.

Pydantic puts the tag of a union's member into an error's location: `space.beta.<as float>.low`.
Every tag of ours is written `<as NAME>`, so that `pointer` can tell it from a key of the document.
"""

from collections.abc import Callable, Mapping, Sequence

from pydantic import Discriminator


class _OneOf(Discriminator):
    """A Discriminator that `typing` can put into a set (its context is a dict, unhashable)."""

    __hash__ = object.__hash__


def one_of(tag: Callable[[object], str | None], reason: str, remedy: str) -> Discriminator:
    """A discriminator by function; where it finds no tag, `reason` is the only error.

    `remedy` travels in the error's context, as with `model.invalid`.
    """
    return _OneOf(
        tag,
        custom_error_type="invalid",
        custom_error_message=reason.replace("{", "{{").replace("}", "}}"),
        custom_error_context={"remedy": remedy},
    )


def tag_by(key: str, *names: str) -> Callable[[object], str | None]:
    """The tag of a mapping (or a value object) by its `key`; None for an unknown name."""

    def tag(value: object) -> str | None:
        name = value.get(key) if isinstance(value, Mapping) else getattr(value, key, None)
        return f"<as {name}>" if isinstance(name, str) and name in names else None

    return tag


def number_kind(value: object) -> str | None:
    """The tag of a number: whole or real."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return "<as int>"
    return "<as float>" if isinstance(value, float) else None


def pointer(location: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a pydantic error's `loc`.

    Drops what names no place in the document: the tags of unions (`<as float>`) and the mark
    of a bad key (`[key]`, always last: the pointer is then that of the key's own entry).
    """
    keys = [str(part) for part in location]
    if keys and keys[-1] == "[key]":
        keys.pop()
    kept = [key for key in keys if not (key.startswith("<as ") and key.endswith(">"))]
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in kept)
