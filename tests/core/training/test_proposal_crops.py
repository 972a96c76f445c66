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
from core.events import Event, StepCompleted
from core.ranking import Ranking
from core.training.control import TrainingControl
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


def test_background_overlaps_no_object_and_is_of_no_class(tiny_voc: Path, detector: Path):
    settings = {"crops__source": "proposals", "crops__detector": str(detector)}
    without = extend(*prepared(tiny_voc, data__withheld=("chair",), **settings))
    assert len(without.background) == 0
    settings |= {"crops__background": 2}
    config, plain = prepared(tiny_voc, data__withheld=("chair",), **settings)
    found = extend(config, plain)
    index, background = found.index, found.background
    assert len(background) > 5
    assert (found.label_N[background] == -1).all()
    train_images = set(plain.index.splits["train"].tolist())
    for row in background.tolist():
        image = int(index.image_index_N[row])
        assert image in train_images
        objects = plain.index.box_xyxy_N4[plain.index.objects_of_image(image)]
        assert iou_matrix(index.box_xyxy_N4[[row]], objects).max() < 0.3
    assert np.bincount(index.image_index_N[background]).max() == 2
    for name in ("train", "validation", "test"):
        ours, theirs = getattr(found, name), getattr(without, name)
        assert not np.intersect1d(ours, background).size
        np.testing.assert_array_equal(index.box_xyxy_N4[ours], without.index.box_xyxy_N4[theirs])
        np.testing.assert_array_equal(found.label_N[ours], without.label_N[theirs])
    again, other = extend(config, plain), extend(config.with_values({"seed": 7}), plain)
    np.testing.assert_array_equal(again.index.box_xyxy_N4, index.box_xyxy_N4)
    drawn = index.box_xyxy_N4[background]
    assert not np.array_equal(other.index.box_xyxy_N4[other.background], drawn)


def test_with_background_a_stopped_run_ends_as_one_that_was_not(train: Any, detector: Path):
    values: dict[str, Any] = {
        "crops__source": "proposals",
        "crops__detector": str(detector),
        "crops__background": 3,
        "contrast__bank_size": 50,
        "training__epochs": 2,
    }
    plain = train(**(values | {"crops__background": 0}))
    whole = train(**values)
    assert whole.outcome.status == "done", whole.outcome
    assert max(whole.losses()) == max(plain.losses()) > 2
    assert whole.losses()[1] > plain.losses()[1]  # the same objects and views, more negatives
    assert len(whole.run.predictions().label_N) == len(plain.run.predictions().label_N)
    classes = [run.run.metrics()["confusion"]["classes"] for run in (whole, plain)]
    assert classes[0] == classes[1]

    def stop(event: Event, control: TrainingControl) -> None:
        if isinstance(event, StepCompleted) and event.step >= 2:
            control.stop()

    first = train(None, stop, **values)
    assert first.outcome.status == "stopped"
    resumed = train(first.run, resume=True)
    assert resumed.losses() == whole.losses()
    ours, theirs = (run.state()["learner"]["encoder"] for run in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_background_that_makes_no_sense(train: Any, detector: Path):
    alone = train(crops__background=2)
    assert alone.outcome.cause == "input"
    assert "crops.source is ground-truth" in alone.outcome.message
    settings = {"crops__source": "proposals", "crops__detector": str(detector)}
    softmax = train(crops__background=2, objective__method="softmax", **settings)
    assert softmax.outcome.cause == "input"
    assert "SoftMax has no negatives" in softmax.outcome.message


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
