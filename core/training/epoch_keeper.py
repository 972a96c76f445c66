"""Keeps the validation embeddings of each epoch, for the map of the results.

Shape suffixes: N validation objects, K of them kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.config import ExperimentConfig
from core.epoch_embeddings import EpochEmbeddings, KeptEpoch, KeptObjects, is_kept
from core.training.experiment import Experiment
from core.training.judging import Validation

IntArray = npt.NDArray[np.int64]


class EpochKeeper:
    """Writes what validation has computed anyway; it changes nothing that training sees.

    Args:
        files: Of the run.
        config: `training.kept_embeddings` objects at most, drawn by the run's seed.
        experiment: Says what the objects are.
    """

    def __init__(
        self, files: EpochEmbeddings, config: ExperimentConfig, experiment: Experiment
    ) -> None:
        self._files = files
        self._config = config
        self._experiment = experiment
        self._row_K: IntArray | None = None

    def __call__(self, epoch: int, validation: Validation) -> None:
        """Keeps an epoch (1 for the first), if it is one of those that are kept."""
        training = self._config.training
        if not training.kept_embeddings or not is_kept(epoch, training.epochs):
            return
        if self._row_K is None:
            self._row_K = self._drawn(len(validation.objects_N))
            self._files.write_objects(self._described(validation.objects_N[self._row_K]))
        row_K = self._row_K
        self._files.write(
            KeptEpoch(epoch, validation.embedding_ND[row_K], validation.predicted_N[row_K])
        )

    def _drawn(self, count: int) -> IntArray:
        kept = min(count, self._config.training.kept_embeddings)
        random = np.random.default_rng(self._config.seed)
        return np.sort(random.permutation(count)[:kept]).astype(np.int64)

    def _described(self, objects_K: IntArray) -> KeptObjects:
        index = self._experiment.index
        return KeptObjects(
            image_id_N=np.array(
                [index.image_ids[i] for i in index.image_index_N[objects_K]], dtype=np.str_
            ),
            box_xyxy_N4=index.box_xyxy_N4[objects_K],
            classes=self._experiment.classes,
            label_N=self._experiment.label_N[objects_K],
            true_name_N=np.array(
                [index.classes[i] for i in index.label_N[objects_K]], dtype=np.str_
            ),
        )
