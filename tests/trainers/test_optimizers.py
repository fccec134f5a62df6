"""Our optimizers against torch.optim, step by step and slot by slot."""

from typing import Any

import pytest
import torch

from trainers.optimizers import OPTIMIZERS

RATES = [1e-3, 1e-2, 3e-2]
DECAYS = [0.0, 0.1, 0.5]
MAKERS: dict[str, Any] = {
    "adam": lambda p, lr, decay: torch.optim.Adam(p, lr=lr, weight_decay=decay),
    "adamw": lambda p, lr, decay: torch.optim.AdamW(p, lr=lr, weight_decay=decay),
    "sgd": lambda p, lr, decay: torch.optim.SGD(p, lr=lr, weight_decay=decay, momentum=0.9),
}


def test_every_optimizer_has_a_reference() -> None:
    assert MAKERS.keys() == OPTIMIZERS.keys()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("max_norm", [1e9, 2.0], ids=["unclipped", "clipped"])
def test_every_slot_follows_torch_optim_step_by_step(name: str, max_norm: float) -> None:
    torch.manual_seed(0)
    weights = torch.randn(3, 40)
    optimizer = OPTIMIZERS[name](weights, DECAYS, max_norm)
    references = [weights[row].clone().requires_grad_() for row in range(3)]
    stock = [
        MAKERS[name]([reference], rate, decay)
        for reference, rate, decay in zip(references, RATES, DECAYS, strict=True)
    ]
    for step in range(25):
        gradient = torch.randn(3, 40) * (0.1 + step % 3)
        rates = [rate / (1 + step) for rate in RATES]
        for row in range(3):
            references[row].grad = gradient[row].clone()
            torch.nn.utils.clip_grad_norm_([references[row]], max_norm)
            stock[row].param_groups[0]["lr"] = rates[row]
            stock[row].step()
        norms = gradient.norm(dim=1)
        torch.testing.assert_close(optimizer.step(gradient, rates), norms)
        torch.testing.assert_close(
            weights, torch.stack([r.detach() for r in references]), rtol=1e-5, atol=2e-6
        )


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_survivors_go_on_with_their_own_moments_and_step_counts(name: str) -> None:
    torch.manual_seed(0)
    start = torch.randn(3, 12)
    gradients = torch.randn(6, 3, 12)
    whole, part = start.clone(), start.clone()
    all_slots = OPTIMIZERS[name](whole, DECAYS, 1e9)
    some = OPTIMIZERS[name](part, DECAYS, 1e9)
    for gradient in gradients[:3]:
        all_slots.step(gradient.clone(), RATES)
        some.step(gradient.clone(), RATES)
    part = part[[0, 2]].clone()
    some = some.select([0, 2], part)
    for gradient in gradients[3:]:
        all_slots.step(gradient.clone(), RATES)
        some.step(gradient[[0, 2]].clone(), [RATES[0], RATES[2]])
    assert torch.equal(part, whole[[0, 2]])
    assert some.steps.tolist() == [6.0, 6.0]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_one_slots_nan_gradient_stays_in_its_row(name: str) -> None:
    weights = torch.ones(2, 8)
    optimizer = OPTIMIZERS[name](weights, [0.1, 0.1], 1.0)
    gradient = torch.ones(2, 8)
    gradient[0, 3] = float("nan")
    optimizer.step(gradient, [0.1, 0.1])
    assert torch.isnan(weights[0]).any()
    assert torch.isfinite(weights[1]).all()
