"""The site under test: a real server, and what is in its database."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import safetensors.numpy
import uvicorn
from playwright.sync_api import Page, expect

from service.artifacts import FilesystemArtifacts
from service.domain.records import Artifact, Failure, Notice
from service.domain.states import Intent, StudyState
from service.main import create_app
from service.settings import Settings
from service.storage.database import Database
from service.storage.migration import migrate
from service.storage.studies import StudyRepository
from tests.dashboards.seeding import Seeded, seed_study
from tests.dashboards.synthetic import (
    SyntheticStudy,
    make_evidence,
    make_pictures,
    make_spec,
    make_study,
)

THOROUGH = os.environ.get("THOROUGH") == "1"
"""`make e2e`: every page in all four looks, with screenshots; `make test` takes two, without."""
PATIENCE_MS = 30_000
"""A busy machine may take so long to do what takes a second."""
SOONER = """(() => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (ms) => timeout(Math.min(ms, 1500));
})()"""
"""A script after which whoever waits long for an answer does so for a second and a half."""
MARKUP = "<img src=x onerror=\"document.title='hacked'\">{{7*7}}</script>'"
"""Text of a user that would show if anything were not escaped."""


@dataclass
class Site:
    """The server under test and what is in its database."""

    url: str
    database: Database
    artifacts: FilesystemArtifacts
    studies: dict[str, Seeded] = field(default_factory=dict)
    synthetic: dict[str, SyntheticStudy] = field(default_factory=dict)

    def page_of(self, key: str) -> str:
        """The address of a study's page."""
        return f"{self.url}/studies/{self.studies[key].study_id}"

    def seed(self, key: str, synthetic: SyntheticStudy) -> Seeded:
        """Write a study with pictures for its first trials."""
        artifacts = {
            trial.number: [
                self.write_pictures(synthetic, trial.number),
                self.write_evidence(synthetic, trial.number),
            ]
            for trial in synthetic.trials[:4]
        }
        self.synthetic[key] = synthetic
        self.studies[key] = seed_study(self.database, synthetic, artifacts)
        return self.studies[key]

    def write_evidence(self, synthetic: SyntheticStudy, number: int) -> Artifact:
        """A trial's evidence as a worker leaves it."""
        assert synthetic.pictures is not None
        evidence = make_evidence(np.random.default_rng(number), synthetic.pictures.shape)
        content = safetensors.numpy.save(
            {name: array.astype(np.float32) for name, array in evidence.arrays.items()}
        )
        path = f"studies/{synthetic.study.id}/trials/{number}/evidence.safetensors"
        sha256, size = self.artifacts.put_bytes(path, content)
        return Artifact(
            study_id=synthetic.study.id, trial=number, kind="evidence", path=path,
            sha256=sha256, bytes=size,
        )  # fmt: skip

    def write_pictures(self, synthetic: SyntheticStudy, number: int) -> Artifact:
        """A trial's reconstructions as a worker leaves them."""
        pictures = synthetic.pictures
        assert pictures is not None
        content = safetensors.numpy.save(
            {
                "input": pictures.input.astype(np.float32),
                "best": pictures.best.astype(np.float32),
                "last": np.asarray(pictures.last, np.float32),
                "worst_input": np.asarray(pictures.worst_input, np.float32),
                "worst_best": np.asarray(pictures.worst_best, np.float32),
                "worst_index": np.array(pictures.worst_index, np.int64),
                "snapshots": np.asarray(pictures.snapshots, np.float32),
                "snapshot_epochs": np.array(pictures.snapshot_epochs, np.int64),
            }
        )
        path = f"studies/{synthetic.study.id}/trials/{number}/reconstructions.safetensors"
        sha256, size = self.artifacts.put_bytes(path, content)
        return Artifact(
            study_id=synthetic.study.id, trial=number, kind="reconstructions", path=path,
            sha256=sha256, bytes=size,
        )  # fmt: skip


@dataclass
class Visit:
    """A page, and what the browser complained of while it was open."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of complaints that the test itself provokes, whenever they come."""

    @property
    def unexpected(self) -> list[str]:
        """What the browser complained of beside that."""
        return [text for text in self.complaints if not any(word in text for word in self.expected)]


Visitor = Callable[..., Visit]
"""`visit(url, width=390, dark=True)`: the fixture that opens pages."""
Photograph = Callable[[Page, str], None]
"""`photograph(page, name)`: the fixture that writes screenshots."""


def draw_all(page: Page, names: list[str], shown: str = ".main-svg") -> None:
    """Scroll every figure near, and wait until it is drawn."""
    for name in names:
        figure = page.locator(f"#figure-{name}")
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-state", "ready")
        expect(figure.locator(shown).first).to_be_visible()
    page.evaluate("scrollTo(0, 0)")


class serve:
    """Serve an app over a fresh database for as long as the block runs."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder, poll_seconds=0.1)
        migrate(settings.database_url)
        app = create_app(settings)
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._database = Database(settings.database_url)
        self._artifacts = FilesystemArtifacts(settings.artifact_root)

    def __enter__(self) -> Site:
        self._thread.start()
        deadline = datetime.now(UTC) + timedelta(seconds=20)
        while not self._server.started and datetime.now(UTC) < deadline:
            self._thread.join(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return Site(f"http://127.0.0.1:{port}", self._database, self._artifacts)

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._database.close()
        assert not self._thread.is_alive(), "the server did not end"


def fill(site: Site) -> None:
    """Studies in every state; the newest is the one that runs."""
    done = make_study(count=24, study_id="complete1", spec=make_spec("digits-autoencoder"), seed=5)
    assert done.study.best is not None
    summary = {"trial": done.study.best.trial, "test": {"mse": 0.0093}, "test_openings": 1}
    done.study = done.study.model_copy(update={"summary": summary})
    site.seed("complete", done)

    pair = [{"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 10}]}, {"metric": "kl"}]
    spec = make_spec("digits-pareto", objective=pair)
    site.seed("pareto", make_study(count=24, study_id="pareto1", spec=spec, seed=7))
    queued = make_study(count=0, planned=40, study_id="queued1", spec=make_spec("waiting", 40))
    site.seed("queued", queued)

    failed = make_study(count=0, running=1, planned=24, study_id="failed1",
                        spec=make_spec("bad-data"))  # fmt: skip
    site.seed("failed", failed).transition(
        StudyState.FAILED,
        failure=Failure(kind="data", message=f"cannot read {MARKUP}: not an IDX file",
                        traceback_tail='File "sources.py", line 40\nUnreadableData: bad magic'),
    )  # fmt: skip

    paused = make_study(count=9, planned=30, study_id="paused1", spec=make_spec("paused-vae", 30))
    seeded = site.seed("paused", paused)
    with site.database.transaction() as session:
        StudyRepository(session).set_intent(seeded.study_id, Intent.PAUSE)
    seeded.transition(StudyState.PAUSED)

    table = make_study(count=6, planned=12, study_id="table1", spec=make_spec("sensor-table", 12))
    table.pictures = make_pictures(np.random.default_rng(1), (12,))
    table.dataset = table.dataset.model_copy(update={"data_hash": "e" * 64, "shape": [12]})
    site.seed("table", table)

    site.seed("hostile", hostile_study())

    running = make_study(count=18, running=4, planned=40, study_id="running1",
                         spec=make_spec("digits-vae", 40), seed=3)  # fmt: skip
    site.seed("running", running)


def hostile_study() -> SyntheticStudy:
    """Markup wherever a user, a data file or a traceback can put text."""
    space = {
        "activation": {"type": "categorical", "choices": ["relu", "gelu"]},
        "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    }
    study = make_study(count=12, study_id="hostile1", spec=make_spec("hostile", 12, space=space))
    failure = Failure(kind="crash", message=MARKUP, traceback_tail=MARKUP)
    study.trials = [
        trial.model_copy(
            update={
                "params": {**trial.params, "activation": MARKUP},
                "failure": failure if trial.number % 3 == 1 else trial.failure,
                "verdict": trial.verdict and trial.verdict.model_copy(update={"sentence": MARKUP}),
            }
        )
        for trial in study.trials
    ]
    resolved = study.study.resolved
    entry = resolved.space["activation"].model_copy(update={"choices": [MARKUP, "gelu"]})  # type: ignore[union-attr]
    resolved = resolved.model_copy(update={"space": {**resolved.space, "activation": entry}})
    notice = Notice(code="x", pointer=f"/space/{MARKUP}", message=MARKUP, remedy=MARKUP)
    study.study = study.study.model_copy(
        update={"resolved": resolved, "spec": study.study.spec.model_copy(
            update={"space": {**study.study.spec.space, "activation": entry}}),
            "warnings": [notice]}
    )  # fmt: skip
    study.reports = {
        number: [
            report.model_copy(update={"validation": {**report.validation, MARKUP: 1.0}})
            for report in reports
        ]
        for number, reports in study.reports.items()
    }
    values = study.analyses[0].data | {"values": {MARKUP: 0.7, "learning_rate": 0.3}}
    study.analyses = [study.analyses[0].model_copy(update={"data": values})]
    return study
