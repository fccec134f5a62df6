"""TextModel: tokens in and out, and what text families share."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from trainers.plain.base import PlainModel
from trainers.plain.edits import edit_distances, lengths
from trainers.plain.given import Given
from trainers.plain.recurrent import (
    DROPPED,
    END,
    PAD,
    UNKNOWN,
    TextDecoder,
    TextEncoder,
    embed,
    shift,
    token_nats,
)
from trainers.plain.tokens import REPLACEMENT, join_tokens, split_text

PARTS = 256
"""Texts written at once."""
CHUNK = 1024
"""Texts measured at once."""
WRITTEN = 512
"""Texts that are written freely when a model is measured: the first ones."""


class TextModel(PlainModel):
    """A GRU that reads a text into a code, and one that writes it from the code.

    Samples are token ids: 0 pads, 1 ends the text, 2 is unknown, 3 a dropped token; `problem`
    holds the vocabulary. Training is teacher-forced; whatever is reconstructed is written freely,
    the likeliest token after each other.
    """

    codes = 1
    """Numbers that the encoder says of each latent dimension."""

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.tokens: list[str] = list(problem["tokens"])
        self.tokenizer: str = problem["tokenizer"]
        self.latent_dim = int(config["latent_dim"])
        self.embedding = embed(len(self.tokens), int(config["embedding_dim"]))
        self.encoder = TextEncoder(config, self.codes * self.latent_dim)
        self.decoder = TextDecoder(config, len(self.tokens))

    def read(self, given: Given) -> Tensor:
        """Token ids [N, T] -> what the encoder says of them, [N, codes * L]."""
        ids = given.start.long()
        code: Tensor = self.encoder(self.embedding(ids), ids)
        return code

    def nats(self, target: Tensor, code: Tensor, kept: Tensor | None = None) -> Tensor:
        """Teacher-forced cross-entropy of every token, [N, T] and [N, L] -> [N, T].

        In training the decoder sees a dropped token in place of a share `word_dropout` of what
        it has read (Bowman et al. 2016); `kept` [N, T], 0 where, says which.
        """
        ids = target.long()
        seen = shift(ids)
        if kept is None and self.training and self.config["word_dropout"] > 0:
            kept = torch.rand(seen.shape, device=seen.device) >= self.config["word_dropout"]
        if kept is not None:
            kept = kept.bool() | (torch.arange(seen.shape[1], device=seen.device) == 0)
            seen = torch.where(kept, seen, DROPPED)
        return token_nats(self.decoder(self.embedding(seen), code), ids)

    def elbo(self, target: Tensor, given: Given, noise: Tensor) -> Tensor | None:
        """Mean ELBO of ids [N, T] in nats; None where there is no likelihood."""
        return None

    def decode(self, code: Tensor) -> Tensor:
        """[N, L] -> the ids that are written freely, [N, T], as float32."""
        parts = [
            self.decoder.write(self.embedding, part, self.features)
            for part in torch.split(code, PARTS)
        ]
        return torch.cat(parts).to(code)

    def decode_latent(self, code: Tensor) -> Tensor:
        """[N, L] -> the ids that are written freely, [N, T]."""
        return self.decode(code)

    def element_errors(self, target: Tensor, given: Given) -> Tensor:
        """1 where the token written freely is not the right one, 0 where it is; [N, T]."""
        return ((self.estimate(given) != target) & (target != PAD)).to(target)

    def errors(self, target: Tensor, given: Given) -> Tensor:
        """Edit distance of each reconstruction, [N]; its cross-entropy decides between equals."""
        code = self.encode(given)
        distances = edit_distances(target.long(), self.decode(code).long())
        nats = self.nats(target, code).sum(1)
        return distances + nats / (nats + 100)

    def measure(self, data: Tensor, generator: torch.Generator) -> dict[str, float]:
        """The metrics of texts, ids [N, T]; `generator` draws what the task does to them.

        exact_match and edit_distance are those of the first WRITTEN texts. A VAE adds its elbo.
        """
        nats, elbo, faultless, edits, letters, has_elbo = 0.0, 0.0, 0, 0, 0, False
        for start in range(0, len(data), CHUNK):
            target = data[start : start + CHUNK]
            given = self.corrupt(target, generator)
            code = self.encode(given)
            nats += float(self.nats(target, code).sum())
            noise = torch.randn(len(target), self.latent_dim, generator=generator)
            bound = self.elbo(target, given, noise)
            has_elbo = bound is not None
            elbo += float(bound) * len(target) if bound is not None else 0.0
            if start == 0:
                wanted = target[:WRITTEN].long()
                distances = edit_distances(wanted, self.decode(code[:WRITTEN]).long())
                faultless, edits = int((distances == 0).sum()), int(distances.sum())
                letters = int(lengths(wanted).sum())
        entropy = nats / int((data != PAD).sum())
        found = {
            "token_cross_entropy": entropy,
            "perplexity": math.exp(entropy),
            "exact_match": faultless / min(len(data), WRITTEN),
            "edit_distance": edits / max(letters, 1),
        }
        return {**found, "elbo": elbo / len(data)} if has_elbo else found

    def pieces(self, text: str) -> list[str]:
        """The tokens of a text that a sample has room for."""
        return split_text(text, self.tokenizer)[: self.features - 1]

    def scaled(self, raw: Any) -> Tensor:
        """Texts -> token ids, [N, T] float32; what is longer than a sample is cut."""
        known = {token: index for index, token in enumerate(self.tokens) if index > DROPPED}
        known.setdefault(REPLACEMENT, DROPPED)
        ids = torch.full((len(raw), self.features), float(PAD))
        for row, text in enumerate(raw):
            numbers = [known.get(piece, UNKNOWN) for piece in self.pieces(text)] + [END]
            ids[row, : len(numbers)] = torch.tensor(numbers, dtype=torch.float32)
        return ids

    def preprocess(self, raw: Any) -> Given:
        """Texts -> what the model is given."""
        return Given(self.scaled(raw).to(self.embedding.weight.device))

    def texts(self, ids: Tensor) -> list[str]:
        """Token ids [N, T] -> texts; a token that the vocabulary lacks is U+FFFD."""
        found = []
        for row in ids.long().tolist():
            until = next((i for i, token in enumerate(row) if token in (PAD, END)), len(row))
            pieces = [self.tokens[i] if i > DROPPED else REPLACEMENT for i in row[:until]]
            found.append(join_tokens(pieces, self.tokenizer))
        return found

    @torch.no_grad()
    def reconstruct(self, raw: Any) -> Any:
        """Texts -> texts, written freely; eval mode."""
        training = self.training
        self.eval()
        texts = self.texts(self.estimate(self.preprocess(raw)))
        self.train(training)
        return texts
