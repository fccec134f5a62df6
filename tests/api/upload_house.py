"""A server with tight limits for uploads, files to send, and a look at what it keeps."""

import io
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.commands.listening import listen
from service.commands.server import Service
from service.settings import Settings
from service.storage.database import Database

CAP = 1 << 20
QUOTA = 3 << 19
IDLE_SECONDS = 0.5


@dataclass(frozen=True)
class UploadHouse:
    """A running server, and where its files lie."""

    url: str
    settings: Settings
    database: Database
    http: httpx.Client

    def send(
        self, content: Any, name: str = "some data", *, method: str = "POST", **extra: Any
    ) -> httpx.Response:
        """Upload a file; `options` go into the header, other arguments into the address."""
        headers = {"Dataset-Options": extra.pop("options")} if "options" in extra else {}
        params = {"name": name, **extra}
        return self.http.request(
            method, "/v1/datasets", params=params, content=content, headers=headers
        )

    def kept(self) -> set[str]:
        """Every file and folder under the uploads and the store, but the stores' own locks."""
        roots = (self.settings.upload_root, self.settings.data_store)
        return {path.name for root in roots for path in root.glob("*") if path.name != ".lock"}

    def connect(self) -> socket.socket:
        """A bare connection."""
        address = httpx.URL(self.url)
        return socket.create_connection((address.host, address.port or 80), timeout=20)


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadHouse]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("uploads"),
        port=0,
        upload_bytes=CAP,
        upload_quota_bytes=QUOTA,
        upload_idle_seconds=IDLE_SECONDS,
        inspect_memory_bytes=512 << 20,
        inspect_seconds=30,
    )
    with (
        Service(settings, listen(settings.host, 0), with_engine=False) as service,
        httpx.Client(base_url=service.url, timeout=60, trust_env=False) as http,
    ):
        database = Database(settings.database_url)
        yield UploadHouse(service.url, settings, database, http)
        database.close()


def npy(seed: int = 0, samples: int = 40, shape: tuple[int, ...] = (6, 5)) -> bytes:
    """A small .npy file of bytes."""
    file = io.BytesIO()
    draws = np.random.default_rng(seed).integers(0, 255, (samples, *shape), np.uint8)
    np.save(file, draws)
    return file.getvalue()


def spec_of(dataset: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A small study of a data set."""
    return {"name": "x", "dataset": dataset, "family": "autoencoder", **fields}


def folder_of(house: UploadHouse, upload: dict[str, Any]) -> Path:
    """Where an upload's file lies."""
    return house.settings.upload_root / str(upload["id"])
