"""Detectors on the training page: listed, drawn, followed live, begun and stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.events import EpochCompleted, Outcome, RunStarted, StepCompleted
from core.runs import EventLog
from core.training.detector_run import DetectorRun, create_detector_run
from gui.messages import Message
from gui.pages.training_detectors import DetectorPanel
from gui.pages.training_page import TrainingPage
from gui.session import Session
from tests.core.training.detector_runs import quick_config, train_detector

Wait = Callable[..., None]
PARTS = {"rpn_objectness": 0.5, "rpn_box": 0.2, "roi_class": 0.8, "roi_box": 0.1}


@pytest.fixture
def page(training_page: TrainingPage) -> TrainingPage:
    training_page.resize(1180, 760)
    return training_page


def folder(session: Session, name: str = "0001-small") -> Path:
    return session.workspace / "detectors" / name


def texts(panel: DetectorPanel) -> list[str]:
    return [panel.list.item(row).text() for row in range(panel.list.count())]


def click(panel: DetectorPanel, row: int) -> None:
    panel.list.itemClicked.emit(panel.list.item(row))


def test_a_trained_detector_shows_losses_and_ap(
    page: TrainingPage, loaded_session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    panel = page.detectors
    assert not panel.list.isVisible()
    trained = train_detector(folder(loaded_session), quick_config(tiny_voc))
    wait_until(lambda: texts(panel))
    metrics = trained.run.metrics()
    assert metrics is not None
    assert texts(panel) == [f"0001-small   AP50 {100 * metrics['ap50']:.1f} %"]
    click(panel, 0)
    assert panel.views.currentWidget() is panel.plots
    steps, epochs = len(trained.losses()), len(trained.epochs())
    points = panel.plots.plotted_points()
    for name in ("loss", "RPN objectness", "RPN boxes", "ROI classes", "ROI boxes"):
        assert points[f"loss/{name}"] == steps
    for name in ("AP50", "AP", "recall of 50 proposals"):
        assert points[f"validation/{name}"] == epochs
    assert points["pace/main"] == points["learning rate/main"] == steps
    assert "epoch 2 of 2" in panel.plots.title.text()
    assert not panel.plots.stop.isVisible()
    panel.plots.back.click()
    assert panel.views.currentWidget() is page.plots


def test_what_another_process_writes_is_followed(
    page: TrainingPage, loaded_session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    panel = page.detectors
    run = create_detector_run(quick_config(tiny_voc), folder(loaded_session))
    wait_until(lambda: texts(panel))
    click(panel, 0)
    log = EventLog(run)
    log.write(
        RunStarted(
            run=run.name,
            method="detector",
            device="cpu",
            epochs=3,
            steps_per_epoch=2,
            train_objects=9,
            validation_objects=4,
            test_objects=4,
        )
    )
    for step in (1, 2):
        log.write(
            StepCompleted(
                step=step,
                epoch=1,
                loss=1.6,
                learning_rate=0.1,
                objects_per_s=5.0,
                loss_parts=PARTS,
            )
        )
    wait_until(lambda: panel.plots.plotted_points().get("loss/ROI boxes") == 2)
    assert "validation/AP50" not in panel.plots.plotted_points()
    log.write(EpochCompleted(epoch=1, step=2, loss=1.6, ap=0.1, ap50=0.3, proposal_recall=0.6))
    wait_until(lambda: panel.plots.plotted_points().get("validation/AP50") == 1)
    assert "epoch 1 of 3" in panel.plots.title.text()
    log.close()
    run.cut_events_after(1)
    wait_until(lambda: panel.plots.plotted_points().get("loss/ROI boxes") == 1)
    run.write_outcome(Outcome("stopped", "Stopped.", epochs=1))
    wait_until(lambda: "stopped" in panel.plots.title.text())


def test_a_damaged_one_says_why(
    page: TrainingPage, loaded_session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    run = create_detector_run(quick_config(tiny_voc), folder(loaded_session))
    (run.path / "detector.yaml").write_text("training: [", encoding="utf-8")
    wait_until(lambda: texts(page.detectors))
    assert texts(page.detectors) == ["0001-small   damaged"]
    assert "detector.yaml" in page.detectors.list.item(0).toolTip()


def test_one_is_begun_and_stopped(
    page: TrainingPage, loaded_session: Session, wait_until: Wait
) -> None:
    panel = page.detectors
    panel.start("small", "--set", "training.validation_images=2")
    run = DetectorRun(folder(loaded_session))
    wait_until(lambda: panel.plots.plotted_points().get("loss/loss", 0) > 0, 60.0)
    wait_until(panel.plots.stop.isVisible)
    panel.plots.stop.click()
    wait_until(lambda: not panel._processes, 60.0)
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "stopped"
    wait_until(lambda: "stopped" in panel.plots.title.text())
    assert (run.checkpoint_folder / "last.pt").is_file()


def test_one_that_cannot_be_begun_says_why(
    page: TrainingPage, loaded_session: Session, wait_until: Wait
) -> None:
    posted: list[Message] = []
    loaded_session.message_posted.connect(posted.append)
    page.detectors.start("small", "--set", "training.epochs=none")
    wait_until(lambda: posted, 60.0)
    assert posted[-1].level == "error"
    assert "training.epochs" in posted[-1].text
    assert not folder(loaded_session).exists()
