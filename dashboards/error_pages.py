"""Refusals as pages for people with a browser, wherever in the application they come from."""

import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.rendering import environment

PROBLEM = "application/problem+json"
_KEPT_FOR_PROGRAMS = "/v1/"


class ErrorPages:
    """Turns a problem into a page with its next step where the client asks for HTML.

    Addresses of the API keep their problems, but for a 403: a browser that was sent there by a
    page of another origin, or that came by a foreign host name, shows it to a person.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; what is no problem goes through untouched, streams too."""
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self._app(scope, receive, send)
            return
        held: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal held, body
            if message["type"] == "http.response.start" and _is_for_people(scope, message):
                held = message
            elif held is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    content = _render(body)
                    headers = MutableHeaders(raw=held["headers"])
                    headers["content-type"] = "text/html; charset=utf-8"
                    headers["content-length"] = str(len(content))
                    headers["cache-control"] = "no-store"
                    await send(held)
                    await send({"type": "http.response.body", "body": content})

        await self._app(scope, receive, send_page)


def _is_for_people(scope: Scope, start: Message) -> bool:
    is_problem = Headers(raw=start["headers"]).get("content-type", "").startswith(PROBLEM)
    return is_problem and (
        start["status"] == 403 or not scope["path"].startswith(_KEPT_FOR_PROGRAMS)
    )


def _render(body: bytes) -> bytes:
    problem = json.loads(body)
    template = environment().get_template("error.html")
    return template.render(error=problem, retry=problem["status"] == 503).encode()
