"""Training a detector: what it leaves behind, exact resume, and every way it can end."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models.detection import FasterRCNN

from core.data import open_dataset
from core.data.demo import write_demo
from core.detection.detections_io import read_detections
from core.events import EpochCompleted, Event, RunStarted, StepCompleted, WarningRaised
from core.training.control import TrainingControl
from core.training.detector_data import DetectorData
from core.training.detector_run import open_detector_run
from core.training.extension import FROM_THE_START, smaller_batch
from tests.core.training.detector_runs import TrainedDetector, quick_config, train_detector


@pytest.fixture(scope="module")
def whole(tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedDetector:
    """Two epochs, never interrupted."""
    path = tmp_path_factory.mktemp("detector") / "run"
    return train_detector(path, quick_config(tiny_voc))


def stop_at(step: int, *, cancel: bool = False) -> Any:
    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, StepCompleted) and event.step == step:
            (control.cancel if cancel else control.stop)()

    return act


def test_a_run_leaves_losses_figures_and_detections(whole: TrainedDetector, tiny_voc: Path):
    assert whole.outcome.status == "done", whole.outcome
    losses = whole.losses()
    assert list(losses) == [1, 2, 3, 4, 5, 6]
    for total, parts in losses.values():
        assert set(parts) == {"rpn_objectness", "rpn_box", "roi_class", "roi_box"}
        assert total == pytest.approx(sum(parts.values()), rel=1e-5)
    assert losses[6][0] < losses[1][0]
    assert [epoch[:2] for epoch in whole.epochs()] == [(1, 3), (2, 6)]
    assert all(0 <= epoch[5] <= 1 for epoch in whole.epochs())
    metrics = whole.run.metrics()
    assert metrics is not None
    assert metrics["split"] == "test"
    assert 0 <= metrics["proposal_recall_50"] <= 1
    index = open_dataset(tiny_voc)
    found = read_detections(whole.run.path / "detections.json", index)
    assert len(found) == metrics["detections"]
    folder = whole.run.path
    assert {p.name for p in (folder / "figures").iterdir()} == {"curves.png", "curves.svg"}
    with (folder / "tables" / "steps.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["step"]): float(row["loss"]) for row in rows} == {
        step: total for step, (total, _) in losses.items()
    }
    assert float(rows[0]["rpn_box"]) == losses[1][1]["rpn_box"]
    with (folder / "tables" / "epochs.csv").open(encoding="utf-8") as file:
        assert [float(r["ap50"]) for r in csv.DictReader(file)] == [e[4] for e in whole.epochs()]
    with (folder / "tables" / "per_class.csv").open(encoding="utf-8") as file:
        objects = {row["class"]: int(row["objects"]) for row in csv.DictReader(file)}
    assert objects == {name: row["objects"] for name, row in metrics["per_class"].items()}
    assert whole.run.outcome() == whole.outcome
    assert whole.state()["detector"]["classes"] == list(index.classes)


def test_a_stop_in_an_epoch_and_a_resume_end_as_if_never_interrupted(
    whole: TrainedDetector, tiny_voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("core.training.step_reporter.REPORT_INTERVAL_S", 0.0)
    first = train_detector(tmp_path / "run", quick_config(tiny_voc), stop_at(4))
    assert first.outcome.status == "stopped"
    assert first.state()["progress"]["step"] == 4
    resumed = train_detector(tmp_path / "run", resume=True)
    assert resumed.outcome.status == "done", resumed.outcome
    assert resumed.losses() == whole.losses()
    assert resumed.epochs() == whole.epochs()
    ours, theirs = resumed.state()["model"], whole.state()["model"]
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    left_out = {"timing"}
    ours, theirs = resumed.run.metrics() or {}, whole.run.metrics() or {}
    assert {k: v for k, v in ours.items() if k not in left_out} == {
        k: v for k, v in theirs.items() if k not in left_out
    }


def test_a_cancelled_run_leaves_nothing(tiny_voc: Path, tmp_path: Path):
    def cancel(event: Event, control: TrainingControl) -> None:
        if isinstance(event, EpochCompleted):
            control.cancel()

    found = train_detector(tmp_path / "run", quick_config(tiny_voc), cancel)
    assert found.outcome.status == "cancelled"
    assert not found.run.path.exists()


def test_class_agnostic_from_the_weights_of_another_class_list(
    whole: TrainedDetector, tiny_voc: Path, tmp_path: Path
):
    weights = whole.run.checkpoint_folder / "last.pt"
    config = quick_config(
        tiny_voc,
        training__epochs=1,
        detector__class_agnostic=True,
        detector__weights=str(weights),
    )
    found = train_detector(tmp_path / "run", config)
    assert found.outcome.status == "done", found.outcome
    assert found.state()["detector"]["classes"] == ["object"]
    warnings = [e.message for e in found.events if isinstance(e, WarningRaised)]
    assert any("know other classes" in message for message in warnings)
    metrics = found.run.metrics()
    assert metrics is not None
    assert list(metrics["per_class"]) == ["object"]


@pytest.mark.parametrize("what", ["other network", "damaged", "missing", "a run's", "no weights"])
def test_weights_that_cannot_be_had_are_refused_before_anything_is_kept(
    whole: TrainedDetector, tiny_voc: Path, tmp_path: Path, what: str
):
    weights = tmp_path / "weights.pt"
    last = whole.run.checkpoint_folder / "last.pt"
    network, message = "small", "holds no weights of a detector"
    if what == "other network":
        weights.write_bytes(last.read_bytes())
        network, message = "fasterrcnn_mobilenet_v3_large_320_fpn", "are of the network small"
    elif what == "damaged":
        weights.write_bytes(last.read_bytes()[:5000])
        message = "is damaged or holds no weights"
    elif what == "missing":
        message = "There are no weights"
    elif what == "a run's":
        torch.save({"learner": {}, "progress": {}}, weights)
    else:
        torch.save({"weight": torch.zeros(2)}, weights)
        message = "do not fit small"
    config = quick_config(tiny_voc, detector__weights=str(weights), detector__network=network)
    found = train_detector(tmp_path / "run", config)
    assert found.outcome.status == "failed"
    assert found.outcome.cause == "input"
    assert message in found.outcome.message
    assert found.outcome.hint
    assert not found.run.path.exists()


def test_a_resume_on_other_classes_is_refused_and_keeps_what_there_is(
    whole: TrainedDetector, own_voc: Path, tmp_path: Path
):
    config = quick_config(own_voc, training__epochs=1)
    first = train_detector(tmp_path / "run", config)
    for file in (own_voc / "Annotations").glob("*.xml"):
        file.write_text(file.read_text().replace("<name>cow</name>", "<name>zebra</name>"))
    before = (first.run.checkpoint_folder / "last.pt").read_bytes()
    again = train_detector(tmp_path / "run", resume=True)
    assert again.outcome.status == "failed"
    assert "other classes than the run" in again.outcome.message
    assert (first.run.checkpoint_folder / "last.pt").read_bytes() == before
    assert open_detector_run(tmp_path / "run").metrics() == first.run.metrics()


def test_a_damaged_image_is_left_out_with_a_warning(own_voc: Path, tmp_path: Path):
    names = []
    for split in ("train", "test"):
        names.append((own_voc / "ImageSets" / "Main" / f"{split}.txt").read_text().split()[0])
        image = own_voc / "JPEGImages" / f"{names[-1]}.jpg"
        image.write_bytes(image.read_bytes()[:-900])
    found = train_detector(tmp_path / "run", quick_config(own_voc, training__epochs=1))
    assert found.outcome.status == "done", found.outcome
    warnings = [e.message for e in found.events if isinstance(e, WarningRaised)]
    for name in names:
        assert [name in message for message in warnings].count(True) == 1


def test_validation_images_that_are_learned_too_are_told(tiny_voc: Path):
    same = DetectorData.prepare(quick_config(tiny_voc, data__validation_split="train"))
    assert any("both in the training and in the validation split" in w for w in same.warnings)
    assert not DetectorData.prepare(quick_config(tiny_voc)).warnings


def test_the_command_line(akin: Any, tiny_voc: Path, tmp_path: Path):
    words = ["detect", "train", "--data", tiny_voc, "--run", tmp_path / "run", "--epochs", "1"]
    words += ["--set", "schedule.warmup_epochs=0"]
    answer = akin(*words, "--set", "training.validation_images=4", "--json")
    assert answer.code == 0, answer.err
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert [e["epoch"] for e in events if e["event"] == "epoch_completed"] == [1]
    assert events[-1]["outcome"]["status"] == "done"
    akin(*words).expect_error("exists already", "--resume")
    resume = ("detect", "train", "--run", tmp_path / "run", "--resume")
    resumed = akin(*resume)
    assert resumed.code == 0, resumed.err
    assert "AP50" in resumed.out
    akin(*resume, "--epochs", "1").expect_error("has 1 epoch already", "Plan more than 1")
    akin(*resume, "--epochs", "3", "--more", "1").expect_error("were given", "one of them")
    akin(*resume, "--more", "1", "--batch-size", "0").expect_error(
        "batch_size = 0", "The default is 8"
    )
    for option in (["--set", "seed=3"], ["--class-agnostic"]):
        akin(*resume, *option).expect_error(f"{option[0]} does not fit", "--batch-size")
    assert open_detector_run(tmp_path / "run").detector_config.training.epochs == 1
    write_demo(tmp_path / "other", images=40, seed=2)
    akin(*resume, "--data", tmp_path / "other").expect_error("is not what run was trained on")
    gone = open_detector_run(tmp_path / "run").replanned({"data.folder": str(tmp_path / "gone")})
    akin(*resume).expect_error("There is no folder", f"--run {gone.path} --resume --data DIR")
    longer = akin(*resume, "--more", "1", "--data", tiny_voc)
    assert longer.code == 0, longer.err
    assert open_detector_run(gone.path).detector_config.data.folder == str(tiny_voc)
    assert "warning: The learning rate now follows the schedule of 2 epochs" in longer.out
    assert "epoch 2/2" in longer.out


def test_out_of_memory_goes_on_with_the_images_the_epoch_has_not_seen(
    akin: Any, tiny_voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Step 5 is in the middle of the second epoch; before any checkpoint it begins again."""

    def at_step(step: int) -> Any:
        def act(event: Event, _control: TrainingControl) -> None:
            if isinstance(event, StepCompleted) and event.step == step:
                raise torch.OutOfMemoryError("CUDA out of memory.")

        return act

    monkeypatch.setattr("core.training.step_reporter.REPORT_INTERVAL_S", 0.0)
    run = tmp_path / "run"
    found = train_detector(run, quick_config(tiny_voc), at_step(2))
    assert (found.outcome.cause, found.outcome.hint) == (
        "memory",
        "Halve the batch size to 4 and train again.",
    )
    monkeypatch.setattr("core.training.detector_trainer.CHECKPOINT_INTERVAL_S", 0.0)
    begun = train_detector(run, None, at_step(5), resume=True)
    assert "size to 4 and resume; its last checkpoint is kept." in begun.outcome.hint
    assert [e.message for e in begun.events if isinstance(e, WarningRaised)] == [FROM_THE_START]
    assert smaller_batch(begun.run) == 4
    answer = akin("detect", "train", "--run", run, "--resume", "--batch-size", "4")
    assert answer.code == 0, answer.err
    assert "warning: From here on a batch holds 4 images instead of 8;" in answer.out
    first, again, halved = [e for e in begun.run.events() if isinstance(e, RunStarted)]
    assert (first.resumed_at_step, again.resumed_at_step) == (0, 0)
    seen = 8 * (4 - again.steps_per_epoch)
    assert halved.resumed_at_step == halved.steps_per_epoch + seen // 4
    steps = list(begun.losses())
    assert steps[:4] == [1, 2, 3, 4]
    assert steps[4:] == list(range(halved.resumed_at_step + 1, 2 * halved.steps_per_epoch + 1))
    assert [epoch[0] for epoch in begun.epochs()] == [1, 2]


@pytest.mark.parametrize("doing", ["validating", "judging"])
def test_images_are_looked_at_fewer_at_a_time_where_memory_is_short(
    tiny_voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doing: str
):
    """As many as one at a time; where that is too much, no smaller batch is advised."""
    most = [1 if doing == "judging" else 0]
    run_once = FasterRCNN.forward

    def forward(network: FasterRCNN, images: list[torch.Tensor], *targets: Any) -> Any:
        if not network.training and len(images) > most[0]:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return run_once(network, images, *targets)

    def no_room(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, EpochCompleted):
            most[0] = 0

    monkeypatch.setattr(FasterRCNN, "forward", forward)
    found = train_detector(tmp_path / "run", quick_config(tiny_voc, training__epochs=1), no_room)
    assert found.outcome.message == f"The device ran out of memory while {doing}."
    assert found.outcome.cause == "device"
    assert len(found.epochs()) == (doing == "judging")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--detector", "torchvision:smal"], "no detector network 'smal'", "'small'?"),
        (["--detector", "detectron2:x"], "cannot be trained here", "torchvision:small"),
        (["--set", "data.test_split=train"], "both in the training and in the test", "share no"),
        (["--set", "training.epoch=3"], "no configuration key 'training.epoch'", "epochs'?"),
        (["--recipe", "smal"], "There is no detector recipe 'smal'", "'small'?"),
        (["--resume"], "--resume needs a run directory", "--run DIR"),
        (["--more", "2"], "--more needs a run to continue.", "--run DIR --resume"),
        (["--batch-size", "4"], "--batch-size needs a run", "training.batch_size=4"),
        (["--resume", "--run", "nothing"], "is no run of akin detect train", "--resume"),
    ],
)
def test_requests_without_sense(
    akin: Any, tiny_voc: Path, words: list[str], message: str, hint: str
):
    akin("detect", "train", "--data", tiny_voc, *words).expect_error(message, hint)
