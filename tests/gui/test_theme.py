"""The theme: contrast, and light or dark told from the palette alone."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from gui.theme import DARK, LIGHT, Tokens, apply_theme, class_colour, make_icon, tokens


def _luminance(colour: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue, _ = QColor(colour).getRgbF()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_can_be_read_on_every_ground(theme: Tokens) -> None:
    for ground in (theme.window, theme.surface, theme.raised):
        assert _contrast(theme.text, ground) > 10
        for colour in (theme.muted, theme.good, theme.bad, theme.warn, theme.accent):
            assert _contrast(colour, ground) > 4.5, (colour, ground)
    assert _contrast(theme.accent_text, theme.accent) > 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_plot_lines_differ_and_show_on_the_surface(theme: Tokens) -> None:
    assert len(set(theme.series)) == 8
    assert all(_contrast(colour, theme.surface) > 2.5 for colour in theme.series)


def test_the_palette_tells_the_theme(app: QApplication) -> None:
    try:
        apply_theme(app, "dark")
        assert tokens(app.palette()) is DARK
    finally:
        apply_theme(app, "light")
    assert tokens(app.palette()) is LIGHT


def test_twenty_class_colours_are_twenty() -> None:
    names = [class_colour(i).name() for i in range(20)]
    assert len(set(names)) == 20
    assert all(_contrast(name, LIGHT.surface) > 1.9 for name in names)
    assert all(_contrast(name, DARK.surface) > 1.9 for name in names)
    gaps = [
        sum(
            (a - b) ** 2
            for a, b in zip(QColor(x).getRgb()[:3], QColor(y).getRgb()[:3], strict=True)
        )
        for x, y in itertools.combinations(names, 2)
    ]
    assert min(gaps) > 600


def test_icons_come_from_the_icon_font(app: QApplication) -> None:
    assert not make_icon("mdi6.play", app.palette()).pixmap(16, 16).isNull()
