"""StudyHandle: one submitted study."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.client.errors import NotReachable, StudyFailed, WaitTimeout
from service.domain.exports import ExportFormat
from service.domain.records import Best, Event, Notice, Revision, Study, Trial
from service.domain.space import Scalar
from service.domain.spec import StudySpec
from service.domain.states import TERMINAL_STUDY_STATES, StudyState
from service.domain.study_summary import StudySummary

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from service.client.client import Client

OnProgress = Callable[[Study], None]
POLL_SECONDS = 0.5
RECONNECT_SECONDS = 1.0


class StudyHandle:
    """A study on a server: watch it, steer it, take the answer."""

    def __init__(self, client: "Client", study: Study) -> None:
        self._client = client
        self.submitted = study
        """The study as it was when the handle was made."""

    def __repr__(self) -> str:
        return f"StudyHandle({self.id!r})"

    @property
    def id(self) -> str:
        """The study's id."""
        return self.submitted.id

    @property
    def warnings(self) -> list[Notice]:
        """What the linter said when the study was submitted."""
        return self.submitted.warnings

    @property
    def url(self) -> str:
        """The study's page on the dashboard."""
        return f"{self._client.base_url}/studies/{self.id}"

    def refresh(self) -> Study:
        """The study as it is now."""
        return self._client.study(self.id)

    def wait(
        self,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        poll_seconds: float = POLL_SECONDS,
        patience_seconds: float = 30.0,
    ) -> Study:
        """Wait until the study is over; `on_progress` sees it after every look.

        Rides out a server that is away for less than `patience_seconds`. Raises WaitTimeout,
        StudyFailed and NotReachable.
        """
        begin = answered = time.monotonic()
        while True:
            now = time.monotonic()
            try:
                study = self.refresh()
                answered = now
            except NotReachable:
                if now - answered >= patience_seconds:
                    raise
            else:
                if on_progress is not None:
                    on_progress(study)
                if study.state is StudyState.FAILED:
                    reason = study.failure.message if study.failure else "no reason is recorded"
                    raise StudyFailed(f"study {self.id} failed: {reason}")
                if study.state in TERMINAL_STUDY_STATES:
                    return study
            if timeout is not None and now - begin >= timeout:
                raise WaitTimeout(f"study {self.id} is not over after {timeout:g} s; it goes on")
            time.sleep(poll_seconds)

    def events(self, after: int = 0) -> Iterator[Event]:
        """Every event of the study in order, live, until it is over; reconnects by itself."""
        position = after
        while True:
            try:
                for message in self._client.messages(self.id, position):
                    if message.event == "end":
                        return
                    event = Event(study_id=self.id, **json.loads(message.data))
                    position = event.sequence
                    yield event
            except NotReachable:
                pass
            time.sleep(RECONNECT_SECONDS)

    def trials(self, **filters: Any) -> Iterator[Trial]:
        """The trials; see Client.trials."""
        return self._client.trials(self.id, **filters)

    def best(self, trial: int | None = None) -> Best:
        """The answer; see Client.best."""
        return self._client.best(self.id, trial)

    def best_config(self, trial: int | None = None) -> StudySpec:
        """A spec that trains the best trial again."""
        return self._client.best_config(self.id, trial)

    def download_model(self, folder: str | Path, trial: int | None = None) -> Path:
        """Unpack the portable model into a folder."""
        return self._client.download_model(self.id, folder, trial)

    def export(self, path: str | Path, format: ExportFormat = "json") -> Path:
        """Write the study to a file; see Client.export."""
        return self._client.export(self.id, path, format)

    def figures(
        self, names: Sequence[str] | None = None, trial: int | None = None
    ) -> "dict[str, go.Figure]":
        """Plotly figures by name; see Client.figures."""
        return self._client.figures(self.id, names, trial)

    def figure(self, name: str, trial: int | None = None) -> "go.Figure":
        """One Plotly figure; see Client.figure."""
        return self._client.figure(self.id, name, trial)

    def save_figure(self, name: str, path: str | Path, **looks: Any) -> Path:
        """Write a figure to a file; see Client.save_figure."""
        return self._client.save_figure(self.id, name, path, **looks)

    def summary(self) -> StudySummary:
        """What the study says in plain language; see Client.summary."""
        return self._client.summary(self.id)

    def pause(self) -> Study:
        """Pause the study."""
        return self._client.pause(self.id)

    def resume(self) -> Study:
        """Resume the study."""
        return self._client.resume(self.id)

    def stop(self) -> Study:
        """Stop the study for good."""
        return self._client.stop(self.id)

    def extend(
        self,
        trials: int,
        *,
        enqueue: Sequence[Mapping[str, Scalar]] = (),
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Study:
        """Go on with so many trials more, once the study is COMPLETE; see Client.extend."""
        return self._client.extend(
            self.id,
            trials,
            enqueue=enqueue,
            seconds=seconds,
            idempotency_key=idempotency_key,
        )

    def revisions(self) -> list[Revision]:
        """What the study had found before it was extended."""
        return self._client.revisions(self.id)

    def delete(self) -> None:
        """Delete the study, once it is over."""
        self._client.delete(self.id)
