"""Page tokens: where the last page ended, opaque to clients.

A token holds the sort key of the page's last row, never an offset: rows deleted or added
between two pages make no other row appear twice or not at all.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_

from service.errors import InvalidRequest

MAX_PAGE_SIZE = 1000


@dataclass(frozen=True)
class Ordering:
    """An order of rows: by a column (nulls last), ties by a unique column, ascending or not."""

    name: str
    """As the client wrote it: `value`, `-created_at`."""
    column: Any
    tie: Any
    nullable: bool = False

    @property
    def descending(self) -> bool:
        """Whether the largest comes first; ties then go down as well, nulls stay last."""
        return self.name.startswith("-")


def paged(statement: Select[Any], ordering: Ordering, size: int, after: Any) -> Select[Any]:
    """The statement's rows after a token's key, one more than `size` (is there a next page?)."""
    column, tie = ordering.column, ordering.tie
    if after is not None:
        statement = statement.where(_beyond(ordering, *after))
    keys = [column.desc(), tie.desc()] if ordering.descending else [column.asc(), tie.asc()]
    if ordering.nullable:
        keys.insert(0, column.is_(None).asc())
    return statement.order_by(*keys).limit(size + 1)


def _beyond(ordering: Ordering, value: Any, unique: Any) -> ColumnElement[bool]:
    column, tie = ordering.column, ordering.tie
    later_tie = tie < unique if ordering.descending else tie > unique
    if value is None:
        return and_(column.is_(None), later_tie)
    later = column < value if ordering.descending else column > value
    beyond = or_(later, and_(column == value, later_tie))
    return or_(beyond, column.is_(None)) if ordering.nullable else beyond


def check_page_size(size: int) -> int:
    """The size itself. Raises InvalidRequest when it is out of range."""
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise InvalidRequest(
            f"page_size {size} is out of range", f"ask for 1 to {MAX_PAGE_SIZE} items"
        )
    return size


def check_text(text: str) -> str:
    """The text itself. Raises InvalidRequest for what no database can compare."""
    if "\x00" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise InvalidRequest("a filter has characters that no name has", "use plain text")
    return text


def write_token(ordering: Ordering, value: Any, unique: Any) -> str:
    """The token of the page after the row with this sort key."""
    text = json.dumps([ordering.name, value, unique], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(token: str | None, ordering: Ordering) -> tuple[Any, Any] | None:
    """The sort key inside a token; None: the first page.

    Raises InvalidRequest for a token that we did not write, or wrote for another order.
    """
    if token is None:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        content = json.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
        name, value, unique = content
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise bad_token() from None
    if name != ordering.name:
        raise bad_token()
    return value, unique


def bad_token() -> InvalidRequest:
    """The page token is not one of ours."""
    return InvalidRequest(
        "the page token is not valid for this list",
        "use next_page_token as it came, with the same order_by, or start without one",
    )


def list_key(token: str | None, ordering: Ordering, by_name: bool) -> tuple[Any, str] | None:
    """The sort key of a list: a name or a moment, and an id. Raises InvalidRequest."""
    key = read_token(token, ordering)
    if key is None:
        return None
    value, unique = key
    if not isinstance(value, str) or not isinstance(unique, str):
        raise bad_token()
    check_text(value + unique)
    if by_name:
        return value, unique
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise bad_token()
        # Overflows for a moment that leaves the calendar in UTC, as which it is compared.
        return moment.astimezone(UTC), unique
    except (ValueError, OverflowError):
        raise bad_token() from None
