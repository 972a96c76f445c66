"""The ranked loss goes over its candidates in blocks: exact, in little memory, without waiting."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from core.contrastive import RankedInfoNCE, candidates
from core.contrastive.rank_table import SMALLEST_FLOAT32_TEMPERATURE
from tests.core.contrastive.loss_cases import FORMS, TEMPERATURE, Case, ladder, random_case, unit


class Watch(TorchDispatchMode):
    """Counts the operations, and notes the most elements that a new tensor has."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.most = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.calls[function.overloadpacket.__name__] += 1
        inputs = (*args, *(kwargs or {}).values())
        known = {x.untyped_storage().data_ptr() for x in inputs if isinstance(x, Tensor)}
        if isinstance(result, Tensor) and result.untyped_storage().data_ptr() not in known:
            self.most = max(self.most, result.numel())
        return result


def blocks_of(elements: int, monkeypatch) -> None:
    """Sets the size of blocks on any device."""
    monkeypatch.setattr(candidates, "BLOCK_ELEMENTS_CPU", elements)
    monkeypatch.setattr(candidates, "BLOCK_ELEMENTS", elements)


def as_on_a_gpu(monkeypatch) -> None:
    """Has a CPU count as a device that may not be asked, and is slow to add row by row."""
    monkeypatch.setattr(candidates, "MAY_ASK", ())
    monkeypatch.setattr(candidates, "ADDS_ROWS", ())


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_size_anchors_by_bank_is_made(form: str, monkeypatch) -> None:
    blocks_of(800, monkeypatch)
    monkeypatch.setattr(candidates, "KEPT_ELEMENTS", 0)
    g = torch.Generator().manual_seed(0)
    most = []
    for ranks, slots in ((2, 2000), (5, 2000), (5, 8000)):
        query, bank = unit(g, 40, 4).requires_grad_(), unit(g, slots, 4)
        arguments = (query, unit(g, 40, 4), torch.arange(40) % 8, ladder(8, ranks))
        slot_labels = torch.arange(slots) % 8
        with Watch() as watch:
            RankedInfoNCE(TEMPERATURE, form)(*arguments, bank, slot_labels).backward()
        most.append(watch.most)
    assert max(most) == 8000, "no more than the bank's labels"


@pytest.mark.parametrize("form", FORMS)
def test_the_host_never_waits_for_the_device(form: str, monkeypatch) -> None:
    case = random_case(5, bank="some", include_batch=True)
    case.query.requires_grad_()
    loss = RankedInfoNCE(TEMPERATURE, form)
    arguments = (case.query, case.key, case.labels, case.similarity, case.bank, case.bank_labels)
    loss(*arguments, include_batch=True)  # the ranks of a new similarity matrix are read once
    as_on_a_gpu(monkeypatch)
    with Watch() as watch:
        loss(*arguments, include_batch=True).backward()
    assert "index_add_" not in watch.calls, "that is a device that adds row by row"
    waits = {"_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "is_nonzero"}
    waits |= {"_unique2", "bincount"}
    assert not watch.calls.keys() & waits


@pytest.mark.parametrize("device", ["cpu", "as on a GPU"])
@pytest.mark.parametrize("block_elements", [7, 30])
@pytest.mark.parametrize("form", FORMS)
def test_many_blocks_are_as_exact_as_one(
    form: str, block_elements: int, device: str, monkeypatch
) -> None:
    if device != "cpu":
        as_on_a_gpu(monkeypatch)
    blocks_of(block_elements, monkeypatch)
    for seed in range(2):
        case = random_case(40 + seed, bank="some", include_batch=True)
        assert case.loss(form).total.item() == pytest.approx(case.naive(form)[0], abs=1e-9)

        def loss(query: Tensor, key: Tensor, case: Case = case) -> Tensor:
            case.query, case.key = query, key
            return case.loss(form).total

        inputs = (case.query.clone().requires_grad_(), case.key.clone().requires_grad_())
        assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("form", FORMS)
def test_cosines_that_are_made_anew_are_those_kept(form: str, monkeypatch) -> None:
    gradients, sizes = [], []
    for most in (1 << 23, 0):
        monkeypatch.setattr(candidates, "KEPT_ELEMENTS", most)
        case = random_case(21, bank="some", include_batch=True)
        case.query.requires_grad_()
        case.key.requires_grad_()
        with Watch() as watch:
            total = case.loss(form).total
        total.backward()
        gradients.append((case.query.grad, case.key.grad))
        sizes.append(watch.calls["mm"])
    assert sizes[1] > sizes[0]
    for anew, kept in zip(gradients[1], gradients[0], strict=True):
        assert torch.equal(anew, kept)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block_elements", [4, 1 << 18])
def test_a_cosine_far_below_another_counts_in_float32(
    form: str, block_elements: int, monkeypatch
) -> None:
    """Of an anchor whose own key is opposite, the rest is at -1, and another's key at +1."""
    blocks_of(block_elements, monkeypatch)
    z = torch.tensor([[1.0], [-1.0]])
    similarity = torch.tensor([[1, 0.25], [0, 1]], dtype=torch.float64)
    bank, bank_labels = torch.full((4, 1), -1.0), torch.tensor([1, 0, 1, 0])
    case = Case(z, -z, torch.tensor([0, 0]), similarity, bank, bank_labels, True)
    low = SMALLEST_FLOAT32_TEMPERATURE
    case.query.requires_grad_()
    detail = case.loss(form, (low, 0.6))
    assert detail.total.dtype == torch.float32
    assert detail.total.item() == pytest.approx(case.naive(form, (low, 0.6))[0], rel=1e-5)
    detail.total.backward()
    assert case.query.grad is not None
    assert case.query.grad.isfinite().all()


def test_the_bank_may_be_written_before_the_backward_pass() -> None:
    gradients = []
    for overwrite in (False, True):
        case = random_case(6, bank="some", include_batch=True)
        case.query.requires_grad_()
        total = case.loss("in").total
        assert case.bank is not None
        if overwrite:
            case.bank.fill_(torch.nan)
        total.backward()
        gradients.append(case.query.grad)
    torch.testing.assert_close(gradients[1], gradients[0])


def test_no_gradient_is_computed_where_none_is_wanted() -> None:
    case = random_case(10, bank="some", include_batch=True)
    case.query.requires_grad_()
    with torch.no_grad(), Watch() as watch:
        total = case.loss("in").total
    with Watch() as watch_with_gradient:
        case.loss("in")
    assert not total.requires_grad
    assert "addmm_" in watch_with_gradient.calls
    assert "addmm_" not in watch.calls
    assert total.item() == pytest.approx(case.loss("in").total.item(), abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_large_blocks_in_float32_are_near_those_in_float64(form: str) -> None:
    """Their products are oneDNN's where there is more than one thread."""
    g = torch.Generator().manual_seed(3)
    query, key, bank = unit(g, 80, 128), unit(g, 80, 128), unit(g, 1300, 128)
    labels = torch.randint(6, (80,), generator=g)
    bank_labels = torch.randint(-1, 6, (1300,), generator=g)
    losses, gradients = [], []
    for dtype in (torch.float64, torch.float32):
        anchor = query.to(dtype, copy=True).requires_grad_()
        arguments = (anchor, key.to(dtype), labels, ladder(6, 4).to(dtype))
        total = RankedInfoNCE(TEMPERATURE, form)(
            *arguments, bank.to(dtype), bank_labels, include_batch=True
        )
        total.backward()
        losses.append(total.item())
        gradients.append(anchor.grad)
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    torch.testing.assert_close(gradients[1].double(), gradients[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("device", ["cpu", "as on a GPU"])
def test_a_quarter_of_a_million_equal_summands_are_not_rounded_away(
    device: str, monkeypatch
) -> None:
    """Added one after the other in float32 they give a loss that is wrong by 0.002."""
    if device != "cpu":
        as_on_a_gpu(monkeypatch)
    slots, cosine, tau = 1 << 18, 0.3, 0.1
    query, bank = torch.tensor([[1.0, 0.0]]), torch.tensor([[cosine, (1 - cosine**2) ** 0.5]])
    bank_labels = torch.ones(slots, dtype=torch.int64)
    found = RankedInfoNCE((tau, 0.6), "in")(
        query, query, torch.tensor([0]), torch.eye(2), bank.expand(slots, -1), bank_labels
    )
    assert found.item() == pytest.approx(math.log1p(slots * math.exp((cosine - 1) / tau)), rel=1e-5)
