"""How threads share the processors with other programs. Nothing here imports torch."""

from __future__ import annotations

import os

# Measured on two cores: an epoch beside one busy program takes 20 s instead of 29 s, beside two
# 25 s instead of 37 s, and alone as long as before (with OMP_WAIT_POLICY=PASSIVE 4 % longer).
_SPINS = "1000"


def wait_briefly() -> None:
    """Has threads of a parallel region sleep soon where they must wait for each other.

    OpenMP's spin for milliseconds, and so hold processors that the one they wait for may need. To
    be called before torch is loaded; what the user has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
