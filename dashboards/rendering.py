"""How a page is made: templates, errors as pages, links that keep what is in the address."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboards import wording
from dashboards.assets import PLOTLY, STYLE_SHEET, modules_of
from dashboards.figures import FIGURES
from dashboards.summary.places import say_place
from dashboards.views import say_dataset, say_end
from service.domain.states import TERMINAL_STUDY_STATES
from service.errors import InvalidRequest, NotFound, ServiceError


@cache
def environment() -> Environment:
    """The templates: everything is escaped, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": wording.say_number,
        "setting": wording.say_setting,
        "duration": wording.say_duration,
        "share": wording.say_share,
        "size": wording.say_size,
        "state": wording.say_state,
        "verdict": wording.say_verdict,
        "place": say_place,
        "age": lambda moment: wording.say_age(moment, datetime.now(UTC)),
        "others": wording.say_others,
        "dataset": say_dataset,
        "end_of": say_end,
        "yaml": as_yaml,
    }
    made.globals |= {
        "figures": FIGURES,
        "sparkline": wording.draw_sparkline,
        "terminal_states": TERMINAL_STUDY_STATES,
        "style_sheet": STYLE_SHEET,
        "modules_of": modules_of,
        "plotly": PLOTLY,
    }
    return made


def as_yaml(value: Mapping[str, Any]) -> str:
    """A spec as people write it."""
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A rendered page. It is never taken from a cache: a reload shows what is."""
    text = environment().get_template(template).render(values)
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


class PageRoute(APIRoute):
    """A route whose errors are pages too, each with the next step."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with refusals turned into pages."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except ServiceError as error:
                return _error_page(error)
            except RequestValidationError as error:
                in_path = any(detail["loc"][0] == "path" for detail in error.errors())
                return _error_page(nowhere() if in_path else _bad_address())

        return handle_page


def nowhere() -> NotFound:
    """The answer to an address that we do not have."""
    return NotFound("there is nothing at this address", "go back to the list of studies")


def _bad_address() -> InvalidRequest:
    return InvalidRequest("a filter in this address is not valid", "start from the list again")


def _error_page(error: ServiceError) -> HTMLResponse:
    return page("error.html", error.status, error=error, retry=error.status == 503)


def no_study() -> NotFound:
    """The answer for a study that is not (or no longer) there."""
    return NotFound("there is no such study", "it may have been deleted: see the list of studies")


def linker(request: Request) -> Callable[..., str]:
    """Makes links to this page with some of its query changed; None drops a name."""
    current = request.query_params.multi_items()

    def link(**changes: object) -> str:
        # Another filter or order starts again at the first page.
        kept = [
            (key, value)
            for key, value in current
            if key not in changes and key != "page_token" and value
        ]
        for key, value in changes.items():
            values = value if isinstance(value, list) else [value]
            kept += [(key, str(item)) for item in values if item is not None]
        return f"?{urlencode(kept)}" if kept else request.url.path

    return link
