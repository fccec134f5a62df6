"""`hifitune train`: one configuration, trained outside of any study."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from service.commands.exits import Exit, Stop
from service.commands.output import Output, configure_logging
from service.commands.preparation import look_at_families
from service.commands.train_config import (
    Plan,
    Recorded,
    fetch_config,
    plan_training,
    read_config,
)
from service.commands.train_files import CACHE, make_folder, write_files
from service.commands.train_jobs import train
from service.commands.train_report import print_result, result_of
from service.commands.train_view import TrainView
from service.commands.training import Training, fresh_seeds, own_seed
from service.domain.spec import StudySpec
from service.main import versions
from service.settings import Settings
from trainers import registry


@dataclass(frozen=True)
class Wish:
    """What the command line asks for."""

    source: str | None
    """A file, or `-`; None: from a server."""
    study: str | None
    trial: int | None
    url: str
    seeds: int | None
    """Fresh ones; None: the config's own."""
    epochs: int | None
    test: bool
    folder: Path | None
    force: bool


def run(wish: Wish, settings: Settings, output: Output) -> int:
    """Train, write the files, say what came of it; the exit code."""
    if "log_level" in settings.model_fields_set:
        configure_logging(settings.log_level)
    try:
        look_at_families(settings)
        spec, recorded = _find(wish, settings)
        plan = plan_training(spec, _name(wish), wish.epochs, settings)
        folder = (wish.folder or Path(plan.resolved.name.replace(" ", "-"))).absolute()
        return _train(wish, plan, recorded, folder, settings, output)
    finally:
        registry.close()


def _find(wish: Wish, settings: Settings) -> tuple[StudySpec, Recorded | None]:
    if (wish.source is None) == (wish.study is None):
        raise Stop(Exit.USAGE, "give a CONFIG (a file, or - for stdin), or --study ID, not both")
    if wish.source is not None:
        if wish.trial is not None:
            raise Stop(Exit.USAGE, "--trial needs --study: say whose trial it is")
        return read_config(wish.source, settings.max_body_bytes), None
    assert wish.study is not None
    return fetch_config(wish.url, wish.study, wish.trial)


def _name(wish: Wish) -> str:
    if wish.study is not None:
        return f"study {wish.study}"
    return "stdin" if wish.source == "-" else str(wish.source)


def _train(
    wish: Wish,
    plan: Plan,
    recorded: Recorded | None,
    folder: Path,
    settings: Settings,
    output: Output,
) -> int:
    seeds = [own_seed(plan)] if wish.seeds is None else fresh_seeds(plan, wish.seeds)
    made = versions() | registry.fingerprints()
    make_folder(folder, wish.force)
    own_store = "data_dir" in settings.model_fields_set
    store = settings.data_store if own_store else folder / CACHE / "data"
    try:
        with TrainView(output, plan.resolved, len(seeds)) as view:
            training = train(plan, seeds, store, folder / CACHE, made, wish.test, view)
        result = result_of(training, recorded)
        written = write_files(training, result, folder)
    except OSError as error:
        raise Stop(Exit.ERROR, f"cannot write to {folder}: {error.strerror}") from None
    finally:
        for empty in (folder / CACHE, folder):
            with contextlib.suppress(OSError):  # what is not empty stays
                empty.rmdir()
    if output.as_json:
        output.result({"event": "result", "folder": str(folder), "files": written, **result})
    else:
        print_result(training, result, output)
        output.say(Text(f"in {folder}: {', '.join(written)}"))
    return _code(training, output)


def _code(training: Training, output: Output) -> int:
    if training.interrupted:
        output.note(Text("interrupted: what there was so far is written"))
        return Exit.INTERRUPTED
    if training.failure is not None:
        raise Stop(Exit.STUDY_FAILED, f"training failed: {training.failure.message}")
    if training.chosen is None:
        reasons = {each.failure.message for each in training.trials if each.failure is not None}
        raise Stop(
            Exit.STUDY_FAILED,
            f"training came to no result: {'; '.join(sorted(reasons)) or 'no epoch counted'}; "
            "try a smaller learning rate, or more epochs",
        )
    return Exit.OK
