"""What people and clocks ask of a running study: pause, stop, and the budget of seconds."""

from service.domain.records import Failure
from service.domain.states import Intent, StudyState, TrialState
from service.engine.context import StudyContext
from service.storage.decisions import DecisionRepository
from service.storage.parts import PartRepository
from service.storage.revisions import RevisionRepository
from service.storage.studies import StudyRepository

FLUSH_SECONDS = 1.0
"""How often the seconds spent RUNNING are written."""


class Steering:
    """Obeys the study's intent and its time budget; each is recorded as a decision (rule R2)."""

    def __init__(self, context: StudyContext) -> None:
        self._context = context
        self._last_clock = context.resources.clock()
        self._unflushed = 0.0
        with context.resources.database.read() as session:
            decisions = DecisionRepository(session)
            self._time_is_up = bool(decisions.current(context.study_id, "time_budget"))

    @property
    def time_is_up(self) -> bool:
        """Whether the budget of seconds is spent."""
        return self._time_is_up

    def obey(self) -> None:
        """Do what was asked; takes several ticks while running jobs come to their end."""
        context = self._context
        intent = context.study.intent
        if intent is Intent.STOP:
            self._leave("stop", StudyState.STOPPED)
        elif context.study.state is StudyState.SELECTING:
            return
        elif intent is Intent.PAUSE:
            self._leave("pause", StudyState.PAUSED, context.trouble)
        elif context.yielding == "pause" and not context.jobs:
            context.yielding = None

    def _leave(self, how: str, state: StudyState, reason: Failure | None = None) -> None:
        context = self._context
        context.yield_jobs(how)
        if context.jobs:
            return
        if state is StudyState.STOPPED:
            if self._is_harvesting():
                return
            context.resources.executor.forget(context.study_id)  # a test being scored
            context.end_live_trials(TrialState.STOPPED, None)
        with context.resources.database.transaction() as session:
            if state is StudyState.STOPPED:
                PartRepository(session).stop(context.study_id, context.fence)
            detail = {} if reason is None else {"failure": reason.model_dump(mode="json")}
            DecisionRepository(session).append(context.study_id, context.fence, how, detail)
            StudyRepository(session).transition(
                context.study_id, state, fence=context.fence, failure=reason
            )
        context.mirror.refresh()

    def count_seconds(self) -> None:
        """Add the time since the last tick to the study's seconds."""
        context = self._context
        now = context.resources.clock()
        if context.study.state is StudyState.RUNNING:
            self._unflushed += now - self._last_clock
        self._last_clock = now
        if self._unflushed >= FLUSH_SECONDS:
            with context.resources.database.transaction() as session:
                StudyRepository(session).add_seconds(
                    context.study_id, context.fence, self._unflushed
                )
            self._unflushed = 0.0

    def watch_budget(self) -> None:
        """When the seconds are spent: record it, stop what runs, and let selection begin."""
        context = self._context
        limit = context.study.resolved.seconds_limit
        spent = context.study.progress.seconds + self._unflushed
        if limit is not None and spent >= limit and not self._time_is_up:
            with context.resources.database.transaction() as session:
                DecisionRepository(session).append(
                    context.study_id,
                    context.fence,
                    "time_budget",
                    {"seconds": spent, "cohorts": len(context.mirror.cohorts)},
                )
                RevisionRepository(session).end_search(context.study_id, context.fence)
            self._time_is_up = True
        if self._time_is_up:
            context.yield_jobs("stop")
            if not context.jobs and not self._is_harvesting():
                context.end_live_trials(TrialState.STOPPED, None)

    def _is_harvesting(self) -> bool:
        """Whether trials that wait still have to be asked for their best so far."""
        return self._context.dataset is not None and bool(self._context.harvest())
