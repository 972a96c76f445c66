"""The canvas: zoom at the cursor, pan, boxes hidden while H is held, clicks find boxes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.widgets.canvas_boxes import CanvasBox, ink_on, label_place
from gui.widgets.image_canvas import ImageCanvas, image_levels

RED = QColor("#ff0000")


def picture(width: int = 400, height: int = 200) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("#204060"))
    return image


@pytest.fixture
def canvas(app: QApplication) -> Iterator[ImageCanvas]:
    canvas = ImageCanvas()
    canvas.resize(432, 432)
    canvas.set_image(image_levels(picture()))
    canvas.set_boxes(
        [
            CanvasBox((0, 0, 300, 200), "large", RED),
            CanvasBox((40, 40, 80, 80), "small", QColor("#00ff00"), Qt.PenStyle.DashLine),
        ]
    )
    canvas.show()
    yield canvas
    canvas.close()


def wheel(canvas: ImageCanvas, at: QPointF, delta: int) -> None:
    event = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def test_an_image_is_fitted_and_centred(canvas: ImageCanvas) -> None:
    assert canvas.scale == pytest.approx(1.0)
    assert canvas.to_widget(QPointF(0, 0)) == QPointF(16, 116)
    canvas.resize(332, 332)
    assert canvas.scale == pytest.approx(0.75)


def test_the_wheel_zooms_at_the_cursor(canvas: ImageCanvas) -> None:
    at = QPointF(150, 180)
    before = canvas.to_image(at)
    wheel(canvas, at, 240)
    assert canvas.scale > 1.3
    after = canvas.to_image(at)
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()))
    QTest.keyClick(canvas, Qt.Key.Key_F)
    assert canvas.scale == pytest.approx(1.0)


def test_zoom_has_limits(canvas: ImageCanvas) -> None:
    for _ in range(200):
        wheel(canvas, QPointF(200, 200), 480)
    assert canvas.scale == pytest.approx(40.0)
    for _ in range(200):
        wheel(canvas, QPointF(200, 200), -480)
    assert canvas.scale == pytest.approx(0.5)


def test_a_drag_pans_and_is_no_click(canvas: ImageCanvas) -> None:
    clicks: list[int] = []
    canvas.box_clicked.connect(clicks.append)
    wheel(canvas, QPointF(216, 216), 480)
    before = canvas.to_widget(QPointF(200, 100))
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    for x in (205, 215, 230, 240):
        QTest.mouseMove(canvas, QPoint(x, 210))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(240, 210))
    moved = canvas.to_widget(QPointF(200, 100)) - before
    assert (moved.x(), moved.y()) == pytest.approx((40, 10))
    assert clicks == []


def test_the_image_cannot_be_lost(canvas: ImageCanvas) -> None:
    for _ in range(50):
        canvas.pan(QPointF(-500, -500))
    inside = canvas.to_image(QPointF(216, 216))
    assert 0 <= inside.x() <= 400
    assert 0 <= inside.y() <= 200


def test_a_click_finds_the_smallest_box(canvas: ImageCanvas) -> None:
    clicks: list[int] = []
    canvas.box_clicked.connect(clicks.append)
    for point in (QPointF(60, 60), QPointF(200, 100), QPointF(350, 100)):
        at = canvas.to_widget(point).toPoint()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert clicks == [1, 0, -1]


def test_h_hides_the_boxes_while_it_is_held(canvas: ImageCanvas) -> None:
    def red_pixels() -> int:
        image = canvas.grab().toImage()
        ratio = image.devicePixelRatio()
        edge = canvas.to_widget(QPointF(300, 100)) * ratio
        row = [image.pixelColor(round(edge.x()) + dx, round(edge.y())) for dx in range(-4, 5)]
        return sum(c.red() > 200 and c.green() < 60 for c in row)

    assert red_pixels() > 0
    QTest.keyPress(canvas, Qt.Key.Key_H)
    assert canvas.boxes_hidden
    assert red_pixels() == 0
    QTest.keyRelease(canvas, Qt.Key.Key_H)
    assert red_pixels() > 0


def test_boxes_are_told_to_screen_readers(canvas: ImageCanvas) -> None:
    assert canvas.accessibleDescription() == "large; small"
    canvas.set_message("The image is damaged.")
    assert canvas.accessibleDescription() == "The image is damaged."
    assert canvas.boxes == ()


def test_levels_halve_down_to_a_screen() -> None:
    levels = image_levels(picture(5000, 2000))
    assert [level.width() for level in levels] == [5000, 2500, 1250, 625]
    assert len(image_levels(picture())) == 1


def test_a_far_view_is_painted_from_a_smaller_level(app: QApplication) -> None:
    canvas = ImageCanvas()
    canvas.resize(300, 300)
    levels = image_levels(picture(4000, 4000))
    levels[2].fill(QColor("#00ff00"))
    canvas.set_image(levels)
    colour = canvas.grab().toImage().pixelColor(150, 150)
    assert colour.green() > 200


def test_labels_keep_apart() -> None:
    room = QRectF(0, 0, 400, 400)
    taken: list[QRectF] = []
    for _ in range(4):
        place = label_place(QRectF(100, 100, 50, 50), 80, 20, room, taken)
        assert room.contains(place)
        assert not any(place.intersects(other) for other in taken)
        taken.append(place)


def test_labels_stay_in_the_room() -> None:
    room = QRectF(0, 0, 400, 400)
    for box in (QRectF(-50, -50, 60, 60), QRectF(390, 390, 60, 60), QRectF(-10, -10, 500, 500)):
        assert room.contains(label_place(box, 80, 20, room, []))


def test_ink_reads_on_its_ground() -> None:
    assert ink_on(QColor("#ffff00")) == QColor("#000000")
    assert ink_on(QColor("#1e5a8c")) == QColor("#ffffff")
