"""What `hifitune train` trains: a spec from a file, from stdin or from a server, all fixed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.api.bodies import decode
from service.api.json_text import read_json
from service.api.pointers import read_spec
from service.api.yaml_text import read_yaml
from service.client import Client, ProblemError
from service.commands.exits import Exit, Stop
from service.commands.remote import connected
from service.domain.datasets import UploadedDataset
from service.domain.records import Upload
from service.domain.resolve import resolve
from service.domain.space import FAMILY, distributions
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import TrialState
from service.domain.strategies import Budget, NoPruner, Parallel, RandomSampler, SelectionSpec
from service.errors import InvalidSpec, ServiceError
from service.settings import Settings
from service.sources import header_of, located
from service.storage.database import Database
from service.storage.uploads import UploadRepository
from trainers.data.errors import UnreadableData
from trainers.registry import catalog

STDIN = "-"
SHOWN_NAMES = 6
OWN = "; a module of your own is named by --family FILE.py:CLASS"


@dataclass(frozen=True)
class Recorded:
    """What a server has on record of the trial that is trained again."""

    study: str
    trial: int
    value: float | None
    best_epoch: int | None
    data_hash: str | None
    versions: dict[str, str]
    state: TrialState = TrialState.COMPLETE
    epochs: int | None = None
    """That were trained; None: not known."""


@dataclass(frozen=True)
class Plan:
    """One configuration, resolved, and where its data are."""

    spec: StudySpec
    """As it was given."""
    resolved: ResolvedSpec
    """Nothing is searched, pruned or selected."""
    readable: ResolvedSpec
    """The same with its data set as files."""
    roots: Sequence[Path]
    """Where these may lie."""


def read_config(source: str, limit_bytes: int) -> StudySpec:
    """The spec of a file, or of stdin. Raises Stop."""
    name = "stdin" if source == STDIN else source
    try:
        text = decode(_read(source, limit_bytes))
        is_json = source.endswith(".json") or (source == STDIN and text.lstrip().startswith("{"))
        return read_spec(read_json(text) if is_json else read_yaml(text))
    except InvalidSpec as error:
        raise Stop(Exit.REFUSED, _say(name, error)) from None


def _read(source: str, limit_bytes: int) -> bytes:
    if source == STDIN:
        content = sys.stdin.buffer.read(limit_bytes + 1)
    else:
        try:
            with Path(source).open("rb") as file:
                content = file.read(limit_bytes + 1)
        except FileNotFoundError:
            raise Stop(
                Exit.USAGE, f"there is no file {source}; give a config, or --study ID"
            ) from None
        except (OSError, ValueError) as error:
            raise Stop(Exit.USAGE, f"{source} cannot be read: {_reason(error)}") from None
    if len(content) > limit_bytes:
        raise Stop(
            Exit.REFUSED, f"{source} is above {limit_bytes} bytes: that is no study spec; give one"
        )
    return content


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def fetch_config(url: str, study_id: str, trial: int | None) -> tuple[StudySpec, Recorded | None]:
    """The spec of a trial on a server, by default the best one, and its record. Raises Stop."""
    with connected(url) as client:
        try:
            return (
                _fetch_best(client, study_id) if trial is None else _fetch(client, study_id, trial)
            )
        except ProblemError as error:
            if error.status == 409:
                raise Stop(Exit.NO_BEST, f"{error.detail}; or name one with --trial") from None
            raise


def _fetch(client: Client, study_id: str, number: int) -> tuple[StudySpec, Recorded]:
    study, trial = client.study(study_id), client.trial(study_id, number)
    recorded = Recorded(
        study_id,
        number,
        trial.value,
        trial.best_epoch,
        study.data_hash,
        study.versions,
        trial.state,
        trial.epochs,
    )
    return client.trial_config(study_id, number), recorded


def _fetch_best(client: Client, study_id: str) -> tuple[StudySpec, Recorded | None]:
    best, spec = client.best(study_id), client.best_config(study_id)
    if best.seed != spec.trial_seed:
        return spec, None
    metric = spec.aims.objectives[0].metric
    value = {**best.metrics.validation, **(best.complexity or {})}.get(metric)
    recorded = Recorded(study_id, best.trial, value, best.best_epoch, best.data_hash, best.versions)
    return spec, recorded


def plan_training(spec: StudySpec, name: str, epochs: int | None, settings: Settings) -> Plan:
    """Resolve the spec of one configuration. Raises Stop for what cannot be trained.

    `epochs` replaces the spec's, and the first eligible epoch is then chosen anew.
    """
    asked = spec.model_copy(
        update={
            # How a search would go about it is nothing to one training.
            "sampler": RandomSampler(),
            "pruner": NoPruner(),
            "budget": Budget(trials=1),
            "selection": SelectionSpec(top_k=0),
            "enqueue": [],
            "warm_start": None,
            "parallel": Parallel(),
        }
    )
    if epochs is not None:
        training = {"epochs": epochs, "first_eligible_epoch": "auto"}
        asked = asked.model_copy(update={"training": asked.training.model_copy(update=training)})
    try:
        upload = _upload(asked, settings)
        readable, roots = located(asked, upload, settings.data_roots, settings.upload_root)
        resolved = resolve(asked, catalog(), header_of(readable, roots))
    except InvalidSpec as error:
        raise Stop(Exit.REFUSED, _say(name, error)) from None
    except UnreadableData as error:
        raise Stop(Exit.REFUSED, say_unreadable(error)) from None
    _refuse_searched(resolved, name)
    found = resolved.model_copy(update={"dataset": readable.dataset})
    return Plan(spec, resolved, found, roots)


def say_unreadable(error: UnreadableData) -> str:
    """The field, what is wrong with the data, and what to do."""
    about_roots = "HIFITUNE_DATA_ROOTS" in error.remedy
    remedy = "name its folder with --data-root FOLDER" if about_roots else error.remedy
    return f"{error.pointer}: {error.path}: {error.reason}; {remedy}"


def _refuse_searched(resolved: ResolvedSpec, name: str) -> None:
    searched = [FAMILY] if resolved.family_is_searched else []
    searched += list(distributions(resolved.space))
    if not searched:
        return
    listed = ", ".join(searched[:SHOWN_NAMES])
    if len(searched) > SHOWN_NAMES:
        listed += f" and {len(searched) - SHOWN_NAMES} more"
    raise Stop(
        Exit.REFUSED,
        f"{name}: /space: {listed}: not fixed, and training searches nothing; give one value for "
        f"each (`{searched[-1]}: VALUE`), or take a spec with everything fixed from `hifitune best "
        "STUDY --yaml`; to search, use `hifitune submit`",
    )


def _upload(spec: StudySpec, settings: Settings) -> Upload | None:
    """The record of an uploaded data set: in the database of the service that took it in."""
    if not isinstance(spec.dataset, UploadedDataset):
        return None
    remedy = "give --data-dir of the service that holds it, or name the file itself in `dataset`"
    database = Database(settings.database_url)
    try:
        place = database.url.database
        if database.is_sqlite and not (place and Path(place).is_file()):
            raise Stop(
                Exit.REFUSED,
                f"/dataset/id: {spec.dataset.id} was uploaded to a service, and there is none in "
                f"{settings.data_dir}; {remedy}",
            )
        with database.read() as session:
            return UploadRepository(session).get(spec.dataset.id)
    except ServiceError as error:
        raise Stop(Exit.NOT_REACHABLE, f"{error.detail}; {remedy}") from None
    finally:
        database.close()


def _say(name: str, error: InvalidSpec) -> str:
    """Every fault with its place and its remedy."""
    faults = [
        f"{each.pointer or '/'}: {each.reason}; {each.remedy}"
        + (OWN if each.pointer.startswith("/family") else "")
        for each in error.errors
    ]
    return f"{name}: " + "\n  ".join(faults)
