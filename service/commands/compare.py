"""`hifitune compare`: studies side by side."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from rich.table import Table

    from service.commands.output import Output
    from service.domain.comparison import ComparedStudy, Comparison


def compare(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY STUDY...", help="Two to eight ids of studies.")
    ],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Put studies side by side: best, test value, cost, and what of it cannot be compared."""

    def work(output: "Output") -> int:
        from rich.text import Text

        from service.commands.exits import Exit
        from service.commands.remote import connected

        with connected(url) as client:
            found = client.compare(studies)
        if output.as_json:
            output.result(found)
            return Exit.OK
        output.table(_table(found))
        for notice in found.notices:
            output.say(Text(f"{notice.code}: {notice.message}"))
            output.say(Text(f"  {notice.remedy}"))
        output.note(Text(f"{url.rstrip('/')}/compare?ids={','.join(s.id for s in found.studies)}"))
        return Exit.OK

    run(work, as_json)


def _table(found: "Comparison") -> "Table":
    """A column for every study; the best value is marked."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for study in found.studies:
        table.add_column(Text(study.name), justify="right")
    columns = [_facts(study, study.id == found.leader) for study in found.studies]
    for name in columns[0]:
        table.add_row(name, *(Text(column[name]) for column in columns))
    return table


def _facts(study: "ComparedStudy", leads: bool) -> dict[str, str]:
    from service.commands.progress import clock

    best, cost = study.best, study.cost
    mean = test = ""
    if best is not None and best.mean is not None:
        sd = "" if best.sd is None else f" ± {best.sd:.2g}"
        mean = f"{best.mean:.5g}{sd} ({best.seeds} seeds)"
    if best is not None and best.test is not None:
        between = "" if best.interval is None else " [{:.5g}, {:.5g}]".format(*best.interval)
        test = f"{best.test:.5g}{between}"
    star = " *" if leads else ""
    confirmed = best is not None and best.mean is not None
    search = "" if best is None or best.search is None else f"{best.search:.5g}"
    return {
        "id": study.id,
        "state": study.state.value,
        "family": ", ".join(study.families),
        "sampler": study.sampler,
        "objective": study.objective,
        "data": f"{study.dataset} ({(study.data_hash or 'not prepared')[:8]})",
        "trials": f"{study.trials_done}/{study.trials_planned}",
        "best trial": "" if best is None else str(best.trial),
        "best in search": search + ("" if confirmed or not search else star),
        "on fresh seeds": (mean + star if confirmed else "not confirmed"),
        "test": test or ("sealed" if study.state.value != "COMPLETE" else "none"),
        "training": f"{cost.trainer_seconds:.1f} s",
        "repetitions": f"{cost.repetition_seconds:.1f} s",
        "wall-clock": clock(cost.wall_seconds),
    }
