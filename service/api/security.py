"""What a browser on the same machine could be made to do against us, and the headers against it.

Pure ASGI, so that live streams pass through untouched.
"""

from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import respond
from service.errors import Forbidden

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
COSTLY = "/export"
"""The end of a path whose GET starts a process."""
FIGURE, FILE = "/figures/", "format"
"""Parts of a path and of a query whose GET may start a browser."""

STYLES_OF_PLOTLY = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
)
"""Of plotly.js 4.1.1; tests/e2e fails at another version's."""

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Of style elements only the two that plotly.js adds: an empty one, which it fills by rules,
        # and that of its maps. It sets style attributes too; those can neither run nor fetch here.
        f"style-src-elem 'self' {' '.join(STYLES_OF_PLOTLY)}",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        # One stream for all tabs (a SharedWorker).
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityMiddleware:
    """Refuses foreign hosts (DNS rebinding) and foreign origins (CSRF); sets the headers.

    There is no CORS: no other origin may read anything.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK_NAMES | {name.lower() for name in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refuse(scope["method"], _is_costly(scope), Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await respond(refusal)(scope, receive, send_with_headers)

    def _refuse(self, method: str, costly: bool, headers: Headers) -> Forbidden | None:
        host = headers.get("host", "")
        if host_name(host) not in self._hosts:
            return Forbidden(
                "the Host header names a host that this server does not serve",
                "open it as 127.0.0.1 or localhost, or add the name to HIFITUNE_ALLOWED_HOSTS",
            )
        if method in SAFE_METHODS and not costly:
            return None
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "same-origin")
        if origin is None:
            foreign = site not in ("same-origin", "none")
        else:
            foreign = _authority(origin) != host.lower()
        if foreign:
            return Forbidden(
                "the request comes from a page of another origin",
                "send it from this server's own pages, or from a program",
            )
        return None


def _is_costly(scope: Scope) -> bool:
    path = scope["path"]
    if FIGURE in path:
        # Read as the routes read it: a name may be percent-encoded.
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        return any(name == FILE for name, _ in query)
    return bool(path.rstrip("/").endswith(COSTLY))


def host_name(authority: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is malformed."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
