"""predictions.npz: what is saved is loaded, and damage is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import RunError
from core.predictions import Predictions


def predictions(objects: int = 3) -> Predictions:
    return Predictions(
        image_id_N=np.array(["000001"] * objects, dtype=np.str_),
        box_xyxy_N4=np.ones((objects, 4), np.float32),
        classes=("cat", "dog"),
        label_N=np.arange(objects, dtype=np.int64) - 1,
        predicted_N=np.zeros(objects, np.int64),
        score_NC=np.full((objects, 2), 0.5, np.float32),
        embedding_ND=np.eye(objects, 4, dtype=np.float32),
        true_name_N=np.array(["cat"] * objects, dtype=np.str_),
        unseen_N=np.zeros(objects, np.bool_),
        knn_score_N=np.linspace(0, 1, objects),
        mahalanobis_score_N=np.linspace(-1, 0, objects),
    )


@pytest.mark.parametrize("objects", [3, 0])
def test_predictions_survive_the_file(tmp_path: Path, objects: int) -> None:
    saved = predictions(objects)
    saved.save(tmp_path / "predictions.npz")
    loaded = Predictions.load(tmp_path / "predictions.npz")
    assert loaded.classes == saved.classes
    for name in vars(saved):
        if name != "classes":
            a, b = getattr(saved, name), getattr(loaded, name)
            np.testing.assert_array_equal(a, b)
            assert objects == 0 or a.dtype == b.dtype


def test_predictions_of_an_older_run_lack_the_scores_of_training_objects(tmp_path: Path) -> None:
    older = replace(predictions(), knn_score_N=None, mahalanobis_score_N=None)
    older.save(tmp_path / "predictions.npz")
    loaded = Predictions.load(tmp_path / "predictions.npz")
    assert loaded.knn_score_N is None
    assert loaded.mahalanobis_score_N is None
    np.testing.assert_array_equal(loaded.label_N, older.label_N)


def test_predictions_have_the_names_of_the_design(tmp_path: Path) -> None:
    predictions().save(tmp_path / "predictions.npz")
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as file:
        assert {"image_id", "box_xyxy", "classes", "label", "predicted"} <= set(file.files)
        assert {"score_NC", "embedding_ND"} <= set(file.files)
        assert all(file[name].dtype != object for name in file.files)


@pytest.mark.parametrize("share", [None, 0.0, 0.3, 0.5, 0.9, 0.99])
def test_damaged_predictions_are_named(tmp_path: Path, share: float | None) -> None:
    path = tmp_path / "predictions.npz"
    if share is not None:
        predictions().save(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(RunError, match=r"predictions\.npz is missing or damaged"):
        Predictions.load(path)


def test_predictions_with_flipped_bytes_are_named_or_equal(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    predictions().save(path)
    content = path.read_bytes()
    damaged = 0
    for position in range(0, len(content), 37):
        path.write_bytes(content[:position] + b"\xa5" * 8 + content[position + 8 :])
        try:
            Predictions.load(path)
        except RunError:
            damaged += 1
    assert damaged > 10
