"""Recurrent networks for texts: an encoder that reads tokens, a decoder that writes them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PAD, END, UNKNOWN, DROPPED = 0, 1, 2, 3
"""Token ids that are no token of a text; END also stands before the first one."""
NEVER_WRITTEN = (PAD, DROPPED)
"""What a decoder left to itself may not write."""
EMBEDDING_SPREAD = math.sqrt(3)
"""Embeddings start uniform in +-this: a variance of 1, as torch.nn.Embedding's."""


def embed(vocabulary: int, width: int) -> nn.Embedding:
    """One vector a token, read by the encoder and the decoder alike."""
    embedding = nn.Embedding(vocabulary, width)
    nn.init.uniform_(embedding.weight, -EMBEDDING_SPREAD, EMBEDDING_SPREAD)
    return embedding


def shift(ids: Tensor) -> Tensor:
    """What a decoder has read before it writes each token: [B, T] -> [B, T], END comes first."""
    return F.pad(ids[:, :-1], (1, 0), value=END)


class TextEncoder(nn.Module):
    """A GRU (Cho et al. 2014) over the real tokens; its last state gives the code."""

    def __init__(self, config: Mapping[str, Any], codes: int) -> None:
        super().__init__()
        width = int(config["hidden_width"])
        self.gru = nn.GRU(int(config["embedding_dim"]), width, batch_first=True)
        self.dropout = nn.Dropout(config["dropout"])
        self.head = nn.Linear(width, codes)
        nn.init.zeros_(self.head.bias)

    def forward(self, embedded: Tensor, ids: Tensor) -> Tensor:
        """[B, T, E] and their ids [B, T] -> [B, codes]; padding stands at the end of a text."""
        states, _ = self.gru(embedded)
        last = (ids != PAD).sum(1).clamp(min=1) - 1
        state = states[torch.arange(len(ids), device=ids.device), last]
        head: Tensor = self.head(self.dropout(state))
        return head


class TextDecoder(nn.Module):
    """A GRU that starts from the code and sees it again beside every token."""

    def __init__(self, config: Mapping[str, Any], vocabulary: int) -> None:
        super().__init__()
        width, code = int(config["hidden_width"]), int(config["latent_dim"])
        self.start = nn.Linear(code, width)
        nn.init.zeros_(self.start.bias)
        self.gru = nn.GRU(int(config["embedding_dim"]) + code, width, batch_first=True)
        self.dropout = nn.Dropout(config["dropout"])
        self.head = nn.Linear(width, vocabulary)
        nn.init.zeros_(self.head.bias)

    def forward(self, embedded: Tensor, code: Tensor) -> Tensor:
        """Tokens read so far [B, T, E] and codes [B, L] -> logits of the next, [B, T, V]."""
        beside = code[:, None].expand(-1, embedded.shape[1], -1)
        states, _ = self.gru(torch.cat([embedded, beside], dim=2), self.start(code).tanh()[None])
        logits: Tensor = self.head(self.dropout(states))
        return logits

    def write(self, embedding: nn.Embedding, code: Tensor, length: int) -> Tensor:
        """The likeliest token after each other, [B, L] -> ids [B, length], padded after END."""
        state = self.start(code).tanh()[None]
        token = torch.full((len(code),), END, device=code.device)
        over = torch.zeros_like(token, dtype=torch.bool)
        written = []
        for _ in range(length):
            seen = torch.cat([embedding(token), code], dim=1)[:, None]
            out, state = self.gru(seen, state)
            logits = self.head(self.dropout(out[:, 0]))
            logits[:, list(NEVER_WRITTEN)] = -math.inf
            token = logits.argmax(1).masked_fill(over, PAD)
            over = over | (token == END)
            written.append(token)
        return torch.stack(written, dim=1)


def token_nats(logits: Tensor, ids: Tensor) -> Tensor:
    """Cross-entropy of every token, [B, T, V] and [B, T] -> [B, T] nats; 0 where it is padding."""
    return F.cross_entropy(
        logits.flatten(0, 1), ids.flatten(), ignore_index=PAD, reduction="none"
    ).view_as(ids)
