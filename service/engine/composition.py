"""Which trials of a cohort train side by side: a pure function of their configurations."""

from collections.abc import Sequence

from service.domain.catalog import Catalog
from service.domain.estimates import array_capacity, count_kept
from service.domain.problems import problem_fields
from service.domain.records import Dataset
from service.domain.resolve import complete_config, family_of
from service.domain.spec import ResolvedSpec
from service.engine.proposals import Proposal
from service.storage.trials import NewArray, NewTrial


def compose(
    spec: ResolvedSpec, catalog: Catalog, dataset: Dataset, proposals: Sequence[Proposal]
) -> tuple[list[NewTrial], list[NewArray]]:
    """Group a cohort into arrays by shape signature, in order of their first trial."""
    problem = problem_fields(dataset, spec.task)
    groups: dict[str, list[int]] = {}
    capacity: dict[str, int] = {}
    families: dict[int, str] = {}
    for proposal in proposals:
        family = family_of(spec, proposal.params)
        config = complete_config(spec, family, proposal.params)
        signature = catalog.signature(family, config)
        families[proposal.number] = family
        groups.setdefault(signature, []).append(proposal.number)
        capacity[signature] = array_capacity(
            catalog.count_parameters(family, config, problem),
            count_kept(catalog, family, config, problem, dataset.train),
        )
    chunks = sorted(
        (members[start : start + capacity[signature]], signature)
        for signature, members in groups.items()
        for start in range(0, len(members), capacity[signature])
    )
    arrays = [
        NewArray(index=index, signature=signature, trials=members)
        for index, (members, signature) in enumerate(chunks)
    ]
    array_of = {number: array.index for array in arrays for number in array.trials}
    trials = [
        NewTrial(
            number=proposal.number,
            array=array_of[proposal.number],
            family=families[proposal.number],
            params=proposal.params,
            seed=proposal.seed,
        )
        for proposal in proposals
    ]
    return trials, arrays
