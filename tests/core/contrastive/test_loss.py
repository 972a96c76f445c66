"""The ranked loss against a naive double loop, closed forms and Khosla et al. 2020."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from core.contrastive import RankedInfoNCE, candidates

FORMS = ("in", "out", "out-in", "supcon")
TEMPERATURE = (0.1, 0.6)

_spec = importlib.util.spec_from_file_location("oracle", Path(__file__).parent / "oracle.py")
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


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
    size = {"none": None, "some": 12, "empty": 6}[bank]
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


SETTINGS = [
    pytest.param("none", None, id="batch"),
    pytest.param("none", False, id="own key alone"),
    pytest.param("some", None, id="bank"),
    pytest.param("some", True, id="bank and batch"),
    pytest.param("empty", None, id="empty bank"),
    pytest.param("empty", True, id="empty bank and batch"),
]


@pytest.mark.parametrize(("bank", "include_batch"), SETTINGS)
@pytest.mark.parametrize("form", FORMS)
def test_equals_the_naive_double_loop(form: str, bank: str, include_batch: bool | None) -> None:
    for seed in range(12):
        case = random_case(seed, bank=bank, include_batch=include_batch)
        detail = case.loss(form)
        total, by_rank = case.naive(form)
        assert detail.total.item() == pytest.approx(total, abs=1e-9)
        for found, wanted in zip(detail.by_rank_R.tolist(), by_rank, strict=True):
            if wanted is None:
                assert math.isnan(found)
            else:
                assert found == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bank", ["none", "some"])
def test_gradients_are_those_of_finite_differences(form: str, bank: str) -> None:
    for seed in range(4):
        case = random_case(100 + seed, bank=bank, include_batch=True)

        def loss(query: Tensor, key: Tensor, case: Case = case) -> Tensor:
            case.query, case.key = query, key
            return case.loss(form).total

        inputs = (case.query.clone().requires_grad_(), case.key.clone().requires_grad_())
        assert torch.autograd.gradcheck(loss, inputs)


def test_no_gradient_reaches_the_bank() -> None:
    case = random_case(3, bank="some", include_batch=None)
    assert case.bank is not None
    case.bank.requires_grad_()
    case.query.requires_grad_()
    case.loss("in").total.backward()
    assert case.query.grad is not None
    assert case.query.grad.abs().sum() > 0
    assert case.bank.grad is None


@pytest.mark.parametrize("form", FORMS)
def test_equal_embeddings_leave_only_counts(form: str) -> None:
    """All cosines 1: 4 objects of 2 classes, the other class a negative."""
    z = normalize(torch.ones(4, 3, dtype=torch.float64), dim=1)
    labels = torch.tensor([0, 0, 1, 1])
    found = RankedInfoNCE(TEMPERATURE, form)(z, z, labels, torch.eye(2, dtype=torch.float64))
    wanted = {"in": math.log(4 / 2), "supcon": math.log(4)}.get(form, math.log(3))
    assert found.item() == pytest.approx(wanted, abs=1e-12)


def test_two_ranks_in_closed_form() -> None:
    """One anchor; own key at cosine 1, one ranked class at a, one negative at b."""
    a, b, tau_1, tau_2 = 0.4, -0.3, 0.1, 0.1 + 0.5 * 0.5
    query = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    bank = torch.tensor([[c, math.sqrt(1 - c * c)] for c in (a, b)], dtype=torch.float64)
    similarity = torch.tensor([[1, 0.5, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
    loss = RankedInfoNCE(TEMPERATURE, "in")
    found = loss(query, query, torch.tensor([0]), similarity, bank, torch.tensor([1, 2]))
    first = math.log(sum(math.exp(h / tau_1) for h in (1, a, b))) - 1 / tau_1
    second = math.log(math.exp(a / tau_2) + math.exp(b / tau_2)) - a / tau_2
    assert found.item() == pytest.approx(first + second, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_order_of_batch_bank_and_classes_does_not_matter(form: str) -> None:
    case = random_case(7, bank="some", include_batch=True)
    wanted = case.loss(form).total.item()
    g = torch.Generator().manual_seed(1)
    order = torch.randperm(len(case.labels), generator=g)
    slots = torch.randperm(12, generator=g)
    classes = torch.randperm(len(case.similarity), generator=g)
    renamed = classes.argsort()
    assert case.bank is not None
    assert case.bank_labels is not None
    moved = Case(
        case.query[order],
        case.key[order],
        renamed[case.labels[order]],
        case.similarity[classes][:, classes],
        case.bank[slots],
        torch.where(case.bank_labels[slots] < 0, -1, renamed[case.bank_labels[slots].clamp_min(0)]),
        True,
    )
    assert moved.loss(form).total.item() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_anchors_with_no_positive_but_their_own_key(form: str) -> None:
    g = torch.Generator().manual_seed(5)
    query, key = unit(g, 3, 4), unit(g, 3, 4)
    labels = torch.arange(3)
    found = RankedInfoNCE(TEMPERATURE, form)(query, key, labels, torch.eye(3).double())
    wanted = torch.nn.functional.cross_entropy(query @ key.T / 0.1, labels)
    assert found.item() == pytest.approx(wanted.item(), abs=1e-12)


def khosla(case: Case, where: str) -> float:
    """Khosla et al. 2020, L_out (eq. 2) and L_in (eq. 3), on the same candidates."""
    logits = case.query @ case.key.T / TEMPERATURE[0]
    positive = case.labels[:, None] == case.labels
    share = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    count = positive.sum(dim=1)
    if where == "out":
        return float((-(share * positive).sum(dim=1) / count).mean())
    mean_share = (share.exp() * positive).sum(dim=1) / count
    return float(-mean_share.log().mean())


def test_depth_one_is_khoslas_losses() -> None:
    case = random_case(11, bank="none", include_batch=None)
    case.similarity = torch.eye(len(case.similarity), dtype=torch.float64)
    positives = (case.labels[:, None] == case.labels).sum(dim=1).double()
    assert positives.max() > 1
    wanted_in = khosla(case, "in") - float(positives.log().mean())
    assert case.loss("in").total.item() == pytest.approx(wanted_in, abs=1e-9)
    assert case.loss("supcon").total.item() == pytest.approx(khosla(case, "out"), abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_finite_at_a_small_temperature(form: str, dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(0)
    z = unit(g, 16, 8)
    query = torch.cat([z, -z]).to(dtype).requires_grad_()
    key = torch.cat([-z, z]).to(dtype).requires_grad_()
    labels = torch.arange(32) % 4
    similarity = torch.eye(4)
    similarity[0, 1], similarity[0, 2] = 0.9, 0.1
    loss = RankedInfoNCE((0.05, 0.6), form)(query, key, labels, similarity)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    for tensor in (query, key):
        assert tensor.grad is not None
        assert tensor.grad.dtype == dtype
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_seventy_thousand_candidates_in_half_precision(dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(0)
    query, key, bank = (unit(g, n, 16).to(dtype) for n in (8, 8, 70_000))
    labels = torch.arange(8) % 4
    bank_labels = torch.randint(-1, 4, (70_000,), generator=g)
    similarity = torch.eye(4)
    similarity[0, 1] = similarity[2, 3] = 0.5
    query.requires_grad_()
    loss = RankedInfoNCE((0.05, 0.6))(query, key, labels, similarity, bank, bank_labels)
    loss.backward()
    exact = RankedInfoNCE((0.05, 0.6))(
        query.detach().double(), key.double(), labels, similarity, bank.double(), bank_labels
    )
    assert loss.item() == pytest.approx(exact.item(), rel=1e-4)
    assert query.grad is not None
    assert query.grad.isfinite().all()


def test_very_small_temperatures_are_computed_in_float64() -> None:
    case = random_case(2, bank="some", include_batch=True)
    wanted, _ = case.naive("out", (0.004, 0.6))
    for name in ("query", "key", "bank"):
        setattr(case, name, getattr(case, name).float())
    detail = case.loss("out", (0.004, 0.6))
    assert detail.total.dtype == torch.float64
    assert detail.total.item() == pytest.approx(wanted, rel=1e-4)


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


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_size_anchors_by_bank_is_made(form: str, monkeypatch) -> None:
    monkeypatch.setattr(candidates, "BLOCK_ELEMENTS_CPU", 800)
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
    monkeypatch.setattr(candidates, "MAY_ASK", ())  # a CPU may be asked; here it counts as a device
    with Watch() as watch:
        loss(*arguments, include_batch=True).backward()
    assert "addmm_" in watch.calls
    waits = {"_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "is_nonzero"}
    waits |= {"_unique2", "bincount"}
    assert not watch.calls.keys() & waits


@pytest.mark.parametrize("block_elements", [7, 30])
@pytest.mark.parametrize("form", FORMS)
def test_many_blocks_are_as_exact_as_one(form: str, block_elements: int, monkeypatch) -> None:
    monkeypatch.setattr(candidates, "BLOCK_ELEMENTS_CPU", block_elements)
    for seed in range(2):
        case = random_case(40 + seed, bank="some", include_batch=True)
        assert case.loss(form).total.item() == pytest.approx(case.naive(form)[0], abs=1e-9)

        def loss(query: Tensor, key: Tensor, case: Case = case) -> Tensor:
            case.query, case.key = query, key
            return case.loss(form).total

        inputs = (case.query.clone().requires_grad_(), case.key.clone().requires_grad_())
        assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("form", FORMS)
def test_exponentials_that_are_made_anew_are_those_kept(form: str, monkeypatch) -> None:
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
        sizes.append(watch.calls["exp_"])
    assert sizes[1] > sizes[0]
    for anew, kept in zip(gradients[1], gradients[0], strict=True):
        assert torch.equal(anew, kept)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block_elements", [4, 1 << 18])
def test_a_cosine_far_below_another_counts_in_float32(
    form: str, block_elements: int, monkeypatch
) -> None:
    """Of an anchor whose own key is opposite, the rest is at -1, and another's key at +1."""
    monkeypatch.setattr(candidates, "BLOCK_ELEMENTS_CPU", block_elements)
    z = torch.tensor([[1.0], [-1.0]])
    similarity = torch.tensor([[1, 0.25], [0, 1]], dtype=torch.float64)
    bank, bank_labels = torch.full((4, 1), -1.0), torch.tensor([1, 0, 1, 0])
    case = Case(z, -z, torch.tensor([0, 0]), similarity, bank, bank_labels, True)
    low = candidates.SMALLEST_FLOAT32_TEMPERATURE
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


@pytest.mark.parametrize("form", FORMS)
def test_rubbish_in_empty_slots_is_ignored(form: str) -> None:
    case = random_case(8, bank="some", include_batch=True)
    assert case.bank is not None
    assert case.bank_labels is not None
    assert (case.bank_labels < 0).any()
    case.query.requires_grad_()
    case.bank[case.bank_labels < 0] = torch.inf
    total = case.loss(form).total
    kept = case.bank_labels >= 0
    case.bank, case.bank_labels = case.bank[kept], case.bank_labels[kept]
    assert total.item() == pytest.approx(case.loss(form).total.item(), abs=1e-12)
    total.backward()
    assert case.query.grad is not None
    assert case.query.grad.isfinite().all()


def test_a_second_derivative_is_refused() -> None:
    case = random_case(9, bank="some", include_batch=True)
    case.query.requires_grad_()
    (slope,) = torch.autograd.grad(case.loss("in").total, case.query, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        slope.sum().backward()


def test_no_gradient_is_computed_where_none_is_wanted() -> None:
    case = random_case(10, bank="some", include_batch=True)
    case.query.requires_grad_()
    with torch.no_grad(), Watch() as watch:
        total = case.loss("in").total
    assert not total.requires_grad
    assert "index_select" not in watch.calls
    assert total.item() == pytest.approx(case.loss("in").total.item(), abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gradients_of_half_precision_inputs_are_exact_but_for_rounding(
    form: str, dtype: torch.dtype
) -> None:
    case = random_case(12, bank="some", include_batch=True)
    assert case.bank is not None
    case.query, case.key, case.bank = (z.to(dtype) for z in (case.query, case.key, case.bank))
    gradients = []
    for to in (dtype, torch.float64):
        query, key = (z.detach().to(to).requires_grad_() for z in (case.query, case.key))
        case.query, case.key = query, key
        case.loss(form, (0.05, 0.6)).total.backward()
        gradients.append((query.grad, key.grad))
    tolerance = 2 * torch.finfo(dtype).eps
    for found, wanted in zip(*gradients, strict=True):
        assert found.dtype == dtype
        scale = float(wanted.abs().max())
        torch.testing.assert_close(found.double(), wanted, rtol=tolerance, atol=1e-5 * scale)


def test_a_similarity_matrix_changed_in_place_is_noticed() -> None:
    case = random_case(4, bank="some", include_batch=True)
    loss = RankedInfoNCE(TEMPERATURE)
    arguments = (case.query, case.key, case.labels, case.similarity, case.bank, case.bank_labels)
    loss(*arguments, include_batch=True)
    case.similarity.copy_(torch.eye(len(case.similarity)))
    changed = loss(*arguments, include_batch=True).item()
    assert changed == pytest.approx(case.naive("in")[0], abs=1e-9)


@pytest.mark.parametrize("temperature", [(0.0, 0.6), (-0.1, 0.6), (0.001, 0.6), (0.7, 0.6)])
def test_impossible_temperatures(temperature: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="temperatures must satisfy"):
        RankedInfoNCE(temperature)


def test_unknown_positives() -> None:
    with pytest.raises(ValueError, match="positives must be"):
        RankedInfoNCE(positives="all")  # type: ignore[arg-type]
