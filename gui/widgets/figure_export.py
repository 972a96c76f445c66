"""One Export menu for every figure: table, PNG once and twice its size, SVG, CSV, clipboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QEvent,
    QIODevice,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QAction, QColor, QGuiApplication, QImage, QImageWriter, QPainter, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from core.errors import AkinError
from core.files import write_atomically, write_text
from gui.theme import make_icon, tokens
from gui.widgets.table_window import TableWindow, Tabular


class Figure(Tabular, Protocol):
    """What can be exported."""

    def figure_size(self) -> QSize:
        """Returns its size in pixels at scale 1."""
        ...

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        """Paints it, without its background."""
        ...


class WidgetFigure:
    """A widget exported as it is seen.

    Args:
        csv: Returns its numbers.
        widget: Exported; may be given later.
        summary: Returns in words what is to be seen.
    """

    def __init__(
        self,
        csv: Callable[[], str],
        widget: QWidget | None = None,
        summary: Callable[[], str] = str,
    ) -> None:
        self._csv = csv
        self._widget = widget
        self._summary = summary

    def set_widget(self, widget: QWidget) -> None:
        self._widget = widget

    def figure_size(self) -> QSize:
        return QSize(1, 1) if self._widget is None else self._widget.size()

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        if self._widget is not None:
            painter.save()
            painter.translate(target.topLeft())
            self._widget.render(painter, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
            painter.restore()

    def figure_csv(self) -> str:
        return self._csv()

    def figure_summary(self) -> str:
        return self._summary()


def render_image(figure: Figure, background: QColor, scale: int = 1) -> QImage:
    """Returns the figure as an image, `scale` times its size."""
    size = figure.figure_size()
    image = QImage(size * scale, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(background)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(scale, scale)
    figure.paint_figure(painter, QRectF(0, 0, size.width(), size.height()))
    painter.end()
    return image


def render_svg(figure: Figure, background: QColor) -> bytes:
    """Returns the figure as SVG."""
    size = figure.figure_size()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle("Akin")
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), background)
    figure.paint_figure(painter, QRectF(0, 0, size.width(), size.height()))
    painter.end()
    buffer.close()
    return bytes(data.data())


def save_figure(figure: Figure, path: Path, background: QColor, scale: int = 1) -> None:
    """Writes the figure in the format that the file's suffix names: .png, .svg or .csv.

    Raises:
        AkinError: If it cannot be written, or the suffix is none of these.
    """
    suffix = path.suffix.lower()
    if suffix == ".svg":
        data = render_svg(figure, background)
        write_atomically(path, lambda file: file.write(data))
    elif suffix == ".csv":
        write_text(path, figure.figure_csv())
    elif suffix == ".png":
        data = _png(render_image(figure, background, scale))
        write_atomically(path, lambda file: file.write(data))
    else:
        raise AkinError(f"'{path.suffix}' is no figure format.", "Use .png, .svg or .csv.")


def _png(image: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(image)
    return bytes(data.data())


class ExportButton(QToolButton):
    """A button with the Export menu of one figure.

    Args:
        figure: Exported.
        name: Of the figure; the file's proposed name.
        icon_only: Without the word.
        tables: More tables of the figure by name, such as "histogram".
        parent: Owner.
    """

    saved = Signal(str)  # path
    failed = Signal(object)  # AkinError

    def __init__(
        self,
        figure: Figure,
        name: str,
        parent: QWidget | None = None,
        *,
        icon_only: bool = False,
        tables: Mapping[str, Tabular] | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon_only = icon_only
        self._figure = figure
        self._name = name
        self._tables: dict[str, Tabular] = {name: figure, **(tables or {})}
        self._windows: dict[str, TableWindow] = {}
        self._scale = 1
        self.setText("Export")
        self.setAccessibleName(f"Export {name}")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolTip("Show as a table; export as PNG, SVG or CSV")
        if icon_only:
            self._show_icon()
        else:
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        menu = QMenu(self)
        for table in self._tables:
            shown = "Show as table" if table == name else f"Show {table} as table"
            menu.addAction(shown).setData(("table", table))
        menu.addSeparator()
        for text, suffix, scale in (
            ("PNG…", "png", 1),
            ("PNG, twice the size…", "png", 2),
            ("SVG…", "svg", 1),
            ("CSV…", "csv", 1),
        ):
            action = menu.addAction(text)
            action.setData((suffix, scale))
        menu.addSeparator()
        menu.addAction("Copy picture").setData(("clipboard", 2))
        menu.addAction("Copy as CSV").setData(("clipboard-csv", 1))
        menu.triggered.connect(self._on_triggered)
        self.setMenu(menu)

    def _show_icon(self) -> None:
        self.setIcon(make_icon("mdi6.export-variant", self.palette()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and getattr(self, "_icon_only", False):
            self._show_icon()

    @property
    def background(self) -> QColor:
        """The colour behind the figure: the window's."""
        return QColor(tokens(QGuiApplication.palette()).surface)

    @Slot(QAction)
    def _on_triggered(self, action: QAction) -> None:
        kind, value = action.data()
        if kind == "table":
            self.show_table(value)
            return
        self._scale = value
        clipboard = QGuiApplication.clipboard()
        if kind == "clipboard":
            clipboard.setImage(render_image(self._figure, self.background, self._scale))
        elif kind == "clipboard-csv":
            clipboard.setText(self._figure.figure_csv())
        else:
            self._ask_where(kind)

    def show_table(self, name: str = "") -> TableWindow:
        """Opens a table of the figure, the first where none is named; blocks nothing."""
        name = name or self._name
        if name not in self._windows:
            window = TableWindow(self._tables[name], name, self)
            window.saved.connect(self.saved)
            window.failed.connect(self.failed)
            self._windows[name] = window
        self._windows[name].open_beside()
        return self._windows[name]

    def _ask_where(self, suffix: str) -> None:
        dialog = QFileDialog(self, f"Export {self._name}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.setNameFilter(f"{suffix.upper()} (*.{suffix})")
        dialog.selectFile(f"{self._name.replace(' ', '-').lower()}.{suffix}")
        dialog.fileSelected.connect(self.save_to)
        dialog.open()

    @Slot(str)
    def save_to(self, path: str) -> None:
        """Writes the figure; tells by `saved` or `failed`."""
        try:
            save_figure(self._figure, Path(path), self.background, self._scale)
        except AkinError as error:
            self.failed.emit(error)
        else:
            self.saved.emit(path)
