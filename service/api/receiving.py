"""A file that comes in as a request's body: streamed to disk and hashed, never held in memory."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Annotated, Any

from fastapi import Depends, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from service.api.dependencies import ContainerDependency
from service.api.json_text import read_json
from service.api.problems import InvalidParameters
from service.api.uploads import OPTIONS_HEADER, Admission, Received, UploadLimits
from service.domain.spec import Name
from service.domain.uploads import FileKind
from service.errors import (
    BodyTooLarge,
    FieldError,
    InvalidRequest,
    InvalidSpec,
    SlowRequest,
    UnsupportedMedia,
)

BLOCK_BYTES = 1 << 20
MAX_OPTIONS = 16_384


class FileTooLarge(BodyTooLarge):
    """The file is above the cap.

    The rest is read by the server and thrown away, as with every early answer: a connection that
    is closed on a client which still sends resets, and the client never sees the reason.
    """

    title = "The file is too large"


class BrokenUpload(InvalidRequest):
    """The client went away; nobody reads this answer."""

    closes = True


async def receive_file(
    request: Request,
    container: ContainerDependency,
    name: Annotated[
        Name, Query(description="What people call the data set.", examples=["faces.zip"])
    ],
    kind: Annotated[
        FileKind | None,
        Query(
            description="How the file is read. Left out: told from its first bytes, or from the "
            "ending of the name (.csv, .txt, .jsonl)."
        ),
    ] = None,
    options: Annotated[
        str,
        Header(
            alias=OPTIONS_HEADER,
            max_length=MAX_OPTIONS,
            description="A JSON object: the other fields of a study's `dataset` of this kind, "
            'such as `{"delimiter": ";"}`.',
        ),
    ] = "{}",
) -> AsyncIterator[Received]:
    """The body as a file in a private folder, which is gone after the answer unless it was kept.

    Raises InvalidParameters before anything is read, FileTooLarge, QuotaFull, SlowRequest and
    BrokenUpload while it comes.
    """
    chosen = read_options(options)
    _check_form(request)
    desk = container.uploads
    declared = _declared(request, desk.limits)
    admitting, receiving = desk.admitting(), desk.files.receiving()
    admission = await run_in_threadpool(admitting.__enter__)
    try:
        folder = await run_in_threadpool(receiving.__enter__)
        try:
            admission.count(declared)
            file = folder / "coming"
            sha256, size = await _stream(request, file, admission, desk.limits, declared)
            yield Received(file, name, kind, chosen, sha256, size)
        finally:
            # Not in the threadpool: a task that is cancelled, as at shutdown, could not wait.
            receiving.__exit__(None, None, None)
    finally:
        admitting.__exit__(None, None, None)


ReceivedDependency = Annotated[Received, Depends(receive_file)]


def read_options(text: str) -> dict[str, Any]:
    """The options of the header. Raises InvalidParameters."""
    try:
        found = read_json(text)
    except InvalidSpec as error:
        raise InvalidParameters(
            [
                fault.model_copy(update={"pointer": f"/header/{OPTIONS_HEADER}{fault.pointer}"})
                for fault in error.errors
            ]
        ) from None
    if not isinstance(found, dict):
        raise InvalidParameters(
            [
                FieldError(
                    pointer=f"/header/{OPTIONS_HEADER}",
                    reason="the options are no JSON object",
                    remedy='give an object, such as {"key": "images"}',
                )
            ]
        )
    return found


def _check_form(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media.startswith("multipart/"):
        raise UnsupportedMedia(
            "the body is a form, not a file",
            "send the file itself: curl -X POST -T FILE 'http://.../v1/datasets?name=NAME'",
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("the body is compressed on the way", "leave out Content-Encoding")


def _declared(request: Request, limits: UploadLimits) -> int:
    """The size that the client announces; 0: it does not."""
    text = request.headers.get("content-length", "")
    if not text.isdecimal():
        return 0
    if len(text) > 18 or int(text) > limits.file_bytes:
        raise _too_large(limits)
    return int(text)


async def _stream(
    request: Request, path: Path, admission: Admission, limits: UploadLimits, declared: int
) -> tuple[str, int]:
    """(SHA-256, bytes) of the body, which is on disk now."""
    digest = hashlib.sha256()
    size = 0
    block = bytearray()
    chunks = aiter(request.stream())
    deadline = asyncio.get_running_loop().time() + limits.total_seconds
    with path.open("xb") as file:
        while chunk := await _next(chunks, limits, deadline):
            size += len(chunk)
            if size > limits.file_bytes:
                raise _too_large(limits)
            if size > declared:
                admission.count(min(len(chunk), size - declared))
            block += chunk
            if len(block) >= BLOCK_BYTES:
                await run_in_threadpool(_write, file, digest, bytes(block))
                block.clear()
        await run_in_threadpool(_write, file, digest, bytes(block), last=True)
    if size == 0:
        raise InvalidRequest("the body is empty", "send the file as the request's body")
    return digest.hexdigest(), size


async def _next(chunks: AsyncIterator[bytes], limits: UploadLimits, deadline: float) -> bytes:
    """The next bytes of the body; none at its end."""
    left = deadline - asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(min(limits.idle_seconds, max(left, 0))):
            async for chunk in chunks:
                if chunk:
                    return chunk
            return b""
    except TimeoutError:
        raise SlowRequest(
            "the file comes too slowly, or not at all", "send it again over a better connection"
        ) from None
    except ClientDisconnect:
        raise BrokenUpload("the upload broke off", "send the whole file") from None


def _write(file: IO[bytes], digest: Any, block: bytes, last: bool = False) -> None:
    file.write(block)
    digest.update(block)
    if last:
        file.flush()
        os.fsync(file.fileno())


def _too_large(limits: UploadLimits) -> FileTooLarge:
    return FileTooLarge(
        f"the file is above the cap of {limits.file_bytes:,} bytes",
        "send a smaller one, put it below HIFITUNE_DATA_ROOTS, or raise HIFITUNE_UPLOAD_BYTES",
    )
