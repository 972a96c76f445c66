"""Several people's rankings in a dialog that blocks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.ranking import Ranking
from core.ranking_disagreement import disagreement
from gui.messages import Message
from gui.pages.ranking_disagreement import DisagreementDialog
from gui.session import Session

BOTH = Ranking().moved("dog", ["cat"], 0).moved("cat", ["cow"], 0)
ANNA = replace(BOTH.moved("cat", ["dog"], 0), name="anna")
BO = replace(BOTH, name="bo")


@pytest.fixture
def dialog(loaded_session: Session) -> Iterator[DisagreementDialog]:
    loaded_session.board.create(ANNA)
    loaded_session.board.create(BO)
    window = QWidget()
    window.show()
    dialog = DisagreementDialog(loaded_session, window)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.show()
    yield dialog
    dialog.close()
    window.close()
    window.deleteLater()


def rows(dialog: DisagreementDialog) -> list[list[str]]:
    table = dialog.table
    return [[table.item(r, c).text() for c in range(4)] for r in range(table.rowCount())]


def test_the_workspaces_rankings_are_compared_at_once(
    dialog: DisagreementDialog, loaded_session: Session
) -> None:
    assert loaded_session.dataset is not None
    assert not dialog.isModal()
    assert [name for name, _ in dialog.ticked] == ["anna", "bo"]
    found = disagreement([ANNA, BO], loaded_session.dataset.classes)
    assert dialog.verdict.text().startswith(f"Kendall's W of 2 rankings: {found.overall:.2f}.")
    worst = found.per_class[0]
    assert rows(dialog) == [
        ["cat", f"{worst.concordance.w:.2f}", "2 of 2", "dog: rank 2 for anna, a negative for bo"],
        ["dog", "1.00", "2 of 2", "all agree"],
    ]
    dialog.table.selectRow(0)
    assert loaded_session.selected_class == "cat"


def test_headers_stand_over_their_columns_and_long_names_leave_room(
    dialog: DisagreementDialog, loaded_session: Session
) -> None:
    table, right = dialog.table, Qt.AlignmentFlag.AlignRight
    for column in range(4):
        head, cell = table.horizontalHeaderItem(column), table.item(0, column)
        assert head is not None
        assert cell is not None
        assert head.textAlignment() == cell.textAlignment()
        assert bool(Qt.AlignmentFlag(cell.textAlignment()) & right) == (column in {1, 2})
    assert table.columnWidth(0) < 120
    name = "a class name of somebody's own data set, which goes on and on and never ends" * 2
    assert loaded_session.dataset is not None
    index = replace(loaded_session.dataset, classes=(*loaded_session.dataset.classes, name))
    loaded_session.dataset = index
    for mine in (ANNA, BO):
        loaded_session.board.create(mine.moved(name, ["cat"], 0))
    dialog.sources.clear()
    dialog._fill_sources()
    dialog._refresh()
    assert name in {row[0] for row in rows(dialog)}
    assert 120 < table.columnWidth(0) <= 0.36 * table.width()
    assert table.columnWidth(3) > 0.3 * table.width()


def test_one_that_is_not_ticked_takes_no_part(dialog: DisagreementDialog) -> None:
    dialog.sources.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert dialog.verdict.text().startswith("Tick two rankings")
    assert not dialog.take.isEnabled()
    assert rows(dialog) == []


def test_files_of_others_are_added_and_damaged_ones_told(
    dialog: DisagreementDialog, loaded_session: Session, tmp_path: Path
) -> None:
    messages: list[Message] = []
    loaded_session.message_posted.connect(messages.append)
    good, bad = tmp_path / "anna.yaml", tmp_path / "bad.yaml"
    good.write_text("similar: {cat: [horse]}")
    bad.write_text("[")
    dialog.add_files([str(good), str(bad)])
    assert [name for name, _ in dialog.ticked] == ["anna", "bo", "anna 2"]
    assert [message.level for message in messages] == ["error"]
    assert "of 3 rankings" in dialog.verdict.text()


def test_the_consensus_is_one_step_and_a_ranking_of_its_own(
    dialog: DisagreementDialog, loaded_session: Session
) -> None:
    steps = loaded_session.undo_stack.count()
    dialog.take.click()
    assert loaded_session.ranking.name == "consensus"
    assert loaded_session.ranking.ranked("cat") == ("cow", "dog")
    assert loaded_session.undo_stack.count() == steps + 1
    names = [entry.name for entry in loaded_session.board.library.entries()]
    assert names == ["anna", "bo", "consensus"]
    loaded_session.undo_stack.undo()
    assert loaded_session.ranking.similar == BO.similar


def test_what_is_on_the_board_and_in_no_file_takes_part(loaded_session: Session) -> None:
    loaded_session.board.create(ANNA)
    loaded_session.edit(BO, "changed")
    window = QWidget()
    dialog = DisagreementDialog(loaded_session, window)
    assert [name for name, _ in dialog.ticked] == ["bo (on the board)", "anna"]
    window.deleteLater()
