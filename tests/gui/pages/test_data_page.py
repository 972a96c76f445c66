"""The data page: its four states, its numbers, the problems and the random objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from core.data.demo import write_demo
from gui.pages.data_page import DataPage
from gui.session import Session

Wait = Callable[..., None]


@pytest.fixture
def page(session: Session) -> Iterator[DataPage]:
    page = DataPage(session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    yield page
    page.shut_down()
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def open_folder(page: DataPage, session: Session, folder: Path, wait_until: Wait) -> None:
    session.open_data(folder)
    wait_until(lambda: session.dataset is not None and session.loading.is_idle)
    wait_until(lambda: page._task.is_idle and page._views.currentIndex() == 1)


def test_empty_loading_and_error_are_told(
    page: DataPage, session: Session, tmp_path: Path, wait_until: Wait
) -> None:
    assert "There is no data yet" in page.note.text()
    assert not page.progress.isVisible()
    (tmp_path / "empty").mkdir()
    session.open_data(tmp_path / "empty")
    assert page.progress.isVisible()
    assert page.progress_words.text() == "Reading empty …"
    assert not page.open_folder.isEnabled()
    wait_until(lambda: session.loading.is_idle)
    assert not page.progress.isVisible()
    assert page.open_folder.isEnabled()
    assert "empty" in page.note.text()
    assert "There is no data yet" not in page.note.text()


def test_progress_is_counted(page: DataPage, session: Session) -> None:
    session.dataset_loading.emit("Making the demo", 120, 900)
    assert page.progress_words.text() == "Making the demo 120/900"
    assert (page.progress.value(), page.progress.maximum()) == (120, 900)
    session.dataset_loading.emit("", 0, 0)
    assert not page.progress.isVisible()


def test_the_numbers_are_those_of_the_index(
    page: DataPage, session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    open_folder(page, session, tiny_voc, wait_until)
    index = session.dataset
    assert index is not None
    assert page.title.text() == index.name
    shown = {figure.name: figure.value for figure in page.figures.figures}
    assert shown["images"] == "40"
    assert shown["objects"] == f"{len(index.label_N):,}"
    assert shown["classes"] == "20"
    assert shown["problems"] == "0"
    assert sum(bar.value for bar in page.classes.chart.bars) == len(index.label_N)
    assert sum(page.sizes.chart.counts) == len(index.label_N)
    splits = {bar.name: bar.value for bar in page.splits.chart.bars}
    assert splits["test"] == len(index.splits["test"])
    assert not page.problems.isVisible()
    assert not page.demo_note.isVisible()


def test_classes_by_count_by_name_and_by_split(
    page: DataPage, session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    open_folder(page, session, tiny_voc, wait_until)
    index = session.dataset
    assert index is not None
    counts = [bar.value for bar in page.classes.chart.bars]
    assert counts == sorted(counts, reverse=True)
    page.classes.order.setCurrentIndex(1)
    page.classes.order.activated.emit(1)
    assert [bar.name for bar in page.classes.chart.bars] == list(index.classes)
    at = page.classes.splits.findData("val")
    page.classes.splits.setCurrentIndex(at)
    page.classes.splits.activated.emit(at)
    expected = np.bincount(index.label_N[index.objects_of_split("val")], minlength=20)
    assert [bar.value for bar in page.classes.chart.bars] == expected.tolist()
    majority = [bar.name for bar in page.classes.chart.bars if bar.emphasised]
    assert majority == [index.classes[i] for i in np.flatnonzero(expected == expected.max())]
    assert page.classes.subtitle.text().startswith("most: ")


def test_an_image_in_two_splits_is_a_problem(
    page: DataPage, session: Session, tmp_path: Path, wait_until: Wait
) -> None:
    write_demo(tmp_path / "voc", images=40)
    (train,) = (tmp_path / "voc").rglob("Main/train.txt")
    (test,) = (tmp_path / "voc").rglob("Main/test.txt")
    leaked = test.read_text().splitlines()[0]
    train.write_text(f"{train.read_text()}{leaked}\n")
    open_folder(page, session, tmp_path / "voc", wait_until)
    lines = page.problems.model.stringList()
    assert any("1 image is both in the split train and in the split test" in line for line in lines)
    shown = {figure.name: figure.value for figure in page.figures.figures}
    assert shown["problems"] == str(len(lines))
    assert page.problems.subtitle.text() == f"{len(lines)} found"


def test_problems_are_listed_and_copied(
    page: DataPage, session: Session, tmp_path: Path, wait_until: Wait
) -> None:
    write_demo(tmp_path / "voc", images=40)
    (first, second, *_) = sorted((tmp_path / "voc").rglob("*.xml"))
    first.write_text("<annotation>")
    second.write_text(second.read_text().replace("<xmin>", "<xmin>9", 1))
    open_folder(page, session, tmp_path / "voc", wait_until)
    assert page.problems.isVisible()
    lines = page.problems.model.stringList()
    assert any(line.startswith(f"{first.name}: ") for line in lines)
    page.problems.copy.click()
    copied = QGuiApplication.clipboard().text().splitlines()
    assert len(copied) == len(lines)
    assert str(first) in QGuiApplication.clipboard().text()
    page.problems.view.setCurrentIndex(page.problems.model.index(0))
    page.problems.copy.click()
    assert len(QGuiApplication.clipboard().text().splitlines()) == 1


def test_another_handful_is_another(
    page: DataPage, session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    open_folder(page, session, tiny_voc, wait_until)
    before = page.strip.model.items
    wait_until(lambda: page.loader.get(page.strip.model.picture(0)) is not None)
    page.strip.another.click()
    assert page.strip.model.items != before
    assert len(set(page.strip.model.items)) == len(page.strip.model.items)


def test_a_random_object_is_shown_in_its_image(
    page: DataPage, session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    open_folder(page, session, tiny_voc, wait_until)
    asked: list[str] = []
    session.page_requested.connect(asked.append)
    page.strip.grid.opened.emit(2)
    assert session.selection is not None
    assert session.selection.object_indices == (page.strip.model.items[2],)
    assert asked == ["detections"]


def test_the_demo_says_what_it_is(page: DataPage, session: Session, wait_until: Wait) -> None:
    folder = session.workspace / "demo-40"
    write_demo(folder, images=40)
    open_folder(page, session, folder, wait_until)
    assert page.demo_note.isVisible()
    assert "built-in demo" in page.demo_note.text()
    assert "download VOC 2007" in page.demo_note.text()
    assert not page.open_demo.isVisible()


def test_the_button_opens_a_folder(
    page: DataPage, session: Session, tiny_voc: Path, wait_until: Wait
) -> None:
    page.open_folder.click()
    (dialog,) = page.findChildren(QFileDialog)
    assert dialog.fileMode() == QFileDialog.FileMode.Directory
    dialog.fileSelected.emit(str(tiny_voc))
    dialog.close()
    wait_until(lambda: session.dataset is not None and session.loading.is_idle)
    assert session.dataset is not None
    assert session.dataset.folder == tiny_voc
