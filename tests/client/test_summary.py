"""What a study says, in the client and on the command line."""

import json

import pytest

from service.client import Client, ProblemError
from service.commands.exits import Exit
from service.domain.study_summary import StudySummary
from tests.api.house import House, Seed
from tests.cli.processes import hifitune


def test_the_client_and_the_command_say_the_same(house: House, seed: Seed) -> None:
    study_id = seed(count=12).study_id
    with Client(house.url) as client:
        found = client.summary(study_id)
        assert client.handle(study_id).summary() == found
        with pytest.raises(ProblemError):
            client.summary("nothere")
    said = hifitune("summary", study_id, "--url", house.url)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert [line[2:] for line in lines[:-1]] == [each.text for each in found.sentences]
    assert found.next is not None and lines[-1] == f"Next: {found.next.next_step}"
    as_json = hifitune("summary", study_id, "--url", house.url, "--json")
    assert StudySummary.model_validate(json.loads(as_json.stdout)) == found
    assert hifitune("summary", "nothere", "--url", house.url).returncode == Exit.NOT_FOUND
