from __future__ import annotations

import torch
from torch import nn

from core.contrastive.bank import MemoryBank, momentum_update


def keys(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None].expand(-1, 2).clone()


def test_it_starts_empty_and_fills_in_order() -> None:
    bank = MemoryBank(4, 2)
    assert bank.labels_M.tolist() == [-1] * 4
    bank.enqueue(keys(1, 2), torch.tensor([5, 6]))
    assert bank.labels_M.tolist() == [5, 6, -1, -1]
    assert bank.bank_MD[:2].tolist() == [[1, 1], [2, 2]]


def test_it_wraps_in_place_over_the_oldest() -> None:
    bank = MemoryBank(4, 2)
    storage = bank.bank_MD.data_ptr()
    for start in (0, 3):
        bank.enqueue(keys(*range(start, start + 3)), torch.arange(start, start + 3))
    assert bank.labels_M.tolist() == [4, 5, 2, 3]
    assert bank.bank_MD[:, 0].tolist() == [4, 5, 2, 3]
    assert bank.bank_MD.data_ptr() == storage
    assert int(bank.cursor) == 2


def test_of_more_keys_than_slots_the_last_stay() -> None:
    bank = MemoryBank(3, 2)
    bank.enqueue(keys(*range(10)), torch.arange(10))
    assert sorted(bank.labels_M.tolist()) == [7, 8, 9]
    bank.enqueue(keys(10), torch.tensor([10]))
    assert sorted(bank.labels_M.tolist()) == [8, 9, 10]


def test_its_state_travels() -> None:
    bank, other = MemoryBank(4, 2), MemoryBank(4, 2)
    bank.enqueue(keys(1, 2, 3), torch.tensor([1, 2, 3]))
    other.load_state_dict(bank.state_dict())
    for each in (bank, other):
        each.enqueue(keys(4, 5), torch.tensor([4, 5]))
    assert torch.equal(bank.bank_MD, other.bank_MD)
    assert bank.labels_M.tolist() == other.labels_M.tolist() == [5, 2, 3, 4]


def test_momentum_update() -> None:
    source, target = (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2))
    source(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)))
    before = [p.detach().clone() for p in target.parameters()]
    momentum_update(target, source, 0.9)
    for old, new, towards in zip(before, target.parameters(), source.parameters(), strict=True):
        torch.testing.assert_close(new, 0.9 * old + 0.1 * towards)
    for mine, theirs in zip(target.buffers(), source.buffers(), strict=True):
        assert torch.equal(mine, theirs)
    assert float(source[1].running_mean.abs().sum()) > 0
