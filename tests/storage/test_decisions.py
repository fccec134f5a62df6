from service.storage.decisions import AnalysisRepository, DecisionRepository
from tests.storage.driving import DrivenStudy


def test_decisions_are_numbered_in_order_and_found_by_kind(driven: DrivenStudy) -> None:
    for kind, detail in (("verdict", {"rung": 3}), ("pause", {}), ("verdict", {"rung": 9})):
        with driven.database.transaction() as session:
            written = DecisionRepository(session).append(driven.id, driven.fence, kind, detail)
    with driven.database.read() as session:
        decisions = DecisionRepository(session)
        every = decisions.all(driven.id)
        verdicts = decisions.all(driven.id, "verdict")
    assert [decision.sequence for decision in every] == [1, 2, 3]
    assert every[2] == written
    assert [decision.detail for decision in verdicts] == [{"rung": 3}, {"rung": 9}]


def test_two_decisions_of_one_transaction_have_two_numbers(driven: DrivenStudy) -> None:
    with driven.database.transaction() as session:
        decisions = DecisionRepository(session)
        first = decisions.append(driven.id, driven.fence, "verdict", {})
        second = decisions.append(driven.id, driven.fence, "verdict", {})
    assert (first.sequence, second.sequence) == (1, 2)


def test_the_newest_analysis_of_a_kind_replaces_the_older(driven: DrivenStudy) -> None:
    for cohort in (0, 1):
        with driven.database.transaction() as session:
            AnalysisRepository(session).put(
                driven.id, driven.fence, "importance", cohort, {"values": {"b": cohort, "a": 0.5}}
            )
    with driven.database.read() as session:
        analyses = AnalysisRepository(session)
        newest = analyses.get(driven.id, "importance")
        assert analyses.get(driven.id, "something else") is None
    assert newest is not None
    assert newest.cohort == 1
    assert list(newest.data["values"]) == ["b", "a"]
