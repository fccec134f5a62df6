"""The files that a study can be exported as."""

from typing import Literal, NamedTuple, TypeAlias

ExportFormat: TypeAlias = Literal["optuna", "csv", "parquet", "json"]


class FileKind(NamedTuple):
    """What a browser is told of an exported file."""

    media_type: str
    ending: str
    """Of its name, after the study's."""


FILE_KINDS: dict[ExportFormat, FileKind] = {
    "optuna": FileKind("application/vnd.sqlite3", ".optuna.db"),
    "csv": FileKind("text/csv; charset=utf-8; header=present", "-trials.csv"),
    "parquet": FileKind("application/vnd.apache.parquet", "-trials.parquet"),
    "json": FileKind("application/json", ".json"),
}


def file_name(study_name: str, form: ExportFormat) -> str:
    """The name of an exported file.

    Study names hold letters, digits, space and `._+-`: harmless in a quoted file name.
    """
    return study_name.replace(" ", "-") + FILE_KINDS[form].ending
