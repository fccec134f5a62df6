"""Commands about data sets: list, show, upload, delete."""

import base64
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from service.commands.exits import Exit, Stop
from service.commands.output import Output
from service.commands.remote import connected
from service.domain.records import Dataset, DatasetDetail, DatasetEntry

MAX_BASELINES = 6
LIST_WIDTH = 110
"""Of the list where there is no screen, or a narrow one: names are worth a wrapped line."""


def list_all(url: str, origin: str | None, output: Output) -> int:
    """List data sets: built in, uploaded, and those that studies read."""
    with connected(url) as client:
        found = list(client.datasets(origin=origin))
    if output.as_json:
        output.result({"items": [entry.model_dump(mode="json") for entry in found]})
    else:
        output.screen.width = max(output.screen.width, LIST_WIDTH)
        output.table(_table(found))
    return Exit.OK


def show(url: str, dataset_id: str, output: Output) -> int:
    """Say what a data set holds, how it is divided, and which studies used it."""
    with connected(url) as client:
        detail = client.dataset(dataset_id)
    if output.as_json:
        output.result(detail)
        return Exit.OK
    entry = detail.entry
    output.say(Text(f"{entry.name} ({entry.origin}): {_form(entry)}"))
    if detail.use is not None:
        written = ", ".join(f"{key}: {value}" for key, value in detail.use.items())
        output.say(Text(f"  in a study: dataset: {{{written}}}"))
    for division in detail.divisions:
        _say_division(division, output)
    _say_samples(detail, output)
    for study in detail.studies:
        output.say(Text(f"  used by {study.name} ({study.state.value}): {study.id}"))
    return Exit.OK


def upload(
    url: str,
    path: Path,
    name: str | None,
    kind: str | None,
    options: list[str],
    output: Output,
) -> int:
    """Upload a file, or a folder of pictures."""
    if not path.exists():
        raise Stop(Exit.USAGE, f"there is no file {path}")
    given = dict(_option(text) for text in options)
    columns = (TextColumn("sending"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with connected(url) as client:
        try:
            with Progress(*columns, console=output.notes, disable=not output.is_live) as bar:
                task = bar.add_task("sending", total=None)

                def on_sent(sent: int, total: int) -> None:
                    bar.update(task, completed=sent, total=total)

                handle = client.upload(path, name, kind=kind, on_sent=on_sent, **given)
        except OSError as error:
            raise Stop(Exit.USAGE, str(error)) from None
    if output.as_json:
        uploaded = handle.uploaded.model_dump(mode="json")
        output.result({"event": "uploaded", "url": handle.url, "dataset": uploaded})
    header = handle.uploaded.header
    output.say(Text(f"uploaded {handle.uploaded.name}: {handle.id}"))
    output.say(Text(f"  {header.samples:,} samples of {_shape(header.shape)}, {header.kind}"))
    output.say(Text(f"  in a study: dataset: {{id: {handle.id}}}"))
    output.say(Text(f"  {handle.url}"))
    return Exit.OK


def delete(url: str, dataset_id: str, output: Output) -> int:
    """Delete an uploaded data set."""
    with connected(url) as client:
        client.delete_dataset(dataset_id)
    if output.as_json:
        output.result({"event": "deleted", "id": dataset_id})
    output.say(Text(f"deleted {dataset_id}"))
    return Exit.OK


def _option(text: str) -> tuple[str, Any]:
    """`delimiter=;` as a field and its value; the value is YAML, so that 5 is a number."""
    import yaml

    name, equals, value = text.partition("=")
    if not equals:
        raise Stop(Exit.USAGE, f"{text!r} is no option: write NAME=VALUE")
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        read = value
    return name, value if read is None or isinstance(read, str) else read


def _table(found: list[DatasetEntry]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", no_wrap=True, max_width=28, overflow="ellipsis")
    for column in ("name", "origin", "kind", "sample", "samples", "studies"):
        table.add_column(column, justify="right" if column in ("samples", "studies") else "left")
    for entry in found:
        table.add_row(
            entry.id,
            Text(entry.name),
            entry.origin,
            entry.kind or "",
            "" if entry.shape is None else _shape(entry.shape),
            "" if entry.samples is None else f"{entry.samples:,}",
            str(entry.studies),
        )
    return table


def _say_division(division: Dataset, output: Output) -> None:
    parts = f"{division.train:,} train, {division.validation:,} validation, {division.test:,} test"
    output.say(Text(f"  {parts}; scaling {division.scaling.get('kind')}"))
    audit = division.audit
    if audit is None:
        output.say(Text(f"    {division.duplicates_across:,} copies across the split"))
    else:
        output.say(
            Text(
                f"    {audit.exact_duplicates:,} exact duplicates ({audit.duplicates}), "
                f"{audit.across_after:,} across the split"
            )
        )
    mean = division.baselines.mean_validation
    if mean is not None:
        output.say(Text(f"    baselines, validation MSE: the mean sample {mean:.5g}"))
    sizes = [entry for entry in division.baselines.pca if entry.validation_clipped is not None]
    for entry in sizes[:MAX_BASELINES]:
        output.say(Text(f"      PCA-{entry.latent_dim} {entry.validation_clipped:.5g}"))
    if division.test_openings:
        output.say(Text(f"    the sealed test part was opened {division.test_openings} times"))


def _say_samples(detail: DatasetDetail, output: Output) -> None:
    preview = detail.preview
    if preview is None:
        return
    for text in preview.texts[:4]:
        output.say(Text(f"  | {text}"))
    if preview.images:
        size = sum(len(base64.b64decode(image)) for image in preview.images)
        output.say(Text(f"  {len(preview.images)} pictures on its page ({size:,} bytes)"))
    for row in preview.rows[:3]:
        cells = [f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row[:8]]
        output.say(Text(f"  | {', '.join(cells)}"))


def _form(entry: DatasetEntry) -> str:
    if entry.kind is None or entry.shape is None:
        return "not looked into yet"
    return f"{entry.samples:,} samples of {_shape(entry.shape)} {entry.dtype}, {entry.kind}"


def _shape(shape: list[int]) -> str:
    return " x ".join(str(side) for side in shape)
