"""Request bodies: read from the wire up to the cap, then parsed strictly by media type."""

from email.message import Message
from typing import Annotated

from fastapi import Depends, Request

from service.api.dependencies import ContainerDependency
from service.api.documents import Document, syntax_error
from service.api.json_text import read_json
from service.api.yaml_text import read_yaml
from service.errors import BodyTooLarge, UnsupportedMedia

JSON = "application/json"
YAML = "application/yaml"
_PARSERS = {JSON: read_json, YAML: read_yaml}


async def read_body(request: Request, container: ContainerDependency) -> bytes:
    """The raw body. Raises BodyTooLarge before more than the cap has been read."""
    cap = container.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > cap):
        raise _too_large(cap)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > cap:
            raise _too_large(cap)
        chunks.append(chunk)
    return b"".join(chunks)


def read_document(request: Request, body: Annotated[bytes, Depends(read_body)]) -> Document:
    """The body as plain values, parsed in the threadpool.

    Raises UnsupportedMedia and InvalidBody.
    """
    parse = _PARSERS[_media_type(request.headers.get("content-type", ""))]
    return parse(decode(body))


def decode(body: bytes) -> str:
    """The body as text. Raises InvalidBody when it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise syntax_error(
            f"not UTF-8: byte {error.start} cannot be decoded", "send UTF-8"
        ) from None


DocumentDependency = Annotated[Document, Depends(read_document)]


def _media_type(content_type: str) -> str:
    message = Message()
    message["content-type"] = content_type
    media_type = message.get_content_type() if content_type else ""
    charset = message.get_param("charset")
    if media_type not in _PARSERS or (charset is not None and str(charset).lower() != "utf-8"):
        raise UnsupportedMedia(
            "the content type is not one that can be read",
            f"send Content-Type: {JSON} or {YAML}, in UTF-8",
        )
    return media_type


def _too_large(cap: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is above the cap of {cap} bytes", "send a smaller study spec")
