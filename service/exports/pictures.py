"""PictureDesk: figures as PNG and SVG, drawn by a local browser in a child process."""

import importlib.util
import logging
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from service.errors import NotInstalled, ServiceError, Unavailable
from service.exports.picture_process import PictureProcess
from trainers.data.workspace import sweep

log = logging.getLogger(__name__)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAITING = 4
"""Each one holds a thread that answers requests."""
CACHE_BYTES = 48 << 20
OTHER_FORMATS = "take ?format=html, json or csv: they need no browser"


class PictureLimits(NamedTuple):
    """Of drawing."""

    seconds: float = 60.0
    """For one picture, the start of the browser among them."""
    turn_seconds: float = 20.0
    """To wait for the pictures of others."""
    idle_seconds: float = 20.0
    """The browser is closed when nobody wants a picture for so long."""
    pictures: int = 200
    """Then a fresh browser takes over."""


class PictureDesk:
    """Draws one figure at a time; few wait, and not for long. Keeps the newest pictures.

    `browser` is a path or a name; empty: the first of BROWSERS that is there. Thread-safe.
    """

    def __init__(
        self, browser: str = "", folder: Path | None = None, limits: PictureLimits = PictureLimits()
    ) -> None:
        self._browser = browser
        # A short path: the browser makes sockets in it, whose names may have 107 characters.
        self._folder = folder or Path(tempfile.gettempdir()) / f"hifitune-pictures-{os.getuid()}"
        self._limits = limits
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(1 + WAITING)
        self._process: PictureProcess | None = None
        self._idle: threading.Timer | None = None
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False

    def missing(self) -> NotInstalled | None:
        """What is not installed here, and the remedy; None where pictures can be drawn."""
        if importlib.util.find_spec("kaleido") is None:
            return NotInstalled(
                "figures as PNG and SVG need the package kaleido, which is not installed",
                f"pip install 'hifitune[images]' on the server, or {OTHER_FORMATS}",
            )
        if self._find_browser() is None:
            what = f"{self._browser} (HIFITUNE_CHROMIUM)" if self._browser else "Chromium"
            return NotInstalled(
                f"figures as PNG and SVG need a browser, and {what} is not there",
                "install Debian's chromium on the server, or set HIFITUNE_CHROMIUM to a "
                f"Chromium or Chrome, or {OTHER_FORMATS}",
            )
        return None

    def draw(self, key: str, plotly: Path, order: Mapping[str, Any]) -> bytes:
        """The picture of an order: figure (Plotly JSON), format (png, svg), width, height, scale.

        `key` names what is drawn: the same key is drawn once while it is kept. `plotly` is the
        plotly.js to draw with. Raises NotInstalled, Unavailable when others wait already or when
        drawing takes too long, and ServiceError when it fails.
        """
        kept = self.kept(key)
        if kept is not None:
            return kept
        absent = self.missing()
        if absent is not None:
            raise absent
        with self._my_turn():
            kept = self.kept(key)  # who was before us may have wanted the same
            if kept is None:
                kept = self._draw(plotly, order)
                self._keep(key, kept)
            return kept

    def kept(self, key: str) -> bytes | None:
        """A picture that was drawn before."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def close(self) -> None:
        """End the browser, if there is one; nothing is drawn any more."""
        self._closed = True
        with self._turn:
            self._end()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        busy = Unavailable("other figures are being drawn", "try again in a moment")
        if not self._places.acquire(blocking=False):
            raise busy
        try:
            if not self._turn.acquire(timeout=self._limits.turn_seconds):
                raise busy
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()

    def _draw(self, plotly: Path, order: Mapping[str, Any]) -> bytes:
        if self._closed:
            raise Unavailable("the server is being stopped", "try again when it is back")
        if self._idle is not None:
            self._idle.cancel()
        try:
            if self._process is None:
                browser = self._find_browser()
                assert browser is not None
                self._process = PictureProcess(
                    self._own_folder(), browser, plotly, self._limits.seconds
                )
            picture = self._process.draw(order)
        except BaseException:
            self._end()
            raise
        if self._process.drawn >= self._limits.pictures:
            self._end()
        else:
            self._idle = threading.Timer(self._limits.idle_seconds, self._end_idle, [self._process])
            self._idle.daemon = True
            self._idle.start()
        return picture

    def _end_idle(self, process: PictureProcess) -> None:
        with self._turn:
            # Another request may have come while we waited: then it has set a timer of its own.
            if self._process is process and self._idle is threading.current_thread():
                self._end()

    def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        process, self._process, self._idle = self._process, None, None
        if process is not None:
            process.close()

    def _keep(self, key: str, picture: bytes) -> None:
        with self._lock:
            self._kept[key] = picture
            while sum(map(len, self._kept.values())) > CACHE_BYTES:
                self._kept.popitem(last=False)

    def _find_browser(self) -> str | None:
        names = (self._browser,) if self._browser else BROWSERS
        return next((path for name in names if (path := shutil.which(name))), None)

    def _own_folder(self) -> Path:
        """Ours alone: names in a folder that all users share can be taken by another."""
        with suppress(FileExistsError):
            self._folder.mkdir(mode=0o700, parents=True)
        status = self._folder.lstat()
        if self._folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise ServiceError(
                f"the folder for drawing figures, {self._folder}, belongs to somebody else",
                "remove it, or set TMPDIR to a folder of the server's own",
            )
        sweep(self._folder)
        return self._folder
