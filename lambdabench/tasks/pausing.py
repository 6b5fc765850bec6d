"""A network that does nothing for a known time: what the clock of a session is held against. Run as a user's own."""

import time
from typing import Any

PAUSE_S = 0.02


def make() -> Any:
    """A module whose forward pass pauses the device that its input is on."""
    import torch

    class Pausing(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            if x.is_cuda:
                hertz = 1e3 * torch.cuda.clock_rate(x.device) * 1e3
                torch.cuda._sleep(int(PAUSE_S * hertz))
            else:
                time.sleep(PAUSE_S)
            return x.flatten(1)[:, :2] + 0

    return Pausing()
