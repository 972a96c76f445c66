"""A list of choices with counts, of which one is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from gui.theme import number_font, tokens


@dataclass(frozen=True)
class Facet:
    """One choice.

    Attributes:
        key: What is chosen.
        name: In the list.
        count: How much it would give.
    """

    key: int
    name: str
    count: int


class FacetList(QTreeWidget):
    """Names at the left, counts at the right.

    Args:
        name: Accessible name.
        parent: Owner.
    """

    chosen = Signal(int)  # key

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("QTreeView::item { padding: 2px 4px; }")
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._facets: tuple[Facet, ...] = ()
        self.currentItemChanged.connect(self._on_current_changed)

    def set_facets(self, facets: Sequence[Facet], current: int) -> None:
        """Shows choices; emits nothing."""
        with QSignalBlocker(self):
            if [f.key for f in facets] != [f.key for f in self._facets]:
                self.clear()
                self.addTopLevelItems([QTreeWidgetItem() for _ in facets])
            for at, facet in enumerate(facets):
                item = self.topLevelItem(at)
                assert item is not None
                self._fill(item, facet)
                if facet.key == current and self.currentItem() is not item:
                    self.setCurrentItem(item)
            self._facets = tuple(facets)

    def fit_height(self) -> None:
        """Makes the list as high as its rows."""
        rows = self.topLevelItemCount() * self.sizeHintForRow(0)
        self.setFixedHeight(rows + 2 * self.frameWidth() + 2)

    @property
    def facets(self) -> tuple[Facet, ...]:
        return self._facets

    @property
    def current_key(self) -> int | None:
        at = self.currentIndex().row()
        return self._facets[at].key if 0 <= at < len(self._facets) else None

    def choose(self, key: int) -> None:
        """Chooses as a click would."""
        for at, facet in enumerate(self._facets):
            item = self.topLevelItem(at)
            if facet.key == key and item is not None:
                self.setCurrentItem(item)

    def _fill(self, item: QTreeWidgetItem, facet: Facet) -> None:
        colours = tokens(self.palette())
        item.setText(0, facet.name)
        item.setToolTip(0, facet.name)
        item.setText(1, f"{facet.count:,}")
        item.setFont(1, number_font(self.font()))
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setForeground(0, QColor(colours.text if facet.count else colours.muted))
        item.setForeground(1, QColor(colours.muted))
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, f"{facet.name}: {facet.count}")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and getattr(self, "_facets", None):
            self.set_facets(self._facets, self.current_key or self._facets[0].key)

    @Slot(QTreeWidgetItem, QTreeWidgetItem)
    def _on_current_changed(
        self, current: QTreeWidgetItem | None, _previous: QTreeWidgetItem | None
    ) -> None:
        if current is not None:
            self.chosen.emit(self._facets[self.indexOfTopLevelItem(current)].key)
