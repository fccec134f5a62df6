"""What doing nothing gives on whole photographs, beside the figures of shared/data/README.md.

    python -m benchmarks.doing_nothing /work/shared/data/kodak24

Mean of the images' PSNR in dB, and in brackets the PSNR of the mean error; clipped to [0, 1].
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from trainers.degradation import frozen_given
from trainers.plain.given import Given
from trainers.problem import Problem
from trainers.tasks import Task

EXPECTED = {
    "gaussian, sigma 15": "24.76",
    "gaussian, sigma 25": "20.44",
    "gaussian, sigma 50": "14.86",
    "bicubic x2": "29.25 (27.97), rounded to bytes",
    "bicubic x4": "25.57 (24.49), rounded to bytes",
    "half of the pixels hidden": "17.66 (17.13), each image's channel means",
}
TASKS = {
    "gaussian, sigma 15": Task("denoise", noise="gaussian", level=15 / 255),
    "gaussian, sigma 25": Task("denoise", noise="gaussian", level=25 / 255),
    "gaussian, sigma 50": Task("denoise", noise="gaussian", level=50 / 255),
    "bicubic x2": Task("super_resolve", factor=2),
    "bicubic x4": Task("super_resolve", factor=4),
    "half of the pixels hidden": Task("inpaint", mask="random", share=0.5),
}


def describe(estimate: Tensor, target: Tensor) -> str:
    """Both figures of images [n, F]."""
    errors = (estimate.clamp(0, 1) - target).square().mean(1)
    return f"{-10 * errors.log10().mean():.2f} ({-10 * errors.mean().log10():.2f})"


def filled_by_image(given: Given, target: Tensor) -> Tensor:
    """Holes filled with the channel means of each image itself, [n, F]."""
    assert given.known is not None
    pixels = target.view(len(target), -1, 3)
    known = given.known.view(pixels.shape)
    return torch.where(known > 0, pixels, pixels.mean(1, keepdim=True)).flatten(1)


def main() -> None:
    """Read the photographs of a folder and print a row for each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]
    shape = photos[0].shape
    target = torch.from_numpy(np.stack(photos).astype(np.float32) / 255).flatten(1)
    print(f"{len(target)} photographs of {shape}")
    print("| task | ours | README |\n|---|---|---|")
    for name, task in TASKS.items():
        problem = Problem("image", shape, task)
        given = frozen_given(problem, target, target.mean(0), 0, target.device)
        estimate = given.start if given.known is None else filled_by_image(given, target)
        print(f"| {name} | {describe(estimate, target)} | {EXPECTED[name]} |", flush=True)


if __name__ == "__main__":
    main()
