"""Client: everything that the HTTP API offers, as methods that take and give records."""

import json
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.client.dataset_calls import DatasetCalls
from service.client.figure_calls import FigureCalls
from service.client.handle import StudyHandle
from service.client.revision_calls import RevisionCalls
from service.client.stream import Message, read_messages
from service.client.transport import Transport
from service.domain.comparison import Comparison
from service.domain.exports import ExportFormat
from service.domain.records import (
    Best,
    EpochPage,
    EpochReport,
    Study,
    StudyPage,
    Trial,
    TrialPage,
)
from service.domain.spec import StudySpec
from service.domain.states import StudyState, TrialState
from service.domain.study_summary import StudySummary

DEFAULT_URL = "http://127.0.0.1:8321"
JSON = "application/json"
YAML = "application/yaml"
STREAM_SILENCE_SECONDS = 45.0
"""The server says something every 15 s: after three silences the stream is taken for dead."""
EXPORTING_SECONDS = 400.0
"""How long a server may write an export before it answers."""
Spec = StudySpec | Mapping[str, Any] | str | Path


class Client(RevisionCalls, DatasetCalls, FigureCalls):
    """A HiFiTune server, over HTTP.

    Methods raise ProblemError when the server refuses and NotReachable when none answers.
    Use it as a context manager, or call `close`.
    """

    def __init__(self, base_url: str = DEFAULT_URL, *, timeout_seconds: float = 60.0) -> None:
        super().__init__(Transport(base_url, timeout_seconds))

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def submit(self, spec: Spec, *, idempotency_key: str | None = None) -> StudyHandle:
        """Submit a study: a spec, a mapping, or the path of a .json, .yaml or .yml file.

        Asks again when the answer was lost: an idempotency key sees to it that there is one
        study. Give your own key to make repeated calls safe as well.
        """
        content, media_type = _encode(spec)
        key = idempotency_key or uuid.uuid4().hex
        response = self._transport.request_again(
            "POST",
            "/v1/studies",
            content=content,
            headers={"Content-Type": media_type, "Idempotency-Key": key},
        )
        return StudyHandle(self, Study.model_validate_json(response.content))

    def validate(self, spec: Spec) -> dict[str, Any]:
        """The resolved spec, the linter's warnings and an estimate; nothing is stored."""
        content, media_type = _encode(spec)
        return self._json(
            "POST", "/v1/studies:validate", content=content, headers={"Content-Type": media_type}
        )

    def handle(self, study_id: str) -> StudyHandle:
        """A handle on a study that exists."""
        return StudyHandle(self, self.study(study_id))

    def study(self, study_id: str) -> Study:
        """A study: state, progress, best so far, warnings."""
        return self._get(Study, f"/v1/studies/{study_id}")

    def studies(
        self,
        *,
        state: StudyState | str | None = None,
        family: str | None = None,
        name: str | None = None,
        order_by: str = "-created_at",
    ) -> Iterator[Study]:
        """All studies that match, newest first, page by page as they are asked for."""
        params = {"state": state, "family": family, "name": name, "order_by": order_by}
        token: str | None = None
        while True:
            page = self._get(StudyPage, "/v1/studies", params | {"page_token": token})
            yield from page.items
            token = page.next_page_token
            if token is None:
                return

    def compare(self, study_ids: Sequence[str]) -> Comparison:
        """Two to eight studies side by side: best, test value, cost, convergence, notices."""
        return self._get(Comparison, "/v1/studies:compare", {"ids": list(study_ids)})

    def trials(
        self,
        study_id: str,
        *,
        states: Sequence[TrialState | str] | None = None,
        order_by: str = "number",
    ) -> Iterator[Trial]:
        """All trials of a study that match, page by page as they are asked for."""
        params = {
            "state": list(states) if states else None,
            "order_by": order_by,
            "page_size": 1000,
        }
        token: str | None = None
        while True:
            path = f"/v1/studies/{study_id}/trials"
            page = self._get(TrialPage, path, params | {"page_token": token})
            yield from page.items
            token = page.next_page_token
            if token is None:
                return

    def trial(self, study_id: str, number: int) -> Trial:
        """One trial."""
        return self._get(Trial, f"/v1/studies/{study_id}/trials/{number}")

    def trial_config(self, study_id: str, number: int) -> StudySpec:
        """A spec that trains this trial again, to the same numbers; `hifitune train` reads it."""
        return self._get(StudySpec, f"/v1/studies/{study_id}/trials/{number}/config")

    def epochs(self, study_id: str, number: int) -> list[EpochReport]:
        """Every epoch of a trial."""
        found: list[EpochReport] = []
        token: str | None = None
        while True:
            path = f"/v1/studies/{study_id}/trials/{number}/epochs"
            page = self._get(EpochPage, path, {"page_token": token})
            found += page.items
            token = page.next_page_token
            if token is None:
                return found

    def best(self, study_id: str, trial: int | None = None) -> Best:
        """The answer: the best trial with the evidence. A ProblemError (409) while none is.

        Of several objectives it is the knee of the Pareto set, or the member `trial` of it; the
        same holds for the config, the checkpoint and the model.
        """
        return self._get(Best, _best_path(study_id, "", trial))

    def best_config(self, study_id: str, trial: int | None = None) -> StudySpec:
        """A spec that trains the best trial again, to the same numbers."""
        return self._get(StudySpec, _best_path(study_id, "/config", trial))

    def best_config_yaml(self, study_id: str, trial: int | None = None) -> str:
        """The same as YAML text."""
        headers = {"Accept": YAML}
        path = _best_path(study_id, "/config", trial)
        return self._transport.request("GET", path, headers=headers).text

    def download_model(self, study_id: str, folder: str | Path, trial: int | None = None) -> Path:
        """Unpack the portable model into a folder: model.py, weights, config, train.py, README.

        `model.load(folder)` from the folder's model.py gives the trained module.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        path = _best_path(study_id, "/model", trial)
        packed = self._transport.download(path, target / "model.zip")
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(target)
        packed.unlink()
        return target

    def download_checkpoint(
        self, study_id: str, path: str | Path, trial: int | None = None
    ) -> Path:
        """Write the best trial's weights (safetensors) to a file."""
        return self._transport.download(_best_path(study_id, "/checkpoint", trial), Path(path))

    def export(
        self,
        study_id: str,
        path: str | Path,
        format: ExportFormat = "json",
    ) -> Path:
        """Write a study to a file: `optuna`, `csv`, `parquet` or `json` (docs/exports.md)."""
        return self._transport.download(
            f"/v1/studies/{study_id}/export?format={format}", Path(path), EXPORTING_SECONDS
        )

    def summary(self, study_id: str) -> StudySummary:
        """What a study says in at most seven sentences, and the most useful next step."""
        return self._get(StudySummary, f"/v1/studies/{study_id}/summary")

    def catalog(self) -> dict[str, Any]:
        """Families with their parameters, metrics, samplers, pruners, data sets."""
        return self._json("GET", "/v1/catalog")

    def pause(self, study_id: str) -> Study:
        """Pause a study."""
        return self._act(study_id, "pause")

    def resume(self, study_id: str) -> Study:
        """Resume a paused study."""
        return self._act(study_id, "resume")

    def stop(self, study_id: str) -> Study:
        """Stop a study for good."""
        return self._act(study_id, "stop")

    def delete(self, study_id: str) -> None:
        """Delete a study that is over, with its files."""
        self._transport.request("DELETE", f"/v1/studies/{study_id}")

    def messages(self, study_id: str, after: int = 0) -> Iterator[Message]:
        """One connection's worth of the live stream; it may break off at any time."""
        with self._transport.stream(
            f"/v1/studies/{study_id}/events",
            params={"after": after},
            read_timeout_seconds=STREAM_SILENCE_SECONDS,
        ) as response:
            yield from read_messages(response.iter_lines())

    def _act(self, study_id: str, verb: str) -> Study:
        response = self._transport.request("POST", f"/v1/studies/{study_id}:{verb}")
        return Study.model_validate_json(response.content)

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._transport.request(method, path, **options).json()
        assert isinstance(answer, dict)
        return answer


def _best_path(study_id: str, part: str, trial: int | None) -> str:
    return f"/v1/studies/{study_id}/best{part}" + ("" if trial is None else f"?trial={trial}")


def _encode(spec: Spec) -> tuple[bytes, str]:
    if isinstance(spec, StudySpec):
        return spec.model_dump_json().encode(), JSON
    if isinstance(spec, Mapping):
        return json.dumps(spec).encode(), JSON
    path = Path(spec)
    return path.read_bytes(), JSON if path.suffix == ".json" else YAML
