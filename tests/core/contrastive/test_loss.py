"""The ranked loss against a naive double loop, closed forms and Khosla et al. 2020."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.contrastive import RankedInfoNCE
from tests.core.contrastive.loss_cases import FORMS, TEMPERATURE, Case, random_case, unit

SETTINGS = [
    pytest.param("none", None, id="batch"),
    pytest.param("none", False, id="own key alone"),
    pytest.param("some", None, id="bank"),
    pytest.param("some", True, id="bank and batch"),
    pytest.param("empty", None, id="empty bank"),
    pytest.param("empty", True, id="empty bank and batch"),
    pytest.param("no slots", None, id="bank of no slots"),
    pytest.param("no slots", True, id="bank of no slots and batch"),
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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bank", ["none", "some", "no slots"])
def test_a_batch_of_nobody_costs_nothing(form: str, bank: str) -> None:
    case = random_case(1, bank=bank, include_batch=True)
    nobody = torch.zeros(0, 5, dtype=torch.float64, requires_grad=True)
    case.query, case.key, case.labels = nobody, nobody, case.labels[:0]
    detail = case.loss(form)
    detail.total.backward()
    assert detail.total.item() == 0
    assert detail.anchors_R.tolist() == [0] * len(detail.anchors_R)
    assert nobody.grad is not None
    assert nobody.grad.shape == (0, 5)


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


@pytest.mark.parametrize("cosine", [-1.0, -0.05, 0.0, 0.6, 1.0])
def test_one_positive_against_one_negative_alone(cosine: float) -> None:
    """l = log(1 + exp((h_n - h_p) / tau)), also where the gap is wider than 20."""
    query = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    key = torch.tensor([[cosine, math.sqrt(1 - cosine**2)]], dtype=torch.float64)
    labels, similarity = torch.tensor([0]), torch.eye(2, dtype=torch.float64)
    found = RankedInfoNCE((0.05, 0.6), "out")(
        query, key, labels, similarity, query, torch.tensor([1])
    )
    gap = (1 - cosine) / 0.05
    assert found.item() == pytest.approx(gap + math.log1p(math.exp(-gap)), abs=1e-12)


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
