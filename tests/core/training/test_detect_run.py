"""`akin detect run`: a run's encoder on a detector's boxes agrees with the run's own judgement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data import open_dataset
from core.detection.detections_io import read_detections
from tests.core.training.detector_runs import quick_config, train_detector


@pytest.fixture(scope="module", params=["ranked", "softmax"])
def trained(request: pytest.FixtureRequest, train: Any) -> Any:
    return train(
        keep=True,
        training__epochs=1,
        objective__method=request.param,
        data__withheld=("chair",),
    )


def test_annotated_boxes_are_classified_as_the_run_did(
    trained: Any, akin: Any, tiny_voc: Path, tmp_path: Path
):
    out = tmp_path / "found.json"
    words = ["detect", "run", "--run", trained.run.path, "--detector", "ground-truth"]
    answer = akin(*words, "--data", tiny_voc, "--out", out, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    items = json.loads(out.read_text())
    predictions = trained.run.predictions()
    assert told["detections"] == len(items) == len(predictions.predicted_N)
    names = [predictions.classes[label] for label in predictions.predicted_N]
    assert [item["nearest"] for item in items] == names
    unknown = np.array([item["category"] == "unknown" for item in items])
    scores = np.exp(predictions.score_NC).max(1) / np.exp(predictions.score_NC).sum(1)
    clear = abs(scores - told["threshold"]) > 1e-4
    assert (unknown == (scores < told["threshold"]))[clear].all()
    accepted = akin(*words, "--data", tiny_voc, "--out", out, "--threshold", "0")
    assert accepted.code == 0, accepted.err
    assert "unknown" not in {item["category"] for item in json.loads(out.read_text())}
    assert len(read_detections(out, open_dataset(tiny_voc))) == len(items)


def test_a_trained_detector_and_an_untrained_runs_directory(
    trained: Any, akin: Any, tiny_voc: Path, tmp_path: Path
):
    detector = train_detector(tmp_path / "detector", quick_config(tiny_voc, training__epochs=1))
    out = tmp_path / "found.json"
    words = ["detect", "run", "--run", trained.run.path, "--data", tiny_voc, "--out", out]
    answer = akin(*words, "--detector", detector.run.path, "--proposals", "5", "--min-score", "0")
    assert answer.code == 0, answer.err
    assert answer.err.count("detecting ...") == 1
    items = json.loads(out.read_text())
    images = {item["image_id"] for item in items}
    assert 5 * len(images) >= len(items) > len(images)
    index = open_dataset(tiny_voc)
    assert images <= {index.image_ids[i] for i in index.splits["test"]}
    out.unlink()
    akin(*words, "--detector", trained.run.path).expect_error(
        "holds no weights of a detector", "akin detect train"
    )
    answer = akin(*words, "--detector", tmp_path / "nothing")
    answer.expect_error("There is no detector", "")
    assert "detecting" not in answer.err, "nothing was looked at"
    akin(*words, "--detector", "ground-truth", "--split", "tset").expect_error(
        "has no split 'tset'", "'test'?"
    )
    assert not out.exists()


def test_a_class_agnostic_detector_is_judged_as_its_training_judged_it(
    akin: Any, tiny_voc: Path, tmp_path: Path
):
    values = {"detector__class_agnostic": True, "training__epochs": 3}
    trained = train_detector(tmp_path / "agnostic", quick_config(tiny_voc, **values))
    own = json.loads((trained.run.path / "metrics.json").read_text())
    assert own["class_agnostic"] is True
    assert own["ap50"] > 0
    words = ["detect", "evaluate", "--data", tiny_voc, "--json", "--detections"]
    answer = akin(*words, trained.run.path / "detections.json")
    assert answer.code == 0, answer.err
    assert "judged class-agnostically" in answer.err
    again = json.loads(answer.out)
    assert {key: own[key] for key in again if key != "unknown"} == {
        key: again[key] for key in again if key != "unknown"
    }
    out = tmp_path / "found.json"
    ran = ["detect", "run", "--detector", trained.run.path, "--data", tiny_voc, "--out", out]
    assert akin(*ran).code == 0
    assert {item["category"] for item in json.loads(out.read_text())} == {"object"}
    assert json.loads(akin(*words, out).out)["ap50"] == pytest.approx(own["ap50"], abs=0.01)


def test_a_checkpoint_of_another_architecture(
    train: Any, akin: Any, tiny_voc: Path, tmp_path: Path
):
    found = train(training__epochs=1)
    state = found.state()
    state["learner"]["encoder"].pop(next(iter(state["learner"]["encoder"])))
    torch.save(state, found.run.checkpoint_folder / "last.pt")
    out = tmp_path / "found.json"
    words = ["detect", "run", "--run", found.run.path, "--detector", "ground-truth"]
    akin(*words, "--data", tiny_voc, "--out", out).expect_error(
        "is of another architecture or class list", "train it anew"
    )
    assert not out.exists()
