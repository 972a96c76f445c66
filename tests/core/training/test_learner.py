"""Which loss a method is, and that a step keeps to its device."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from core.config import ExperimentConfig
from core.contrastive.bank import momentum_update
from core.contrastive.colour import jitter
from core.contrastive.encoder import build_encoder
from core.contrastive.loss import RankedInfoNCE
from core.contrastive.rank_table import RankTable
from core.contrastive.triplet import TripletLoss
from core.contrastive.views import ViewSettings, plain_view, sample_parameters
from core.training.distributed import Team
from core.training.learner import Learner, build_loss, view_settings, with_background
from core.training.step_reporter import gradient_norm


@pytest.mark.parametrize("positives", ["in", "supcon"])
def test_n_pair_is_sohns_whatever_is_set_for_the_others(positives: str) -> None:
    """Sohn 2016: log(1 + sum over negatives of exp(f.n - f.p)), here the mean over the p."""
    config = ExperimentConfig().with_values(
        {"objective.method": "npair", "objective.positives": positives}
    )
    loss = build_loss(config.objective)
    assert isinstance(loss, RankedInfoNCE)
    g = torch.Generator().manual_seed(0)
    query, key = (normalize(torch.randn(7, 5, generator=g, dtype=torch.float64)) for _ in "ab")
    label = [0, 1, 1, 2, 0, 1, 3]
    expected = 0.0
    for i, mine in enumerate(label):
        cosine = [float(query[i] @ key[j]) / 0.1 for j in range(7)]
        terms = [
            math.log1p(sum(math.exp(cosine[n] - cosine[p]) for n in range(7) if label[n] != mine))
            for p in range(7)
            if label[p] == mine
        ]
        expected += sum(terms) / len(terms) / len(label)
    found = loss(query, key, torch.tensor(label), torch.eye(4, dtype=torch.float64))
    assert float(found) == pytest.approx(expected, abs=1e-9)


def test_triplet_takes_its_margin() -> None:
    values = {"objective.method": "triplet", "objective.margin": 0.7}
    loss = build_loss(ExperimentConfig().with_values(values).objective)
    assert isinstance(loss, TripletLoss)
    assert loss.margin == 0.7


def test_background_is_in_every_denominator_and_nothing_else() -> None:
    """L_in of a single positive is log(1 + sum over negatives of exp(f.n - f.p))."""
    loss = RankedInfoNCE((0.1, 0.6), "in")
    g = torch.Generator().manual_seed(0)
    query, key, background = (
        normalize(torch.randn(n, 5, generator=g, dtype=torch.float64), dim=1) for n in (3, 3, 4)
    )
    similarity = with_background(torch.eye(3, dtype=torch.float64))
    label_N = torch.full((4,), 3)
    found = loss(query, key, torch.arange(3), similarity, background, label_N, include_batch=False)
    own = (query * key).sum(dim=1, keepdim=True)
    expected = ((query @ background.T - own) / 0.1).exp().sum(dim=1).log1p().mean()
    assert float(found) == pytest.approx(float(expected), abs=1e-9)


def test_bfloat16_gives_nearly_the_loss_of_float32() -> None:
    values = {"encoder.name": "resnet18", "crops.size": 32, "contrast.bank_size": 0}
    config = ExperimentConfig().with_values(values)
    crops = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    label = torch.arange(8) % 3
    found = []
    for precision in (None, torch.bfloat16):
        torch.manual_seed(0)
        learner = Learner(config, torch.eye(3), torch.device("cpu"), precision, Team())
        with torch.no_grad():
            loss = learner.step_loss(crops, label, 0).total
        assert loss.dtype == torch.float32
        found.append(float(loss))
    assert found[0] != found[1]
    assert found[1] == pytest.approx(found[0], rel=0.1)


def test_buffers_of_the_key_encoder_are_copied_in_lists_of_one_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of mixed types a list is copied one by one: 159 kernels a step with a ResNet-50."""
    source, target = (build_encoder("resnet18", "ordinary", 8) for _ in range(2))
    source(torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    copied: list[set[torch.dtype]] = []
    copy = torch._foreach_copy_

    def watched(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
        copied.append({value.dtype for value in (*ours, *theirs)})
        copy(ours, theirs)

    monkeypatch.setattr(torch, "_foreach_copy_", watched)
    momentum_update(target, source, 0.5)
    assert sorted(map(str, copied)) == ["{torch.float32}", "{torch.int64}"]
    for mine, theirs in zip(target.buffers(), source.buffers(), strict=True):
        assert torch.equal(mine, theirs)


class CopiesTo(TorchDispatchMode):
    """Counts copies from the CPU to a device."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.count = 0

    def __torch_dispatch__(
        self, called: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = called(*args, **(kwargs or {}))
        if called is torch.ops.aten._to_copy.default:
            self.count += args[0].device.type == "cpu" and made.device == self.device
        return made


def test_jitter_takes_what_it_needs_to_the_device_at_once() -> None:
    meta = torch.device("meta")
    drawn = sample_parameters(40, 8, ViewSettings(8), torch.Generator().manual_seed(0))
    images = torch.empty(40, 3, 8, 8, device=meta)
    with CopiesTo(meta) as copies:
        assert jitter(images, drawn.order_B4, drawn.factor_B4).device == meta
    assert copies.count == 2


def test_softmax_embeds_in_one_pass() -> None:
    values = {"encoder.name": "resnet18", "crops.size": 32, "objective.method": "softmax"}
    learner = Learner(
        ExperimentConfig().with_values(values), torch.eye(3), torch.device("cpu"), None
    )
    learner.train(False)
    passes: list[nn.Module] = []
    learner.encoder.backbone.register_forward_hook(lambda module, *_: passes.append(module))
    crops = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    embedding, logits = learner.embed(crops)
    assert len(passes) == 1
    images = plain_view(crops, view_settings(learner._config))
    with torch.no_grad():
        features = learner.encoder.features(images)
        expected = learner.encoder.logits(images)
    torch.testing.assert_close(embedding, normalize(features, dim=1))
    torch.testing.assert_close(logits, expected)


STEPS: dict[str, dict[str, object]] = {
    "bank": {"contrast.bank_size": 64, "contrast.momentum": 0.9},
    "batch": {"objective.positives": "supcon"},
    "both": {
        "contrast.bank_size": 64,
        "contrast.include_batch": True,
        "objective.positives": "out-in",
        "training.ema": 0.9,
    },
    "softmax": {"objective.method": "softmax"},
    "triplet": {"objective.method": "triplet", "contrast.bank_size": 64},
    "npair": {"objective.method": "npair"},
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("background", [False, True])
def test_a_step_never_looks_at_what_is_on_the_device(
    name: str, background: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the device "meta", tensors have no values: whatever waits for one raises an error."""
    if name == "softmax" and background:
        return
    meta = torch.device("meta")
    known = torch.eye(5)
    known[0, 1] = known[2, 4] = 0.5
    table_of = RankTable.of

    def table(similarity_CC: torch.Tensor, *rest: Any) -> RankTable:
        """Ranks are read once for each matrix: the one place that waits."""
        whole = known if len(similarity_CC) == len(known) else with_background(known)
        on_cpu = table_of(whole, *rest)
        return RankTable(on_cpu.rank_CC.to(meta), on_cpu.number_4RC.to(meta), on_cpu.ranks)

    monkeypatch.setattr(RankTable, "of", table)
    monkeypatch.setattr(torch, "autocast", lambda *_args, **_options: nullcontext())
    config = ExperimentConfig().with_values({"crops.size": 16} | STEPS[name])
    learner = Learner(config, known, meta, None)
    learner.train(True)
    crops = torch.empty(12, 3, 20, 20, dtype=torch.uint8, device=meta)
    label = torch.empty(12, dtype=torch.int64, device=meta)
    for step in range(2):
        loss = learner.step_loss(crops, label, step, crops[:3] if background else None)
        torch.autograd.backward(loss.total)
        norm = gradient_norm(learner.encoder, 1.0)
        learner.after_step()
    assert loss.total.device == loss.by_rank_R.device == norm.device == meta
    with pytest.raises(RuntimeError, match="meta tensors"):
        loss.total.item()
