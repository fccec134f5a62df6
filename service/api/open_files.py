"""Answers that are an open file: sent in pieces, and closed whatever becomes of the client."""

import io
from collections.abc import Iterator, Mapping
from typing import IO

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

CHUNK_BYTES = 256 * 1024


class OpenFileResponse(StreamingResponse):
    """Sends a file from its beginning, with its length."""

    def __init__(self, file: IO[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self._file = file
        length = {"Content-Length": str(size)}
        super().__init__(_pieces(file), media_type=media_type, headers={**headers, **length})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a client that went away leaves no open file behind."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._file.close)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
