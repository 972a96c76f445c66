"""Cases of the ranked loss, and the naive double loop on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.contrastive import RankedInfoNCE
from tests.core.contrastive import oracle

FORMS = ("in", "out", "out-in", "supcon")
TEMPERATURE = (0.1, 0.6)


@dataclass
class Case:
    query: Tensor
    key: Tensor
    labels: Tensor
    similarity: Tensor
    bank: Tensor | None
    bank_labels: Tensor | None
    include_batch: bool | None

    def loss(self, form: str, temperature: tuple[float, float] = TEMPERATURE):
        return RankedInfoNCE(temperature, form).forward_detailed(
            self.query,
            self.key,
            self.labels,
            self.similarity,
            self.bank,
            self.bank_labels,
            include_batch=self.include_batch,
        )

    def naive(self, form: str, temperature: tuple[float, float] = TEMPERATURE):
        return oracle.naive_ranked_loss(
            self.query.tolist(),
            self.key.tolist(),
            self.labels.tolist(),
            self.similarity.tolist(),
            temperature,
            form,
            None if self.bank is None else self.bank.tolist(),
            None if self.bank_labels is None else self.bank_labels.tolist(),
            self.include_batch,
        )


def unit(generator: torch.Generator, *shape: int) -> Tensor:
    return normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1)


def random_case(seed: int, *, bank: str, include_batch: bool | None) -> Case:
    """Unequal class counts, ties, absent ranks, rows with different ladders, -1 slots."""
    g = torch.Generator().manual_seed(seed)
    classes = int(torch.randint(2, 7, (), generator=g))
    batch = int(torch.randint(1, 10, (), generator=g))
    levels = torch.tensor([0.0, 0.0, 0.25, 0.5, 0.75], dtype=torch.float64)
    similarity = levels[torch.randint(5, (classes, classes), generator=g)]
    similarity.fill_diagonal_(1)
    labels = (torch.rand(batch, generator=g) ** 2 * classes).long()
    size = {"none": None, "some": 12, "empty": 6, "no slots": 0}[bank]
    slots = None if size is None else unit(g, size, 5)
    slot_labels = None if size is None else torch.randint(-1, classes, (size,), generator=g)
    if bank == "empty":
        slot_labels = torch.full((6,), -1)
    return Case(
        unit(g, batch, 5), unit(g, batch, 5), labels, similarity, slots, slot_labels, include_batch
    )


def ladder(classes: int, ranks: int) -> Tensor:
    """Class c ranks c + 1, c + 2, ..."""
    similarity = torch.eye(classes, dtype=torch.float64)
    for rank in range(1, ranks):
        row = torch.arange(classes)
        similarity[row, (row + rank) % classes] = 1 - rank / ranks
    return similarity
