"""The menu of rankings: what it lists, and dialogs that block nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QMessageBox, QWidget

from core.ranking import Ranking
from core.ranking_files import load_ranking
from gui.session import Session
from gui.widgets.ranking_dialogs import RankingFiles
from gui.widgets.ranking_menu import RankingMenu

MINE = Ranking(name="mine").moved("cat", ["dog"], 0)


@pytest.fixture
def rankings(session: Session, wait_until: Callable[..., None]) -> Iterator[RankingMenu]:
    window = QWidget()
    window.show()
    yield RankingMenu(session, RankingFiles(session, window), window)
    window.close()
    window.deleteLater()


def action(rankings: RankingMenu, text: str, submenu: str = "") -> QAction:
    rankings.fill()
    menu = rankings.menu
    if submenu:
        menu = next(m for m in menu.findChildren(QMenu) if m.title() == submenu)
    return next(a for a in menu.actions() if a.text().startswith(text))


def answer(rankings: RankingMenu, text: str) -> None:
    dialog = rankings.menu.parentWidget().findChild(QInputDialog, "rankingName")
    assert dialog is not None
    dialog.setTextValue(text)
    dialog.accept()
    dialog.deleteLater()
    dialog.setObjectName("")


def test_rankings_are_made_switched_renamed_deleted_and_restored(
    session: Session, rankings: RankingMenu
) -> None:
    assert not action(rankings, "No rankings in this workspace").isEnabled()
    assert not action(rankings, "Rename").isEnabled()
    action(rankings, "New ranking").trigger()
    answer(rankings, "mine")
    assert session.ranking.name == "mine"
    session.edit(MINE, "cat: dog to rank 2")
    action(rankings, "Duplicate").trigger()
    answer(rankings, "second & third")
    assert session.ranking.name == "second - third"
    assert session.ranking.similar == MINE.similar
    assert action(rankings, "second - third").isChecked()
    action(rankings, "mine").trigger()
    assert session.ranking.similar == {}, "the original is as it was saved"
    assert action(rankings, "mine").isChecked()
    action(rankings, "Rename").trigger()
    answer(rankings, "first")
    assert session.ranking.name == "first"
    action(rankings, "Delete").trigger()
    assert [e.name for e in session.board.library.entries()] == ["second - third"]
    action(rankings, "first", "Restore").trigger()
    assert session.ranking.name == "first"
    action(rankings, "voc2007-paper", "Presets").trigger()
    assert session.ranking.name == "voc2007-paper"
    assert [e.name for e in session.board.library.entries()] == ["first", "second - third"]


@pytest.mark.parametrize("button", ["Keep them", "Delete for good"])
def test_trashed_rankings_are_deleted_by_a_second_click_only(
    session: Session, rankings: RankingMenu, button: str
) -> None:
    messages = []
    session.message_posted.connect(messages.append)
    library = session.board.library
    for _ in range(2):
        library.delete(library.add(MINE))
    action(rankings, "Empty the trash", "Restore").trigger()
    box = rankings.menu.parentWidget().findChild(QMessageBox, "emptyRankings")
    assert box is not None
    assert box.text() == "Delete the 2 trashed rankings for good?"
    assert len(library.deleted()) == 2
    next(b for b in box.buttons() if b.text() == button).click()
    assert len(library.deleted()) == (2 if button == "Keep them" else 0)
    assert [m.text for m in messages] == (
        [] if library.deleted() else ["2 rankings deleted for good."]
    )
    rankings.fill()
    restore = next(m for m in rankings.menu.findChildren(QMenu) if m.title() == "Restore")
    assert restore.isEnabled() == bool(library.deleted())


def test_a_name_that_is_nothing_is_told(session: Session, rankings: RankingMenu) -> None:
    messages = []
    session.message_posted.connect(messages.append)
    action(rankings, "New ranking").trigger()
    answer(rankings, "   ")
    assert messages[-1].text == "A ranking needs a name."
    assert session.ranking == Ranking()


def test_only_the_workspaces_rankings_are_renamed_and_deleted(
    session: Session, rankings: RankingMenu
) -> None:
    messages = []
    session.message_posted.connect(messages.append)
    rankings.ask_rename()
    rankings.delete()
    assert [m.text for m in messages] == ["untitled is not a ranking of this workspace."] * 2


def test_long_names_are_shortened(session: Session, rankings: RankingMenu) -> None:
    session.board.create(Ranking(name="n" * 70))
    assert action(rankings, "nnn").text() == "n" * 39 + "…"


def test_a_ranking_is_called_as_the_file_it_is_saved_to(
    session: Session, rankings: RankingMenu
) -> None:
    session.open_ranking("voc2007-paper")
    action(rankings, "Save as").trigger()
    dialog = rankings.menu.parentWidget().findChild(QFileDialog)
    assert dialog is not None
    path = session.workspace / "rankings" / "mine.yaml"
    dialog.fileSelected.emit(str(path))
    dialog.close()
    assert session.ranking.name == load_ranking(path).name == "mine"
    assert session.undo_stack.isClean()
    assert action(rankings, "mine").isChecked()
