"""The answer of a study, for people: params, and the model beside its baselines."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from service.commands.output import Output
from service.domain.data import TOKEN_CROSS_ENTROPY
from service.domain.records import Best, Study


def print_values(study: Study, output: Output) -> None:
    """One line: the best value and its params."""
    assert study.best is not None
    params = ", ".join(f"{name}={_short(value)}" for name, value in study.best.params.items())
    metric = study.resolved.aims.objectives[0].metric
    output.say(Text(f"best: trial {study.best.trial}, {metric} {study.best.value:.5g} ({params})"))
    output.say(Text(f"  hifitune best {study.id} --yaml"))


def print_answer(study: Study, best: Best, output: Output) -> None:
    """Params, verdict, and the comparison with the baselines."""
    output.say(Text(f"{study.name}: trial {best.trial} of {study.progress.trials}, {best.family}"))
    for name, value in sorted(best.params.items()):
        output.say(Text(f"  {name} = {_short(value)}"))
    output.say(
        Text(f"{best.objective.metric} {best.objective.value:.6g} on validation, "
             f"best epoch {best.best_epoch}, seed {best.seed}")
    )  # fmt: skip
    if best.verdict is not None:
        output.say(Text(best.verdict.sentence))
    output.screen.print(comparison(best))


def comparison(best: Best) -> Table:
    """MSE of the model, of the mean image and of PCA of the same latent size.

    Of a model of texts its cross-entropy, beside n-grams.
    """
    ngrams = best.baselines.get("ngrams") or []
    metric = TOKEN_CROSS_ENTROPY if ngrams else "mse"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("nats per token" if ngrams else "MSE (scaled data)")
    table.add_column("validation", justify="right")
    table.add_column("test", justify="right")
    test = best.metrics.test or {}
    rows: list[tuple[str, Any, Any]] = [
        (f"this {best.family}", best.metrics.validation.get(metric), test.get(metric)),
        *((f"{of['order']}-gram", of["validation"], of["test"]) for of in reversed(ngrams)),
    ]
    mean, pca = best.baselines.get("mean"), best.baselines.get("pca")
    if pca:
        rows += pca_rows(pca)
    if mean and not ngrams:
        rows.append(("the mean image", mean["validation"], mean["test"]))
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
