"""What one training says: the values of every seed, the rivals, and whether it is as recorded."""

from math import sqrt
from typing import Any

from rich.table import Table
from rich.text import Text

from service.api.best import compare
from service.commands.output import Output
from service.commands.train_config import Recorded
from service.commands.train_view import end_of
from service.commands.training import Training
from service.domain.aims import AUXILIARY
from service.domain.configuration import complete_config
from service.domain.data import TEXT_METRIC
from service.domain.records import BestMetrics, Trial
from service.domain.states import TrialState
from trainers.registry import catalog

NOT_COUNTED = (
    "The test part was opened outside of a service: this opening is not counted. Choose nothing "
    "by it."
)
SEALED = "The test part stayed sealed; --test scores the model on it."


def result_of(training: Training, recorded: Recorded | None) -> dict[str, Any]:
    """Everything that is known of a training, as result.json holds it."""
    spec, dataset, chosen = training.plan.resolved, training.dataset, training.chosen
    values = [trial.value for trial in training.trials]
    mean, deviation = spread(values)
    family = spec.families[0]
    return {
        "name": spec.name,
        "family": family,
        "config": complete_config(spec, family, {}),
        "objective": {
            "metric": spec.aims.objectives[0].metric,
            "direction": spec.aims.objectives[0].direction,
        },
        "value": None if chosen is None else chosen.value,
        "best_epoch": None if chosen is None else chosen.best_epoch,
        "seed": None if chosen is None else chosen.seed,
        "interrupted": training.interrupted,
        "failure": None if training.failure is None else training.failure.model_dump(mode="json"),
        "spread": {"values": values, "mean": mean, "sd": deviation},
        "seeds": [
            {**end_of(trial), "stopped_early": training.stopped_early.get(trial.number, False)}
            for trial in training.trials
        ],
        "metrics": None if chosen is None else metrics_of(training, chosen).model_dump(mode="json"),
        "test_interval": None if training.score is None else training.score.interval,
        "test_note": SEALED if training.score is None else NOT_COUNTED,
        "complexity": None if chosen is None else chosen.complexity,
        "verdict": None
        if chosen is None or chosen.verdict is None
        else chosen.verdict.model_dump(mode="json"),
        "baselines": {} if chosen is None else baselines_of(training, chosen),
        "recorded": None if recorded is None else compare_recorded(training, recorded),
        "versions": dict(training.versions),
        "data_hash": dataset.data_hash,
        "samples": {
            "train": dataset.train, "validation": dataset.validation, "test": dataset.test
        },
        "spec": spec.model_dump(mode="json"),
    }  # fmt: skip


def spread(values: list[float | None]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation over seeds; None where one diverged, or there is one."""
    whole = [value for value in values if value is not None]
    if not whole or len(whole) < len(values):
        return None, None
    mean = sum(whole) / len(whole)
    if len(whole) == 1:
        return mean, None
    return mean, sqrt(sum((value - mean) ** 2 for value in whole) / (len(whole) - 1))


def metrics_of(training: Training, trial: Trial) -> BestMetrics:
    """At the best epoch; test values only where they were asked for."""
    found = trial.metrics
    return BestMetrics(
        train=found.train if found else {},
        validation=found.validation if found else {},
        test=None if training.score is None else training.score.metrics,
    )


def baselines_of(training: Training, trial: Trial) -> dict[str, Any]:
    """The mean, PCA or n-grams, and doing nothing beside the model; as a study's answer has them.

    PCA falls away where there is doing nothing: it is scored on clean samples.
    """
    spec, metrics = training.plan.resolved, metrics_of(training, trial)
    found = compare(
        training.dataset.baselines, metrics, complete_config(spec, trial.family, trial.params)
    )
    if training.nothing is None:
        return found | {"task": None}
    none = {"validation": None, "test": None}
    metric = catalog().metrics[ranked_metric(training)]
    beside = training.nothing.comparison(metric, metrics.validation, metrics.test)
    return found | {"pca": None, "pca_figure": none, "mse_over_pca": none, "task": beside}


def ranked_metric(training: Training) -> str:
    """The first objective that says how good a model is."""
    names = training.plan.resolved.aims.metrics
    return next((name for name in names if name not in AUXILIARY), names[0])


def compare_recorded(training: Training, recorded: Recorded) -> dict[str, Any]:
    """Beside the server's record of the same trial; `identical`: not a bit differs.

    Null where it cannot be: of fresh seeds, other epochs or an interrupted training, and where the
    recorded one did not come to its end.
    """
    trial, seed = training.trials[0], training.plan.spec.trial_seed
    same = len(training.trials) == 1 and trial.seed == seed and not training.interrupted
    same = same and training.plan.spec.training.epochs == training.plan.resolved.training.epochs
    found = {"study": recorded.study, "trial": recorded.trial, "value": recorded.value}
    differs = sorted(
        name
        for name, version in recorded.versions.items()
        if training.versions.get(name) != version
    )
    identical = None
    if same and recorded.value is not None and recorded.state is TrialState.COMPLETE:
        ours = (trial.value, trial.best_epoch)
        identical = ours == (recorded.value, recorded.best_epoch)
    return found | {
        "best_epoch": recorded.best_epoch,
        "state": recorded.state.value,
        "epochs": recorded.epochs,
        "identical": identical,
        "same_data": recorded.data_hash == training.dataset.data_hash,
        "other_versions": differs,
    }


def print_result(training: Training, result: dict[str, Any], output: Output) -> None:
    """Values, rivals, verdict and the test, for people."""
    spec, chosen = training.plan.resolved, training.chosen
    metric = spec.aims.objectives[0].metric
    if chosen is not None:
        which = "" if len(training.trials) == 1 else "the median seed: "
        early = " (stopped early)" if training.stopped_early.get(chosen.number) else ""
        output.say(
            Text(
                f"{spec.name}: {which}{_say_values(training, chosen)} on validation, best epoch "
                f"{chosen.best_epoch} of {chosen.epochs}{early}, seed {chosen.seed}"
            )
        )
    if len(training.trials) > 1:
        _print_spread(training, result, output)
    if chosen is not None:
        if chosen.feasible is False:
            output.say("It does not keep the constraints of the config.")
        if chosen.verdict is not None:
            output.say(Text(chosen.verdict.sentence))
        output.screen.print(_rivals(training, chosen, result["baselines"]))
    if training.score is not None:
        interval = (training.score.interval or {}).get(metric)
        if interval is not None:
            low, high = interval
            output.say(Text(f"{metric} on test: 95 % interval {low:.5g} to {high:.5g}"))
        output.say(NOT_COUNTED)
    if result["recorded"] is not None:
        output.say(Text(_say_recorded(result["recorded"], metric)))


def _say_values(training: Training, trial: Trial) -> str:
    """Every objective: `mse 0.012, kl 9.4`."""
    aims = training.plan.resolved.aims
    scores = aims.scores_of(trial)
    names = [objective.metric for objective in aims.objectives]
    found = [(name, scores[name]) for name in names]
    return ", ".join(f"{name} {value:.6g}" for name, value in found if value is not None)


def _print_spread(training: Training, result: dict[str, Any], output: Output) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("seed", "value", "best epoch", "state"):
        table.add_column(column, justify="left" if column == "state" else "right")
    for trial in training.trials:
        value = "" if trial.value is None else f"{trial.value:.6g}"
        best = "" if trial.best_epoch is None else str(trial.best_epoch)
        table.add_row(str(trial.seed), value, best, trial.state.value)
    output.screen.print(table)
    mean, deviation = result["spread"]["mean"], result["spread"]["sd"]
    if mean is None or deviation is None:
        missing = sum(trial.value is None for trial in training.trials)
        output.say(Text(f"no mean: {missing} of {len(training.trials)} seeds have no value"))
    else:
        output.say(Text(f"mean {mean:.6g}, sd {deviation:.2g} over {len(training.trials)} seeds"))


def _rivals(training: Training, chosen: Trial, baselines: dict[str, Any]) -> Table:
    """The model, and what any model must beat."""
    ngrams, task = baselines.get("ngrams") or [], baselines.get("task")
    metric = TEXT_METRIC if ngrams else str(task["metric"]) if task else "mse"
    parts = metrics_of(training, chosen)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(metric)
    for column in ("train", "validation", "test"):
        table.add_column(column, justify="right")
    test = parts.test or {}
    rows: list[tuple[str, ...]] = [
        (
            f"this {chosen.family}",
            _number(parts.train.get(metric)),
            _number(parts.validation.get(metric)),
            "sealed" if training.score is None else _number(test.get(metric)),
        )
    ]
    if task:
        of = [task["train"], task["validation"], task["test"] or {}]
        rows.append((task["name"], *(_number(part.get(metric)) for part in of)))
    elif ngrams:
        rows += [
            (f"{of['order']}-gram", "", _number(of["validation"]), _number(of["test"]))
            for of in reversed(ngrams)
        ]
    else:
        rows += _of_numbers(baselines)
    for row in rows:
        table.add_row(*row)
    return table


def _of_numbers(baselines: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    pca, mean = baselines["pca"], baselines["mean"]
    if pca:
        clipped = "" if pca["validation_clipped"] is None else "_clipped"
        name = f"PCA-{pca['latent_dim']}{clipped.replace('_', ' ')}"
        values = (_number(pca[f"validation{clipped}"]), _number(pca[f"test{clipped}"]))
        rows.append((name, "", *values))
    rows.append(("the mean sample", *(_number(mean[part]) for part in mean)))
    return rows


def _say_recorded(found: dict[str, Any], metric: str) -> str:
    whose = f"trial {found['trial']} of study {found['study']}"
    if found["state"] in (TrialState.PRUNED, TrialState.STOPPED):
        ended = f"it was {found['state'].lower()} after epoch {found['epochs']}"
        return f"{whose} did not come to its end on record ({ended}): this is another training"
    if found["value"] is None:
        return f"{whose} has no {metric} on record."
    text = f"on record of {whose}: {metric} {found['value']:.6g}, best epoch {found['best_epoch']}"
    if found["identical"] is None:
        return text
    if found["identical"]:
        return f"{text}: identical"
    why = [] if found["same_data"] else ["the data set differs"]
    if found["other_versions"]:
        why.append(f"other versions: {', '.join(found['other_versions'])}")
    reasons = "; ".join(why) or "same data and versions: another machine, or convolutions"
    return f"{text}: not the same ({reasons})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}" if abs(value) < 1000 else f"{value:.5g}"
