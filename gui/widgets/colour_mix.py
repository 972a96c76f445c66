"""Mixing colours, and text that reads on the mixture."""

from __future__ import annotations

from PySide6.QtGui import QColor


def blend(first: QColor, second: QColor, share: float) -> QColor:
    """Mixes two colours; share 1 gives the second."""
    parts = (
        (first.redF(), second.redF()),
        (first.greenF(), second.greenF()),
        (first.blueF(), second.blueF()),
    )
    return QColor.fromRgbF(*(a + (b - a) * share for a, b in parts))


def luminance(colour: QColor) -> float:
    """Returns the relative luminance, 0 to 1 (WCAG 2.1)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: QColor, second: QColor) -> float:
    """Returns the contrast ratio of two colours, 1 to 21 (WCAG 2.1)."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def readable_on(background: QColor) -> QColor:
    """Returns black or white, whichever reads better on a background."""
    dark, light = QColor("#000000"), QColor("#ffffff")
    return dark if contrast(dark, background) >= contrast(light, background) else light
