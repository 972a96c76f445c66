"""What learns: encoder, key encoder, memory bank and objective, behind one call a step.

Shape suffixes: B batch, b the rows of it that are this process's, H W crop side, D embedding,
F features, C known classes, N objects, R ranks.
"""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.config import ExperimentConfig, ObjectiveConfig, OptimizerConfig
from core.contrastive.bank import MemoryBank, momentum_update
from core.contrastive.encoder import ContrastiveEncoder, build_encoder
from core.contrastive.loss import RankedInfoNCE
from core.contrastive.triplet import TripletLoss
from core.contrastive.views import ViewSettings, make_view, plain_view
from core.training.distributed import Team
from core.training.sampling import view_seed


@dataclass(frozen=True)
class StepLoss:
    """Loss of one step.

    Attributes:
        total: Scalar with gradient.
        by_rank_R: l_1, l_2, ..., NaN where a rank had no positives; detached.
    """

    total: Tensor
    by_rank_R: Tensor


class Learner:
    """Encoder and objective of one run.

    Args:
        config: The run's configuration.
        similarity_CC: What the ranked loss takes; float64 or float32.
        device: Where everything lives.
        precision: Autocast type, torch.float64 for float64 throughout, or None for float32.
        team: The processes that share every batch; usually one.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        similarity_CC: Tensor,
        device: torch.device,
        precision: torch.dtype | None,
        team: Team | None = None,
    ) -> None:
        self._config = config
        self._device = device
        self._team = team if team is not None else Team()
        self._dtype = torch.float64 if precision == torch.float64 else torch.float32
        self._autocast = None if precision == torch.float64 else precision
        self.is_softmax = config.objective.method == "softmax"
        torch.manual_seed(config.seed)
        encoder = build_encoder(
            config.encoder.name,
            config.encoder.stem,
            config.encoder.embedding_size,
            weights=config.encoder.weights,
            num_classes=len(similarity_CC) if self.is_softmax else None,
        ).to(device, self._dtype)
        encoder.to(memory_format=torch.channels_last)
        self.encoder = self._team.convert(encoder, config.training.sync_batch_norm)
        self._similarity_CC = similarity_CC.to(device, self._dtype)
        self._with_background_CC = with_background(self._similarity_CC)
        self._views = view_settings(config)
        contrast, objective = config.contrast, config.objective
        has_keys = contrast.momentum > 0 and not self.is_softmax
        self.key_encoder = copy.deepcopy(self.encoder).requires_grad_(False) if has_keys else None
        self.bank = (
            MemoryBank(contrast.bank_size, config.encoder.embedding_size, device).to(self._dtype)
            if contrast.bank_size and not self.is_softmax
            else None
        )
        averaged = config.training.ema > 0
        self.average = copy.deepcopy(self.encoder).requires_grad_(False) if averaged else None
        self._loss = build_loss(objective)

    @property
    def judged_encoder(self) -> ContrastiveEncoder:
        """The encoder that is judged: the average of the weights where there is one."""
        return self.encoder if self.average is None else self.average

    def compile(self) -> str:
        """Compiles the encoders; returns a sentence where that cannot be done here, else ""."""
        try:
            torch.compile(nn.Linear(2, 2).to(self._device))(torch.ones(1, 2, device=self._device))
        except Exception as error:  # noqa: BLE001 - whatever its many back ends raise
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            return f"The encoder is not compiled: {reason}"
        for encoder in (self.encoder, self.key_encoder):
            if encoder is not None:
                encoder.backbone.compile()
        return ""

    def after_step(self) -> None:
        """Moves the average of the weights on, after the optimizer's step."""
        if self.average is not None:
            momentum_update(self.average, self.encoder, self._config.training.ema)

    def autocast(self) -> AbstractContextManager[Any]:
        """Returns the context in which the encoder runs."""
        if self._autocast is None:
            return nullcontext()
        return torch.autocast(self._device.type, self._autocast)

    def step_loss(
        self,
        crops_bCHW: Tensor,
        label_B: Tensor,
        step: int,
        background_NCHW: Tensor | None = None,
    ) -> StepLoss:
        """Returns the loss of a batch; keys enter the bank after it is computed.

        Args:
            crops_bCHW: uint8 on the device: the rows of the batch that are this process's.
            label_B: Index into the known classes, of the whole batch.
            step: 0 for the first; with the run's seed it fixes the views.
            background_NCHW: uint8 crops that show no object: negatives of every anchor, which
                learn nothing themselves and are not remembered. Every process has all of them.
        """
        size = len(label_B)
        first, second = (self._view(crops_bCHW, size, step, view) for view in (1, 2))
        if self.is_softmax:
            with self.autocast():
                both = self.encoder.logits(torch.cat([first, second])).to(self._dtype).chunk(2)
            logits = torch.cat([self._team.gather(logits_bC, size) for logits_bC in both])
            loss = functional.cross_entropy(logits, label_B.repeat(2))
            return StepLoss(loss, loss.detach().reshape(1))
        query_BD, key_BD = (
            self._team.gather(z_bD, size) for z_bD in self._embed_views(first, second)
        )
        contrasted = self._contrast(query_BD, key_BD, label_B, background_NCHW, step)
        if self.bank is not None:
            self.bank.enqueue(key_BD.detach(), label_B)
        return contrasted

    def _contrast(
        self,
        query_BD: Tensor,
        key_BD: Tensor,
        label_B: Tensor,
        background_NCHW: Tensor | None,
        step: int,
    ) -> StepLoss:
        bank, include_batch = self.bank, self._config.contrast.include_batch
        slots = (bank.bank_MD, bank.labels_M) if bank is not None else (None, None)
        similarity_CC = self._similarity_CC
        if background_NCHW is not None:
            slots = self._beside_background(background_NCHW, step, *slots)
            similarity_CC = self._with_background_CC
        if isinstance(self._loss, TripletLoss):
            total = self._loss(query_BD, key_BD, label_B, *slots, include_batch=include_batch)
            return StepLoss(total, total.detach().reshape(1))
        detail = self._loss.forward_detailed(
            query_BD, key_BD, label_B, similarity_CC, *slots, include_batch=include_batch
        )
        return StepLoss(detail.total, detail.by_rank_R)

    def _beside_background(
        self, crops_NCHW: Tensor, step: int, bank_MD: Tensor | None, labels_M: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the bank's slots and, after them, the background's keys as one class more."""
        seed = view_seed(self._config.seed, step, 3)
        images = make_view(crops_NCHW, self._views, seed)
        encoder = self.encoder if self.key_encoder is None else self.key_encoder
        with torch.no_grad(), self.autocast():
            z_ND = encoder(images.to(self._dtype, memory_format=torch.channels_last))
        label_N = torch.full((len(z_ND),), len(self._similarity_CC), device=z_ND.device)
        if bank_MD is None or labels_M is None:
            return z_ND, label_N
        return torch.cat([bank_MD, z_ND.to(bank_MD.dtype)]), torch.cat([labels_M, label_N])

    def _view(self, crops_bCHW: Tensor, batch_size: int, step: int, view: int) -> Tensor:
        seed = view_seed(self._config.seed, step, view)
        rows = self._team.rows(batch_size)
        images = make_view(crops_bCHW, self._views, seed, batch_size=batch_size, rows=rows)
        return images.to(self._dtype, memory_format=torch.channels_last)

    def _embed_views(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        if self.key_encoder is None:
            with self.autocast():
                query_BD, key_BD = self.encoder(torch.cat([first, second])).chunk(2)
            return query_BD, key_BD
        with self.autocast():
            query_BD = self.encoder(first)
            with torch.no_grad():
                momentum_update(self.key_encoder, self.encoder, self._config.contrast.momentum)
                key_BD = self.key_encoder(second)
        return query_BD, key_BD

    @torch.no_grad()
    def embed(self, crops_NCHW: Tensor) -> tuple[Tensor, Tensor | None]:
        """Embeds crops without augmentation, in the encoder's evaluation mode.

        Returns:
            embedding_ND on the unit sphere (SoftMax: normalised features), float32, and
            logits_NC for SoftMax, else None.
        """
        images = self._plain(crops_NCHW)
        encoder = self.judged_encoder
        with self.autocast():
            if not self.is_softmax:
                return encoder(images).float(), None
            features, logits = encoder.features_and_logits(images)
        return functional.normalize(features.float(), dim=1), logits.float()

    @torch.no_grad()
    def features(self, crops_NCHW: Tensor) -> Tensor:
        """Returns what the encoder makes of crops before its head, float32, any length."""
        images = self._plain(crops_NCHW)
        with self.autocast():
            return self.judged_encoder.features(images).float()

    def _plain(self, crops_NCHW: Tensor) -> Tensor:
        view = plain_view(crops_NCHW, self._views)
        return view.to(self._dtype, memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> None:
        """Switches between training and evaluation mode."""
        self.encoder.train(mode)
        if self.key_encoder is not None:
            self.key_encoder.train(mode)
        if self.average is not None:
            self.average.eval()
        if self._config.training.freeze_batch_norm:
            for encoder in (self.encoder, self.key_encoder):
                _freeze_batch_norm(encoder)

    def align(self) -> None:
        """Gives all processes the weights of process 0."""
        self._team.align(self.encoder)
        self._team.align(self.key_encoder)
        self._team.align(self.average)

    def is_finite(self) -> bool:
        """Tells whether all weights are finite: a diverged encoder is not worth saving."""
        finite = [torch.isfinite(value).all() for value in self.encoder.state_dict().values()]
        return bool(torch.stack(finite).all())  # Sync point.

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that learns."""
        return {
            "encoder": self.encoder.state_dict(),
            "key_encoder": self.key_encoder.state_dict() if self.key_encoder else None,
            "average": self.average.state_dict() if self.average else None,
            "bank": self.bank.state_dict() if self.bank else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up a state_dict."""
        self.encoder.load_state_dict(state["encoder"])
        if self.key_encoder is not None:
            self.key_encoder.load_state_dict(state["key_encoder"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.bank is not None:
            self.bank.load_state_dict(state["bank"])


def _freeze_batch_norm(encoder: nn.Module | None) -> None:
    for module in encoder.modules() if encoder is not None else ():
        if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
            module.eval()


def with_background(similarity_CC: Tensor) -> Tensor:
    """Returns the similarities with one class more, unlike all others: the background."""
    extended = functional.pad(similarity_CC, (0, 1, 0, 1))
    extended[-1, -1] = 1.0
    return extended


def build_loss(objective: ObjectiveConfig) -> RankedInfoNCE | TripletLoss:
    """Returns the contrastive loss of a method.

    N-pair (Sohn 2016) is the ranked loss at depth 1 with each positive alone against the
    negatives; on the unit sphere the temperature stands for the norms that are free there.
    """
    if objective.method == "triplet":
        return TripletLoss(objective.margin)
    positives = "out" if objective.method == "npair" else objective.positives
    return RankedInfoNCE((objective.temperature_min, objective.temperature_max), positives)


def view_settings(config: ExperimentConfig) -> ViewSettings:
    """Returns the views' settings as the augmentation takes them."""
    views = config.views
    return ViewSettings(
        size=config.crops.size,
        scale=(views.scale_min, views.scale_max),
        flip_p=views.flip_probability,
        jitter=(views.brightness, views.contrast, views.saturation, views.hue),
        jitter_p=views.jitter_probability,
        grayscale_p=views.grayscale_probability,
    )


def build_optimizer(config: ExperimentConfig, learner: Learner) -> torch.optim.Optimizer:
    """Returns the configured optimizer over the encoder's weights."""
    return make_optimizer(config.optimizer, learner.encoder)


def make_optimizer(options: OptimizerConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Returns an optimizer over the weights of a network that learn."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    if options.name == "adamw":
        return torch.optim.AdamW(
            parameters, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        )
    return torch.optim.SGD(
        parameters,
        lr=options.learning_rate,
        momentum=options.momentum,
        weight_decay=options.weight_decay,
        fused=True,
    )
