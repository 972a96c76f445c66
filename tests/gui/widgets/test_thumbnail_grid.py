"""The grid asks for what is in sight, first, and opens by Enter and double click."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.data import DatasetIndex, open_dataset
from gui.models.image_model import ImageModel
from gui.thumbnails import Picture, ThumbnailLoader, TileRole
from gui.widgets.thumbnail_grid import ThumbnailGrid

WaitUntil = Callable[..., None]


@pytest.fixture
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


@pytest.fixture
def loader(app: QApplication) -> Iterator[ThumbnailLoader]:
    loader = ThumbnailLoader(96)
    yield loader
    loader.shut_down()


@pytest.fixture
def model(loader: ThumbnailLoader, index: DatasetIndex) -> ImageModel:
    model = ImageModel(loader)
    model.show_items(index, range(40), badge=lambda at: f"n{at}")
    return model


@pytest.fixture
def grid(model: ImageModel) -> Iterator[ThumbnailGrid]:
    grid = ThumbnailGrid("Images", QSize(96, 72))
    grid.setModel(model)
    grid.resize(104 * 3 + 40, 2 * (72 + 8 + 22))
    grid.show()
    yield grid
    grid.close()


def test_the_model_tells_what_a_tile_is(model: ImageModel, index: DatasetIndex) -> None:
    cell = model.index(3)
    assert model.rowCount() == 40
    assert cell.data() == index.image_ids[3]
    assert cell.data(TileRole.BADGE) == "n3"
    assert cell.data(TileRole.PICTURE) == Picture(index, "image", 3)
    assert index.image_ids[3] in cell.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "n3" in cell.data(Qt.ItemDataRole.AccessibleTextRole)


def test_objects_are_named_and_know_their_image(model: ImageModel, index: DatasetIndex) -> None:
    model.show_items(index, [7, 11], "object")
    assert model.index(1).data() == index.classes[index.label_N[11]]
    assert model.image_at(1) == index.image_index_N[11]
    assert (model.row_of(11), model.row_of(3)) == (1, -1)


def test_what_is_in_sight_is_asked_for_first(
    grid: ThumbnailGrid, model: ImageModel, wait_until: WaitUntil
) -> None:
    asked: list[list[Picture]] = []
    grid.pictures_wanted.connect(asked.append)
    wait_until(lambda: asked)
    assert list(grid.rows_in_sight()) == list(range(6)) or len(grid.rows_in_sight()) == 9
    asked.clear()
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    wait_until(lambda: asked)
    sight = grid.rows_in_sight()
    assert sight.stop == 40
    assert [picture.at for picture in asked[-1][: len(sight)]] == list(sight)
    first = grid.indexAt(grid.viewport().rect().topLeft() + grid.viewport().rect().center() / 4)
    assert first.row() in sight


def test_pictures_appear_as_they_are_loaded(
    grid: ThumbnailGrid, loader: ThumbnailLoader, model: ImageModel, wait_until: WaitUntil
) -> None:
    grid.pictures_wanted.connect(loader.want)
    grid.ask_soon()
    changed: list[int] = []
    model.dataChanged.connect(lambda top, _bottom: changed.append(top.row()))
    wait_until(lambda: model.index(0).data(Qt.ItemDataRole.DecorationRole) is not None)
    wait_until(lambda: loader.pending == 0)
    assert set(grid.rows_in_sight()) <= set(changed)
    grid.grab()


def test_enter_and_double_click_open(grid: ThumbnailGrid) -> None:
    opened: list[int] = []
    rows: list[int] = []
    grid.opened.connect(opened.append)
    grid.current_row_changed.connect(rows.append)
    grid.set_current_row(4)
    QTest.keyClick(grid, Qt.Key.Key_Return)
    centre = grid.visualRect(grid.model().index(1, 0)).center()
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    QTest.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    assert opened == [4, 1]
    assert rows == [4, 1]


def test_a_tile_without_a_picture_says_why(
    grid: ThumbnailGrid, loader: ThumbnailLoader, tmp_path: Path, wait_until: WaitUntil
) -> None:
    import shutil

    from core.data.demo import write_demo

    write_demo(tmp_path / "voc", images=40)
    broken = open_dataset(tmp_path / "voc")
    shutil.copy(__file__, broken.image_paths[0])
    model = ImageModel(loader)
    model.show_items(broken, [0, 1])
    grid.setModel(model)
    grid.pictures_wanted.connect(loader.want)
    grid.ask_soon()
    wait_until(lambda: model.index(1).data(Qt.ItemDataRole.DecorationRole) is not None)
    wait_until(lambda: loader.pending == 0)
    assert "not a JPEG" in model.index(0).data(TileRole.PROBLEM)
    bad = grid.grab(grid.visualRect(model.index(0)).translated(grid.viewport().pos())).toImage()
    reds = 0
    for x in range(bad.width()):
        for y in range(bad.height()):
            colour = bad.pixelColor(x, y)
            reds += colour.red() > 150 and colour.green() < 100
    assert reds > 20


@pytest.mark.parametrize("width", [90, 330, 352, 700])
def test_columns_share_the_width(grid: ThumbnailGrid, width: int) -> None:
    grid.resize(width, 220)
    QTest.qWait(20)
    room, cell = grid.viewport().width() - 1, grid.gridSize().width()
    columns = max(1, room // 104)
    assert cell == max(104, room // columns)
    rows = [grid.visualRect(grid.model().index(at, 0)) for at in range(columns + 1)]
    assert len({rect.top() for rect in rows[:columns]}) == 1
    assert rows[columns].top() > rows[0].top()
