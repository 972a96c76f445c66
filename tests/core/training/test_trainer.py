"""The trainer: what a run leaves behind, what it says, and every way it can end."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import torch

from core.events import (
    CheckpointSaved,
    EpochCompleted,
    EvaluationCompleted,
    Event,
    PhaseChanged,
    RunFinished,
    RunStarted,
    StepCompleted,
    WarningRaised,
)
from core.ranking_files import load_ranking
from core.training.control import TrainingControl
from core.training.trainer import Trainer

METHODS = ("ranked", "supcon", "rince", "softmax", "triplet", "npair")
WITHHELD = ("chair", "motorbike")


@pytest.fixture(scope="session")
def trained(train: Any) -> Any:
    """A ranked run of two epochs with a memory bank, a momentum encoder and withheld classes."""
    return train(
        data__withheld=WITHHELD,
        contrast__bank_size=64,
        contrast__momentum=0.9,
        views__hue=0.2,
        figures=True,
        keep=True,
    )


def stop_at(kind: type[Event], **fields: Any) -> Any:
    """Returns what stops a run at the first event of a kind with such fields."""

    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, kind) and fields.items() <= vars(event).items():
            control.stop()

    return act


# ----- what it leaves behind -----


def test_the_run_directory_is_complete(trained: Any) -> None:
    assert trained.outcome.status == "done", trained.outcome
    assert str(trained.outcome).startswith("Trained 2 epochs in ")
    assert "AUROC" in str(trained.outcome)
    path = trained.run.path
    files = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()}
    assert files >= {
        "config.yaml",
        "ranking.yaml",
        "environment.json",
        "events.jsonl",
        "outcome.json",
        "metrics.json",
        "predictions.npz",
        "checkpoints/last.pt",
        "checkpoints/best.pt",
        "tables/epochs.csv",
        "tables/steps.csv",
        "tables/per_class.csv",
        "tables/confusion.csv",
    }
    for kind in ("png", "svg"):
        assert {f"figures/{name}.{kind}" for name in ("curves", "confusion", "roc")} <= files
    assert not [name for name in files if name.rpartition("/")[2].startswith(".")]
    assert trained.run.ranking == load_ranking("voc2007-paper")
    assert trained.run.outcome() == trained.outcome


def test_the_environment_tells_machines_apart(trained: Any) -> None:
    environment = trained.run.environment()
    for key in ("python", "torch", "device", "code_version", "seed", "data_fingerprint"):
        assert environment[key] not in ("", None)
    assert environment["device"].startswith("cpu (")
    assert environment["data_name"] == "Akin demo"


def test_metrics_have_the_keys_of_the_design(trained: Any) -> None:
    metrics = trained.run.metrics()
    assert set(metrics) >= {
        *("accuracy", "balanced_accuracy", "majority_share", "per_class", "confusion"),
        *("ood", "compliance", "timing"),
    }
    assert set(metrics["ood"]) >= {
        *("withheld", "score", "auroc", "auroc_interval", "fpr95", "aupr_in", "aupr_out"),
    }
    assert metrics["ood"]["withheld"] == list(WITHHELD)
    assert 0 <= metrics["ood"]["auroc"] <= 1
    assert len(metrics["confusion"]["classes"]) == 18
    assert set(metrics["per_class"]) == set(metrics["confusion"]["classes"])
    assert metrics["timing"]["training_s"] > 0


def test_predictions_and_metrics_tell_the_same(trained: Any) -> None:
    found, metrics = trained.run.predictions(), trained.run.metrics()
    known = found.label_N >= 0
    assert set(found.true_name_N[~known]) == set(WITHHELD)
    assert not set(found.classes) & set(WITHHELD)
    names = np.array(found.classes)
    np.testing.assert_array_equal(names[found.label_N[known]], found.true_name_N[known])
    np.testing.assert_array_equal(found.predicted_N, found.score_NC.argmax(axis=1))
    np.testing.assert_allclose(np.linalg.norm(found.embedding_ND, axis=1), 1, atol=1e-5)
    assert np.abs(found.score_NC).max() <= 1 + 1e-5
    accuracy = (found.predicted_N[known] == found.label_N[known]).mean()
    assert metrics["accuracy"] == pytest.approx(accuracy)
    counts = np.zeros((18, 18), int)
    np.add.at(counts, (found.label_N[known], found.predicted_N[known]), 1)
    assert metrics["confusion"]["counts"] == counts.tolist()


def test_best_is_the_epoch_that_validated_best(trained: Any) -> None:
    best = trained.state("best.pt")
    accuracies = {e[0]: e[3] for e in trained.epochs()}
    assert best["validation_accuracy"] == max(accuracies.values())
    assert accuracies[best["epoch"]] == best["validation_accuracy"]
    assert best["encoder"].keys() == trained.state()["learner"]["encoder"].keys()


def test_the_tables_are_the_events(trained: Any) -> None:
    lines = (trained.run.path / "tables" / "steps.csv").read_text().splitlines()
    assert lines[0] == "step,epoch,loss,learning_rate,objects_per_s,gradient_norm"
    assert [float(line.split(",")[2]) for line in lines[1:]] == list(trained.losses().values())


# ----- what it says -----


def test_the_events_in_their_order(trained: Any) -> None:
    assert list(trained.run.events()) == list(trained.events)
    kinds = [type(event) for event in trained.events if not isinstance(event, WarningRaised)]
    assert kinds[0] is PhaseChanged
    assert kinds[-2:] == [EvaluationCompleted, RunFinished]
    (started,) = [e for e in trained.events if isinstance(e, RunStarted)]
    assert started.epochs == 2
    steps = [e for e in trained.events if isinstance(e, StepCompleted)]
    assert [e.step for e in steps] == list(range(1, 2 * started.steps_per_epoch + 1))
    per_epoch = started.steps_per_epoch
    assert [e.epoch for e in steps] == [1] * per_epoch + [2] * per_epoch
    for event in steps:
        assert event.loss == pytest.approx(sum(v or 0 for v in event.loss_by_rank), rel=1e-5)
        assert event.objects_per_s > 0
        assert event.gradient_norm is not None
        assert (event.gradient_norm > 0) == (event.loss > 0)  # none: the bank is empty yet
    (first_epoch, _) = [e for e in trained.events if isinstance(e, EpochCompleted)]
    mean = sum(e.loss for e in steps[:per_epoch]) / per_epoch
    assert first_epoch.loss == pytest.approx(mean)
    assert trained.events.index(first_epoch) > trained.events.index(steps[per_epoch - 1])
    times = [event.time_s for event in trained.events]
    assert times == sorted(times)


def test_the_phases_in_their_order(trained: Any) -> None:
    phases = [e.phase for e in trained.events if isinstance(e, PhaseChanged)]
    order = list(dict.fromkeys(phases))
    assert order == ["reading data", "caching crops", "warming up", "training", "judging"]


def test_withheld_classes_that_the_ranking_names_are_warned_about(trained: Any) -> None:
    messages = [e.message for e in trained.events if isinstance(e, WarningRaised)]
    assert "The ranking names 'chair', which is withheld; it was left out." in messages


# ----- methods and settings -----


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_is_judged(train: Any, method: str) -> None:
    found = train(objective__method=method, training__epochs=1)
    assert found.outcome.status == "done", found.outcome
    losses = list(found.losses().values())
    assert len(losses) >= 3
    assert np.isfinite(losses).all()
    metrics = found.run.metrics()
    assert 0 <= metrics["accuracy"] <= 1
    assert metrics["ood"] is None
    assert (metrics["compliance"] is None) == (method == "softmax")
    embedding_ND = found.run.predictions().embedding_ND
    assert embedding_ND.shape[1] == (512 if method == "softmax" else 16)


def test_the_loss_falls(train: Any) -> None:
    found = train(training__epochs=6, objective__method="supcon", optimizer__name="adamw")
    means = [epoch[2] for epoch in found.epochs()]
    assert np.mean(means[-2:]) < np.mean(means[:2])


def test_the_seed_decides_everything(train: Any) -> None:
    torch.manual_seed(1)
    np.random.default_rng(1)
    first = train(training__epochs=1)
    torch.manual_seed(2)
    again, other = train(training__epochs=1), train(training__epochs=1, seed=5)
    assert first.losses() == again.losses()
    assert first.losses() != other.losses()
    np.testing.assert_array_equal(
        first.run.predictions().score_NC, again.run.predictions().score_NC
    )


def test_one_large_batch_with_a_clipped_gradient(train: Any) -> None:
    found = train(
        training__epochs=1,
        training__batch_size=9999,
        training__balanced=True,
        training__gradient_clip=0.5,
    )
    assert found.outcome.status == "done", found.outcome
    assert len(found.losses()) == 1
    assert np.isfinite(list(found.losses().values())).all()


# ----- stop, pause, cancel -----


def test_stop_keeps_judges_and_is_idle_soon(train: Any) -> None:
    asked: list[float] = []

    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, StepCompleted) and event.step >= 4 and not asked:
            asked.append(time.perf_counter())
            control.stop()

    found = train(act=act, figures=True, training__epochs=5000)
    assert time.perf_counter() - asked[0] < 10  # bench_event_loop prints it: 3 s are asked
    assert found.outcome.status == "stopped"
    assert "Stopped and kept after" in str(found.outcome)
    assert found.state()["progress"]["step"] == found.saved_at() == max(found.losses())
    assert found.run.metrics() is not None
    assert found.run.outcome() == found.outcome


def test_cancel_leaves_nothing(train: Any) -> None:
    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, StepCompleted):
            control.cancel()

    found = train(act=act, training__epochs=5000)
    assert found.outcome.status == "cancelled"
    assert not found.run.path.exists()
    assert found.run.path.parent.exists()
    assert isinstance(found.events[-1], RunFinished)


def test_cancel_while_crops_are_cut_out(train: Any) -> None:
    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, PhaseChanged) and event.phase == "caching crops" and event.done:
            control.cancel()

    found = train(act=act, crops__size=17)
    assert found.outcome.status == "cancelled"
    assert not any(isinstance(event, RunStarted) for event in found.events)
    assert not found.run.path.exists()


def test_cancel_of_a_resumed_run_keeps_what_it_had(train: Any) -> None:
    first = train(act=stop_at(EpochCompleted), training__epochs=5000)

    def cancel(event: Event, control: TrainingControl) -> None:
        if isinstance(event, StepCompleted):
            control.cancel()

    again = train(first.run, cancel, resume=True)
    assert again.outcome.status == "stopped"
    assert "kept" in str(again.outcome)
    assert first.state()["progress"]["step"] == first.saved_at()


def test_pause_holds_the_steps_and_resume_goes_on(create: Any) -> None:
    run, control = create(training__epochs=5000), TrainingControl()
    events: list[Event] = []
    paused, went_on = threading.Event(), threading.Event()

    def receive(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepCompleted):
            if paused.is_set():
                went_on.set()
            else:
                control.pause()
        if isinstance(event, PhaseChanged) and event.phase == "paused":
            paused.set()

    thread = threading.Thread(target=Trainer(run, receive, control).run)
    thread.start()
    try:
        assert paused.wait(60)
        before = len(events)
        time.sleep(0.2)
        assert len(events) == before, "it trained on while paused"
        assert not went_on.is_set()
        control.resume()
        assert went_on.wait(60)
    finally:
        control.stop()
        thread.join(60)
    assert not thread.is_alive()
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "stopped"


# ----- judging again -----


def test_judging_again_changes_nothing_but_the_figures(train: Any, trained: Any) -> None:
    path = trained.run.path
    kept = ("events.jsonl", "outcome.json", "checkpoints/last.pt", "ranking.yaml", "config.yaml")
    before = {name: (path / name).read_bytes() for name in kept}
    metrics, found = trained.run.metrics(), trained.run.predictions()
    (path / "metrics.json").unlink()
    (path / "predictions.npz").unlink()
    again = train(trained.run, judge_only=True)
    assert again.outcome.status == "done"
    assert again.outcome.message.startswith("The run was judged.")
    assert {name: (path / name).read_bytes() for name in kept} == before
    judged = again.run.predictions()
    np.testing.assert_array_equal(judged.score_NC, found.score_NC)
    fresh = again.run.metrics()
    for key in ("accuracy", "confusion", "ood", "compliance", "per_class"):
        assert fresh[key] == metrics[key]
    assert not any(isinstance(event, CheckpointSaved) for event in again.events)
