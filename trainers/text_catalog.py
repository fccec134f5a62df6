"""The metrics of texts, as the catalog shows them. Torch-free."""

from service.domain.catalog import MetricEntry

TEXT_METRICS = (
    MetricEntry(
        name="token_cross_entropy",
        direction="minimize",
        unit="nats per token",
        reconstruction=True,
        description="Cross-entropy over real tokens (the end of the text among them, padding not), "
        "teacher-forced: every token is predicted from the right ones before it. A VAE decodes the "
        "posterior mean. It says little of what the model writes on its own.",
    ),
    MetricEntry(
        name="perplexity",
        direction="minimize",
        unit="tokens",
        reconstruction=True,
        description="The exponential of token_cross_entropy: among how many equally likely tokens "
        "the model hesitates.",
    ),
    MetricEntry(
        name="exact_match",
        direction="maximize",
        unit="share of texts",
        reconstruction=True,
        description="Texts that come back without a fault when the model writes on its own, the "
        "likeliest token after each other; on at most 512 fixed texts of each part.",
    ),
    MetricEntry(
        name="edit_distance",
        direction="minimize",
        unit="edits per token",
        reconstruction=True,
        description="Insertions, deletions and replacements (Levenshtein 1966) from the text to "
        "what the model writes on its own, over the tokens of the text; on at most 512 fixed texts "
        "of each part.",
    ),
)
TEXT_METRIC_NAMES = tuple(metric.name for metric in TEXT_METRICS)
