"""The search itself: verdicts at rungs, the next cohort, and what the results say so far."""

from concurrent.futures import Future
from typing import Any

from service.domain.problems import problem_fields
from service.domain.records import ArrayState, Trial
from service.domain.resolve import complete_config
from service.engine.analyses import importance
from service.engine.cohorts import cohort_trials
from service.engine.composition import compose
from service.engine.context import StudyContext
from service.engine.proposals import Proposal, propose
from service.engine.recording import Recorder
from service.engine.stagnation import Stagnation, stagnation
from service.engine.verdicts import judge
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.revisions import RevisionRepository
from service.storage.trials import TrialRepository

NO_IMPROVEMENT = "no_improvement"
"""The decision that ends a search early, because of `stop_when_no_improvement`."""


class Search:
    """Rule R2 in motion: what may be proposed and judged depends on the records alone."""

    def __init__(self, context: StudyContext) -> None:
        self._context = context
        self._proposing: Future[list[Proposal]] | None = None
        self._analysis: Future[dict[str, Any]] | None = None
        self._analysed = 0
        with context.resources.database.read() as session:
            decisions = DecisionRepository(session)
            self._stagnated = bool(decisions.current(context.study_id, NO_IMPROVEMENT))

    @property
    def exhausted(self) -> bool:
        """Whether every trial of the budget has been proposed, failed cells of a grid included.

        Or as many of them as `stop_when_no_improvement` lets be proposed.
        """
        if self._stagnated:
            return True
        mirror = self._context.mirror
        spec = self._context.study.resolved
        cohort = len(mirror.cohorts)
        if cohort_trials(spec, cohort):
            return False
        return not mirror.open_cohorts and not cohort_trials(spec, cohort, mirror.history())

    @property
    def analysing(self) -> bool:
        """Whether an analysis is still being computed."""
        return self._analysis is not None

    def judge_rungs(self) -> None:
        """Let the verdict fall in every cohort that has gathered at a rung."""
        if self._context.yielding is not None:
            return
        for cohort in self._context.mirror.open_cohorts:
            rung = self._context.mirror.waiting_rung(cohort)
            if rung is not None:
                self._judge(cohort, rung)

    def _judge(self, cohort: int, rung: int) -> None:
        context = self._context
        mirror = context.mirror
        spec = context.study.resolved
        visible = [index for index in mirror.told if index <= cohort - spec.cohorts_in_flight]
        verdicts = judge(
            spec, rung, mirror.rung_results([cohort], rung), mirror.rung_results(visible, rung)
        )
        pruned = {number for number, word in verdicts.items() if word == "prune"}
        assert context.dataset is not None
        recorder = Recorder(context.study, context.dataset, context.fence)
        with context.resources.database.transaction() as session:
            DecisionRepository(session).append(
                context.study_id,
                context.fence,
                "verdict",
                {
                    "cohort": cohort,
                    "rung": rung,
                    "verdicts": {str(number): word for number, word in verdicts.items()},
                },
            )
            trials = TrialRepository(session)
            for array in mirror.arrays_in(ArrayState.AT_RUNG):
                if array.cohort != cohort:
                    continue
                live = mirror.live_trials(array)
                for trial in live:
                    if trial.number in pruned:
                        recorder.prune(trials, trial, rung, self._parameters(trial))
                if any(trial.number not in pruned for trial in live):
                    trials.continue_array(
                        context.study_id, context.fence, cohort, array.index, rung
                    )
        mirror.refresh([cohort])

    def _parameters(self, trial: Trial) -> int:
        context = self._context
        spec = context.study.resolved
        assert context.dataset is not None
        return context.resources.catalog.count_used(
            trial.family,
            complete_config(spec, trial.family, trial.params),
            problem_fields(context.dataset, spec.task),
        )

    def propose(self) -> None:
        """Ask for the next cohort once the records allow it, off this thread."""
        context = self._context
        spec = context.study.resolved
        cohort = len(context.mirror.cohorts)
        if context.yielding is not None or self.exhausted:
            return
        if self._proposing is None:
            # Beyond the planned trials stand a grid's failed cells: known when all is told.
            in_flight = spec.cohorts_in_flight if cohort_trials(spec, cohort) else 1
            needed = range(cohort - in_flight + 1)
            if not all(index in context.mirror.told for index in needed):
                return
            history = context.mirror.history()
            reason = stagnation(spec, history, cohort)
            if reason is not None:
                self._end_early(reason)
                return
            self._proposing = context.resources.pool.submit(propose, spec, history, cohort)
        elif self._proposing.done():
            self._write(cohort, self._proposing.result())

    def _end_early(self, reason: Stagnation) -> None:
        context = self._context
        with context.resources.database.transaction() as session:
            DecisionRepository(session).append(
                context.study_id, context.fence, NO_IMPROVEMENT, reason.detail()
            )
            RevisionRepository(session).end_search(context.study_id, context.fence)
        self._stagnated = True
        context.mirror.refresh()

    def _write(self, cohort: int, proposals: list[Proposal]) -> None:
        context = self._context
        assert context.dataset is not None
        trials, arrays = compose(
            context.study.resolved, context.resources.catalog, context.dataset, proposals
        )
        with context.resources.database.transaction() as session:
            TrialRepository(session).write_cohort(
                context.study_id, context.fence, cohort, trials, arrays
            )
        self._proposing = None
        context.mirror.refresh([cohort])

    def analyse(self) -> None:
        """Importance over the trials told so far, off this thread; stored for the page."""
        context = self._context
        if self._analysis is not None and self._analysis.done():
            data = self._analysis.result()
            self._analysis = None
            with context.resources.database.transaction() as session:
                AnalysisRepository(session).put(
                    context.study_id, context.fence, "importance", self._analysed - 1, data
                )
        told = len(context.mirror.told)
        if self._analysis is None and told > self._analysed:
            self._analysed = told
            self._analysis = context.resources.pool.submit(
                importance, context.study.resolved, list(context.mirror.trials.values())
            )
