"""Training on proposals: which are taken for which object, and that judging stays the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.config import ExperimentConfig
from core.errors import ConfigError, DataError
from core.evaluation.proposal_recall import iou_matrix
from core.ranking import Ranking
from core.training.experiment import Experiment
from core.training.proposal_crops import with_proposals
from tests.core.training.detector_runs import quick_config, train_detector

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def detector(tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proposals") / "run"
    config = quick_config(tiny_voc, training__epochs=4, training__validation_images=0)
    assert train_detector(path, config).outcome.status == "done"
    return path


def prepared(folder: Path, **values: Any) -> tuple[ExperimentConfig, Experiment]:
    dotted = {key.replace("__", "."): value for key, value in values.items()}
    config = ExperimentConfig().with_values({"data.folder": str(folder)} | dotted)
    return config, Experiment.prepare(config, Ranking())


def extend(config: ExperimentConfig, experiment: Experiment) -> Experiment:
    return with_proposals(experiment, config, CPU, lambda _event: None, lambda: False)


def test_ground_truth_stays_as_it_is(tiny_voc: Path):
    config, experiment = prepared(tiny_voc)
    assert extend(config, experiment) is experiment


def test_proposals_take_the_class_of_the_object_they_overlap(tiny_voc: Path, detector: Path):
    settings = {"crops__source": "proposals", "crops__detector": str(detector)}
    config, plain = prepared(tiny_voc, data__withheld=("chair",), **settings)
    found = extend(config, plain)
    index = found.index
    assert len(found.train) > 10
    assert (np.diff(index.image_index_N) >= 0).all()
    train_images = set(plain.index.splits["train"].tolist())
    for row in found.train.tolist():
        image = index.image_index_N[row]
        assert image in train_images
        objects = plain.index.objects_of_image(image)
        objects = objects[plain.label_N[objects] >= 0]
        iou_N = iou_matrix(index.box_xyxy_N4[[row]], plain.index.box_xyxy_N4[objects])[0]
        assert iou_N.max() >= 0.5
        assert found.label_N[row] == plain.label_N[objects[iou_N.argmax()]]
    for split in ("validation", "test"):
        ours, theirs = getattr(found, split), getattr(plain, split)
        np.testing.assert_array_equal(index.box_xyxy_N4[ours], plain.index.box_xyxy_N4[theirs])
        np.testing.assert_array_equal(found.label_N[ours], plain.label_N[theirs])
        np.testing.assert_array_equal(index.image_index_N[ours], plain.index.image_index_N[theirs])


def test_a_run_on_proposals_ends_and_is_judged_again_alike(train: Any, detector: Path):
    found = train(crops__source="proposals", crops__detector=str(detector), training__epochs=1)
    assert found.outcome.status == "done", found.outcome
    assert len(found.run.predictions().label_N) == 60
    before = found.run.metrics()["confusion"]
    again = train(found.run, judge_only=True)
    assert again.outcome.status == "done"
    assert found.run.metrics()["confusion"] == before


def test_detectors_that_are_missing_or_find_nothing(
    tiny_voc: Path, detector: Path, train: Any, tmp_path: Path
):
    config, experiment = prepared(tiny_voc, crops__source="proposals")
    with pytest.raises(ConfigError, match="need a detector"):
        extend(config, experiment)
    found = train(crops__source="proposals", crops__detector=str(tmp_path / "nothing"))
    assert found.outcome.cause == "input"
    assert "There is no detector" in found.outcome.message
    assert not found.run.path.exists()
    config, experiment = prepared(
        tiny_voc, crops__source="proposals", crops__detector=str(detector)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.training.proposal_crops.IOU_THRESHOLD", 1.1)
        with pytest.raises(DataError, match="overlaps a training object enough"):
            extend(config, experiment)
