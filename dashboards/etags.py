"""Whether what a client has is still what it would get (RFC 9110, 13.1.2)."""


def still_holds(sent: str | None, etag: str) -> bool:
    """Whether an If-None-Match names the ETag: in a list, weakened by a proxy, or as `*`."""
    if sent is None:
        return False
    named = {part.strip().removeprefix("W/") for part in sent.split(",")}
    return "*" in named or etag.removeprefix("W/") in named
