"""Verdicts, thresholds and filters, against counts made by hand from the same files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data import DatasetIndex, open_dataset
from core.files import write_json
from core.runs import Run, RunStore
from gui.pages.detections_data import (
    ANY,
    Filter,
    Judgement,
    NoJudgement,
    Tiles,
    Verdict,
    find,
    read_judgement,
)

MakeRun = Callable[..., Run]
WITHHELD = ("chair", "motorbike")


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


@pytest.fixture
def judged(tmp_path: Path, index: DatasetIndex, make_run: MakeRun) -> Judgement:
    run = make_run(RunStore(tmp_path / "runs"), index, withheld=WITHHELD)
    found = read_judgement(run, index)
    assert isinstance(found, Judgement)
    return found


def test_every_test_object_gets_its_own_verdict(judged: Judgement, index: DatasetIndex) -> None:
    verdict_O = judged.verdicts(None)
    test = index.objects_of_split("test")
    others = np.setdiff1d(np.arange(len(index.label_N)), test)
    assert (verdict_O[others] == Verdict.NOT_JUDGED).all()
    predictions = judged.predictions
    for at in test.tolist():
        row = judged.row_O[at]
        assert predictions.image_id_N[row] == index.image_ids[index.image_index_N[at]]
        predicted = predictions.classes[predictions.predicted_N[row]]
        right = predicted == index.classes[index.label_N[at]]
        assert verdict_O[at] == (Verdict.RIGHT if right else Verdict.WRONG)


def test_the_threshold_is_the_one_chosen_on_validation_data(
    tmp_path: Path, index: DatasetIndex, make_run: MakeRun
) -> None:
    run = make_run(RunStore(tmp_path), index, withheld=WITHHELD)
    metrics = run.metrics()
    assert metrics is not None
    chosen = {"score": "max softmax", "value": 0.0625}
    write_json(run.path / "metrics.json", metrics | {"threshold": chosen, "thresholds": None})
    found = read_judgement(Run(run.path), index)
    assert isinstance(found, Judgement)
    assert found.threshold == 0.0625


def test_else_it_keeps_95_percent_of_the_known_test_objects(judged: Judgement) -> None:
    assert judged.threshold is not None
    known = judged.score_N[judged.predictions.label_N >= 0]
    assert np.mean(known >= judged.threshold) >= 0.95
    assert np.mean(known > judged.threshold) < 0.95
    unknown = judged.verdicts(judged.threshold) == Verdict.UNKNOWN
    below = judged.score_N[judged.row_O[unknown]]
    assert unknown.sum() == np.sum(judged.score_N < judged.threshold)
    assert (below < judged.threshold).all()


def test_withheld_objects_are_never_right(judged: Judgement, index: DatasetIndex) -> None:
    hidden = np.isin(index.label_N, [index.classes.index(name) for name in WITHHELD])
    hidden &= judged.row_O >= 0
    assert hidden.any()
    assert (judged.verdicts(None)[hidden] == Verdict.WRONG).all()
    assert (judged.verdicts(2.0)[hidden] == Verdict.UNKNOWN).all()


def test_without_withheld_classes_nothing_is_unknown(
    tmp_path: Path, index: DatasetIndex, make_run: MakeRun
) -> None:
    found = read_judgement(make_run(RunStore(tmp_path), index), index)
    assert isinstance(found, Judgement)
    assert found.threshold is None
    assert not (found.verdicts(None) == Verdict.UNKNOWN).any()


def test_nearest_class_means_are_sorted(judged: Judgement) -> None:
    nearest = judged.nearest(0, 4)
    row = judged.predictions.score_NC[0]
    values = [value for _, value in nearest]
    assert values == sorted(row.astype(float), reverse=True)[:4]
    assert nearest[0][0] == judged.predictions.classes[int(row.argmax())]


def test_a_softmax_run_shows_probabilities(
    tmp_path: Path, index: DatasetIndex, make_run: MakeRun
) -> None:
    run = make_run(RunStore(tmp_path), index)
    text = (run.path / "config.yaml").read_text().replace("method: ranked", "method: softmax")
    (run.path / "config.yaml").write_text(text)
    found = read_judgement(Run(run.path), index)
    assert isinstance(found, Judgement)
    assert found.is_softmax
    assert found.likeness(0).sum() == pytest.approx(1.0)


def test_other_data_and_unfinished_runs_are_told(
    tmp_path: Path, index: DatasetIndex, make_run: MakeRun
) -> None:
    store = RunStore(tmp_path)
    unfinished = read_judgement(make_run(store, index, results=False), index)
    assert isinstance(unfinished, NoJudgement)
    assert "not been judged" in unfinished.text
    run = make_run(store, index)
    write_json(run.path / "environment.json", {"data_name": "x", "data_fingerprint": "other"})
    foreign = read_judgement(run, index)
    assert isinstance(foreign, NoJudgement)
    assert "judged on x" in foreign.text
    (run.path / "predictions.npz").write_bytes(b"")
    broken = read_judgement(run, index)
    assert isinstance(broken, NoJudgement)
    assert "damaged" in broken.text


@pytest.mark.parametrize("split", ["", "test"])
@pytest.mark.parametrize("label", [ANY, 3])
@pytest.mark.parametrize("verdict", [ANY, Verdict.RIGHT, Verdict.WRONG])
@pytest.mark.parametrize("difficult", [False, True])
def test_filters_agree_with_a_plain_loop(
    judged: Judgement, index: DatasetIndex, split: str, label: int, verdict: int, difficult: bool
) -> None:
    verdict_O = judged.verdicts(None)
    found = find(index, verdict_O, Filter(split, label, verdict, difficult))
    inside = set(index.splits[split].tolist()) if split else set(range(len(index.image_ids)))
    passing, by_class, by_verdict, hard = [], [0] * len(index.classes), dict.fromkeys(Verdict, 0), 0
    for at, image in enumerate(index.image_index_N.tolist()):
        same_class = label in {ANY, int(index.label_N[at])}
        same_verdict = verdict in {ANY, int(verdict_O[at])}
        as_hard = bool(index.difficult_N[at]) or not difficult
        if image not in inside:
            continue
        if same_class and same_verdict and as_hard:
            passing.append(at)
        if same_verdict and as_hard:
            by_class[index.label_N[at]] += 1
        if same_class and as_hard:
            by_verdict[Verdict(int(verdict_O[at]))] += 1
        hard += bool(same_class and same_verdict and index.difficult_N[at])
    assert found.objects.tolist() == passing
    if label == ANY and verdict == ANY and not difficult:
        assert set(found.images.tolist()) == inside
    else:
        assert found.images.tolist() == sorted({int(index.image_index_N[at]) for at in passing})
    assert found.class_counts_C.tolist() == by_class
    assert {v: found.verdict_counts[v] for v in Verdict} == by_verdict
    assert found.verdict_counts[ANY] == sum(by_verdict.values())
    assert found.difficult == hard


def test_a_selection_shows_exactly_its_objects(index: DatasetIndex) -> None:
    chosen = (*index.objects_of_image(4).tolist()[:2], 0)
    found = find(index, None, Filter(objects=chosen))
    assert set(found.objects.tolist()) == set(chosen)
    assert found.images.tolist() == [0, 4]


def test_tiles_say_how_their_objects_fared(judged: Judgement, index: DatasetIndex) -> None:
    verdict_O = judged.verdicts(None)
    tiles = Tiles(index, judged, verdict_O)
    image = int(index.splits["test"][0])
    objects = index.objects_of_image(image)
    wrong = int((verdict_O[objects] == Verdict.WRONG).sum())
    assert tiles.has_error(image, "image") == (wrong > 0)
    assert (f"✗ {wrong}" in tiles.image_words(image)) == (wrong > 0)
    train = int(index.splits["train"][0])
    assert tiles.image_words(train) == str(len(index.objects_of_image(train)))
    bad = int(np.flatnonzero(verdict_O == Verdict.WRONG)[0])
    predictions = judged.predictions
    name = predictions.classes[predictions.predicted_N[judged.row_O[bad]]]
    assert tiles.object_words(bad) == f"✗ {name}"
    assert tiles.has_error(bad, "object")
