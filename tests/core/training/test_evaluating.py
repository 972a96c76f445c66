"""A finished run judged again, by every classifier and on other splits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

import core.training.evaluating as module
from core.cli_measures import measures_in_lines
from core.data.demo import write_demo
from core.errors import AkinError
from core.evaluation.compliance import ranks_of
from core.events import EpochCompleted, Event, RunStarted, WarningRaised
from core.ranking import Ranking, Tier
from core.runs import Run
from core.training.checkpoint import load_checkpoint
from core.training.control import TrainingControl
from core.training.evaluating import Request, evaluate_run
from core.training.experiment import Experiment
from core.training.finish import near_classes
from core.training.judging import Crops, embed_objects
from core.training.learner import Learner


@pytest.fixture(scope="module")
def run(train: Any) -> Run:
    found: Run = train(keep=True, training__epochs=1, data__withheld=["chair"]).run
    return found


def judge(run: Run, *request: Any) -> tuple[dict[str, Any], Path]:
    return evaluate_run(run, Request(*request), lambda _event: None, TrainingControl())


def test_the_same_again_is_the_same(run: Run) -> None:
    before = (run.path / "metrics.json").read_bytes()
    found, path = judge(run)
    metrics = run.metrics()
    assert metrics is not None
    for key in ("accuracy", "confusion", "severity"):
        assert found[key] == metrics[key]
    assert found["compliance"]["overall"] == metrics["compliance"]["overall"]
    assert found["ood"]["auroc"] == pytest.approx(metrics["ood"]["auroc"], abs=1e-3)
    assert list(found["ood_scores"]) == list(metrics["ood_scores"])
    for name, row in metrics["ood_scores"].items():
        assert found["ood_scores"][name]["auroc"] == pytest.approx(row["auroc"], abs=1e-3)
    assert list(found["thresholds"]) == list(metrics["thresholds"])
    for name, row in metrics["thresholds"].items():
        assert found["thresholds"][name]["value"] == pytest.approx(row["value"], rel=1e-4)
    assert path == run.path / "evaluations" / "test-nearest-mean.json"
    assert json.loads(path.read_text()) == found
    assert (run.path / "metrics.json").read_bytes() == before


def test_scores_by_the_training_objects_are_kept_with_the_predictions(run: Run) -> None:
    predictions, metrics = run.predictions(), run.metrics()
    assert metrics is not None
    known_N = predictions.label_N >= 0
    for name, score_N in (
        ("k-NN distance", predictions.knn_score_N),
        ("Mahalanobis", predictions.mahalanobis_score_N),
    ):
        assert score_N is not None
        expected = pytest.approx(roc_auc_score(known_N, score_N))
        assert metrics["ood_scores"][name]["auroc"] == expected


def test_distances_have_thresholds_of_the_validation_objects(run: Run) -> None:
    """By scikit-learn, from what the last checkpoint makes of the crops."""
    config, cpu = run.config, torch.device("cpu")
    experiment = Experiment.prepare(config, run.ranking)
    learner = Learner(config, torch.from_numpy(experiment.similarity_CC), cpu, None)
    learner.load_state_dict(load_checkpoint(run.checkpoint_folder, cpu).state["learner"])
    bank = experiment.crops(config, None, lambda _event: None, lambda: False)
    crops = Crops(bank.crops_NCHW, bank.object_index_N, cpu)
    label_N = experiment.label_N
    known = experiment.validation[label_N[experiment.validation] >= 0]
    assert len(known) < len(experiment.validation), "withheld objects are there to be left out"
    validation, _ = embed_objects(learner, crops, known)
    train, _ = embed_objects(learner, crops, experiment.train)
    train, label = train.astype(np.float64), label_N[experiment.train]
    distance, _ = (
        NearestNeighbors(n_neighbors=10, metric="cosine").fit(train).kneighbors(validation)
    )
    means = {c: train[label == c].mean(axis=0) for c in np.unique(label)}
    spread = LedoitWolf(assume_centered=True).fit(train - [means[c] for c in label])
    inverse = np.linalg.inv(spread.covariance_)
    nearest = [min((z - m) @ inverse @ (z - m) for m in means.values()) for z in validation]
    predictions, metrics = run.predictions(), run.metrics()
    assert metrics is not None
    fewest = int(np.ceil(0.95 * len(known)))
    for name, score_V, test_N in (
        ("k-NN distance", 1 - distance[:, 9], predictions.knn_score_N),
        ("Mahalanobis", -np.array(nearest), predictions.mahalanobis_score_N),
    ):
        row = metrics["thresholds"][name]
        assert row["value"] == pytest.approx(np.sort(score_V)[-fewest], rel=1e-4)
        assert test_N is not None
        accepted_N, known_N = test_N >= row["value"], predictions.label_N >= 0
        assert row["known_accepted"] == accepted_N[known_N].mean()
        assert row["withheld_accepted"] == accepted_N[~known_N].mean()


def test_what_is_judged_chooses_no_threshold(run: Run) -> None:
    assert judge(run, "val")[0]["thresholds"] is None
    assert judge(run, "val")[0]["ood_scores"] is not None


def test_another_split_has_other_objects(run: Run) -> None:
    found, _ = judge(run, "", "knn")
    assert found["classifier"] == "knn"
    test = run.predictions()
    validation, _ = judge(run, "val", "knn")
    assert validation["split"] == "val"
    assert validation["count"] != found["count"]
    assert found["count"] == int((test.label_N >= 0).sum())


def test_neighbours_are_training_objects_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, np.ndarray] = {}
    real = module.knn_votes

    def watch(query: np.ndarray, train: np.ndarray, label: np.ndarray, classes: int) -> Any:
        seen.update(query=query, train=train, label=label)
        seen["scores"] = real(query, train, label, classes)
        return seen["scores"]

    monkeypatch.setattr(module, "knn_votes", watch)
    found, _ = judge(run, "", "knn")
    assert np.allclose(seen["query"], run.predictions().embedding_ND, atol=1e-5)
    assert (seen["label"] >= 0).all(), "withheld objects were learned from"
    oracle = KNeighborsClassifier(20, metric="cosine", algorithm="brute")
    votes = oracle.fit(seen["train"], seen["label"]).predict_proba(seen["query"])
    present = np.isfinite(seen["scores"]).all(axis=0)
    assert np.abs(seen["scores"][:, present] - votes).max() < 0.051  # one tied neighbour
    assert np.abs(seen["scores"][:, present] - votes).mean() < 1e-3
    assert found["accuracy"] is not None


def test_the_linear_probe_is_fitted_on_features_of_training_objects_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    real = module.linear_probe

    def watch(query: np.ndarray, train: np.ndarray, *rest: Any, **keys: Any) -> Any:
        seen.update(query=query, train=train, label=rest[0], **keys)
        return real(query, train, *rest, **keys)

    monkeypatch.setattr(module, "linear_probe", watch)
    found, _ = judge(run, "", "linear-probe")
    assert (seen["label"] >= 0).all(), "withheld objects were learned from"
    # The 512 features of the encoder, before the projection head.
    assert seen["query"].shape == (len(run.predictions().label_N), 512)
    assert not np.allclose(np.linalg.norm(seen["query"], axis=1), 1)
    assert len(seen["train"]) == len(seen["train_image_M"]) == len(seen["label"])
    assert len(np.unique(seen["train_image_M"])) < len(seen["label"])
    assert found["linear_probe"]["chosen_on"] == "training"
    best = max(found["linear_probe"]["accuracy_by_penalty"].values())
    penalty = f"{found['linear_probe']['inverse_penalty']:g}"
    assert found["linear_probe"]["accuracy_by_penalty"][penalty] == best
    assert found["accuracy"] is not None


def test_a_withheld_class_is_near_if_a_known_one_was_ranked_for_it() -> None:
    ranking = Ranking(
        name="mine",
        similar={
            "chair": (Tier(("sofa",), 0.5),),
            "motorbike": (Tier(("bicycle",), 0.5),),
            "bird": (Tier(("train",), 0.5),),
        },
    )
    withheld = ("chair", "motorbike", "bicycle", "train")
    assert near_classes(ranking, withheld) == ["chair"]


def test_data_that_have_moved(run: Run, tiny_voc: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_voc, tmp_path / "moved")
    found, path = judge(run, "", "", folder)
    assert found["confusion"] == (run.metrics() or {})["confusion"]
    assert found["data_fingerprint"] == run.environment()["data_fingerprint"]
    assert path.name == "test-nearest-mean.json"


def test_other_data_are_told_and_judged_apart(run: Run, tmp_path: Path) -> None:
    write_demo(tmp_path / "other", images=40, seed=2)
    _, own = judge(run, "", "knn")
    before = own.read_bytes()
    said: list[Event] = []
    request = Request("", "knn", tmp_path / "other")
    found, path = evaluate_run(run, request, said.append, TrainingControl())
    known = run.environment()["data_fingerprint"]
    assert found["data_fingerprint"] != known
    assert own.read_bytes() == before
    assert path.parent == own.parent
    assert path.name.startswith("test-knn-on-")
    assert found["data_fingerprint"][:8] in path.name
    (warning,) = [event for event in said if isinstance(event, WarningRaised)]
    assert known[:8] in warning.message
    assert found["data_fingerprint"][:8] in warning.message


def test_data_that_are_gone_are_asked_for(run: Run, train: Any, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    copy = copy.replanned({"data.folder": str(tmp_path / "gone")})
    with pytest.raises(AkinError, match="There is no folder") as caught:
        judge(copy, "", "knn")
    assert f"akin evaluate {copy.path} --data DIR" in caught.value.hint
    for words, mode in (("evaluate", "judge_only"), ("train --run", "resume")):
        outcome = train(copy, **{mode: True}).outcome
        assert outcome.message == f"There is no folder {tmp_path / 'gone'}."
        assert f"akin {words} {copy.path}" in outcome.hint
        assert outcome.hint.endswith(" --data DIR")


def test_the_objective_is_the_runs_whatever_the_classifier(run: Run) -> None:
    for classifier in ("knn", "linear-probe"):
        found, _ = judge(run, "", classifier)
        assert found["objective"] == "ranked"
        assert found["compliance"] is None, "its scores are no cosines to class means"
        (first, *_) = [line for line in measures_in_lines(found) if "withheld" in line]
        assert first.endswith("(nearest-mean), not the classifier's:")
    found, _ = judge(run, "", "nearest-mean")
    assert not any("not the classifier's" in line for line in measures_in_lines(found))


def test_the_validation_objects_that_are_told_are_those_that_are_judged(run: Run) -> None:
    (started,) = [event for event in run.events() if isinstance(event, RunStarted)]
    assert started.validation_objects == judge(run, "val")[0]["count"]


@pytest.mark.parametrize(
    ("request_words", "match"),
    [
        (("train",), "both in the training and in the test split"),
        (("tset",), "has no split 'tset'"),
        (("", "softmax"), "has no softmax classifier"),
        (("", "", Path("/nothing/here")), "There is no folder"),
    ],
)
def test_what_cannot_be_judged(run: Run, request_words: tuple[Any, ...], match: str) -> None:
    with pytest.raises(AkinError, match=match) as caught:
        judge(run, *request_words)
    assert caught.value.hint


def test_a_classifier_of_its_own(train: Any) -> None:
    run = train(training__epochs=1, objective__method="softmax").run
    found, path = judge(run)
    assert path.name == "test-softmax.json"
    assert found["confusion"] == run.metrics()["confusion"]
    assert judge(run, "", "knn")[0]["classifier"] == "knn"


def test_every_epoch_says_how_far_the_order_holds_by_class_and_on_training_objects(
    run: Run,
) -> None:
    (epoch,) = (event for event in run.events() if isinstance(event, EpochCompleted))
    assert epoch.compliance is not None
    assert epoch.compliance_train is not None
    assert epoch.tau_b is not None
    assert epoch.compliance_train > epoch.compliance, "each is part of its own class's mean"
    kept = run.epoch_embeddings.objects()
    ranking = run.ranking.without_classes(run.config.data.withheld)
    rank_CC = ranks_of(ranking.similarity_matrix(kept.classes))
    order_CC = np.where(rank_CC == 0, rank_CC.max() + 1, rank_CC)
    known_N = kept.label_N[kept.label_N >= 0]
    asked = held = 0.0
    for label, name in enumerate(kept.classes):
        row = order_CC[label]
        pairs = int((row[:, None] < row[None, :]).sum()) * int((known_N == label).sum())
        asked += pairs
        held += pairs * epoch.compliance_by_class.get(name, 0.0)
    assert held / asked == pytest.approx(epoch.compliance)
