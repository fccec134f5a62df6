"""How torch is set where trials train: equal settings, equal bits (rules R2 and R3)."""

import contextlib

import torch
import torch.utils.deterministic


def prepare_torch() -> None:
    """One thread, deterministic kernels, denormals flushed to zero.

    The last holds for the calling thread only: call it in the thread that trains.
    """
    torch.set_num_threads(1)
    with contextlib.suppress(RuntimeError):  # settable once per process; 1 already, then
        torch.set_num_interop_threads(1)
    # As use_deterministic_algorithms(True), which would load inductor and sympy for 1.9 s.
    torch.set_deterministic_debug_mode("error")
    # It would write NaN over every fresh tensor; our layers never read what they did not write.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # Moments and weights that decay towards zero pass through denormals, at a tenth of the speed.
    torch.set_flush_denormal(True)
