"""The fused kernels of the loss: exact by Triton's interpreter, compiled for GPUs not at hand."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.contrastive import fused_check
from core.contrastive.candidates import Candidates
from tests.core.contrastive.loss_cases import random_case

HERE = Path(__file__).parent
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="torch without Triton"
)


def printed(script: str, tmp_path: Path, **environment: str) -> list[str]:
    """Returns the words that a script prints which loads Triton its own way."""
    there = os.environ | environment | {"TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, HERE / script], env=there, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@needs_triton
def test_kernels_are_as_exact_as_blocks(tmp_path: Path) -> None:
    cases, loss_error, gradient_error = printed("fused_cases.py", tmp_path, TRITON_INTERPRET="1")
    assert int(cases) == 84
    assert float(loss_error) < 2e-5
    assert float(gradient_error) < 5e-5


@needs_triton
def test_kernels_compile_for_gpus(tmp_path: Path) -> None:
    """For A100, H100 and B200; what comes out is machine code."""
    found = printed("fused_compiled.py", tmp_path)
    names = ("sums", "gaps", "slopes", "slopes-out")
    assert found == [f"{name}-{arch}" for arch in (80, 90, 100) for name in names]


@pytest.fixture(autouse=True)
def _tried_anew() -> Iterator[None]:
    fused_check._works.cache_clear()
    yield
    fused_check._works.cache_clear()


@needs_triton
def test_a_device_whose_kernels_fail_goes_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a CPU does, for which Triton has none."""
    case = random_case(3, bank="some", include_batch=True)
    wanted = case.loss("in").total.item()
    assert case.bank is not None
    case.query, case.key, case.bank = case.query.float(), case.key.float(), case.bank.float()
    monkeypatch.setattr(fused_check, "DEVICES", ("cpu",))
    with pytest.warns(RuntimeWarning, match="goes without its fused kernels"):
        assert case.loss("in").total.item() == pytest.approx(wanted, abs=1e-5)
    assert case.loss("in").total.item() == pytest.approx(wanted, abs=1e-5), "not tried again"


@pytest.mark.parametrize(("factor", "accepted"), [(1.0, True), (1.01, False)])
def test_kernels_that_give_other_numbers_are_refused(
    factor: float, accepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = fused_check.terms_and_gradients

    def in_blocks(candidates: Candidates, *rest: Any) -> Any:
        loss_R, *others = exact(replace(candidates, fused=False), *rest)
        return (loss_R * (factor if candidates.fused else 1), *others)

    monkeypatch.setattr(fused_check, "terms_and_gradients", in_blocks)
    with nullcontext() if accepted else pytest.warns(RuntimeWarning, match="AssertionError"):
        assert fused_check._works(torch.device("cpu"), ("in", "in")) == accepted


def test_nothing_is_fused_on_a_cpu_or_in_float64() -> None:
    assert not fused_check.fuses(torch.device("cpu"), torch.float32, ("in",))
    assert not fused_check.fuses(torch.device("cuda"), torch.float64, ("in",))
