"""The wheel: complete, and with the migrations inside instead of over the alembic library."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("service", "trainers", "dashboards", "alembic")
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A copy: a build folder left in the repository would end up in later wheels.
    source = tmp_path_factory.mktemp("source")
    for folder in SHIPPED:
        shutil.copytree(ROOT / folder, source / folder, ignore=NOT_SOURCE)
    for file in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / file, source)
    (source / "README.md").touch()
    return source


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def members(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_overwrites_no_file_of_the_alembic_library(members: set[str]) -> None:
    library = {file.as_posix() for file in files("alembic") or []}
    assert "alembic/__init__.py" in library
    assert not members & library
    assert not [member for member in members if member.startswith("alembic/")]


def test_the_wheel_holds_every_module_and_every_migration(source: Path, members: set[str]) -> None:
    missing = []
    for folder in SHIPPED:
        for file in (source / folder).rglob("*.py"):
            path = file.relative_to(source).as_posix()
            inside = path.replace("alembic/", "service/storage/migrations/", 1)
            if (inside if folder == "alembic" else path) not in members:
                missing.append(path)
    assert not missing, "add the package to [tool.setuptools] packages"


def test_the_wheel_holds_pages_and_their_scripts(source: Path, members: set[str]) -> None:
    wanted = [
        file.relative_to(source).as_posix()
        for folder in ("templates", "static")
        for file in (source / "dashboards" / folder).rglob("*")
        if file.is_file()
    ]
    assert wanted
    assert set(wanted) <= members


def test_an_installed_wheel_migrates_with_its_own_scripts(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    program = (
        "import alembic; from service.storage import migration;"
        "from service.storage.database import Database;"
        "migration.migrate('sqlite:///fresh.sqlite3');"
        "print(migration.scripts());"
        "print(migration.is_current(Database('sqlite:///fresh.sqlite3')));"
        "print(alembic.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    scripts, current, library = done.stdout.split()
    assert Path(scripts) == site / "service/storage/migrations"
    assert current == "True"
    assert site not in Path(library).parents
