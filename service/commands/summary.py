"""`hifitune summary`: what a study says, in plain language."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from service.commands.output import Output
    from service.domain.study_summary import StudySummary

MARKS = {"good": "+", "warn": "!", "bad": "x", "plain": "-"}


def summary(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="The study's id.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Say in a few sentences how a study stands, and what to do next."""

    def work(output: "Output") -> int:
        from service.commands.exits import Exit
        from service.commands.remote import connected

        with connected(url) as client:
            found = client.summary(study_id)
        if output.as_json:
            output.result(found)
        else:
            print_summary(found, output)
        return Exit.OK

    run(work, as_json)


def print_summary(found: "StudySummary", output: "Output") -> None:
    """The sentences, good news with +, bad with ! and x."""
    from rich.text import Text

    for sentence in found.sentences:
        output.say(Text(f"{MARKS[sentence.tone]} {sentence.text}"))
    if found.next is not None:
        output.say(Text(f"Next: {found.next.next_step}"))
