"""Threads that wait do not hold the processors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = "from core.processors import wait_briefly; wait_briefly(); import torch"


def openmp_settings(**environment: str) -> str:
    """Returns what torch's OpenMP says of itself when it is loaded."""
    kept = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**kept, "OMP_DISPLAY_ENV": "verbose", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("this torch has another OpenMP than GNU's")
    return done.stderr


def test_threads_wait_briefly() -> None:
    assert "GOMP_SPINCOUNT = '1000'" in openmp_settings()


def test_what_the_user_has_set_stays() -> None:
    assert "GOMP_SPINCOUNT = '77'" in openmp_settings(GOMP_SPINCOUNT="77")
    assert "GOMP_SPINCOUNT = '0'" in openmp_settings(OMP_WAIT_POLICY="passive")
