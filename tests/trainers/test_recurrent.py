"""The recurrent layers against torch.nn, slot by slot, and their padding."""

import pytest
import torch
from torch import Tensor, nn

from trainers.layers import Layout, Pass
from trainers.noise import Noise
from trainers.recurrent import Embedding, Gru, beside_every_step, look_up

VOCABULARY, TOKENS, CODE, WIDTH = 11, 8, 4, 16
STEPS, BATCH = 6, 5


class Setup:
    """K random GRUs with their embedding, and the torch.nn modules of the same weights."""

    def __init__(self, slots: int, width: int = WIDTH, vocabulary: int = VOCABULARY) -> None:
        self.layout = Layout()
        self.embedding = Embedding(self.layout, "embedding", vocabulary, TOKENS, 1.0)
        self.gru = Gru(self.layout, "gru", TOKENS, CODE, width)
        noise = Noise(list(range(slots)), torch.device("cpu"))
        self.weights = self.layout.initial(noise).requires_grad_()
        generator = torch.Generator().manual_seed(3)
        self.ids = torch.randint(0, vocabulary, (STEPS, slots, BATCH), generator=generator)
        self.code = torch.randn(slots, BATCH, CODE, generator=generator)
        self.start = torch.randn(slots, BATCH, width, generator=generator)
        self.width = width

    def states(self, real: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        run = Pass(self.layout.split(self.weights if weights is None else weights), [])
        gates = self.gru.gates_of_tokens(run, self.embedding.table(run), self.ids)
        gates = beside_every_step(gates, self.gru.gates_of_code(run, self.code))
        return self.gru(run, gates, self.start, real)

    def modules(self, row: int) -> tuple[nn.Embedding, nn.GRU]:
        embedding = nn.Embedding(self.embedding_size, TOKENS)
        gru = nn.GRU(TOKENS + CODE, self.width)
        state = self.layout.export(self.weights[row])
        embedding.load_state_dict({"weight": state.pop("embedding.weight")})
        gru.load_state_dict({name.removeprefix("gru."): value for name, value in state.items()})
        return embedding, gru

    @property
    def embedding_size(self) -> int:
        return self.layout.entries[0].shape[0]

    def expected(self, row: int) -> tuple[Tensor, nn.Embedding, nn.GRU]:
        embedding, gru = self.modules(row)
        beside = self.code[row].expand(STEPS, -1, -1)
        inputs = torch.cat([embedding(self.ids[:, row]), beside], dim=2)
        return gru(inputs, self.start[row][None])[0], embedding, gru


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("width", [16, 13])
@pytest.mark.parametrize("vocabulary", [11, 97])
def test_states_and_gradients_equal_torchs(slots: int, width: int, vocabulary: int) -> None:
    setup = Setup(slots, width, vocabulary)
    states = setup.states()
    weighting = torch.randn(states.shape, generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad((states * weighting).sum(), setup.weights)
    for row in range(slots):
        expected, embedding, gru = setup.expected(row)
        torch.testing.assert_close(states[:, row], expected, rtol=1e-5, atol=1e-5)
        (expected * weighting[:, row]).sum().backward()
        ours = setup.layout.export(gradient[row])
        torch.testing.assert_close(
            ours.pop("embedding.weight"), embedding.weight.grad, rtol=1e-4, atol=1e-5
        )
        for name, parameter in gru.named_parameters():
            torch.testing.assert_close(ours[f"gru.{name}"], parameter.grad, rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_start_and_the_code() -> None:
    setup = Setup(2)
    setup.start.requires_grad_()
    setup.code.requires_grad_()
    start, code = torch.autograd.grad(setup.states().square().sum(), (setup.start, setup.code))
    expected, _, _ = setup.expected(1)
    wanted = torch.autograd.grad(expected.square().sum(), (setup.start, setup.code))
    torch.testing.assert_close(start[1], wanted[0][1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(code[1], wanted[1][1], rtol=1e-4, atol=1e-5)


def test_steps_one_by_one_equal_the_loop() -> None:
    setup = Setup(3)
    expected = setup.states()
    run = Pass(setup.layout.split(setup.weights), [])
    state, table = setup.start, setup.embedding.table(run)
    for index in range(STEPS):
        gates = setup.gru.gates_of_tokens(run, table, setup.ids[index][None])[0]
        state = setup.gru.step(run, gates + setup.gru.gates_of_code(run, setup.code), state)
        torch.testing.assert_close(state, expected[index], rtol=1e-6, atol=1e-6)


def test_a_padded_position_changes_neither_the_state_nor_a_gradient() -> None:
    setup = Setup(2)
    real = torch.ones(STEPS, 2, BATCH, dtype=torch.bool)
    real[2:, :, 1:3] = False
    real[0, 1, 4] = False
    states = setup.states(real)
    (gradient,) = torch.autograd.grad(states[-1].square().sum(), setup.weights)
    other = Setup(2)
    other.ids = torch.where(real, setup.ids, (setup.ids + 5) % VOCABULARY)
    again = other.states(real)
    (same,) = torch.autograd.grad(again[-1].square().sum(), other.weights)
    assert torch.equal(states, again)
    assert torch.equal(gradient, same)
    assert torch.equal(states[-1][:, 1:3], states[1][:, 1:3])


def test_a_padded_text_ends_in_the_state_of_the_same_text_alone() -> None:
    setup = Setup(2)
    full = setup.states()
    real = torch.ones(STEPS, 2, BATCH, dtype=torch.bool)
    real[4:] = False
    assert torch.equal(setup.states(real)[-1], full[3])


def test_a_slot_of_nan_does_not_touch_the_others() -> None:
    setup = Setup(3)
    states = setup.states()
    (gradient,) = torch.autograd.grad(states.sum(), setup.weights)
    poisoned = setup.weights.detach().clone()
    poisoned[1] = float("nan")
    poisoned.requires_grad_()
    other = setup.states(weights=poisoned)
    (beside,) = torch.autograd.grad(other.sum(), poisoned)
    assert other[:, 1].isnan().any()
    for row in (0, 2):
        assert torch.equal(other[:, row], states[:, row])
        assert torch.equal(beside[row], gradient[row])


@pytest.mark.parametrize("width", [16, 32])
def test_a_slot_is_the_same_bits_alone_and_in_company(width: int) -> None:
    company = Setup(5, width)
    together = company.states()
    (gradient,) = torch.autograd.grad(together.square().sum(), company.weights)
    for row in (0, 4):
        alone = Setup(5, width)
        alone.ids, alone.code, alone.start = (
            company.ids[:, row : row + 1],
            company.code[row : row + 1],
            company.start[row : row + 1],
        )
        weights = company.weights.detach()[row : row + 1].clone().requires_grad_()
        states = alone.states(weights=weights)
        (own,) = torch.autograd.grad(states.square().sum(), weights)
        assert torch.equal(states[:, 0], together[:, row])
        assert torch.equal(own[0], gradient[row])


def test_a_table_is_read_slot_by_slot() -> None:
    table = torch.arange(2 * 3 * 1.0).view(2, 3, 1)
    ids = torch.tensor([[[0, 2], [1, 1]]])
    assert look_up(table, ids).flatten().tolist() == [0.0, 2.0, 4.0, 4.0]
