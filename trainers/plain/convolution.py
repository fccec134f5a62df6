"""Convolutional networks for images: strided stages down, resize and convolve up.

Images travel as flat samples in H, W, C order. A decoder resizes before it convolves, so that
no checkerboard appears (Odena, Dumoulin & Olah 2016).
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from trainers.plain.networks import ACTIVATIONS
from trainers.plain.stages import stage_channels, stage_sides

KERNEL = 3


class ConvBlock(nn.Module):
    """Convolution with stride 2, or nearest doubling and convolution; norm, activation, dropout.

    `sides`: what a doubled map is cropped to, since a side that was odd has been rounded up.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        config: Mapping[str, Any],
        sides: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.sides = sides
        biased = config["norm"] != "batch"  # a batch norm would take the bias out again
        stride = 1 if sides else 2
        self.conv = nn.Conv2d(inputs, outputs, KERNEL, stride, padding=1, bias=biased)
        nn.init.kaiming_uniform_(self.conv.weight, nonlinearity="relu")
        if biased:
            nn.init.zeros_(cast(Tensor, self.conv.bias))
        self.norm: nn.Module = nn.Identity()
        if config["norm"] == "batch":
            self.norm = nn.BatchNorm2d(outputs)
        elif config["norm"] == "layer":
            self.norm = nn.GroupNorm(1, outputs)
        self.activation = ACTIVATIONS[config["activation"]]()
        self.dropout = nn.Dropout2d(config["dropout"])

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, h, w] -> [N, outputs, h', w']."""
        if self.sides:
            height, width = self.sides
            x = F.interpolate(x, scale_factor=2.0)[..., :height, :width]
        return cast(Tensor, self.dropout(self.activation(self.norm(self.conv(x)))))


class ConvEncoder(nn.Module):
    """Stages that halve the image, and a linear head over the last map."""

    def __init__(
        self,
        shape: Sequence[int],
        parts: int,
        outputs: int,
        config: Mapping[str, Any],
        *,
        as_map: bool = False,
    ) -> None:
        """`parts`: how many images of `shape` stand behind one another in a flat input.

        `as_map`: the same small head at every position of the last map, for its own outputs.
        """
        super().__init__()
        height, width, channels = (*shape, 1)[:3]
        self.image = (parts, height, width, channels)
        sides = stage_sides(height, width, int(config["stages"]))
        widths = [parts * channels, *stage_channels(int(config["channels"]), len(sides) - 1)]
        self.stages = nn.Sequential(
            *(ConvBlock(widths[i], widths[i + 1], config) for i in range(len(sides) - 1))
        )
        places = sides[-1][0] * sides[-1][1]
        self.pieces = places if as_map else 1
        self.head = nn.Linear(places * widths[-1] // self.pieces, outputs // self.pieces)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N, parts * H * W * C] -> [N, outputs]."""
        parts, height, width, channels = self.image
        x = x.reshape(-1, parts, height, width, channels).permute(0, 1, 4, 2, 3)
        x = self.stages(x.reshape(-1, parts * channels, height, width))
        x = x.permute(0, 2, 3, 1).reshape(len(x), self.pieces, -1)
        return cast(Tensor, self.head(x).flatten(1))


class ConvDecoder(nn.Module):
    """A linear layer to the last map, stages that double it, and a convolution at full size.

    At full size it has half as many channels as the encoder after its first stage: on digits and
    Fashion-MNIST better than twice the channels without a layer at full size, and cheaper.
    """

    def __init__(
        self, inputs: int, shape: Sequence[int], config: Mapping[str, Any], *, as_map: bool = False
    ) -> None:
        super().__init__()
        height, width, channels = (*shape, 1)[:3]
        sides = stage_sides(height, width, int(config["stages"]))
        widths = [
            int(config["channels"]) // 2,
            *stage_channels(int(config["channels"]), len(sides) - 1),
        ]
        self.sides, self.channels = sides[-1], widths[-1]
        places = self.sides[0] * self.sides[1]
        self.pieces = places if as_map else 1
        self.entry = nn.Linear(inputs // self.pieces, places * self.channels // self.pieces)
        nn.init.kaiming_uniform_(self.entry.weight, nonlinearity="relu")
        nn.init.zeros_(self.entry.bias)
        self.activation = ACTIVATIONS[config["activation"]]()
        self.stages = nn.Sequential(
            *(
                ConvBlock(widths[i + 1], widths[i], config, sides[i])
                for i in reversed(range(len(sides) - 1))
            )
        )
        self.head = nn.Conv2d(widths[0], channels, KERNEL, padding=1)
        nn.init.zeros_(cast(Tensor, self.head.bias))

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs] -> [N, H * W * C]."""
        x = self.activation(self.entry(x.view(len(x), self.pieces, -1)))
        x = x.view(-1, *self.sides, self.channels).permute(0, 3, 1, 2)
        return cast(Tensor, self.head(self.stages(x)).permute(0, 2, 3, 1).flatten(1))
