"""A detector run from the detections page: chosen, watched, cancelled, shown, explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QTest

from core.runs import Run
from core.training.detection_job import DetectionJob
from gui.messages import Message
from gui.pages.detections_page import DetectionsPage
from gui.pages.detections_run import GROUND_TRUTH, DetectDialog
from gui.session import Session
from tests.core.training.detector_runs import quick_config, train_detector

Wait = Callable[..., None]


@pytest.fixture
def posted(loaded_session: Session) -> list[Message]:
    messages: list[Message] = []
    loaded_session.message_posted.connect(messages.append)
    return messages


@pytest.fixture
def page(loaded_session: Session) -> Iterator[DetectionsPage]:
    page = DetectionsPage(loaded_session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    yield page
    page.shut_down()
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def ask(page: DetectionsPage) -> DetectDialog:
    page.source.detect.click()
    found = page.source.findChildren(DetectDialog)
    assert len(found) == 1
    return found[0]


def choose(dialog: DetectDialog, detector: str, split: str = "test") -> None:
    at = dialog.detector.findData(detector)
    assert at >= 0
    dialog.detector.setCurrentIndex(at)
    dialog.split.setCurrentIndex(dialog.split.findData(split))


def files(session: Session) -> list[Path]:
    return sorted((session.workspace / "detections").glob("*"))


def test_a_trained_detector_runs_and_its_boxes_are_shown(
    page: DetectionsPage,
    loaded_session: Session,
    tiny_voc: Path,
    posted: list[Message],
    wait_until: Wait,
) -> None:
    folder = loaded_session.workspace / "detectors" / "0001-small"
    train_detector(folder, quick_config(tiny_voc, training__epochs=1))
    dialog = ask(page)
    assert dialog.detector.itemText(0) == "0001-small (trained here)"
    choose(dialog, str(folder))
    assert not dialog.weights.isEnabled()
    dialog.proposals.setValue(5)
    dialog.least_score.setValue(0.0)
    seen: list[int] = []
    page.source.detection._task.progressed.connect(lambda done, _total: seen.append(done))
    dialog.run_button.click()
    assert page.source.detection.isVisible()
    assert not page.source.detect.isEnabled()
    wait_until(lambda: page.source.shows_file, 60.0)
    assert not page.source.detection.isVisible()
    assert page.source.detect.isEnabled()
    (path,) = files(loaded_session)
    assert path.name == "0001-0001-small-test.json"
    items = json.loads(path.read_text())
    index = loaded_session.dataset
    assert index is not None
    test = {index.image_ids[i] for i in index.splits["test"]}
    assert {item["image_id"] for item in items} <= test
    assert 5 * len(test) >= len(items) > len(test)
    assert page.file_view.boxes is not None
    assert len(page.file_view.boxes.found) == len(items)
    assert page.file_view.boxes.home == "test"
    assert seen[-1] == len(test)
    assert posted[-1].level == "success"
    assert f"{len(items):,} detections" in posted[-1].text


def test_annotated_boxes_of_all_images(
    page: DetectionsPage, loaded_session: Session, wait_until: Wait
) -> None:
    dialog = ask(page)
    choose(dialog, GROUND_TRUTH, "all")
    dialog.run_button.click()
    wait_until(lambda: page.source.shows_file, 60.0)
    index, boxes = loaded_session.dataset, page.file_view.boxes
    assert index is not None
    assert boxes is not None
    assert len(boxes.found) == len(index.label_N)
    assert boxes.figures[""].mean == 1.0


def test_what_is_wrong_is_said_and_nothing_is_written(
    page: DetectionsPage,
    loaded_session: Session,
    make_run: Callable[..., Run],
    posted: list[Message],
    tmp_path: Path,
    wait_until: Wait,
) -> None:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset)
    loaded_session.select_run(run)
    dialog = ask(page)
    choose(dialog, GROUND_TRUTH)
    assert run.name in dialog.classes.currentText()
    dialog.run_button.click()
    wait_until(lambda: posted and posted[-1].level == "error", 60.0)
    assert "checkpoint" in posted[-1].text
    posted.clear()
    wrong = tmp_path / "weights.pth"
    wrong.write_bytes(b"junk")
    dialog = DetectDialog(loaded_session.workspace, loaded_session.dataset, None, page)
    choose(dialog, "torchvision:fasterrcnn_mobilenet_v3_large_320_fpn")
    dialog.weights.setText(str(wrong))
    job = dialog.job()
    dialog.close()
    assert job.weights == str(wrong)
    page.source.detection.start(job, loaded_session.dataset)
    wait_until(lambda: posted and posted[-1].level == "error", 60.0)
    assert "weights.pth" in posted[-1].text
    assert not page.source.detection.isVisible()
    assert files(loaded_session) == []


def test_cancel_writes_nothing(
    page: DetectionsPage, loaded_session: Session, posted: list[Message], wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    out = loaded_session.workspace / "detections" / "found.json"
    bar = page.source.detection
    bar.start(DetectionJob(GROUND_TRUTH, out, chunk_images=1), loaded_session.dataset)
    bar.cancel.click()
    assert not bar.isVisible()
    assert "cancelled" in posted[-1].text
    wait_until(lambda: bar.is_idle, 60.0)
    assert files(loaded_session) == []
    assert not page.source.shows_file
    bar.start(DetectionJob(GROUND_TRUTH, out), loaded_session.dataset)
    wait_until(lambda: page.source.shows_file, 60.0)
    assert files(loaded_session) == [out]
