"""Which trials belong to which revision of a study: arithmetic on the resolved spec alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.space import Params, Scalar
from service.domain.spec import ResolvedSpec


@dataclass(frozen=True)
class PlannedRevision:
    """The trials that one revision of a study adds: the budget's, or those of an extension.

    Each begins with a new cohort, whatever the size of the last one before it: a cohort that is
    told stays as it was, and the next one is whole.
    """

    number: int
    """Counts from 1."""
    first_trial: int
    trials: int
    first_cohort: int
    cohort_size: int
    enqueue: tuple[Mapping[str, Scalar], ...]

    @property
    def cohorts(self) -> int:
        """How many cohorts hold its trials."""
        return -(-self.trials // self.cohort_size)

    def cohort(self, cohort: int) -> range:
        """The numbers of the trials in one of the study's cohorts, of which it holds some."""
        start = (cohort - self.first_cohort) * self.cohort_size
        stop = min(start + self.cohort_size, self.trials)
        return range(self.first_trial + start, self.first_trial + max(start, stop))


def revisions(spec: ResolvedSpec) -> Sequence[PlannedRevision]:
    """The revisions in order; of one that ended early only the trials that there are."""
    assert spec.budget.trials is not None
    firsts = (0, *(extension.first for extension in spec.extensions))
    ends = (*firsts[1:], spec.trials)
    entries = (spec.enqueue, *(extension.enqueue for extension in spec.extensions))
    found: list[PlannedRevision] = []
    for number, (first, end, enqueue) in enumerate(zip(firsts, ends, entries, strict=True), 1):
        cohort = found[-1].first_cohort + found[-1].cohorts if found else 0
        found.append(
            PlannedRevision(number, first, end - first, cohort, spec.cohort_size, tuple(enqueue))
        )
    return found


def revision_of(spec: ResolvedSpec, cohort: int) -> PlannedRevision:
    """The revision that a cohort belongs to; the last one for whatever comes after it."""
    found = [each for each in revisions(spec) if each.first_cohort <= cohort]
    if not found:
        raise ValueError(f"there is no cohort {cohort}")
    return found[-1]


def enqueued(spec: ResolvedSpec, number: int) -> Params | None:
    """What a trial's params are to be as far as that was asked for; None: the sampler chooses."""
    for revision in revisions(spec):
        place = number - revision.first_trial
        if 0 <= place < min(len(revision.enqueue), revision.trials):
            return dict(revision.enqueue[place])
    return None
