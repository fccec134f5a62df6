"""TextArray: what the recurrent families of texts share."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.base import ModelArray
from trainers.layers import Dropout, Linear, Pass, fit, padded
from trainers.plain.given import Given
from trainers.plain.recurrent import DROPPED, EMBEDDING_SPREAD, END, NEVER_WRITTEN, PAD
from trainers.recurrent import Embedding, Gru, beside_every_step
from trainers.text_metrics import WRITTEN
from trainers.text_params import TextParams

ROWS = 128
"""Texts evaluated at once: a fixed number, so that an evaluation is the same in any company."""


class TextArray(ModelArray):
    """A GRU that reads a text into a code and one that writes it, for K slots."""

    codes: ClassVar[int] = 1
    """How many numbers the encoder says of each latent dimension."""

    def build(self) -> None:
        """Declare the layers, named as in trainers.plain.text."""
        first = self.params[0]
        assert isinstance(first, TextParams)
        tokens, width, latent = first.embedding_dim, first.hidden_width, first.latent_dim
        self.latent_dim, self.hidden_width = latent, width
        self.vocabulary = self.problem.vocabulary
        layout, dropout = self.layout, self.column("dropout")
        self.embedding = Embedding(layout, "embedding", self.vocabulary, tokens, EMBEDDING_SPREAD)
        self.reader = Gru(layout, "encoder.gru", tokens, 0, width)
        self.reader_dropout = Dropout("encoder.dropout", width, dropout)
        self.reader_head = Linear(layout, "encoder.head", width, self.codes * latent)
        self.start = Linear(layout, "decoder.start", latent, width)
        self.writer = Gru(layout, "decoder.gru", tokens, latent, width)
        self.writer_dropout = Dropout("decoder.dropout", width, dropout)
        self.writer_head = Linear(layout, "decoder.head", width, self.vocabulary)
        self.word_dropout = self.column("word_dropout")
        self._hides_words = bool((self.word_dropout > 0).any())

    def constant_buffers(self) -> dict[str, Tensor]:
        """Every plain model has a log sigma; a text has no use for it."""
        return {**super().constant_buffers(), "log_sigma": torch.zeros(())}

    def read(self, run: Pass, given: Given) -> Tensor:
        """Token ids [K, B, T] -> what the encoder says of them, [K, B, codes * L]."""
        ids = given.start.permute(2, 0, 1).long()  # [T, K, B]
        gates = self.reader.gates_of_tokens(run, self.embedding.table(run), ids)
        start = gates.new_zeros(*ids.shape[1:], self.hidden_width)
        state = self.reader(run, gates, start, ids != PAD)[-1]
        state = self.reader_dropout(run, state)
        head = self.reader_head(run, fit(state, padded(self.hidden_width)))
        return fit(head, self.codes * self.latent_dim)

    def nats(self, run: Pass, target: Tensor, code: Tensor) -> Tensor:
        """Teacher-forced cross-entropy, ids [K, B, T] and codes [K, B, L] -> [K, B] nats a text."""
        ids = target.permute(2, 0, 1).long()  # [T, K, B]
        steps, slots, batch = ids.shape
        seen = F.pad(ids[:-1], (0, 0, 0, 0, 1, 0), value=END)
        if run.noise is not None and self._hides_words:
            seen = self._hide_words(run, seen)
        gates = self.writer.gates_of_tokens(run, self.embedding.table(run), seen)
        gates = beside_every_step(gates, self.writer.gates_of_code(run, code))
        states = self.writer(run, gates, self._begin(run, code))
        states = states.transpose(0, 1).reshape(slots, steps * batch, -1)  # [K, T * B, H]
        logits = self._logits(run, self.writer_dropout(run, states))
        nats = F.cross_entropy(
            logits.flatten(0, 1),
            ids.transpose(0, 1).flatten(),
            ignore_index=PAD,
            reduction="none",
        )
        return nats.view(slots, steps, batch).sum(1)

    def write(self, run: Pass, code: Tensor) -> Tensor:
        """The likeliest token after each other, codes [K, n, L] -> ids [K, n, T], padded at END."""
        table, beside = self.embedding.table(run), self.writer.gates_of_code(run, code)
        state = self._begin(run, code)
        token = torch.full(code.shape[:2], END, device=code.device)
        over = torch.zeros_like(token, dtype=torch.bool)
        written = []
        for _ in range(self.features):
            gates = self.writer.gates_of_tokens(run, table, token[None])[0]
            state = self.writer.step(run, gates + beside, state)
            logits = self._logits(run, state)
            logits[..., list(NEVER_WRITTEN)] = -torch.inf
            token = logits.argmax(2).masked_fill(over, PAD)
            over = over | (token == END)
            written.append(token)
        return torch.stack(written, dim=2)

    def write_first(self, run: Pass, code: Tensor, chunk: int) -> Tensor:
        """What is written of the first texts of a part, codes [K, n, L] -> [K, m, T]."""
        if chunk > 0:
            return torch.empty(len(code), 0, self.features, dtype=torch.long, device=code.device)
        parts = [self.write(run, part) for part in torch.split(code[:, :WRITTEN], ROWS, dim=1)]
        return torch.cat(parts, dim=1)

    def _begin(self, run: Pass, code: Tensor) -> Tensor:
        """The decoder's first state, [K, B, L] -> [K, B, H]."""
        start = self.start(run, fit(code, padded(self.latent_dim)))
        return fit(start, self.hidden_width).tanh()

    def _logits(self, run: Pass, states: Tensor) -> Tensor:
        """[K, N, H] -> [K, N, V]."""
        head = self.writer_head(run, fit(states, padded(self.hidden_width)))
        return fit(head, self.vocabulary)

    def _hide_words(self, run: Pass, seen: Tensor) -> Tensor:
        """Some of what the decoder has read, [T, K, B], as dropped tokens; never the first."""
        assert run.noise is not None
        steps, _, batch = seen.shape
        kept = run.noise.keep_masks("words", run.step, batch, steps, self.word_dropout)
        hidden = kept.permute(2, 0, 1) == 0  # [T, K, B]
        hidden[0] = False
        return torch.where(hidden, DROPPED, seen)
