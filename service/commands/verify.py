"""`hifitune verify`: a study checked against its own records, where its database is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from service.commands.running import AsJson, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.commands.output import Output
    from service.settings import Settings

ACCURATE = 1e-4
"""The plain twin rounds otherwise than the array that the metrics were measured by."""


ReadSettings: TypeAlias = "Callable[[dict[str, Any]], Settings]"


def add_to(app: typer.Typer, read_settings: ReadSettings) -> None:
    """Make `verify` a command of the application."""

    @app.command()
    def verify(
        study_id: Annotated[str, typer.Argument(metavar="STUDY", help="The study's id.")],
        replay: Annotated[
            bool, typer.Option(help="Score the winner's checkpoint on validation again.")
        ] = True,
        data_dir: Annotated[Path | None, typer.Option(help="Where the studies live.")] = None,
        database_url: Annotated[str | None, typer.Option(help="Where the records are.")] = None,
        family: Annotated[
            list[str] | None, typer.Option(help="FILE.py:CLASS, as for serve.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Derive every proposal, verdict and choice of a study again, and compare."""

        def work(output: "Output") -> int:
            given = {"data_dir": data_dir, "database_url": database_url, "families": family}
            return check(read_settings(given), study_id, replay, output)

        run(work, as_json)


def check(settings: "Settings", study_id: str, replay: bool, output: "Output") -> int:
    """Say `identical`, or name what differs; exit status 0 or ERROR."""
    from rich.text import Text

    from service.artifacts import FilesystemArtifacts
    from service.commands.exits import Exit, Stop
    from service.engine.mirror import StudyGone
    from service.engine.verifying import verify as verify_records
    from service.executors.replay import best_epoch_of
    from service.storage.database import Database
    from trainers import registry

    registry.use_sources(settings.families)
    database = Database(settings.database_url)
    artifacts = FilesystemArtifacts(settings.artifact_root)
    try:
        found = verify_records(
            database,
            artifacts,
            study_id,
            best_epoch_of,
            registry.catalog().count_used,
            _say(output),
        )
        if replay:
            found.differences += _replay(settings, database, artifacts, study_id, found.counts)
    except StudyGone:
        raise Stop(
            Exit.NOT_FOUND, f"there is no study {study_id} in {settings.database_url}"
        ) from None
    finally:
        database.close()
        registry.close()
    first = found.differences[0] if found.differences else None
    if output.as_json:
        output.result(
            {
                "study": study_id,
                "identical": found.identical,
                "checked": found.counts,
                "differences": [each._asdict() for each in found.differences],
            }
        )
    counted = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    output.say(Text(f"checked: {counted}"))
    if first is None:
        output.say(Text("identical"))
        return 0
    for each in found.differences:
        output.say(
            Text(f"{each.where}: recorded {each.recorded!r}, derived again {each.derived!r}")
        )
    return int(Exit.ERROR)


def _say(output: "Output") -> "Callable[[str, int], None]":
    """Progress, every thousandth item."""
    from rich.text import Text

    def say(name: str, count: int) -> None:
        if count % 1000 == 0:
            output.note(Text(f"{name}: {count}"))

    return say


def _replay(
    settings: "Settings", database: Any, artifacts: Any, study_id: str, counts: dict[str, int]
) -> list[Any]:
    """The winner's checkpoint on the validation part, beside what is on record."""
    from math import isclose

    from service.api.best import read_best
    from service.domain.configuration import complete_config
    from service.engine.differences import Difference
    from service.errors import Conflict
    from service.executors.replay import replay_validation
    from service.storage.studies import StudyRepository
    from service.storage.trials import TrialRepository

    with database.read() as session:
        study = StudyRepository(session).get(study_id)
    assert study is not None  # its records were just verified
    try:
        answer = read_best(database, study)
    except Conflict:
        return []
    model, spec = answer.model, answer.study.resolved
    with database.read() as session:
        files = TrialRepository(session).artifacts(answer.maker.id, model.number)
    checkpoint = next((file for file in files if file.kind == "checkpoint"), None)
    where = f"checkpoint of trial {model.number} of {answer.maker.id}, replayed"
    if checkpoint is None or answer.dataset is None or model.metrics is None:
        return [Difference(where, "a checkpoint", None)]
    try:
        again = replay_validation(
            settings.data_store / answer.dataset.folder,
            artifacts.path(checkpoint.path),
            model.family,
            complete_config(spec, answer.trial.family, answer.trial.params),
            model.seed,
            spec.task.model_dump(mode="json"),
        )
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes a reader raise
        return [Difference(where, "readable", f"{type(error).__name__}: {error}")]
    counts["replayed metrics"] = 0
    differences = []
    for name, value in sorted(model.metrics.validation.items()):
        if value is None or name not in again:
            continue
        counts["replayed metrics"] += 1
        if not isclose(value, again[name], rel_tol=ACCURATE, abs_tol=1e-6):
            differences.append(Difference(f"{where}: {name}", value, again[name]))
    return differences
