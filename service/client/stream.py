"""Server-sent events, read line by line (WHATWG HTML, section 9.2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One message of a stream."""

    event: str
    data: str
    id: str | None


def read_messages(lines: Iterable[str]) -> Iterator[Message]:
    """The messages of a stream; comments are skipped, a torn last message is dropped."""
    event, data, identifier = "message", list[str](), None
    for line in lines:
        if line == "":
            if data:
                yield Message(event, "\n".join(data), identifier)
            event, data, identifier = "message", [], None
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            event = value
        elif name == "id":
            identifier = value
