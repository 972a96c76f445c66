"""The ranking page: drops, keyboard, undo, repair, all through the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDoubleSpinBox,
    QLabel,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)

from core.ranking import Ranking
from core.ranking_repairs import UNRANKED
from gui.models.class_pool_model import mime_of
from gui.models.ladder import MIME_TYPE
from gui.pages.ranking_comparison import ComparisonDialog
from gui.pages.ranking_page import RankingPage
from gui.session import Session

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def page(loaded_session: Session, wait_until: Callable[..., None]) -> Iterator[RankingPage]:
    loaded_session.select_class("aeroplane")
    page = RankingPage(loaded_session)
    page.resize(1180, 700)
    page.show()
    page.activateWindow()
    wait_until(lambda: page.ladder.height() > 400 and page.isActiveWindow())
    yield page
    page.shut_down()
    page.close()
    page.deleteLater()


def tiers(session: Session, anchor: str = "aeroplane") -> list[tuple[str, ...]]:
    return [tier.classes for tier in session.ranking.tiers(anchor)]


def drag_onto(widget: QWidget, at: QPoint, mime: QMimeData, *, drop: bool = True) -> bool:
    """Sends what a real drag sends; returns whether it was accepted."""
    point = QPointF(widget.mapFromGlobal(at))
    actions = Qt.DropAction.MoveAction
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(point.toPoint(), actions, mime, buttons, keys)
    QApplication.sendEvent(widget, enter)
    move = QDragMoveEvent(point.toPoint(), actions, mime, buttons, keys)
    QApplication.sendEvent(widget, move)
    if drop:
        QApplication.sendEvent(widget, QDropEvent(point, actions, mime, buttons, keys))
    return move.isAccepted()


def drop(page: RankingPage, names: list[str], kind: str, index: int = 0) -> None:
    assert drag_onto(page.ladder, page.drop_point(kind, index), mime_of(names))  # type: ignore[arg-type]


def test_drops_build_a_ladder_with_ties_and_new_ranks(page: RankingPage, session: Session) -> None:
    drop(page, ["bird"], "gap", 0)
    drop(page, ["boat"], "gap", 1)
    drop(page, ["train", "bus"], "tier", 1)
    drop(page, ["car"], "gap", 1)
    assert tiers(session) == [("bird",), ("car",), ("boat", "train", "bus")]
    drop(page, ["train"], "gap", 0)
    assert tiers(session) == [("train",), ("bird",), ("car",), ("boat", "bus")]
    drop(page, ["bird"], "pool")
    assert tiers(session) == [("train",), ("car",), ("boat", "bus")]
    assert session.undo_stack.undoText() == "aeroplane: bird back to the pool"
    while session.undo_stack.canUndo():
        session.undo_stack.undo()
    assert session.ranking == Ranking()


def test_it_says_before_the_release_what_a_drop_will_do(page: RankingPage) -> None:
    drop(page, ["bird"], "gap", 0)
    for kind, index, text in (
        ("gap", 0, "new rank 2"),
        ("gap", 1, "new rank 3"),
        ("tier", 0, "tie with bird"),
    ):
        drag_onto(page.ladder, page.drop_point(kind, index), mime_of(["boat"]), drop=False)  # type: ignore[arg-type]
        assert page.ladder.drop_hint.isVisible()
        assert page.ladder.drop_hint.text() == text
    drop(page, ["bird"], "tier", 0)
    assert not page.ladder.drop_hint.isVisible()


def test_a_lane_opens_and_closes_again(page: RankingPage) -> None:
    drop(page, ["bird"], "gap", 0)
    before = page.ladder.chip_rect("bird")
    drag_onto(page.ladder, page.drop_point("tier", 0), mime_of(["boat"]), drop=False)
    page.grab()
    row = page.ladder.arrangement.row("tier", 0)
    assert not row.slot.isNull()
    drop(page, ["bird"], "gap", 0)
    assert page.ladder.chip_rect("bird") == before


def test_the_pool_takes_only_ranked_classes(page: RankingPage, session: Session) -> None:
    drop(page, ["bird", "boat"], "gap", 0)
    at = page.chip_rect("sheep").center()
    viewport = page.pool.viewport()
    assert not drag_onto(viewport, at, mime_of(["cat"]))
    assert drag_onto(viewport, at, mime_of(["bird", "cat"]))
    assert tiers(session) == [("boat",)]


@pytest.mark.parametrize(
    "payload", [b"junk", b'{"version": 1, "classes": ["unicorn"]}', b"\x80\x04K\x01."]
)
def test_foreign_payloads_are_refused(page: RankingPage, session: Session, payload: bytes) -> None:
    mime = QMimeData()
    mime.setData(MIME_TYPE, payload)
    assert not drag_onto(page.ladder, page.drop_point("gap", 0), mime)
    assert session.ranking == Ranking()


def test_everything_by_keyboard(page: RankingPage, session: Session) -> None:
    page.pool.setFocus()
    QTest.keyClicks(page.pool, "bird")
    QTest.keyClick(page.pool, Qt.Key.Key_Return)
    QTest.keyClick(page.pool, Qt.Key.Key_Down)
    assert page.pool.selected_names() == ("bottle",)
    QTest.keyClick(page.pool, Qt.Key.Key_9)
    QTest.keyClick(page.pool, Qt.Key.Key_Right)
    QTest.keyClick(page.pool, Qt.Key.Key_2)
    assert tiers(session) == [("bird", "bus"), ("bottle",)]
    QTest.keyClick(page.pool, Qt.Key.Key_Down, ALT)
    assert tiers(session) == [("bird",), ("bus",), ("bottle",)]
    QTest.keyClick(page.pool, Qt.Key.Key_Down, ALT)
    assert tiers(session) == [("bird",), ("bottle",), ("bus",)]
    QTest.keyClick(page.pool, Qt.Key.Key_Backspace)
    assert tiers(session) == [("bird",), ("bottle",)]
    QTest.keyClick(page.pool, Qt.Key.Key_Space)
    assert session.selected_class == "bus"


def test_the_ladder_by_keyboard(page: RankingPage, session: Session) -> None:
    for gap, name in enumerate(("bird", "boat", "train")):
        drop(page, [name], "gap", gap)
    page.ladder.focus_chip("train")
    focus = QApplication.focusWidget
    QTest.keyClick(focus(), Qt.Key.Key_Up, ALT)
    assert tiers(session) == [("bird",), ("train",), ("boat",)]
    QTest.keyClick(focus(), Qt.Key.Key_Up)
    QTest.keyClick(focus(), Qt.Key.Key_4)
    assert tiers(session) == [("train",), ("boat", "bird")]
    assert "rank 3" in focus().accessibleName()
    QTest.keyClick(focus(), Qt.Key.Key_Delete)
    assert tiers(session) == [("train",), ("boat",)]
    assert focus().accessibleName().startswith("boat, rank 3")


def test_several_on_the_ladder_are_chosen_and_moved_together(
    page: RankingPage, session: Session, wait_until: Callable[..., None]
) -> None:
    for gap, name in enumerate(("bird", "boat", "train", "bus")):
        drop(page, [name], "gap", gap)
    wait_until(lambda: page.ladder._share == 1.0)

    def click(name: str, keys: Qt.KeyboardModifier) -> None:
        at = page.ladder.mapFromGlobal(page.chip_rect(name, "ladder").center())
        QTest.mouseClick(page.ladder, Qt.MouseButton.LeftButton, keys, at)

    click("boat", Qt.KeyboardModifier.NoModifier)
    click("bus", Qt.KeyboardModifier.ShiftModifier)
    click("train", Qt.KeyboardModifier.ControlModifier)
    page.ladder.focus_chip("bus")
    count = session.undo_stack.count()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up, ALT)
    assert tiers(session) == [("boat",), ("bird",), ("bus",), ("train",)]
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up, ALT)
    assert tiers(session) == [("boat",), ("bus",), ("bird",), ("train",)]
    assert session.undo_stack.count() == count + 1, "repeated steps are one"
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_2)
    assert tiers(session) == [("boat", "bird", "train"), ("bus",)]
    assert session.undo_stack.undoText() == "aeroplane: tie bird and train with boat"


def test_several_in_the_pool_step_together(page: RankingPage, session: Session) -> None:
    for gap, name in enumerate(("boat", "bird", "bus")):
        drop(page, [name], "gap", gap)
    page.pool.make_current("bird")
    page.pool.setFocus()
    shift = Qt.KeyboardModifier.ShiftModifier
    at = page.pool.viewport().mapFromGlobal(page.chip_rect("bus").center())
    QTest.mouseClick(page.pool.viewport(), Qt.MouseButton.LeftButton, shift, at)
    assert page.pool.selected_names() == ("bird", "boat", "bottle", "bus")
    QTest.keyClick(page.pool, Qt.Key.Key_Delete)
    assert tiers(session) == []
    QTest.keyClick(page.pool, Qt.Key.Key_Return)
    assert tiers(session) == [("bird", "boat", "bottle", "bus")]


def test_a_similarity_is_typed_and_spaced_evenly(page: RankingPage, session: Session) -> None:
    drop(page, ["bird"], "gap", 0)
    page.ladder.edit_similarity(0)
    editor = page.findChild(QDoubleSpinBox, "similarityEditor")
    assert editor is not None
    editor.setValue(0.8)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert session.ranking.similarities("aeroplane") == (0.8,)
    assert QApplication.focusWidget().accessibleName().startswith("bird, rank 2")
    button = page.findChild(QToolButton, "toolSpaceEvenly")
    assert button is not None
    button.click()
    assert session.ranking.similarities("aeroplane") == (0.5,)


def test_the_handle_on_the_axis_is_dragged(page: RankingPage, session: Session) -> None:
    drop(page, ["bird"], "gap", 0)
    ladder = page.ladder
    start = ladder.mapFromGlobal(ladder.handle_point(0))
    QTest.mousePress(ladder, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(ladder, start - QPoint(0, 60))
    QTest.mouseRelease(ladder, Qt.MouseButton.LeftButton, pos=start - QPoint(0, 60))
    expected = 0.5 + 60 / ladder.arrangement.scale
    assert session.ranking.similarities("aeroplane")[0] == pytest.approx(expected, abs=0.011)


def test_a_click_shows_a_ladder_and_a_click_with_control_only_selects(
    page: RankingPage, session: Session
) -> None:
    def click(name: str, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        at = page.pool.viewport().mapFromGlobal(page.chip_rect(name).center())
        QTest.mouseClick(page.pool.viewport(), Qt.MouseButton.LeftButton, keys, at)

    click("dog")
    assert session.selected_class == "dog"
    click("cat", Qt.KeyboardModifier.ControlModifier)
    assert session.selected_class == "dog"
    assert page.pool.selected_names() == ("cat", "dog")


def test_undo_shows_the_ladder_it_changed(page: RankingPage, session: Session) -> None:
    drop(page, ["bird"], "gap", 0)
    session.select_class("dog")
    session.undo_stack.undo()
    assert session.selected_class == "aeroplane"


def test_problems_are_listed_and_repaired_in_one_undoable_click(
    page: RankingPage, session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("name: odd\nsimilar: {cat: [cat, dog, dog, unicorn], yeti: [cat]}\n")
    session.open_ranking(path)
    label = page.findChild(QLabel, "rankingProblems")
    repair = page.findChild(QPushButton, "repairRanking")
    assert label is not None
    assert repair is not None
    assert "⚠" in label.text()
    assert repair.isVisible()
    repair.click()
    assert session.ranking.similar == Ranking({"cat": session.ranking.tiers("cat")}).similar
    assert tiers(session, "cat") == [("dog",)]
    assert label.text() == "No problems."
    session.edit(Ranking(), "clear")
    assert label.text() == f"No problems. {UNRANKED}"
    session.undo_stack.undo()
    session.undo_stack.undo()
    assert "yeti" in session.ranking.similar


def test_presets_open_as_one_undoable_step(page: RankingPage, session: Session) -> None:
    page.rankings.fill()
    presets = next(m for m in page.rankings.menu.findChildren(QMenu) if m.title() == "Presets")
    action = next(a for a in presets.actions() if a.data() == "voc2007-paper")
    action.trigger()
    assert tiers(session) == [("bird",), ("boat",)]
    session.undo_stack.undo()
    assert session.ranking == Ranking()


def test_the_batch_note_follows_the_configuration(page: RankingPage, session: Session) -> None:
    drop(page, ["bird"], "gap", 0)
    note = page.findChild(QLabel, "batchNote")
    assert note is not None
    session.set_config_values({"training.batch_size": 4})
    assert "Less than one" in note.text()
    session.set_config_values({"objective.method": "softmax"})
    assert "does not use this ranking" in note.text()


def test_every_class_gets_a_picture(page: RankingPage, wait_until: Callable[..., None]) -> None:
    role = Qt.ItemDataRole.DecorationRole
    rows = range(page.pool.model().rowCount())
    wait_until(lambda: all(page.pool.model().index(i, 0).data(role) for i in rows))
    pictures = [page.pool.model().index(i, 0).data(role).toImage() for i in rows]
    assert all(isinstance(picture, QImage) and picture.width() == 96 for picture in pictures)
    assert len({picture.pixel(48, 48) for picture in pictures}) > 10


def test_every_widget_that_takes_the_keyboard_has_a_name(page: RankingPage) -> None:
    drop(page, ["bird"], "gap", 0)
    nameless = [
        widget
        for widget in page.findChildren(QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.isVisible()
        and not widget.accessibleName()
    ]
    assert nameless == []


# ----- the whole ranking -----


def tool(page: RankingPage, name: str) -> QToolButton:
    button = page.findChild(QToolButton, f"tool{name}")
    assert button is not None
    return button


def shown(page: RankingPage, anchor: str, name: str) -> str:
    model = page.matrix.model
    return str(model.index(model.classes.index(anchor), model.classes.index(name)).data())


def test_the_matrix_shows_and_edits_every_ladder(
    page: RankingPage, loaded_session: Session, wait_until: Callable[..., None]
) -> None:
    loaded_session.edit(Ranking().moved("aeroplane", ["bird"], 0), "made")
    tool(page, "Matrix").click()
    assert page.matrix.isVisible()
    assert shown(page, "aeroplane", "bird") == ".50"
    assert shown(page, "aeroplane", "aeroplane") == "1"
    assert shown(page, "bird", "aeroplane") == ""
    model, table = page.matrix.model, page.matrix.table
    cell = model.index(model.classes.index("bird"), model.classes.index("aeroplane"))
    table.setCurrentIndex(cell)
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_F2)
    editor = table.findChild(QDoubleSpinBox)
    assert editor is not None
    editor.setValue(0.8)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    wait_until(lambda: tiers(loaded_session, "bird") == [("aeroplane",)])
    assert loaded_session.ranking.similarities("bird") == (0.8,)
    assert loaded_session.undo_stack.undoText() == "bird: aeroplane at 0.80"
    QTest.keyClick(table, Qt.Key.Key_Delete)
    assert tiers(loaded_session, "bird") == []
    loaded_session.undo_stack.undo()
    assert shown(page, "bird", "aeroplane") == ".80"
    diagonal = model.index(0, 0)
    assert not diagonal.flags() & Qt.ItemFlag.ItemIsEditable
    table.verticalHeader().sectionClicked.emit(model.classes.index("cat"))
    assert loaded_session.selected_class == "cat"
    assert page.ladder.isVisible()


def test_the_menu_edits_the_whole_ranking_in_single_steps(
    page: RankingPage, loaded_session: Session
) -> None:
    loaded_session.edit(Ranking().moved("aeroplane", ["bird"], 0), "made")
    loaded_session.select_class("aeroplane")

    def choose(*words: str) -> None:
        page.tools.fill()
        menu: QMenu = page.tools.menu
        for word in words[:-1]:
            menu = next(m for m in menu.findChildren(QMenu) if m.title().startswith(word))
        action = next(a for a in menu.actions() if a.text().startswith(words[-1]))
        assert action.isEnabled(), action.text()
        action.trigger()

    choose("Copy", "boat")
    assert tiers(loaded_session, "boat") == [("bird",)]
    assert loaded_session.undo_stack.undoText() == "copy aeroplane to boat"
    loaded_session.select_class("aeroplane")
    choose("Mirror aeroplane")
    assert tiers(loaded_session, "bird") == [("aeroplane",)]
    choose("Make the ranking symmetric")
    assert {name for tier in tiers(loaded_session, "bird") for name in tier} == {
        "aeroplane",
        "boat",
    }
    before = loaded_session.ranking
    choose("Make a control", "Shuffle")
    assert loaded_session.ranking != before
    assert loaded_session.ranking.name.endswith("shuffled")
    choose("Clear all")
    assert loaded_session.ranking.similar == {}
    for _ in range(5):
        loaded_session.undo_stack.undo()
    assert tiers(loaded_session, "aeroplane") == [("bird",)]
    assert tiers(loaded_session, "boat") == []


def choose_comparison(page: RankingPage, name: str) -> list[str]:
    shown: list[ComparisonDialog] = []
    page.tools.shown.connect(shown.append)
    page.tools.fill()
    compare = next(m for m in page.tools.menu.findChildren(QMenu) if m.title().startswith("Comp"))
    next(a for a in compare.actions() if a.text() == name).trigger()
    page.tools.shown.disconnect(shown.append)
    (dialog,) = shown
    assert not dialog.isModal()
    rows = [dialog.rows.item(i).text() for i in range(dialog.rows.count())]
    dialog.close()
    return rows


def test_a_comparison_lists_what_differs(page: RankingPage, loaded_session: Session) -> None:
    loaded_session.open_ranking("voc2007-paper")
    other = loaded_session.ranking.cleared("dog")
    loaded_session.board.library.add(replace(other, name="second opinion"))
    run = loaded_session.store.create(loaded_session.config, other.cleared("cat"))
    ranking = loaded_session.ranking.cleared("bird")
    loaded_session.edit(ranking, "bird: clear")
    bird = "bird: aeroplane (0.50) → nothing"
    dog = "dog: nothing → cat (0.50)"
    assert choose_comparison(page, "voc2007-paper") == [bird]
    assert choose_comparison(page, "second opinion") == [bird, dog]
    rows = choose_comparison(page, run.title)
    assert rows == [bird, "cat: nothing → dog (0.67), sheep (0.33)", dog]
