"""Colours, type and icons of the window, in light and dark.

Nothing here is remembered: whether the window is dark is read from the palette, so a widget that
draws itself asks `tokens(self.palette())` again when it gets a PaletteChange.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from PySide6.QtCore import QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QWidget

ThemeName = Literal["light", "dark", "system"]
Role = Literal[
    "title", "heading", "body", "muted", "bad", "warn", "primary", "danger", "card", "plain", "hint"
]
THEME_NAMES: tuple[ThemeName, ...] = get_args(ThemeName)

ICON_FOLDER = Path(__file__).parent.parent / "resources" / "icons"
SPACING = 8
BASE_POINTS = 10.0
HEADING_POINTS = 12.0
TITLE_POINTS = 17.0
SMALLEST_POINTS = 6.0


@dataclass(frozen=True)
class Tokens:
    """The colours of one theme, as hex strings.

    Attributes:
        window: Behind everything.
        surface: Pages, lists, fields.
        raised: Cards and buttons on a surface.
        border: Hairlines.
        text: Text, at least 12:1 on surface.
        muted: Secondary text, at least 4.5:1 on surface.
        accent: The one accent colour.
        accent_text: Text on the accent colour.
        good: Done, right.
        bad: Failed, wrong.
        warn: Look here.
        series: Plot lines, told apart by the colour-blind too.
        is_dark: Which theme this is.
    """

    window: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    accent_text: str
    good: str
    bad: str
    warn: str
    series: tuple[str, ...]
    is_dark: bool


LIGHT = Tokens(
    window="#f3f4f6",
    surface="#ffffff",
    raised="#fafbfc",
    border="#d9dde3",
    text="#1b1f24",
    muted="#5b6570",
    accent="#2b5fd9",
    accent_text="#ffffff",
    good="#157347",
    bad="#c0332b",
    warn="#8f5b00",
    series=(
        "#2b5fd9",
        "#d55e00",
        "#009e73",
        "#b5479b",
        "#b58900",
        "#3aa0d8",
        "#6b4fbb",
        "#5b6570",
    ),
    is_dark=False,
)
DARK = Tokens(
    window="#15171b",
    surface="#1c1f24",
    raised="#262a31",
    border="#383e47",
    text="#e8ebef",
    muted="#a0a9b4",
    accent="#7aa2ff",
    accent_text="#0d1424",
    good="#4cc38a",
    bad="#ff8177",
    warn="#e8b75a",
    series=(
        "#7aa2ff",
        "#ff9a4d",
        "#3fcf9f",
        "#e38fd0",
        "#e6c229",
        "#6cc7f2",
        "#ad94f5",
        "#a0a9b4",
    ),
    is_dark=True,
)

# Twenty colours far apart in OKLab for normal, protanope and deuteranope eyes, none so light or
# dark that it vanishes on a surface.
_CLASS_COLOURS = (
    "#1e5a8c",
    "#faa519",
    "#46beff",
    "#af1405",
    "#8c69eb",
    "#fa6491",
    "#be6e05",
    "#826964",
    "#7391cd",
    "#4b50cd",
    "#f0a0be",
    "#1ea069",
    "#9b1e6e",
    "#9b64a0",
    "#b9b982",
    "#c39605",
    "#415f32",
    "#9191ff",
    "#e1695a",
    "#4ba0a0",
)


def tokens(palette: QPalette) -> Tokens:
    """Returns the colours of the theme that a palette belongs to.

    Midlight is a role that style sheets leave alone (a transparent background changes Window).
    """
    return DARK if palette.color(QPalette.ColorRole.Midlight).lightness() < 128 else LIGHT


def class_colour(index: int) -> QColor:
    """Returns the colour of a class; always shown beside its name."""
    return QColor(_CLASS_COLOURS[index % len(_CLASS_COLOURS)])


def make_icon(name: str, palette: QPalette) -> QIcon:
    """Returns an icon of an icon font in the text colour, the accent colour where checked.

    Args:
        name: Such as "mdi6.play" (Material Design Icons).
        palette: Of the widget that shows it; ask again when it changes.
    """
    import qtawesome  # noqa: PLC0415 - reading the icon fonts waits for the first icon

    colours = tokens(palette)
    icon: QIcon = qtawesome.icon(
        name,
        color=colours.text,
        color_disabled=colours.border,
        color_on=colours.accent,
        color_on_active=colours.accent,
    )
    return icon


def set_role(widget: QWidget, role: Role) -> None:
    """Gives a widget its part in the style sheet: a text size, a kind of button, a card."""
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def apply_theme(app: QApplication, name: ThemeName, text_size: int = 100) -> None:
    """Sets style, palette, font and style sheet.

    Args:
        app: The application.
        name: "system" follows the desktop, else is light.
        text_size: In per cent.
    """
    dark = name == "dark" or (
        name == "system" and app.styleHints().colorScheme() == Qt.ColorScheme.Dark
    )
    colours = DARK if dark else LIGHT
    if app.style().name() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(_palette(colours))
    app.setFont(_font(BASE_POINTS * text_size / 100))
    app.setStyleSheet(style_sheet(colours, text_size))


def sized_font(font: QFont, points: float) -> QFont:
    """Returns a widget's font at a size given for a text size of 100 per cent."""
    copy = QFont(font)
    copy.setPointSizeF(font.pointSizeF() * points / BASE_POINTS)
    return copy


def fitting_font(font: QFont, points: float, height_px: float) -> QFont:
    """Returns `sized_font`, or as much smaller letters as a line of this height asks for."""
    copy = sized_font(font, points)
    share = height_px / QFontMetricsF(copy).height()
    if share < 1:
        copy.setPointSizeF(max(copy.pointSizeF() * share, min(SMALLEST_POINTS, points)))
    return copy


def narrowed_font(font: QFont, text: str, room: QSizeF) -> QFont:
    """Returns the font, or as small letters as it takes for a text to be seen whole."""
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(text), metrics.capHeight()
    share = min(room.width() / max(width, 1.0), room.height() / max(height, 1.0))
    if share >= 1:
        return font
    copy = QFont(font)
    copy.setPointSizeF(max(font.pointSizeF() * share, 1.0))
    return copy


def with_text(pixels: float, font: QFont) -> int:
    """Returns a length that grows with a widget's text; less text shrinks nothing.

    Args:
        pixels: The length at a text size of 100 per cent.
        font: Of the widget.
    """
    return round(pixels * max(font.pointSizeF() / BASE_POINTS, 1.0))


def number_font(font: QFont) -> QFont:
    """Returns the font with digits of equal width, for columns of numbers."""
    copy = QFont(font)
    copy.setFeature(QFont.Tag("tnum"), 1)
    return copy


def _font(points: float) -> QFont:
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setPointSizeF(points)
    return font


def _palette(colours: Tokens) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for target, value in (
        (role.Window, colours.window),
        (role.WindowText, colours.text),
        (role.Base, colours.surface),
        (role.AlternateBase, colours.raised),
        (role.Text, colours.text),
        (role.Button, colours.raised),
        (role.ButtonText, colours.text),
        (role.BrightText, colours.bad),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Highlight, colours.accent),
        (role.HighlightedText, colours.accent_text),
        (role.Accent, colours.accent),
        (role.Link, colours.accent),
        (role.LinkVisited, colours.accent),
        (role.Light, colours.surface),
        (role.Midlight, colours.raised),
        (role.Mid, colours.border),
        (role.Dark, colours.border),
        (role.Shadow, colours.border),
    ):
        palette.setColor(target, QColor(value))
    faded = QColor(colours.muted)
    faded.setAlphaF(0.6)
    for target in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, faded)
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(colours.border))
    return palette


def style_sheet(colours: Tokens, text_size: int = 100) -> str:
    """Returns the application's style sheet, text at `text_size` per cent."""
    c = colours
    title, heading = (points * text_size / 100 for points in (TITLE_POINTS, HEADING_POINTS))
    kind = "dark" if c.is_dark else "light"
    icons = ICON_FOLDER.as_posix()
    hover = "#ebeef2" if not c.is_dark else "#2f343c"
    return f"""
QLabel[role="title"] {{ font-size: {title}pt; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: {heading}pt; font-weight: 600; }}
QLabel[role="muted"] {{ color: {c.muted}; }}
QLabel[role="bad"] {{ color: {c.bad}; }}
QLabel[role="warn"] {{ color: {c.warn}; }}
QLabel[role="hint"] {{
    background: {c.accent}; color: {c.accent_text}; border-radius: 6px; padding: 4px 10px;
    font-weight: 600; }}
QFrame[role="card"], QWidget[role="card"] {{
    background: {c.surface}; border: 1px solid {c.border}; border-radius: 8px; }}
QPushButton {{
    background: {c.raised}; color: {c.text}; border: 1px solid {c.border};
    border-radius: 6px; padding: 5px 12px; min-height: 18px; }}
QPushButton:hover {{ background: {hover}; }}
QPushButton:pressed, QPushButton:checked {{ background: {c.border}; }}
QPushButton:focus {{ border: 1px solid {c.accent}; }}
QPushButton:disabled {{ color: {c.muted}; background: transparent; }}
QPushButton[role="primary"] {{
    background: {c.accent}; color: {c.accent_text}; border-color: {c.accent}; font-weight: 600; }}
QPushButton[role="primary"]:hover {{ border-color: {c.text}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {c.text}; padding: 4px 11px; }}
QPushButton[role="primary"]:disabled {{
    background: {c.border}; color: {c.muted}; border-color: {c.border}; }}
QPushButton[role="danger"] {{ color: {c.bad}; border-color: {c.bad}; }}
QPushButton[role="plain"] {{ background: transparent; border: 1px solid transparent; }}
QPushButton[role="plain"]:hover {{ background: {hover}; }}
QPushButton[role="plain"]:focus {{ border: 1px solid {c.accent}; }}
QToolButton {{
    background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 4px 6px; }}
QToolButton:hover {{ background: {hover}; }}
QToolButton:pressed, QToolButton:checked {{ background: {c.border}; }}
QToolButton:focus {{ border: 1px solid {c.accent}; }}
QToolButton[popupMode="1"] {{ padding-right: 18px; }}
QToolButton::menu-indicator {{ image: none; }}
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit {{
    background: {c.surface}; color: {c.text}; border: 1px solid {c.border};
    border-radius: 6px; padding: 3px 6px; min-height: 20px;
    selection-background-color: {c.accent}; selection-color: {c.accent_text}; }}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus,
QPlainTextEdit:focus, QTextEdit:focus {{ border: 1px solid {c.accent}; }}
QLineEdit[invalid="true"], QSpinBox[invalid="true"], QDoubleSpinBox[invalid="true"],
QComboBox[invalid="true"] {{ border: 1px solid {c.bad}; }}
QComboBox::drop-down {{ border: 0; width: 20px; }}
QComboBox::down-arrow {{ image: url({icons}/arrow-down-{kind}.svg); width: 12px; height: 12px; }}
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button,
QDoubleSpinBox::down-button {{ border: 0; width: 18px; background: transparent; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{
    image: url({icons}/arrow-up-{kind}.svg); width: 10px; height: 10px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{
    image: url({icons}/arrow-down-{kind}.svg); width: 10px; height: 10px; }}
QCheckBox::indicator, QListView::indicator, QTableView::indicator, QTreeView::indicator {{
    width: 14px; height: 14px; border: 1px solid {c.muted}; border-radius: 3px;
    background: {c.surface}; }}
QCheckBox::indicator:focus {{ border: 1px solid {c.accent}; }}
QCheckBox::indicator:checked, QListView::indicator:checked,
QTableView::indicator:checked, QTreeView::indicator:checked {{
    background: {c.accent}; border-color: {c.accent};
    image: url({icons}/check-{kind}.svg); }}
QListView, QTreeView, QTableView {{
    background: {c.surface}; border: 1px solid {c.border}; border-radius: 6px; outline: 0;
    alternate-background-color: {c.raised}; gridline-color: {c.border}; }}
QListView:focus, QTreeView:focus, QTableView:focus {{ border: 1px solid {c.accent}; }}
QUndoView::item {{ padding: 3px 6px; }}
QHeaderView::section {{
    background: {c.surface}; color: {c.muted}; border: 0; border-bottom: 1px solid {c.border};
    padding: 4px 8px; }}
QTableCornerButton::section {{ background: {c.surface}; border: 0; }}
QMenu {{ background: {c.surface}; border: 1px solid {c.border}; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {c.accent}; color: {c.accent_text}; }}
QMenu::item:disabled {{ color: {c.muted}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {c.border}; margin: 4px 8px; }}
QToolTip {{
    background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; padding: 4px 6px; }}
QProgressBar {{
    background: {c.border}; border: 0; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
QSplitter::handle {{ background: {c.border}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QScrollArea {{ background: transparent; border: 0; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {c.border}; border-radius: 4px; margin: 1px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {c.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""
