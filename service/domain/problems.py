"""What a model must know of data and task before it is built, as plain values.

The trainers' Problem reads this form, and a portable model carries it in its config.json.
"""

from typing import Any

from service.domain.data import DataHeader, Dataset
from service.domain.tasks import TaskSpec


def problem_fields(data: DataHeader | Dataset, task: TaskSpec) -> dict[str, Any]:
    """The problem of a study. Of a header the vocabulary's size is known, its tokens are not."""
    stored = data if isinstance(data, Dataset) else None
    return {
        "kind": data.kind,
        "shape": list(data.shape),
        "task": task.model_dump(mode="json"),
        "tokens": list(stored.tokens) if stored else [""] * data.vocabulary,
        "tokenizer": (stored.tokenizer if stored else None) or "char",
        "columns": [column.model_dump(mode="json") for column in data.columns],
        "low": stored.low if stored else 0.0,
        "high": stored.high if stored else 1.0,
    }
