"""Suggestions: from validation objects only, placed where they contradict the user least."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.config import ExperimentConfig
from core.epoch_embeddings import KeptEpoch, KeptObjects
from core.errors import RunError
from core.evaluation.suggestions import (
    Alikeness,
    alike_by_confusion,
    alike_by_means,
    run_alikeness,
    suggest,
)
from core.ranking import Ranking, Tier
from core.runs import Run, RunStore

CLASSES = ("aeroplane", "bird", "boat", "train", "cat", "dog")


def found(row: list[float], anchor: str = "aeroplane") -> Alikeness:
    alike_CC = np.full((len(CLASSES), len(CLASSES)), np.nan)
    alike_CC[CLASSES.index(anchor)] = row
    return Alikeness("means", CLASSES, alike_CC, 3, np.full(len(CLASSES), 9))


def ladder(*tiers: tuple[str, ...]) -> Ranking:
    return Ranking({"aeroplane": tuple(Tier(tier) for tier in tiers)})


ROW = [np.nan, 0.8, 0.64, 0.71, 0.1, 0.0]


def test_the_example_of_the_drawing() -> None:
    (suggestion,) = suggest(ladder(("bird",), ("boat",)), "aeroplane", found(ROW))
    assert (suggestion.name, suggestion.gap, suggestion.alike) == ("train", 1, 0.71)
    assert suggestion.reason == "train is 0.71 like aeroplane: closer than boat (0.64)."


def test_an_empty_ladder_is_offered_what_stands_out() -> None:
    # mean 0.45, standard deviation 0.333: only 0.8 is above 0.783
    (suggestion,) = suggest(Ranking(), "aeroplane", found(ROW))
    assert (suggestion.name, suggestion.gap) == ("bird", 0)
    assert suggestion.reason == "bird is 0.80 like aeroplane; the other classes 0.36 on average."


def test_a_class_less_alike_than_all_that_are_ranked_is_not_suggested() -> None:
    full = ladder(("bird",), ("train",), ("boat",))
    assert suggest(full, "aeroplane", found(ROW)) == ()


def test_it_goes_where_it_contradicts_least_and_then_lowest() -> None:
    # The user ranks boat (0.64) above bird (0.8): train (0.71) contradicts one class at gap 0
    # and 2, two at gap 1; the lower of the equal places is taken.
    (suggestion,) = suggest(ladder(("boat",), ("bird",)), "aeroplane", found(ROW))
    assert suggestion.gap == 2
    (suggestion,) = suggest(ladder(("bird", "boat"), ("dog",)), "aeroplane", found(ROW), ["cat"])
    assert (suggestion.name, suggestion.gap) == ("train", 1)


def test_the_most_alike_come_first_and_dismissed_ones_not_at_all() -> None:
    names = [s.name for s in suggest(ladder(("dog",)), "aeroplane", found(ROW))]
    assert names == ["bird", "train", "boat"]
    rest = suggest(ladder(("dog",)), "aeroplane", found(ROW), leave_out={"bird"}, most=2)
    assert [s.name for s in rest] == ["train", "boat"]


def test_what_is_unlike_is_never_suggested() -> None:
    row = [np.nan, -0.5, -0.1, -0.4, -0.3, -0.6]
    assert suggest(ladder(("dog",)), "aeroplane", found(row)) == ()


def test_an_anchor_that_the_run_does_not_know_gets_none() -> None:
    assert suggest(Ranking(), "sheep", found(ROW)) == ()
    unknown = [np.nan] * len(CLASSES)
    assert suggest(Ranking(), "aeroplane", found(unknown)) == ()


def test_means_are_compared_by_their_cosine_and_seldom_seen_classes_left_out() -> None:
    angle = np.deg2rad([0, 0, 0, 60, 60, 60, 90, 90])
    embedding_ND = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    alike_CC = alike_by_means(embedding_ND, np.array([0, 0, 0, 1, 1, 1, 2, 2]), 3)
    assert alike_CC[0, 1] == pytest.approx(0.5)
    assert alike_CC[1, 0] == pytest.approx(0.5)
    assert np.isnan(alike_CC[[0, 1, 2], [0, 1, 2]]).all()
    assert np.isnan(alike_CC[2]).all()


def test_confusion_counts_shares_of_the_true_class_and_single_objects_as_none() -> None:
    label_N = np.array([0] * 10 + [1] * 4 + [2] * 2)
    predicted_N = np.array([0] * 6 + [1] * 3 + [2] + [1] * 2 + [0] * 2 + [0] * 2)
    alike_CC = alike_by_confusion(label_N, predicted_N, 3)
    assert alike_CC[0, 1] == pytest.approx(0.3)
    assert alike_CC[0, 2] == 0
    assert alike_CC[1, 0] == pytest.approx(0.5)
    assert np.isnan(alike_CC[2]).all(), "two objects say nothing"


def test_confusion_is_told_in_objects() -> None:
    alike_CC = np.full((3, 3), np.nan)
    alike_CC[0] = [np.nan, 0.1, 0.3]
    says = Alikeness("confusion", ("cat", "cow", "dog"), alike_CC, 1, np.array([10, 8, 9]))
    (suggestion,) = suggest(Ranking({"cat": (Tier(("cow",)),)}), "cat", says)
    assert (suggestion.name, suggestion.gap) == ("dog", 0)
    assert suggestion.reason == "3 of 10 cat objects were taken for dog, 1 for cow."


# ----- from a run -----


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = RunStore(tmp_path / "runs").create(ExperimentConfig(), Ranking())
    label_N = np.repeat(np.arange(3), 4)
    run.epoch_embeddings.write_objects(
        KeptObjects(
            np.array([f"i{i}" for i in range(12)]),
            np.zeros((12, 4), np.float32),
            ("cat", "cow", "dog"),
            label_N,
            np.array(["cat", "cow", "dog"])[label_N],
        )
    )
    for epoch, angles in ((1, (0, 10, 90)), (5, (0, 90, 60))):
        angle = np.deg2rad(np.array(angles))[label_N]
        z_ND = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        run.epoch_embeddings.write(KeptEpoch(epoch, z_ND, np.where(label_N == 0, 2, label_N)))
    return run


def test_the_last_kept_epoch_is_read_and_the_test_split_is_not(run: Run) -> None:
    (run.path / "predictions.npz").write_bytes(b"whoever reads this fails")
    means = run_alikeness(run)
    assert (means.epoch, means.classes) == (5, ("cat", "cow", "dog"))
    assert means.alike_CC[0, 2] == pytest.approx(0.5, abs=1e-3)
    assert means.alike_CC[0, 1] == pytest.approx(0.0, abs=1e-3)
    assert run_alikeness(run, "confusion").alike_CC[0, 2] == 1
    (suggestion,) = suggest(Ranking({"dog": (Tier(("cat",)),)}), "dog", means)
    assert suggestion.reason == "cow is 0.87 like dog: closer than cat (0.50)."


def test_a_run_that_kept_nothing_says_so(tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(ExperimentConfig(), Ranking())
    with pytest.raises(RunError, match="kept no validation embeddings"):
        run_alikeness(run)


def test_a_run_that_validates_on_its_test_split_is_refused(run: Run) -> None:
    split = run.config.data.test_split
    changed = run.config.with_values({"data.validation_split": split})
    (run.path / "config.yaml").write_text(changed.to_yaml())
    with pytest.raises(RunError, match="test split"):
        run_alikeness(Run(run.path))


def test_files_that_do_not_fit_each_other_are_refused(run: Run) -> None:
    run.epoch_embeddings.write(KeptEpoch(9, np.eye(3, dtype=np.float32), np.zeros(3, np.int64)))
    with pytest.raises(RunError, match="damaged"):
        run_alikeness(run)
