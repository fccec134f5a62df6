"""What the page of a data set shows beside the record: sentences, baselines, how to use it."""

import math
from typing import Any, NamedTuple

from service.domain.records import Audit, Dataset, DatasetDetail, DatasetEntry

SHOWN_LATENT_DIMS = (2, 4, 8, 16, 32, 64)

ORIGIN_WORDS = {"built-in": "built in", "upload": "uploaded", "store": "from a path"}
OUTSIDE = "validation or test sample"
_KEPT_TOGETHER = "Copies stay in one part of the split"
_NEAR = "Samples that look alike stay in one part of the split, too"


class BaselineRow(NamedTuple):
    """What any model must beat, in one figure a part."""

    name: str
    unit: str
    train: float | None
    validation: float | None
    test: float | None


class Share(NamedTuple):
    """One part of a split."""

    name: str
    samples: int
    percent: float


class DivisionView(NamedTuple):
    """One split and scaling of a data set."""

    record: Dataset
    shares: list[Share]
    findings: list[str]
    baselines: list[BaselineRow]


class DatasetView(NamedTuple):
    """What the page of a data set shows beside the record."""

    title: str
    use: str
    """The line of a spec."""
    sample: str
    read_as: str
    openings: int
    divisions: list[DivisionView]


def dataset_view(detail: DatasetDetail) -> DatasetView:
    """Everything computed for the page of a data set."""
    entry = detail.entry
    return DatasetView(
        title=entry.name,
        use="" if detail.use is None else f"dataset: {{{_say_mapping(detail.use)}}}",
        sample=say_sample(entry),
        read_as="" if detail.source is None else _say_source(detail.source),
        openings=sum(division.test_openings for division in detail.divisions),
        divisions=[division_view(division) for division in detail.divisions],
    )


def division_view(record: Dataset) -> DivisionView:
    """One split with what was found in it."""
    parts = {"train": record.train, "validation": record.validation, "test": record.test}
    total = sum(parts.values()) or 1
    return DivisionView(
        record=record,
        shares=[Share(name, count, 100 * count / total) for name, count in parts.items()],
        findings=findings(record),
        baselines=baseline_rows(record),
    )


def say_sample(entry: DatasetEntry) -> str:
    """One sample in a few words: `28 x 28 image of uint8`."""
    if entry.kind is None or not entry.shape:
        return entry.description or "not looked into yet"
    size = " x ".join(f"{side:,}" for side in entry.shape)
    return {
        "image": f"{size} image of {entry.dtype}",
        "text": f"text of at most {size} tokens",
        "table": f"row of {size} numbers, categories spread out",
        "vector": f"{size} numbers of {entry.dtype}",
    }[entry.kind]


def findings(record: Dataset) -> list[str]:
    """What was found before the split, and what was done about it (DOMAIN.md truth 15)."""
    audit = record.audit
    if audit is None:
        count = record.duplicates_across
        return [f"{_count(count, OUTSIDE)} {_has(count)} an exact copy in train."]
    total = record.train + record.validation + record.test + audit.dropped
    return [
        _say_copies(audit, total),
        *_say_likeness(audit),
        *([_say_groups(audit)] if audit.largest_group > 1 else []),
        *_say_repairs(audit),
    ]


def _say_copies(audit: Audit, total: int) -> str:
    if audit.exact_duplicates == 0:
        return f"None of the {total:,} samples is an exact copy of another."
    found = (
        f"{_count(audit.exact_duplicates, 'sample')} of {total:,} "
        f"{_is(audit.exact_duplicates)} an exact copy of an earlier one."
    )
    across = _count(audit.across_before, OUTSIDE)
    done = {
        "drop": f"They were left out: {_count(audit.dropped, 'sample')}.",
        "keep": f"They lie where they fall: {_count(audit.across_after, OUTSIDE)} "
        f"{_has(audit.across_after)} a copy in train.",
    }.get(
        audit.duplicates,
        f"{_KEPT_TOGETHER}: else {across} would have had a copy in train."
        if audit.across_after == 0
        else f"{_KEPT_TOGETHER}, as far as the files allow: {audit.across_after:,} still "
        f"{'has' if audit.across_after == 1 else 'have'} a copy in train.",
    )
    return f"{found} {done}"


def _say_likeness(audit: Audit) -> list[str]:
    if audit.near_duplicates is None:
        return []
    if audit.near_duplicates == 0:
        return ["No sample looks like another without being its copy."]
    alike = audit.near_duplicates
    verb = "looks" if alike == 1 else "look"
    found = f"{_count(alike, 'more sample')} {verb} like an earlier one without being a copy."
    across = audit.near_across or 0
    if audit.duplicates == "near":
        return [f"{found} {_NEAR}."]
    return [
        f"{found} {_count(across, OUTSIDE)} {_has(across)} such a twin in "
        "train; `duplicates: near` keeps them together."
    ]


def _say_groups(audit: Audit) -> str:
    return (
        f"Samples that belong together form {_count(audit.groups, 'group')}, single ones included; "
        f"the largest has {audit.largest_group:,}, and each lies in one part."
    )


def _say_repairs(audit: Audit) -> list[str]:
    sentences = []
    if audit.unknown_tokens:
        sentences.append(
            f"{100 * audit.unknown_tokens:.2g} % of the validation tokens are not in the "
            "vocabulary of train."
        )
    for count, what in (
        (audit.cut, "text was|texts were|cut to the length of a sample"),
        (audit.filled, "missing value was|missing values were|filled with the mean of train"),
        (audit.unseen_categories, "category was|categories were|not seen in train"),
    ):
        if count:
            one, many, rest = what.split("|")
            sentences.append(f"{count:,} {one if count == 1 else many} {rest}.")
    return sentences


def baseline_rows(record: Dataset) -> list[BaselineRow]:
    """The baselines in the order in which they get harder to beat."""
    known, features = record.baselines, math.prod(record.shape)
    rows = []
    if known.mean_validation is not None:
        mean = (known.mean_train, known.mean_validation, known.mean_test)
        rows.append(BaselineRow("the mean sample", "MSE", *mean))
    for entry in known.pca:
        if entry.latent_dim in SHOWN_LATENT_DIMS and entry.latent_dim < features:
            scores = (entry.train, entry.score("validation"), entry.score("test"))
            rows.append(BaselineRow(f"PCA with {entry.latent_dim} components", "MSE", *scores))
    for ngram in known.ngrams:
        name = f"{ngram.order}-grams"
        rows.append(_row(name, "nats per token", ngram))
    for name, unit, score in (
        ("the entropy of the pixels", "BCE, nats", known.entropy_floor),
        ("the mean, numeric columns alone", "MSE", known.numeric_mse),
        ("the most frequent category", "accuracy", known.majority_accuracy),
    ):
        if score is not None and score.validation is not None:
            rows.append(_row(name, unit, score))
    return rows


def _row(name: str, unit: str, score: Any) -> BaselineRow:
    return BaselineRow(name, unit, score.train, score.validation, score.test)


def _say_source(source: dict[str, Any]) -> str:
    options = {key: value for key, value in source.items() if key != "kind"}
    return f"{source['kind']} ({_say_mapping(options)})" if options else str(source["kind"])


def _say_mapping(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {_say_value(value)}" for key, value in values.items())


def _say_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_say_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{_say_mapping(value)}}}"
    return str(value)


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"
