"""The loss by fused kernels in float32, run by Triton's interpreter, against float64 in blocks.

`TRITON_INTERPRET=1 python tests/core/contrastive/fused_cases.py`; test_fused.py does so, as the
interpreter must be chosen before Triton is loaded. Writes the number of cases and the largest
errors of loss and gradient.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch

from core.contrastive import RankedInfoNCE, fused_check, fused_pass
from tests.core.contrastive.loss_cases import FORMS, TEMPERATURE, Case, ladder, random_case, unit


def with_gradients(case: Case, form: str, dtype: torch.dtype) -> tuple[float, torch.Tensor]:
    """Returns the loss and its gradients by queries and keys, one below the other."""
    query, key = (value.to(dtype, copy=True).requires_grad_() for value in (case.query, case.key))
    total = RankedInfoNCE(TEMPERATURE, form)(
        query,
        key,
        case.labels,
        case.similarity.to(dtype),
        None if case.bank is None else case.bank.to(dtype),
        case.bank_labels,
        include_batch=case.include_batch,
    )
    total.backward()
    return total.item(), torch.cat([query.grad, key.grad]).double()


def small_cases() -> list[Case]:
    """Several tiles and pieces each, as these are small here."""
    fused_pass.ANCHORS = fused_pass.ROWS = fused_pass.SLOPE_ROWS = 4
    sources = [("none", True), ("some", False), ("some", True), ("empty", True), ("no slots", None)]
    return [
        random_case(seed, bank=bank, include_batch=batch)
        for seed in range(4)
        for bank, batch in sources
    ]


def large_case() -> Case:
    """More than a tile, of the real size; whatever is in empty slots."""
    fused_pass.ANCHORS, fused_pass.ROWS, fused_pass.SLOPE_ROWS = 64, 64, 32
    g = torch.Generator().manual_seed(1)
    bank, bank_labels = unit(g, 500, 100), torch.randint(-1, 8, (500,), generator=g)
    bank[bank_labels < 0] = torch.nan
    labels = torch.randint(8, (70,), generator=g)
    return Case(unit(g, 70, 100), unit(g, 70, 100), labels, ladder(8, 5), bank, bank_labels, True)


def main() -> None:
    fused_check.DEVICES = ("cpu",)
    fused_pass._processors = lambda device: 2
    errors = []
    for case in [*small_cases(), large_case()]:
        for form in FORMS:
            found, gradient = with_gradients(case, form, torch.float32)
            wanted, exact_gradient = with_gradients(case, form, torch.float64)
            errors.append((abs(found - wanted), (gradient - exact_gradient).abs().max().item()))
    case = large_case()
    case.bank[case.bank_labels >= 0] = torch.nan
    assert math.isnan(with_gradients(case, "in", torch.float32)[0]), "as without the kernels"
    assert fused_check._works.cache_info().currsize > 0, "the kernels were not asked for"
    most = [max(kind) for kind in zip(*errors, strict=True)]
    sys.stdout.write(" ".join(map(str, [len(errors), *most])))


if __name__ == "__main__":
    main()
