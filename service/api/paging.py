"""Query parameters of lists."""

from typing import Annotated

from fastapi import Query

MAX_PAGE_SIZE = 1000

PageSize = Annotated[
    int, Query(ge=1, le=MAX_PAGE_SIZE, description="Items on a page, at most 1000.")
]
PageToken = Annotated[
    str | None,
    Query(max_length=1024, description="`next_page_token` of the page before; null on the last."),
]
