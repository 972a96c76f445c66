"""Help beside the window: pages of resources/help, and what Akin is made of."""

from __future__ import annotations

import platform
from importlib import metadata
from importlib.resources import files

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QTextBrowser, QWidget

from gui.theme import SPACING

_FIRST = ("getting-started", "glossary")
_PARTS = (
    ("PySide6-Essentials", "LGPL-3.0"),
    ("torch", "BSD-3-Clause"),
    ("torchvision", "BSD-3-Clause"),
    ("numpy", "BSD-3-Clause"),
    ("scipy", "BSD-3-Clause"),
    ("scikit-learn", "BSD-3-Clause"),
    ("pillow", "MIT-CMU"),
    ("pydantic", "MIT"),
    ("PyYAML", "MIT"),
    ("pyqtgraph", "MIT"),
    ("qtawesome", "MIT; its icon fonts Apache-2.0, MIT, OFL-1.1"),
)


def help_topics() -> tuple[tuple[str, str], ...]:
    """Returns name and title of every page: those of resources/help, and about."""
    folder = files("resources").joinpath("help")
    names = sorted(item.name[:-3] for item in folder.iterdir() if item.name.endswith(".md"))
    names.sort(key=lambda name: (*_FIRST, name).index(name))
    pages = ((name, read_help(name).partition("\n")[0].lstrip("# ")) for name in names)
    return (*pages, ("about", "About Akin"))


class HelpWindow(QDialog):
    """A window beside the main one; blocks nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Akin: help")
        self.resize(860, 620)
        self._topics = QListWidget()
        self._topics.setAccessibleName("Help topics")
        self._names, titles = zip(*help_topics(), strict=True)
        self._topics.addItems(titles)
        self._topics.setFixedWidth(self._topics.sizeHintForColumn(0) + SPACING * 3)
        self._topics.currentRowChanged.connect(self._on_row)
        self._text = QTextBrowser()
        self._text.setAccessibleName("Help text")
        self._text.setOpenExternalLinks(True)
        self._text.document().setDocumentMargin(SPACING * 2)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACING, SPACING, SPACING, SPACING)
        layout.setSpacing(SPACING)
        layout.addWidget(self._topics)
        layout.addWidget(self._text, 1)

    def show_topic(self, topic: str) -> None:
        """Shows a topic by its name, such as getting-started or about."""
        self._topics.setCurrentRow(self._names.index(topic))
        self.show()
        self.raise_()
        self.activateWindow()

    @property
    def text(self) -> str:
        """What is shown, as plain text."""
        return self._text.toPlainText()

    @Slot(int)
    def _on_row(self, row: int) -> None:
        name = self._names[row]
        self._text.setMarkdown(about() if name == "about" else read_help(name))


def read_help(name: str) -> str:
    """Returns the Markdown of a page of resources/help."""
    return files("resources").joinpath("help", f"{name}.md").read_text(encoding="utf-8")


def about() -> str:
    """Returns versions and licences as Markdown."""
    lines = [
        f"# Akin {_version('akin')}",
        "A desktop laboratory for one question: what does a person's opinion of which classes are "
        "alike do to what a network learns?",
        f"MIT licence. Python {platform.python_version()} on {platform.platform(terse=True)}.",
        "| part | version | licence |",
        "|---|---|---|",
        *(f"| {name} | {_version(name)} | {licence} |" for name, licence in _PARTS),
    ]
    return "\n\n".join(lines[:3]) + "\n\n" + "\n".join(lines[3:])


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
