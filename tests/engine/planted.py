"""Changes planted in the records of a study, for its verification to find."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from service.artifacts import FilesystemArtifacts
from service.engine.verifying import Verified, verify
from service.executors.replay import best_epoch_of
from service.storage.database import Database
from service.storage.migration import migrate
from tests.engine.harness import SMALL, House
from trainers.registry import catalog

SHORT: dict[str, Any] = {
    **SMALL,
    "training": {"epochs": 3},
    "pruner": {"type": "none"},
    "budget": {"trials": 4},
    "parallel": {"cohort_size": 2},
    "selection": {"top_k": 2, "seeds": 2},
}


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    """A house with a database in a folder, new or copied."""
    url = f"sqlite:///{folder / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    yield House(folder, database)
    database.close()


def check(house: House) -> Verified:
    artifacts = FilesystemArtifacts(house.folder / "artifacts")
    return verify(house.database, artifacts, "s", best_epoch_of, catalog().count_used)


def change(house: House, statement: str, **values: Any) -> None:
    with house.database.transaction() as session:
        assert session.execute(text(statement), values).rowcount == 1  # type: ignore[attr-defined]


def change_value(house: House) -> str:
    number = next(t.number for t in house.trials("s") if t.state == "COMPLETE")
    change(
        house,
        "UPDATE trials SET value = value * 1.0001 WHERE study_id = 's' AND number = :number",
        number=number,
    )
    return f"trial {number}, value"


def change_param(house: House) -> str:
    params = {**house.trials("s")[5].params, "learning_rate": 0.0123}
    change(
        house,
        "UPDATE trials SET params = :params WHERE study_id = 's' AND number = 5",
        params=json.dumps(params),
    )
    return "trial 5, learning_rate"


def change_verdict(house: House) -> str:
    with house.database.read() as session:
        row = session.execute(
            text("SELECT sequence, detail FROM decisions WHERE study_id = 's' AND kind = 'verdict'")
        ).first()
    assert row is not None
    detail = json.loads(row.detail)
    number, word = next(iter(detail["verdicts"].items()))
    detail["verdicts"][number] = "prune" if word == "continue" else "continue"
    change(
        house,
        "UPDATE decisions SET detail = :detail WHERE study_id = 's' AND sequence = :sequence",
        detail=json.dumps(detail),
        sequence=row.sequence,
    )
    return f"trial {number}, verdict at epoch {detail['rung']}"


def change_byte(house: House) -> str:
    summary = house.study("s").summary
    assert summary is not None
    model = summary["selection"]["model"]
    folder = house.folder / "artifacts" / "studies" / model["study"] / "trials"
    file = folder / str(model["trial"]) / "checkpoint.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    return f"repetitions {model['study']}, trial {model['trial']}, checkpoint"


def change_mean(house: House) -> str:
    summary = house.study("s").summary
    assert summary is not None
    summary["selection"]["configs"][0]["mean"] *= 0.9
    change(
        house, "UPDATE studies SET summary = :summary WHERE id = 's'", summary=json.dumps(summary)
    )
    return "selection, configs"


def edit(house: House, table: str, column: str, where: str, turn: Callable[[Any], Any]) -> None:
    """Change the JSON of one row."""
    with house.database.read() as session:
        statement = text(f"SELECT {column} FROM {table} WHERE {where}")
        before = json.loads(session.execute(statement).scalar_one())
    after = turn(before)
    changed = before if after is None else after
    change(house, f"UPDATE {table} SET {column} = :new WHERE {where}", new=json.dumps(changed))


def number_of(house: House, state: str) -> int:
    return next(trial.number for trial in house.trials("s") if trial.state == state)


def in_summary(turn: Callable[[Any], Any], where: str) -> Callable[[House], str]:
    def plant(house: House) -> str:
        edit(house, "studies", "summary", "id = 's'", turn)
        return where

    return plant


def in_decision(kind: str, turn: Callable[[Any], Any], where: str) -> Callable[[House], str]:
    def plant(house: House) -> str:
        edit(house, "decisions", "detail", f"study_id = 's' AND kind = '{kind}'", turn)
        return where

    return plant


def in_spec(turn: Callable[[Any], Any], where: str, study: str = "s") -> Callable[[House], str]:
    def plant(house: House) -> str:
        edit(house, "studies", "resolved", f"id = '{study}'", turn)
        return where

    return plant


def in_trial(
    state: str, column: str, turn: Callable[[Any], Any], where: str
) -> Callable[[House], str]:
    def plant(house: House) -> str:
        number = number_of(house, state)
        edit(house, "trials", column, f"study_id = 's' AND number = {number}", turn)
        return f"trial {number}, {where}"

    return plant


def in_column(column: str, value: str, where: str) -> Callable[[House], str]:
    def plant(house: House) -> str:
        change(house, f"UPDATE studies SET {column} = {value} WHERE id = 's'")
        return where

    return plant


def rename_confirm(house: House) -> str:
    change(house, "UPDATE decisions SET kind = 'x' WHERE study_id = 's' AND kind = 'confirm'")
    return "selection, decision"


def orphan_part(house: House) -> str:
    change(house, "UPDATE studies SET parent_id = NULL WHERE id = 's-c1'")
    return "repetitions s-c1, study"


def change_pruned_value(house: House) -> str:
    number = number_of(house, "PRUNED")
    change(
        house,
        "UPDATE trials SET value = value * 1.0001 WHERE study_id = 's' AND number = :number",
        number=number,
    )
    return f"trial {number}, value"


def change_pruned_epoch(house: House) -> str:
    number = number_of(house, "PRUNED")
    change(
        house,
        "UPDATE trials SET best_epoch = 1 + best_epoch % 2 "
        "WHERE study_id = 's' AND number = :number",
        number=number,
    )
    return f"trial {number}, best epoch"


def change_family(house: House) -> str:
    change(house, "UPDATE trials SET family = 'vae' WHERE study_id = 's' AND number = 3")
    return "trial 3, family"


def forget_feasible(house: House) -> str:
    change(house, "UPDATE trials SET feasible = 1 WHERE study_id = 's' AND number = 3")
    return "trial 3, feasible"


def misplace_param(house: House) -> str:
    """No config of the space: what follows from it cannot be told."""
    edit(house, "trials", "params", "study_id = 's' AND number = 0", put("hidden_width", value=33))
    return "proposals"


def put(*path: str, value: Any) -> Callable[[Any], None]:
    def turn(found: Any) -> None:
        for name in path[:-1]:
            found = found[name]
        found[path[-1]] = value

    return turn


PLANTED: dict[str, Callable[[House], str]] = {
    "value": change_value,
    "param": change_param,
    "rung verdict": change_verdict,
    "file": change_byte,
    "mean": change_mean,
    "confirm kind": rename_confirm,
    "confirm revision": in_decision("confirm", put("revision", value=7), "selection, decision"),
    "confirm places": in_decision(
        "confirm", lambda found: found["places"].reverse(), "selection, decision, places"
    ),
    "confirm seeds": in_decision(
        "confirm", lambda found: found["seeds"].reverse(), "selection, decision, seeds"
    ),
    "part": orphan_part,
    "opened trial": in_decision("open_test", put("trial", value=99), "open_test, trial"),
    "opened model": in_decision(
        "open_test", put("model", "trial", value=99), "open_test, model"
    ),
    "opened revision": in_decision(
        "open_test", put("revision", value=2), "decisions to open the test part"
    ),
    "opening": in_decision("open_test", put("opening", value=9), "test openings"),
    "openings": in_summary(put("test_openings", value=9), "test openings"),
    "summary trial": in_summary(put("trial", value=99), "summary, trial"),
    "summary test": in_summary(put("test", "mse", value=0.5), "selection, split_optimism"),
    "interval": in_summary(put("interval", "mse", value=[2.0, 1.0]), "interval of mse"),
    "selection gone": in_summary(lambda found: found.pop("selection") and None,
                                 "selection, summary"),
    "selection note": in_summary(put("selection", "note", value="the best"), "selection, note"),
    "best value": in_column("best_value", "best_value * 1.0001", "best value"),
    "spec_hash": in_column("spec_hash", "'0'", "spec_hash"),
    "data set": in_column("data_hash", "NULL", "data set"),
    "training": in_spec(put("training", "epochs", value=8), "spec_hash"),
    "defaults": in_spec(put("defaults", "autoencoder", "batch_size", value=8), "spec_hash"),
    "top_k": in_spec(put("selection", "top_k", value=1), "selection, decision, places"),
    "seeds": in_spec(put("selection", "seeds", value=3), "selection, decision, seeds"),
    "part's spec": in_spec(
        put("training", "epochs", value=9), "repetitions s-c1, spec, training", "s-c1"
    ),
    "pruned value": change_pruned_value,
    "pruned epoch": change_pruned_epoch,
    "family": change_family,
    "feasible": forget_feasible,
    "unreadable": misplace_param,
    "parameters": in_trial(
        "COMPLETE", "complexity", put("parameters", value=7.0), "parameters"
    ),
    "pruned parameters": in_trial(
        "PRUNED", "complexity", put("parameters", value=7.0), "parameters"
    ),
    "sentence": in_trial(
        "COMPLETE", "verdict", put("sentence", value="It is good."), "verdict, sentence"
    ),
    "verdict numbers": in_trial(
        "COMPLETE", "verdict", put("numbers", "gap", value=0.5), "verdict, gap"
    ),
    "pruned verdict": in_trial(
        "PRUNED", "verdict", put("numbers", "epochs", value=99), "verdict, epochs"
    ),
}  # fmt: skip
