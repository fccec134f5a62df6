"""The parameters of augmentation: what families on images mix into their Params. Torch-free."""

from typing import Annotated

from trainers.knobs import FamilyParams, Knob, choices_of, reals, whole

LARGEST_SHIFT = 8
LARGEST_CROP = 0.5


class ImageAugmentation(FamilyParams):
    """Training samples changed afresh every epoch; evaluation sees the originals."""

    augment_flip: Annotated[
        bool,
        Knob(
            role="optimisation",
            allowed=choices_of(False, True),
            per_slot=True,
            description="Mirror half of the training images left to right. Wrong where direction "
            "means something: a mirrored 2 or a mirrored letter is no digit and no letter, and the "
            "model spends capacity on images that validation never shows.",
        ),
    ] = False
    augment_shift: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(0, LARGEST_SHIFT),
            per_slot=True,
            description="Move training images by up to so many pixels along both axes; the edge "
            "is repeated.",
        ),
    ] = 0
    augment_crop: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, LARGEST_CROP),
            per_slot=True,
            description="Cut up to this share off both sides of training images, anywhere, and "
            "resize the rest back to full size.",
        ),
    ] = 0.0
    augment_noise: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, 1.0),
            per_slot=True,
            description="Standard deviation of Gaussian noise on what the model sees in training, "
            "on the scaled data; its target stays clean.",
        ),
    ] = 0.0
