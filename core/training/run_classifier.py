"""What a run learned, as a classifier of crops: nearest class mean, or "unknown".

Shape suffixes: N crops, C known classes, D embedding, H W crop side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from core.data.images import PixelArray
from core.detection.pipeline import Classes
from core.errors import DataError, RunError
from core.evaluation.classification import FloatArray, class_means, cosine_scores, predict
from core.evaluation.further import KEPT_SHARE
from core.evaluation.ood import max_softmax_score, threshold_at_tpr
from core.events import Emit, WarningRaised
from core.runs import Run, default_cache
from core.training.checkpoint import load_checkpoint
from core.training.device import choose_precision
from core.training.experiment import Experiment
from core.training.judging import Crops, embed_objects
from core.training.learner import Learner
from core.training.proposal_crops import with_proposals

_BATCH = 256


class RunClassifier:
    """Classifies crops by a run's last checkpoint.

    Its class means are of all training objects. Its threshold is the score that 95 % of the
    known objects of the validation split reach; without any, nothing is unknown.

    Args:
        run: A trained run; its data must be where they were.
        device: Where the encoder runs.
        emit: Receives progress and warnings.
        threshold: In place of the run's own.
        should_stop: Asked now and then.

    Attributes:
        threshold: Below it a crop is unknown; the score is the largest softmax probability.

    Raises:
        AkinError: The run, its data or its checkpoint cannot be used.
        BuildStopped: should_stop returned True.
    """

    def __init__(
        self,
        run: Run,
        device: torch.device,
        emit: Emit,
        *,
        threshold: float | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        config = run.config
        self.crop_size = config.crops.size
        experiment = Experiment.prepare(config, run.ranking, judging_only=True)
        experiment = with_proposals(experiment, config, device, emit, should_stop)
        self.classes = experiment.classes
        similarity_CC = torch.from_numpy(experiment.similarity_CC)
        precision = choose_precision(config.training.precision, device)
        self._learner = Learner(config, similarity_CC, device, precision)
        loaded = load_checkpoint(run.checkpoint_folder, device)
        try:
            self._learner.load_state_dict(loaded.state["learner"])
        except (RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"{loaded.path} is of another architecture or class list than the run.",
                "Its config.yaml or its data changed since it was trained; train it anew.",
            ) from error
        if loaded.warning:
            emit(WarningRaised(message=loaded.warning))
        self._device = device
        self._learner.train(False)
        bank = experiment.crops(config, default_cache() / "crops", emit, should_stop)
        crops = Crops(bank.crops_NCHW, bank.object_index_N, device)
        self._means_CD = None if self._learner.is_softmax else self._means(experiment, crops)
        self.threshold = self._threshold(experiment, crops) if threshold is None else threshold
        self._learner.train(False)

    def __call__(self, crops_NCHW: PixelArray) -> Classes:
        """Classifies uint8 crops, shape (N, 3, H, W)."""
        parts = []
        for start in range(0, len(crops_NCHW), _BATCH):
            batch = np.ascontiguousarray(crops_NCHW[start : start + _BATCH])
            z_ND, logits_NC = self._learner.embed(torch.from_numpy(batch).to(self._device))
            kept = z_ND if logits_NC is None else logits_NC
            parts.append(kept.cpu().numpy())  # Sync point.
        values = np.concatenate(parts)
        score_NC = values if self._means_CD is None else cosine_scores(values, self._means_CD)
        surety_N = max_softmax_score(score_NC)
        label_N = predict(score_NC)
        # Of SoftMax the probability; else the cosine to the nearest class mean.
        confidence_N = surety_N if self._means_CD is None else score_NC.max(axis=1)
        return Classes(label_N, np.clip(confidence_N, 0.0, 1.0), surety_N >= self.threshold)

    def _means(self, experiment: Experiment, crops: Crops) -> FloatArray:
        train = crops.readable(experiment.train)
        if not len(train):
            raise DataError(
                "None of the run's training objects can be read.",
                "akin data check DIR lists what is wrong.",
            )
        embedding_ND, _ = embed_objects(self._learner, crops, train)
        return class_means(embedding_ND, experiment.label_N[train], len(experiment.classes))

    def _threshold(self, experiment: Experiment, crops: Crops) -> float:
        objects = crops.readable(experiment.validation)
        objects = objects[experiment.label_N[objects] >= 0]
        if not len(objects):
            return 0.0
        values, logits_NC = embed_objects(self._learner, crops, objects)
        if self._means_CD is None:
            assert logits_NC is not None
            values = logits_NC
        score_NC = values if self._means_CD is None else cosine_scores(values, self._means_CD)
        return threshold_at_tpr(max_softmax_score(score_NC), KEPT_SHARE)
