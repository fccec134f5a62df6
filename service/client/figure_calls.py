"""Figures of studies as Plotly figures, and as files for a paper. Plotly is imported when used."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from service.client.errors import FigureWaiting, ProblemError
from service.client.transport import Transport
from service.domain.figure_files import DEFAULT_SCALE, MEDIA_TYPES, FigureFormat, Theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

DRAWING_SECONDS = 120.0
"""How long a server may draw a picture, and those before it, before it answers."""


class FigureCalls:
    """What a client says of figures."""

    _transport: Transport

    def list_figures(self, study_id: str, trial: int | None = None) -> list[dict[str, Any]]:
        """Every figure: name, title, group, of (`study` or `trial`), available, summary.

        `available` and `summary` of a trial's figures are null without `trial`.
        """
        path = f"/v1/studies/{study_id}/figures"
        items = self._transport.request("GET", path, params={"trial": trial}).json()["items"]
        assert isinstance(items, list)
        return items

    def figures(
        self, study_id: str, names: Sequence[str] | None = None, trial: int | None = None
    ) -> "dict[str, go.Figure]":
        """Plotly figures by name: all that are available of a study, or of one of its trials.

        `names` chooses among all; FigureWaiting is raised for one that has nothing to show yet.
        """
        chosen = self.available_figures(study_id, trial) if names is None else names
        return {name: self.figure(study_id, name, trial) for name in chosen}

    def available_figures(self, study_id: str, trial: int | None = None) -> list[str]:
        """Names of the figures of the study, or of the trial, that have something to show."""
        kind = "study" if trial is None else "trial"
        entries = self.list_figures(study_id, trial)
        return [entry["name"] for entry in entries if entry["of"] == kind and entry["available"]]

    def figure(self, study_id: str, name: str, trial: int | None = None) -> "go.Figure":
        """One figure as Plotly draws it. Raises FigureWaiting."""
        import plotly.graph_objects as go

        answer = self.figure_data(study_id, name, trial)
        if answer["waiting"]:
            raise FigureWaiting(f"{name}: {answer['summary']}")
        return go.Figure(answer["figure"])

    def figure_data(self, study_id: str, name: str, trial: int | None = None) -> dict[str, Any]:
        """One figure as the server answers it: title, summary, waiting, figure, table."""
        path = f"/v1/studies/{study_id}/figures/{name}"
        answer = self._transport.request_again("GET", path, params={"trial": trial}).json()
        assert isinstance(answer, dict)
        return answer

    def save_figure(
        self,
        study_id: str,
        name: str,
        path: str | Path,
        *,
        format: FigureFormat | None = None,
        trial: int | None = None,
        width: int | None = None,
        height: int | None = None,
        scale: float = DEFAULT_SCALE,
        theme: Theme = "light",
    ) -> Path:
        """Write a figure to a file: html, png, svg, csv or json, by its suffix where not given.

        The server draws: `width` and `height` are in CSS pixels, `scale` is the pixels of a PNG
        for each. Raises FigureWaiting; a ProblemError is 501 where the server has no browser.
        """
        target = Path(path)
        form = format or form_of(target)
        wanted = {
            "format": form, "trial": trial, "width": width, "height": height,
            "scale": scale if form == "png" else None, "theme": theme,
        }  # fmt: skip
        query = urlencode({key: value for key, value in wanted.items() if value is not None})
        try:
            return self._transport.download(
                f"/v1/studies/{study_id}/figures/{name}?{query}", target, DRAWING_SECONDS
            )
        except ProblemError as error:
            if error.status != 409:
                raise
            raise FigureWaiting(f"{name}: {error.detail}") from error


def form_of(path: Path) -> FigureFormat:
    """The format that a suffix stands for. Raises ValueError."""
    forms: Mapping[str, FigureFormat] = {form: form for form in MEDIA_TYPES}
    found = forms.get(path.suffix.lower().removeprefix("."))
    if found is None:
        raise ValueError(
            f"{path.name}: its suffix is none of {', '.join(forms)}; name the file so, or give "
            "format="
        )
    return found
