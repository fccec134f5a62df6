"""The answer of a study, for people: params, and the model beside its baselines."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from service.commands.output import Output
from service.domain.data import TEXT_METRIC
from service.domain.records import Best, ParetoFront, Study


def print_values(study: Study, output: Output) -> None:
    """One line: the best value and its params."""
    assert study.best is not None
    params = ", ".join(f"{name}={_short(value)}" for name, value in study.best.params.items())
    metric = study.resolved.aims.objectives[0].metric
    best = study.best
    output.say(Text(f"best: trial {best.trial}, {best.say(metric)} ({params})"))
    if len(best.front) > 1:
        listed = ", ".join(map(str, best.front))
        output.say(Text(f"  the Pareto set holds trials {listed}: add --trial NUMBER"))
    output.say(Text(f"  hifitune best {study.id} --yaml"))


def print_answer(study: Study, best: Best, output: Output) -> None:
    """Params, verdict, and the comparison with the baselines."""
    output.say(Text(f"{study.name}: trial {best.trial} of {study.progress.trials}, {best.family}"))
    for name, value in sorted(best.params.items()):
        output.say(Text(f"  {name} = {_short(value)}"))
    values = ", ".join(f"{each.metric} {each.value:.6g}" for each in best.objectives)
    values = values or f"{best.objective.metric} {best.objective.value:.6g}"
    output.say(Text(f"{values} on validation, best epoch {best.best_epoch}, seed {best.seed}"))
    print_selection(best, output)
    for bound in best.constraints:
        limit = (
            f"at most {bound.at_most:g}"
            if bound.at_most is not None
            else (f"at least {bound.at_least:g}")
        )
        output.say(Text(f"  {bound.metric} {bound.value:.4g} ({limit})"))
    if best.front is not None:
        output.table(front_table(best.front))
    if best.verdict is not None:
        output.say(Text(best.verdict.sentence))
    if beside_objectives(best).row_count:
        output.table(beside_objectives(best))
    output.table(comparison(best))


def print_selection(best: Best, output: Output) -> None:
    """How far to trust the value: what fresh seeds say, or that there were none."""
    found = best.selection or {}
    if found.get("note"):
        output.say(Text(found["note"]))
    if found.get("kind") != "confirmed":
        return
    luck = [
        f"{name} optimism {found[key]:+.3g}"
        for name, key in (("seed", "seed_optimism"), ("split", "split_optimism"))
        if found.get(key) is not None
    ]
    ends = (found.get("interval") or {}).get(found["metric"])
    if ends is not None:
        luck.append(f"test value within {_short(ends[0])} to {_short(ends[1])} (95 %)")
    output.say(Text("; ".join(luck)))


def front_table(front: ParetoFront) -> Table:
    """The members of a Pareto set by their first objective; the knee is marked."""
    table = Table(box=None, pad_edge=False, header_style="bold", title="Pareto set")
    table.add_column("trial", justify="right")
    names = list(front.members[0].values) if front.members else []
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("")
    for member in sorted(front.members, key=lambda member: list(member.values.values())):
        knee = "knee" if member.trial == front.knee else ""
        table.add_row(str(member.trial), *(_short(member.values[name]) for name in names), knee)
    return table


def beside_objectives(best: Best) -> Table:
    """The objectives on both parts, and what doing nothing has where the task is not to
    reconstruct; no rows where the comparison of errors says it all."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("objective", "of"):
        table.add_column(name)
    for name in ("validation", "test"):
        table.add_column(name, justify="right")
    nothing: Mapping[str, Any] = best.baselines.get("task") or {}
    objectives = best.objectives or [best.objective]
    if not nothing and {each.metric for each in objectives} <= {_compared(best)}:
        return table
    parts = ("validation", "test")
    for each in objectives:
        found = [nothing.get(part) or {} for part in parts]
        if best.complexity and each.metric in best.complexity:
            table.add_row(each.metric, f"this {best.family}", _short(each.value), "")
            continue
        test = (best.metrics.test or {}).get(each.metric)
        table.add_row(each.metric, f"this {best.family}", _number(each.value), _number(test))
        if each.metric in found[0]:
            figures = [_number(part.get(each.metric)) for part in found]
            table.add_row(each.metric, str(nothing["name"]), *figures)
    return table


def _compared(best: Best) -> str:
    return TEXT_METRIC if best.baselines.get("ngrams") else "mse"


def comparison(best: Best) -> Table:
    """MSE of the model, of doing nothing, of the mean sample and of PCA of the same latent size.

    Of a model of texts its cross-entropy, beside n-grams.
    """
    ngrams = best.baselines.get("ngrams") or []
    metric = _compared(best)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("nats per token" if ngrams else "MSE (scaled data)")
    table.add_column("validation", justify="right")
    table.add_column("test", justify="right")
    test = best.metrics.test or {}
    rows: list[tuple[str, Any, Any]] = [
        (f"this {best.family}", best.metrics.validation.get(metric), test.get(metric)),
        *((f"{of['order']}-gram", of["validation"], of["test"]) for of in reversed(ngrams)),
    ]
    nothing = best.baselines.get("task")
    if nothing and metric in nothing["validation"]:
        figures = [(nothing.get(part) or {}).get(metric) for part in ("validation", "test")]
        rows.append((nothing["name"], *figures))
    mean, pca = best.baselines.get("mean"), best.baselines.get("pca")
    if pca:
        rows += pca_rows(pca)
    if mean and not ngrams:
        rows.append(("the mean sample", mean["validation"], mean["test"]))
    for name, validation, unsealed in rows:
        table.add_row(name, _number(validation), _number(unsealed))
    return table


def pca_rows(pca: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """PCA clipped to the range of the data, which the ratios refer to; else as it is."""
    name = f"PCA-{pca['latent_dim']}"
    if pca["validation_clipped"] is None:
        return [(name, pca["validation"], pca["test"])]
    return [(f"{name} clipped", pca["validation_clipped"], pca["test_clipped"])]


def _number(value: float | None) -> str:
    return "sealed" if value is None else f"{value:.5f}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
