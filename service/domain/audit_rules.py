"""Rules of the linter about what ingestion found: copies, twins, groups, cuts (truth 15)."""

from collections.abc import Iterator

from service.domain.catalog import Catalog
from service.domain.records import Dataset, Notice
from service.domain.spec import ResolvedSpec

MUCH_UNKNOWN = 0.02
"""Share of validation tokens outside the vocabulary from which on scores suffer."""
FEW_GROUPS = 20


def warn_of_duplicates(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Copies of train samples in the other parts flatter every score."""
    if not dataset.duplicates_across:
        return
    held_out = dataset.validation + dataset.test
    kept = dataset.audit is not None and dataset.audit.duplicates == "keep"
    yield Notice(
        code="duplicates-across-split",
        pointer="/dataset/duplicates" if kept else "/split",
        message=f"{dataset.duplicates_across:,} of {held_out:,} validation and test samples "
        "have an exact copy in train: their scores are those of samples already seen",
        remedy="write duplicates: group, or drop"
        if kept
        else "the parts are files of their own and stay as they are: write duplicates: drop, or "
        "remove the copies from the files",
    )


def warn_of_near_duplicates(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Twins of train samples that are no exact copies flatter scores too."""
    audit = dataset.audit
    if audit is None or not audit.near_across:
        return
    held_out = dataset.validation + dataset.test
    alike = "agree in letters" if dataset.kind == "text" else "look alike"
    yield Notice(
        code="near-duplicates-across-split",
        pointer="/dataset/duplicates",
        message=f"{audit.near_across:,} of {held_out:,} validation and test samples and one in "
        f"train {alike}: candidates for duplicates",
        remedy="look at them; duplicates: near keeps such pairs in one part, and group_by whatever "
        "belongs together",
    )


def warn_of_few_groups(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Samples of one group are not independent: a part is as large as its groups are many."""
    audit = dataset.audit
    samples = dataset.train + dataset.validation + dataset.test
    if audit is None or audit.groups >= min(FEW_GROUPS, samples):
        return
    yield Notice(
        code="few-groups",
        pointer="/dataset",
        message=f"the samples come from {audit.groups} groups, each in one part: scores depend on "
        "which groups validation happened to get",
        remedy="take more of them, or read close results as ties",
    )


def warn_of_late_train(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Where the order of the file divides, what comes later is what must be foretold."""
    audit = dataset.audit
    if audit is None or not audit.late_train:
        return
    kept = audit.duplicates == "keep"
    yield Notice(
        code="train-behind-validation",
        pointer="/dataset/group_by" if kept else "/dataset/duplicates",
        message=f"with order: file, {audit.late_train:,} of {dataset.train:,} train samples stand "
        "behind the first validation sample in the file: their groups began before it",
        remedy="leave group_by out, if the file is a time series"
        if kept
        else "write duplicates: keep, if the file is a time series whose samples repeat, or drop",
    )


def warn_of_cut_texts(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """What is cut is neither learned nor scored."""
    if dataset.audit is not None and dataset.audit.cut:
        yield Notice(
            code="cut-texts",
            pointer="/dataset/max_length",
            message=f"{dataset.audit.cut:,} texts are longer than {dataset.shape[0] - 1} tokens "
            "and were cut",
            remedy="raise max_length, or take level: word",
        )


def warn_of_unknown_tokens(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """An unknown token cannot be reconstructed, only recognised as unknown."""
    share = None if dataset.audit is None else dataset.audit.unknown_tokens
    if share is not None and share > MUCH_UNKNOWN:
        yield Notice(
            code="unknown-tokens",
            pointer="/dataset/max_vocabulary",
            message=f"{share:.1%} of the validation tokens are not in the vocabulary of "
            f"{dataset.vocabulary:,}, which train alone determines",
            remedy="raise max_vocabulary, or take level: char",
        )


def warn_of_unseen_categories(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """A category that train lacks is all zeros, which no model was taught."""
    if dataset.audit is not None and dataset.audit.unseen_categories:
        yield Notice(
            code="unseen-categories",
            pointer="/dataset/columns",
            message=f"{dataset.audit.unseen_categories:,} values of validation and test are "
            "missing, or of categories that train does not have",
            remedy="leave columns of rare categories out, or join the rare ones",
        )


AUDIT_RULES = (
    warn_of_duplicates,
    warn_of_near_duplicates,
    warn_of_few_groups,
    warn_of_late_train,
    warn_of_cut_texts,
    warn_of_unknown_tokens,
    warn_of_unseen_categories,
)
