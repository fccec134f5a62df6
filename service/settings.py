"""Settings of the processes that are started by hand; only roots read them."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """Everything that can be set from outside: `HIFITUNE_` and the field's name in capitals.

    Command-line options win over the environment, the environment over the defaults.
    """

    model_config = SettingsConfigDict(
        env_prefix="HIFITUNE_", extra="ignore", frozen=True, validate_default=True
    )

    data_dir: Path = Field(
        default=Path(".hifitune"),
        description="Where the embedded database, the data store and the artifacts live.",
    )
    database_url: str = Field(
        default="",
        description="SQLAlchemy URL; empty: SQLite inside `data_dir`. "
        "PostgreSQL: `postgresql+psycopg://user@host/name`.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; only loopback until access tokens exist.",
    )
    port: int = Field(default=8321, ge=0, le=65535, description="Port; 0 picks a free one.")
    workers: int = Field(
        default_factory=_cores,
        ge=1,
        le=256,
        description="Worker processes that train, one thread each. Default: the cores.",
    )
    data_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders that specs may name data files under, separated like PATH.",
    )
    families: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Modules of your own as families: `file.py:Class`, separated by commas.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="More names that the Host header may carry (loopback names always may), "
        "separated by commas.",
    )
    lease_seconds: float = Field(
        default=30.0,
        ge=1,
        le=3600,
        description="How long an engine may be silent before another takes up its studies.",
    )
    save_seconds: float = Field(
        default=15.0,
        gt=0,
        le=3600,
        description="An array in training saves its state at least this often.",
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, description="Cap of a request body in bytes."
    )
    upload_bytes: int = Field(
        default=2 << 30, ge=1024, description="Cap of one uploaded data file in bytes."
    )
    upload_quota_bytes: int = Field(
        default=50 << 30, ge=1024, description="Cap of all uploaded data files together in bytes."
    )
    upload_idle_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="An upload is given up when nothing came for so long.",
    )
    upload_seconds: float = Field(
        default=3600.0, gt=0, le=86_400, description="An upload is given up after so long."
    )
    inspect_memory_bytes: int = Field(
        default=2 << 30,
        ge=128 << 20,
        description="Memory of the process that reads an uploaded data file, in bytes.",
    )
    inspect_seconds: float = Field(
        default=300.0,
        ge=1,
        le=86_400,
        description="How long reading an uploaded data file may take.",
    )
    chromium: str = Field(
        default="",
        description="The browser that draws figures as PNG and SVG: a path or a name; "
        "empty: chromium or google-chrome where they are found.",
    )
    heartbeat_seconds: float = Field(
        default=15.0, gt=0, description="Silence on a live stream before a comment is sent."
    )
    poll_seconds: float = Field(
        default=0.3, gt=0, le=10, description="How often a live stream looks into the database."
    )
    log_level: str = Field(
        default="warning",
        pattern="^(debug|info|warning|error)$",
        description="Logs on stderr: debug, info, warning or error.",
    )

    @field_validator("data_dir")
    @classmethod
    def _make_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _default_to_sqlite(cls, value: str, info: ValidationInfo) -> str:
        return value or f"sqlite:///{info.data['data_dir'] / 'hifitune.sqlite3'}"

    @field_validator("data_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        if isinstance(value, str):
            value = tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("data_roots")
    @classmethod
    def _make_roots_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(root.expanduser().absolute() for root in value)

    @field_validator("families", mode="before")
    @classmethod
    def _split_families(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("families")
    @classmethod
    def _make_families_absolute(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_absolute_family(source) for source in value)

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @property
    def data_store(self) -> Path:
        """Where ingested data sets lie."""
        return self.data_dir / "data"

    @property
    def upload_root(self) -> Path:
        """Where uploaded data files lie."""
        return self.data_dir / "uploads"

    @property
    def artifact_root(self) -> Path:
        """Where trials leave their files."""
        return self.data_dir / "artifacts"

    def environment(self) -> dict[str, str]:
        """The settings as environment variables: what a child process is given."""
        return {
            "HIFITUNE_DATA_DIR": str(self.data_dir),
            "HIFITUNE_DATABASE_URL": self.database_url,
            "HIFITUNE_HOST": self.host,
            "HIFITUNE_PORT": str(self.port),
            "HIFITUNE_WORKERS": str(self.workers),
            "HIFITUNE_DATA_ROOTS": os.pathsep.join(str(path) for path in self.data_roots),
            "HIFITUNE_FAMILIES": ",".join(self.families),
            "HIFITUNE_ALLOWED_HOSTS": ",".join(self.allowed_hosts),
            "HIFITUNE_LEASE_SECONDS": str(self.lease_seconds),
            "HIFITUNE_SAVE_SECONDS": str(self.save_seconds),
            "HIFITUNE_MAX_BODY_BYTES": str(self.max_body_bytes),
            "HIFITUNE_UPLOAD_BYTES": str(self.upload_bytes),
            "HIFITUNE_UPLOAD_QUOTA_BYTES": str(self.upload_quota_bytes),
            "HIFITUNE_UPLOAD_IDLE_SECONDS": str(self.upload_idle_seconds),
            "HIFITUNE_UPLOAD_SECONDS": str(self.upload_seconds),
            "HIFITUNE_INSPECT_MEMORY_BYTES": str(self.inspect_memory_bytes),
            "HIFITUNE_INSPECT_SECONDS": str(self.inspect_seconds),
            "HIFITUNE_CHROMIUM": self.chromium,
            "HIFITUNE_HEARTBEAT_SECONDS": str(self.heartbeat_seconds),
            "HIFITUNE_POLL_SECONDS": str(self.poll_seconds),
            "HIFITUNE_LOG_LEVEL": self.log_level,
        }


def _absolute_family(source: str) -> str:
    """`./my_vae.py:MyVAE` with the whole path; `package.module:Class` as it is."""
    path, separator, name = source.rpartition(":")
    if not path.endswith(".py"):
        return source
    return f"{Path(path).expanduser().absolute()}{separator}{name}"
