"""The HTTP server and the engine beside it, as one thing that starts and stops."""

import logging
import socket
import threading
import time
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

from service.commands.engine_process import EngineProcess
from service.commands.exits import Exit, Stop
from service.commands.listening import BACKLOG, address_of
from service.commands.preparation import look_at_families, prepare
from service.main import create_app
from service.settings import Settings

log = logging.getLogger(__name__)

START_SECONDS = 30.0
DRAIN_SECONDS = 1


class Service:
    """`with Service(settings, listener) as service:` serves until the block ends.

    Raises Stop for a database out of reach. The listener is closed in any case.
    """

    def __init__(
        self, settings: Settings, listener: socket.socket, *, with_engine: bool = True
    ) -> None:
        self._settings = settings
        self._socket = listener
        self.url = address_of(listener)
        """Where it serves."""
        self._engine = EngineProcess(settings.environment()) if with_engine else None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def engine_pid(self) -> int | None:
        """The engine's process."""
        return self._engine.pid if self._engine else None

    def __enter__(self) -> Self:
        """Migrate, start the engine, serve."""
        try:
            prepare(self._settings)
            look_at_families(self._settings)
            if self._engine is not None:
                self._engine.start()
            self._start_http()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving; nothing is left running."""
        self.close()

    def failed(self) -> bool:
        """Whether the HTTP thread has ended by itself."""
        return self._thread is not None and not self._thread.is_alive()

    def close(self) -> None:
        """End the HTTP server and the engine, at the same time."""
        if self._engine is not None:
            self._engine.request_stop()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(DRAIN_SECONDS + 2)
            if self._thread.is_alive():
                log.error("the HTTP server did not end in time and is given up")
        self._socket.close()
        if self._engine is not None:
            self._engine.stop()

    def _start_http(self) -> None:
        alive = self._engine.alive if self._engine is not None else None
        app = create_app(self._settings, engine_alive=alive)
        self._server = server = _Server(app)
        self._thread = threading.Thread(target=server.run, args=([self._socket],), name="http")
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise Stop(Exit.ERROR, "the HTTP server did not start; see the log above")
            time.sleep(0.01)


class _Server(uvicorn.Server):
    """Ends live streams first, so that shutting down does not wait for watchers."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                backlog=BACKLOG,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.container.feeds.close()
        await super().shutdown(sockets)
