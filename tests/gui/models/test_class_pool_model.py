"""The pool's list model."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QApplication

from core.ranking import Ranking
from gui.models.class_pool_model import ClassPoolModel, PoolRole
from gui.models.ladder import MIME_TYPE, decode_classes


@pytest.fixture
def model(app: QApplication) -> ClassPoolModel:
    model = ClassPoolModel()
    model.set_classes(("aeroplane", "bird", "boat"))
    model.set_ranking(Ranking().moved("aeroplane", ["boat"], 0))
    model.set_anchor("aeroplane")
    return model


def test_rows_say_name_count_and_rank(model: ClassPoolModel) -> None:
    rows = [
        tuple(
            model.index(row).data(role)
            for role in (Qt.ItemDataRole.DisplayRole, PoolRole.COUNT, PoolRole.RANK)
        )
        for row in range(model.rowCount())
    ]
    assert rows == [("aeroplane", 1, 1), ("bird", 0, 0), ("boat", 0, 2)]
    assert model.index(0).data(PoolRole.IS_ANCHOR)
    assert model.rowCount(model.index(0)) == 0
    assert model.data(QModelIndex()) is None


def test_every_row_can_be_heard(model: ClassPoolModel) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    assert model.index(1).data(role) == "bird: ranks none; for aeroplane it is a negative"
    assert model.index(2).data(role) == "boat: ranks none; for aeroplane it is rank 2"


def test_a_drag_carries_names_and_moves(model: ClassPoolModel) -> None:
    mime = model.mimeData([model.index(2), model.index(1)])
    assert mime.formats() == [MIME_TYPE]
    assert decode_classes(bytes(mime.data(MIME_TYPE).data())) == ("bird", "boat")
    assert model.supportedDragActions() == Qt.DropAction.MoveAction
    assert not model.flags(model.index(0)) & Qt.ItemFlag.ItemIsDropEnabled
