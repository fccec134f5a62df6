"""The process that imports families of one's own, so that the HTTP process need not load torch.

A line of JSON in, a line out: {"describe": source}, {"is_module_class": source} or {"count":
source, "config": ..., "problem": ...}; ends with its stdin. What modules print goes to stderr.
"""

import json
import os
import sys
import traceback
from typing import Any

from trainers.own.description import OwnFamilyError
from trainers.own.inspection import count_parameters, describe, is_module_class, try_out


class Answers:
    """Answers requests; a model is tried out once for every kind of data."""

    def __init__(self) -> None:
        self._tried: set[str] = set()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request; errors are answers."""
        try:
            if "describe" in request:
                return {"description": describe(request["describe"]).model_dump(mode="json")}
            if "is_module_class" in request:
                return {"is_module_class": is_module_class(request["is_module_class"])}
            return {"count": self._count(request)}
        except OwnFamilyError as error:
            return {
                "where": error.where,
                "reason": error.reason.removeprefix(f"{error.where}: "),
                "remedy": error.remedy,
            }
        except Exception as error:  # noqa: BLE001 -- one source must not end it for the others
            traceback.print_exc()
            reason = f"it cannot be looked at: {type(error).__name__}: {error}"
            return {"where": str(request), "reason": reason, "remedy": "see the log above"}

    def _count(self, request: dict[str, Any]) -> int:
        source, config, problem = request["count"], request["config"], request["problem"]
        key = json.dumps([source, problem], sort_keys=True)
        if key in self._tried:
            return count_parameters(source, config, problem)
        count = try_out(source, config, problem)
        self._tried.add(key)
        return count


def main() -> None:
    """Answer until stdin ends."""
    # The answers have a descriptor of their own: modules may print.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        answers = Answers()
        for line in sys.stdin:
            out.write(json.dumps(answers.answer(json.loads(line))) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
