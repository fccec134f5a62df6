"""The families that come with the service. Torch-free."""

from trainers.activations import (
    count_of_restoration,
    count_of_tables,
    count_of_texts,
    count_twice,
)
from trainers.adversarial_params import (
    AaeParams,
    BiGanParams,
    VaeGanParams,
    count_aae,
    count_bigan,
    count_vae_gan,
)
from trainers.family import Family
from trainers.metric_catalog import CODE_METRICS, LIKELIHOOD_METRICS, TABLE_METRICS
from trainers.params import (
    AutoencoderParams,
    VaeParams,
    count_autoencoder,
    count_vae,
)
from trainers.regularised_params import (
    ContractiveAutoencoderParams,
    RaeParams,
    SparseAutoencoderParams,
    WaeMmdParams,
)
from trainers.restoration_params import (
    DenoisingAutoencoderParams,
    SuperResolutionParams,
    count_super_resolution,
)
from trainers.tabular_params import TabularAutoencoderParams, count_tabular
from trainers.text_catalog import TEXT_METRIC_NAMES
from trainers.text_params import (
    TextAutoencoderParams,
    TextVaeParams,
    count_text_autoencoder,
    count_text_vae,
)
from trainers.vae_params import BetaVaeParams, SigmaVaeParams
from trainers.vq_params import VqVaeParams, count_vq_used, count_vq_vae

BUILT_IN = (
    Family(
        name="autoencoder",
        title="Autoencoder",
        description="A fully connected encoder and its mirror image, trained on reconstruction.",
        params=AutoencoderParams,
        array="trainers.autoencoder:AutoencoderArray",
        plain="trainers.plain.autoencoder",
        count_parameters=count_autoencoder,
    ),
    Family(
        name="denoising_autoencoder",
        title="Denoising autoencoder",
        description="An autoencoder that sees noise of its own in training and is asked for the "
        "clean sample (Vincent et al. 2008); evaluated clean, or at the noise of the task.",
        params=DenoisingAutoencoderParams,
        array="trainers.denoising_autoencoder:DenoisingAutoencoderArray",
        plain="trainers.plain.denoising_autoencoder",
        count_parameters=count_autoencoder,
        tasks=("reconstruct", "denoise"),
    ),
    Family(
        name="vae",
        title="Variational autoencoder",
        description="Reconstruction plus KL to a standard normal prior (Kingma & Welling 2014), "
        "with the optimal sigma by default.",
        params=VaeParams,
        array="trainers.vae:VaeArray",
        plain="trainers.plain.vae",
        count_parameters=count_vae,
        metrics=LIKELIHOOD_METRICS,
        likelihood=True,
    ),
    Family(
        name="super_resolution",
        title="Super-resolution network",
        description="Residual blocks on the small image and a PixelShuffle, added to the bicubic "
        "enlargement (Shi et al. 2016, Lim et al. 2017); on noisy or holed images the same without "
        "a change of size (Zhang et al. 2017).",
        params=SuperResolutionParams,
        array="trainers.super_resolution:SuperResolutionArray",
        plain="trainers.plain.super_resolution",
        count_parameters=count_super_resolution,
        count_activations=count_of_restoration,
        tasks=("denoise", "inpaint", "super_resolve"),
        data=("image",),
    ),
    Family(
        name="vq_vae",
        title="VQ-VAE",
        description="An autoencoder whose code is one of a codebook's vectors at every position "
        "(van den Oord et al. 2017); the codebook is moving means, idle codes move to the data.",
        params=VqVaeParams,
        array="trainers.vq_vae:VqVaeArray",
        plain="trainers.plain.vq_vae",
        count_parameters=count_vq_vae,
        count_used=count_vq_used,
        metrics=CODE_METRICS,
    ),
    Family(
        name="text_autoencoder",
        title="Text autoencoder",
        description="A GRU that reads a text into a vector, and one that writes it from there.",
        params=TextAutoencoderParams,
        array="trainers.text_autoencoder:TextAutoencoderArray",
        plain="trainers.plain.text_autoencoder",
        count_parameters=count_text_autoencoder,
        count_activations=count_of_texts,
        metrics=TEXT_METRIC_NAMES,
        tasks=("reconstruct", "denoise"),
        data=("text",),
    ),
    Family(
        name="text_vae",
        title="Text VAE",
        description="The text autoencoder with a normal posterior over its vector (Bowman et al. "
        "2016); word dropout and free bits keep the writer from ignoring it.",
        params=TextVaeParams,
        array="trainers.text_vae:TextVaeArray",
        plain="trainers.plain.text_vae",
        count_parameters=count_text_vae,
        count_activations=count_of_texts,
        metrics=(*TEXT_METRIC_NAMES, "elbo", "kl"),
        likelihood=True,
        tasks=("reconstruct", "denoise"),
        data=("text",),
    ),
    Family(
        name="beta_vae",
        title="Beta-VAE",
        description="The VAE with half a sum of squares and a weight on the KL (Higgins et al. "
        "2017): beta is the variance of the noise that the decoder assumes.",
        params=BetaVaeParams,
        array="trainers.vae:BetaVaeArray",
        plain="trainers.plain.vae",
        count_parameters=count_vae,
        metrics=LIKELIHOOD_METRICS,
        likelihood=True,
    ),
    Family(
        name="sigma_vae",
        title="Sigma-VAE",
        description="The VAE whose noise is always the optimal one for its reconstructions (Rybkin "
        "et al. 2021): there is no beta to choose.",
        params=SigmaVaeParams,
        array="trainers.vae:SigmaVaeArray",
        plain="trainers.plain.vae",
        count_parameters=count_vae,
        metrics=LIKELIHOOD_METRICS,
        likelihood=True,
    ),
    Family(
        name="vae_gan",
        title="VAE-GAN",
        description="A VAE whose reconstructions and samples a discriminator cannot tell from data "
        "(after Larsen et al. 2016); its likelihood stays in pixels.",
        params=VaeGanParams,
        array="trainers.vae_gan:VaeGanArray",
        plain="trainers.plain.vae_gan",
        count_parameters=count_vae_gan,
        count_activations=count_twice,
        count_used=count_vae,
        metrics=LIKELIHOOD_METRICS,
        likelihood=True,
    ),
    Family(
        name="aae",
        title="Adversarial autoencoder",
        description="An autoencoder whose codes a discriminator cannot tell from a standard normal "
        "(Makhzani et al. 2015).",
        params=AaeParams,
        array="trainers.aae:AaeArray",
        plain="trainers.plain.aae",
        count_parameters=count_aae,
        count_used=count_autoencoder,
    ),
    Family(
        name="bigan",
        title="BiGAN",
        description="A GAN with an encoder (Donahue et al. 2017), its reconstructions also charged "
        "in pixels (ALICE, Li et al. 2017) unless reconstruction_weight is 0.",
        params=BiGanParams,
        array="trainers.bigan:BiGanArray",
        plain="trainers.plain.bigan",
        count_parameters=count_bigan,
        count_activations=count_twice,
        count_used=count_autoencoder,
    ),
    Family(
        name="wae_mmd",
        title="Wasserstein autoencoder",
        description="An autoencoder whose codes are spread like a standard normal, by the MMD of "
        "every batch (Tolstikhin et al. 2018): prior samples without a KL.",
        params=WaeMmdParams,
        array="trainers.regularised:WaeMmdArray",
        plain="trainers.plain.wae_mmd",
        count_parameters=count_autoencoder,
    ),
    Family(
        name="rae",
        title="Regularised autoencoder",
        description="An autoencoder with short codes and a smooth decoder, by its weights or its "
        "slope (Ghosh et al. 2020): a VAE without its noise.",
        params=RaeParams,
        array="trainers.regularised:RaeArray",
        plain="trainers.plain.rae",
        count_parameters=count_autoencoder,
        count_activations=count_twice,
    ),
    Family(
        name="sparse_autoencoder",
        title="Sparse autoencoder",
        description="An autoencoder whose codes are mostly silent, by an L1 charge on rectified "
        "codes, or by a mean activity that each is held to (Ng 2011).",
        params=SparseAutoencoderParams,
        array="trainers.regularised:SparseAutoencoderArray",
        plain="trainers.plain.sparse_autoencoder",
        count_parameters=count_autoencoder,
    ),
    Family(
        name="contractive_autoencoder",
        title="Contractive autoencoder",
        description="An autoencoder whose code moves little when its input does: the squared slope "
        "of the encoder is charged (Rifai et al. 2011).",
        params=ContractiveAutoencoderParams,
        array="trainers.regularised:ContractiveAutoencoderArray",
        plain="trainers.plain.contractive_autoencoder",
        count_parameters=count_autoencoder,
        count_activations=count_twice,
    ),
    Family(
        name="tabular_autoencoder",
        title="Tabular autoencoder",
        description="An autoencoder of rows: numbers with a loss of numbers, categories with their "
        "cross-entropy, every column counted once.",
        params=TabularAutoencoderParams,
        array="trainers.tabular_autoencoder:TabularAutoencoderArray",
        plain="trainers.plain.tabular_autoencoder",
        count_parameters=count_tabular,
        count_activations=count_of_tables,
        metrics=TABLE_METRICS,
        tasks=("reconstruct", "denoise", "inpaint"),
        data=("table", "vector"),
    ),
)
