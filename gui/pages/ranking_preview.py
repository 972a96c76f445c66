"""What a batch will hold, before Train: of the class that is shown, or of all."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.models.batch_preview import BatchPreview, BatchTotal, RankPreview
from gui.theme import SPACING, number_font, set_role, tokens
from gui.widgets.choice_button import ChoiceButton

MOST_FEW = 4
_UNUSED = "and on: below the depth"
_ONE = (
    ("", "Rank; 1 is the class itself"),
    ("tau", "Temperature: the lower, the closer together such classes are pulled"),
    ("pos.", "Expected positives of this rank for one object"),
    ("none", "Share of the objects of this class that will have none"),
    ("wt.", "How much such an object's term at this rank counts, against its rank-1 term"),
)
_ALL = (
    ("", "Rank; 1 is the class itself"),
    ("objects", "Objects of the batch that will have a positive of this rank"),
    ("none", "Share of the objects of the batch that will have none"),
    ("wt.", "How much each of those counts at this rank, against rank 1"),
)
Row = Sequence[tuple[str, bool]]  # text, whether it is a warning


class PreviewPanel(QWidget):
    """A small table and a sentence; which classes it is about is chosen in its corner."""

    class_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preview: BatchPreview | None = None
        self._anchor = ""
        self._note = ""
        title = QLabel("Preview")
        set_role(title, "heading")
        self.scope = ChoiceButton(
            "Classes of the preview", (("one", "this class"), ("all", "all classes"))
        )
        self.scope.chosen.connect(self._draw)
        self._batch = _text("batchSize")
        self._table = QGridLayout()
        self._table.setHorizontalSpacing(SPACING)
        self._table.setVerticalSpacing(SPACING // 2)
        self._cells: list[QLabel] = []
        self._words = _text("batchNote")
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse)
        self._words.setAccessibleName("What the batch lacks")
        self._words.linkActivated.connect(self.class_chosen)
        top = QHBoxLayout()
        top.addWidget(title)
        top.addStretch(1)
        top.addWidget(self.scope)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(top)
        layout.addWidget(self._batch)
        layout.addLayout(self._table)
        layout.addWidget(self._words)

    def show_preview(self, preview: BatchPreview, anchor: str, note: str) -> None:
        """Shows what to expect.

        Args:
            preview: Of the ranking, the data and the configuration.
            anchor: The class that is shown.
            note: Why none of it counts, if so.
        """
        self._preview, self._anchor, self._note = preview, anchor, note
        self._draw()

    @Slot()
    def _draw(self) -> None:
        if self._preview is None:
            return
        self._batch.setText(f"Expected in a batch of {self._preview.batch_size}:")
        if self.scope.choice == "all":
            total = self._preview.total()
            self._fill(_ALL, [_total_row(total, i) for i in range(len(total.ranks))])
            words = _about_all(total, tokens(self.palette()).accent)
        else:
            rows = self._preview.of(self._anchor)
            used = [row for row in rows if row.is_used]
            table = [_rank_row(row) for row in used]
            if len(used) < len(rows):
                table.append([(f"rank {len(used) + 1}", False), (_UNUSED, False)])
            self._fill(_ONE, table)
            words = _about_one(rows)
        self._words.setText(html.escape(self._note) if self._note else words)
        self._words.setVisible(bool(self._words.text()))
        flags = Qt.TextInteractionFlag.LinksAccessibleByMouse
        if "<a " in self._words.text():
            flags |= Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        self._words.setTextInteractionFlags(flags)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_words"):
            self._draw()

    def _fill(self, head: Sequence[tuple[str, str]], rows: Sequence[Row]) -> None:
        for cell in self._cells:
            self._table.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self._cells = []
        colours = tokens(self.palette())
        for column, (text, tip) in enumerate(head):
            self._cell(0, column, text, colours.muted).setToolTip(tip)
        for line, row in enumerate(rows, start=1):
            for column, (text, warns) in enumerate(row):
                colour = colours.warn if warns else colours.text if column else colours.muted
                self._cell(line, column, text, colour).setToolTip(head[column][1])

    def _cell(self, row: int, column: int, text: str, colour: str) -> QLabel:
        label = QLabel(text)
        label.setStyleSheet(f"color: {colour}")
        label.setFont(number_font(label.font()))
        if column:
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if text == _UNUSED:
            self._table.addWidget(label, row, column, 1, len(_ONE) - 1, Qt.AlignmentFlag.AlignLeft)
        else:
            self._table.addWidget(label, row, column)
        self._cells.append(label)
        return label


def _rank_row(row: RankPreview) -> Row:
    few = row.is_few
    return [
        (f"rank {row.rank}", False),
        (f"{row.temperature:.2f}", False),
        (f"{'⚠ ' if few else ''}{row.positives:.1f}", few),
        (_percent(row.absent), few),
        (_times(row.weight), False),
    ]


def _total_row(total: BatchTotal, at: int) -> Row:
    row = total.ranks[at]
    return [
        (f"rank {row.rank}", False),
        (f"{row.anchors:.1f}", row.anchors < 1),
        (_percent(row.absent), False),
        (_times(row.weight), False),
    ]


def _about_one(rows: Sequence[RankPreview]) -> str:
    few = [str(row.rank) for row in rows if row.is_few]
    if not few:
        return ""
    return (
        f"Less than one at rank {', '.join(few)}: seldom learned. "
        "A larger batch or a memory bank helps."
    )


def _about_all(total: BatchTotal, colour: str) -> str:
    def link(name: str) -> str:
        said = html.escape(name)
        return f'<a href="{said}" style="color: {colour}">{said}</a>'

    lines = [
        f"⚠ {link(name)}: {positives:.1f} rank-{rank} positives per batch"
        for name, rank, positives in total.few[:MOST_FEW]
    ]
    if len(total.few) > MOST_FEW:
        lines.append(f"and {len(total.few) - MOST_FEW} more with less than one")
    if total.alone:
        names = ", ".join(link(name) for name in total.alone[:MOST_FEW])
        more = len(total.alone) - MOST_FEW
        names += f" and {more} more" if more > 0 else ""
        lines.append(f"Rank none, so only rank 1 speaks for them: {names}")
    return "<br>".join(lines)


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 < share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


def _times(weight: float) -> str:
    if not weight:
        return "–"
    return f"×{weight:.1f}" if weight < 9.95 else f"×{weight:.0f}"


def _text(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    set_role(label, "muted")
    return label
