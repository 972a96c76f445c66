"""The triplet loss against a naive loop, closed forms and half precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.contrastive.triplet import TripletLoss


def unit(generator: torch.Generator, *shape: int) -> Tensor:
    return normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1)


def naive(
    query: Tensor,
    key: Tensor,
    labels: Tensor,
    bank: Tensor | None,
    bank_labels: Tensor | None,
    margin: float,
    with_batch: bool,
) -> float:
    """One pair after the other, as the definition reads."""
    terms: list[float] = []
    for i in range(len(query)):
        positives, negatives = [], []
        found = [(key[j], labels[j]) for j in range(len(key)) if with_batch or j == i]
        if bank is not None and bank_labels is not None:
            found += zip(bank, bank_labels, strict=True)
        for candidate, label in found:
            distance = float(((query[i] - candidate) ** 2).sum())
            if label >= 0:
                (positives if label == labels[i] else negatives).append(distance)
        if not negatives:
            continue
        for near in positives:
            farther = [distance for distance in negatives if distance > near]
            far = min(farther) if farther else max(negatives)
            terms.append(max(0.0, near - far + margin))
    return sum(terms) / len(terms) if terms else 0.0


@pytest.mark.parametrize("include_batch", [None, True, False])
@pytest.mark.parametrize("slots", [0, 15])
def test_equals_the_naive_loop(slots: int, include_batch: bool | None) -> None:
    for seed in range(12):
        g = torch.Generator().manual_seed(seed)
        batch, classes, margin = 2 + seed % 9, 1 + seed % 4, (0.2, 1.5)[seed % 2]
        query, key = unit(g, batch, 4), unit(g, batch, 4)
        labels = torch.randint(classes, (batch,), generator=g)
        bank = unit(g, slots, 4) if slots else None
        bank_labels = torch.randint(-1, classes, (slots,), generator=g) if slots else None
        with_batch = bank is None if include_batch is None else include_batch
        expected = naive(query, key, labels, bank, bank_labels, margin, with_batch)
        found = TripletLoss(margin)(
            query, key, labels, bank, bank_labels, include_batch=include_batch
        )
        assert float(found) == pytest.approx(expected, abs=1e-9)


def test_gradients_are_those_of_finite_differences() -> None:
    g = torch.Generator().manual_seed(3)
    query, key = (unit(g, 6, 4).requires_grad_() for _ in range(2))
    bank = unit(g, 8, 4)
    labels, bank_labels = torch.arange(6) % 3, torch.arange(8) % 4 - 1

    def loss(query: Tensor, key: Tensor) -> Tensor:
        found: Tensor = TripletLoss(1.0)(query, key, labels, bank, bank_labels, include_batch=True)
        return found

    assert torch.autograd.gradcheck(loss, (query, key))


def test_apart_by_more_than_the_margin_there_is_nothing_left_to_learn() -> None:
    z_BD = torch.eye(4, dtype=torch.float64)[:2].requires_grad_()
    loss = TripletLoss(0.2)(z_BD, z_BD.detach(), torch.tensor([0, 1]))
    assert float(loss.detach()) == 0
    collapsed = torch.ones(2, 4) / 2
    assert float(TripletLoss(0.2)(collapsed, collapsed, torch.tensor([0, 1]))) == pytest.approx(0.2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_one_class_alone_and_half_precision_are_finite(dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(1)
    for labels in (torch.zeros(8, dtype=torch.long), torch.arange(8) % 2):
        query = unit(g, 8, 4).to(dtype).requires_grad_()
        rubbish = torch.full((3, 4), torch.nan)
        loss = TripletLoss()(
            query, unit(g, 8, 4), labels, rubbish, torch.full((3,), -1), include_batch=True
        )
        torch.autograd.backward(loss)
        assert torch.isfinite(loss)
        assert query.grad is not None
        assert torch.isfinite(query.grad).all()


def test_a_margin_without_sense() -> None:
    with pytest.raises(ValueError, match="margin must be positive"):
        TripletLoss(0)
