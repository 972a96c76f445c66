"""Keeping embeddings: what is kept is what was validated, and training does not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def whole(train: Any) -> Any:
    return train(keep=True)


def test_the_last_epoch_is_what_a_judgement_of_the_validation_split_finds(
    train: Any, whole: Any
) -> None:
    from core.training.control import TrainingControl
    from core.training.evaluating import Request, evaluate_run

    objects = whole.run.epoch_embeddings.objects()
    last = whole.run.epoch_embeddings.load(2)
    accuracy = float((last.predicted_N == objects.label_N).mean())
    assert accuracy == pytest.approx(whole.epochs()[-1][3])
    np.testing.assert_allclose(np.linalg.norm(last.embedding_ND, axis=1), 1, atol=1e-3)
    found, _ = evaluate_run(whole.run, Request("val"), lambda _event: None, TrainingControl())
    assert found["count"] == len(objects.label_N)
    names = [objects.classes[label] for label in objects.label_N]
    np.testing.assert_array_equal(objects.true_name_N, names)


def test_a_part_is_drawn_and_training_does_not_notice(train: Any, whole: Any) -> None:
    part = train(training__kept_embeddings=7)
    none = train(training__kept_embeddings=0)
    for run in (part, none):
        assert run.losses() == whole.losses()
        assert run.epochs() == whole.epochs()
        assert torch.equal(run.state()["rng"], whole.state()["rng"])
    assert none.run.epoch_embeddings.epochs() == ()
    assert not (none.run.path / "embeddings").exists()
    few, all_of_them = part.run.epoch_embeddings, whole.run.epoch_embeddings
    rows = rows_of(few, all_of_them)
    assert len(rows) == 7
    for epoch in (1, 2):
        expected = all_of_them.load(epoch).embedding_ND[rows]
        np.testing.assert_array_equal(few.load(epoch).embedding_ND, expected)


def rows_of(few: Any, all_of_them: Any) -> list[int]:
    def keys(objects: Any) -> list[tuple[Any, ...]]:
        boxes = objects.box_xyxy_N4.tolist()
        return [(i, *box) for i, box in zip(objects.image_id_N.tolist(), boxes, strict=True)]

    known = keys(all_of_them.objects())
    return [known.index(key) for key in keys(few.objects())]


def test_withheld_objects_are_not_kept(train: Any) -> None:
    found = train(training__epochs=1, data__withheld=["chair"]).run
    objects = found.epoch_embeddings.objects()
    assert "chair" not in objects.classes
    assert "chair" not in set(objects.true_name_N.tolist())
    assert (objects.label_N >= 0).all()
    files = sorted(p.name for p in Path(found.path / "embeddings").iterdir())
    assert files == ["epoch-0001.npz", "objects.npz"]
