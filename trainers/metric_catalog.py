"""The metrics that trials are ranked by, as the catalog shows them. Torch-free."""

from service.domain.catalog import MetricEntry

NUMBER_METRICS = ("mse", "mae", "psnr", "ssim", "ms_ssim", "bce_excess")
"""Of every family that reconstructs numbers, where the kind of data has them."""
LIKELIHOOD_METRICS = (*NUMBER_METRICS, "elbo", "bits_per_dimension", "kl")
"""Of those with a KL term."""
TABLE_METRICS = ("mse", "mae", "numeric_mse", "categorical_accuracy")
"""Of families that tell numbers and categories apart."""
CODE_METRICS = (*NUMBER_METRICS, "code_perplexity", "codes_used")
"""Of those with a codebook."""

METRICS = (
    MetricEntry(
        name="mse",
        direction="minimize",
        unit="scaled data, squared",
        reconstruction=True,
        description="Mean squared error over samples and features; a VAE decodes the posterior "
        "mean.",
    ),
    MetricEntry(
        name="mae",
        direction="minimize",
        unit="scaled data",
        reconstruction=True,
        description="Mean absolute error over samples and features; a VAE decodes the posterior "
        "mean.",
    ),
    MetricEntry(
        name="psnr",
        direction="maximize",
        unit="dB",
        reconstruction=True,
        data_kinds=["image"],
        description="Peak signal-to-noise ratio: the mean over images of each one's, with the "
        "reconstruction clipped to the data range (1 for data in [0, 1], else the range of "
        "train). It is higher than the PSNR of the mean error; 100 at most.",
    ),
    MetricEntry(
        name="ssim",
        direction="maximize",
        unit="",
        reconstruction=True,
        data_kinds=["image"],
        description="Structural similarity (Wang et al. 2004), the mean over images: Gaussian "
        "window of 11 pixels, or of the widest odd number that fits; clipped as for psnr. On at "
        "most 512 evenly spaced samples of a part; at every epoch only where it ranks the epochs, "
        "else at the best one.",
    ),
    MetricEntry(
        name="ms_ssim",
        direction="maximize",
        unit="",
        reconstruction=True,
        data_kinds=["image"],
        description="Multi-scale SSIM (Wang et al. 2003) at as many of its five scales as the "
        "image has room for: one below 22 pixels (then it is ssim), five from 176 on. Measured "
        "as ssim is.",
    ),
    MetricEntry(
        name="bce_excess",
        direction="minimize",
        unit="nats per sample",
        reconstruction=True,
        data_kinds=["image", "vector"],
        description="Binary cross-entropy of the reconstruction above the entropy of the values "
        "themselves, which nothing can learn away; 0 is perfect. For data in [0, 1]; "
        "reconstructions are kept 1e-6 away from 0 and 1. Measured as ssim is.",
    ),
    MetricEntry(
        name="numeric_mse",
        direction="minimize",
        unit="scaled data, squared",
        reconstruction=True,
        data_kinds=["table", "vector"],
        description="Mean squared error over the numeric columns; mse is over all expanded ones, "
        "probabilities of categories among them.",
    ),
    MetricEntry(
        name="categorical_accuracy",
        direction="maximize",
        unit="share",
        reconstruction=True,
        data_kinds=["table"],
        description="Share of the categorical columns whose likeliest category is the right one; "
        "categories that train does not have are not judged.",
    ),
    MetricEntry(
        name="elbo",
        direction="maximize",
        unit="nats per sample",
        reconstruction=False,
        density=True,
        description="Evidence lower bound at beta = 1 with its constants, at frozen samples of z.",
    ),
    MetricEntry(
        name="bits_per_dimension",
        direction="minimize",
        unit="bits per number",
        reconstruction=False,
        density=True,
        description="The negative ELBO in bits per number of a sample, of a density in raw units: "
        "log2(scale) is added to that of the scaled data (log2 255 for bytes). For whole numbers "
        "that is a bin of width 1 taken at its centre: the usual dequantisation constant, without "
        "its noise. For bce no constant: its likelihood is a probability.",
    ),
    MetricEntry(
        name="kl",
        direction="minimize",
        unit="nats per sample",
        reconstruction=False,
        description="The rate: KL of the posterior to the prior, summed over the code. For a "
        "constraint, or beside a distortion.",
    ),
    MetricEntry(
        name="code_perplexity",
        direction="maximize",
        unit="codes",
        reconstruction=False,
        description="The exponential of the entropy of the use of a codebook over a part of the "
        "data: as many codes, used alike, would say as much. For a bound, or to see a collapse.",
    ),
    MetricEntry(
        name="codes_used",
        direction="maximize",
        unit="codes",
        reconstruction=False,
        description="Entries of a codebook that a part of the data uses at least once.",
    ),
    MetricEntry(
        name="parameters",
        direction="minimize",
        unit="weights",
        reconstruction=False,
        source="complexity",
        description="Weights of the model in use: what is trained and the vectors of a codebook, "
        "without a discriminator.",
    ),
    MetricEntry(
        name="macs",
        direction="minimize",
        unit="multiply-accumulates",
        reconstruction=False,
        source="complexity",
        description="Multiply-accumulates of one sample's reconstruction.",
    ),
    MetricEntry(
        name="latency_seconds",
        direction="minimize",
        unit="s",
        reconstruction=False,
        source="complexity",
        description="Measured time of one sample's reconstruction where the trial was trained.",
    ),
)
