"""How K convolutions are put to the library: one by one, or as one with K groups.

    python -m benchmarks.conv_rules [--quick] [--device cuda]

Forward and backward of one layer on maps [K, 64, H, W, C], as trainers.convolution has them, one
thread. The figure of an arm is the fastest of its turns, in processor time on a CPU: it is the
library that is measured, not who else is at work. The rule that follows from it is
`trainers.convolution.GROUPED_POSITIONS`; the last column says what it chooses.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.measuring import table, write_results
from trainers.convolution import GROUPED_POSITIONS, convolve_grouped, convolve_looped

BATCH = 64
TURNS = 15
ARMS = {"loop": convolve_looped, "grouped": convolve_grouped}
SLOTS = (4, 16)


@dataclass(frozen=True)
class Layer:
    """A convolution inside a network for images of `image` pixels."""

    image: int
    side: int
    inputs: int
    outputs: int
    stride: int = 1

    @property
    def positions(self) -> int:
        """Pixels of the map that goes in."""
        return self.side**2

    def __str__(self) -> str:
        way = f"{self.inputs} to {self.outputs}, stride {self.stride}"
        return f"{self.image} px: {self.side} x {self.side}, {way}"


LAYERS = (
    Layer(8, 8, 1, 16, 2),
    Layer(8, 4, 16, 32, 2),
    Layer(8, 4, 32, 16),
    Layer(8, 8, 16, 8),
    Layer(8, 8, 8, 1),
    Layer(28, 28, 1, 16, 2),
    Layer(28, 14, 16, 32, 2),
    Layer(28, 14, 32, 16),
    Layer(28, 28, 16, 8),
    Layer(28, 28, 8, 1),
    Layer(32, 32, 3, 32, 2),
    Layer(32, 16, 32, 64, 2),
    Layer(32, 16, 64, 32),
    Layer(32, 32, 16, 3),
)


def step(layer: Layer, slots: int, way: Callable[..., Tensor], device: str) -> Callable[[], None]:
    """A forward and a backward pass with everything in place."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device).requires_grad_()

    x = draw(slots, BATCH, layer.side, layer.side, layer.inputs)
    weight, bias = draw(slots, layer.outputs, layer.inputs, 3, 3), draw(slots, layer.outputs)
    side = -(-layer.side // layer.stride)
    gradient = draw(slots, BATCH, side, side, layer.outputs).detach()

    def run() -> None:
        torch.autograd.grad(way(x, weight, bias, layer.stride), [x, weight, bias], gradient)
        if device != "cpu":
            torch.cuda.synchronize()

    return run


def measure(layer: Layer, slots: int, device: str, turns: int) -> dict[str, float]:
    """Milliseconds of every arm: the fastest of its turns, A-B-B-A."""
    clock = time.thread_time if device == "cpu" else time.perf_counter
    steps = {name: step(layer, slots, way, device) for name, way in ARMS.items()}
    fastest = dict.fromkeys(ARMS, float("inf"))
    for turn in range(turns + 1):
        for name in list(ARMS) if turn % 2 else reversed(list(ARMS)):
            start = clock()
            steps[name]()
            if turn:  # the first one warms up
                fastest[name] = min(fastest[name], 1e3 * (clock() - start))
    return fastest


def main() -> None:
    """Measure every layer and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few turns, 4 slots only")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[list[object]] = []
    for layer in LAYERS:
        for slots in SLOTS[:1] if arguments.quick else SLOTS:
            turns = 3 if arguments.quick else TURNS
            found = measure(layer, slots, arguments.device, turns)
            ratio = found["grouped"] / found["loop"]
            on_cpu = arguments.device == "cpu"
            grouped = layer.positions <= GROUPED_POSITIONS or not on_cpu
            chosen = "grouped" if grouped else "loop"
            figures = [f"{value:.2f}" for value in found.values()]
            rows.append([layer, slots, *figures, f"{ratio:.2f}", chosen])
            print(*rows[-1], sep=" | ")
    head = ["layer", "slots", "loop, ms", "grouped, ms", "grouped / loop", "rule"]
    write_results(f"Convolutions of K models ({arguments.device})", table(head, rows))


if __name__ == "__main__":
    main()
