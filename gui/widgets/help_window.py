"""Help beside the window: pages of resources/help, and what Akin is made of."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterable
from importlib import metadata
from importlib.resources import files

from PySide6.QtCore import Slot, qVersion
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QTextBrowser, QWidget

from gui.theme import SPACING
from gui.widgets.command_palette import Command

_FIRST = ("getting-started", "glossary")
_LAST = (("keyboard", "Keyboard"), ("about", "About Akin"))
_LICENCES = {"faster-coco-eval": "Apache-2.0"}  # says nothing of itself
_QT = (
    "Qt and PySide6 are used under the LGPL, version 3: as the separate shared libraries of their "
    "own packages, unchanged, which may be replaced by other builds. The icons are Material Design "
    "Icons (Apache-2.0), and the demo is drawn from the icon fonts inside qtawesome (Apache-2.0, "
    "MIT, OFL-1.1)."
)


def help_topics() -> tuple[tuple[str, str], ...]:
    """Returns name and title of every page: those of resources/help, and about."""
    folder = files("resources").joinpath("help")
    names = sorted(item.name[:-3] for item in folder.iterdir() if item.name.endswith(".md"))
    names.sort(key=lambda name: (*_FIRST, name).index(name))
    made = {name for name, _ in _LAST}
    pages = ((n, read_help(n).partition("\n")[0].lstrip("# ")) for n in names if n not in made)
    return (*pages, *_LAST)


class HelpWindow(QDialog):
    """A window beside the main one; blocks nothing.

    Args:
        commands: Returns the commands whose shortcuts are listed.
        parent: Owner.
    """

    def __init__(
        self, commands: Callable[[], Iterable[Command]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._commands = commands
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
        if name == "about":
            self._text.setMarkdown(about())
        elif name == "keyboard":
            self._text.setMarkdown(f"{read_help(name)}\n{shortcut_table(self._commands())}")
        else:
            self._text.setMarkdown(read_help(name))


def read_help(name: str) -> str:
    """Returns the Markdown of a page of resources/help."""
    return files("resources").joinpath("help", f"{name}.md").read_text(encoding="utf-8")


def shortcut_table(commands: Iterable[Command]) -> str:
    """Returns the shortcuts of commands as a Markdown table."""
    rows = []
    for command in commands:
        keys = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in command.keys]
        if keys:
            rows.append(f"| {', '.join(keys)} | {command.text} |")
    return "\n".join(["| keys | command |", "|---|---|", *rows])


def about() -> str:
    """Returns versions and licences as Markdown."""
    parts = ("PySide6-Essentials", "shiboken6", *_requirements())
    lines = [
        f"# Akin {_version('akin')}",
        "A desktop laboratory for one question: what does a person's opinion of which classes are "
        "alike do to what a network learns?",
        f"MIT licence. Python {platform.python_version()} and Qt {qVersion()} on "
        f"{platform.platform(terse=True)}.",
        _QT,
        "| part | version | licence |",
        "|---|---|---|",
        *(f"| {name} | {_version(name)} | {_licence(name)} |" for name in dict.fromkeys(parts)),
    ]
    return "\n\n".join(lines[:4]) + "\n\n" + "\n".join(lines[4:])


def _requirements() -> Iterable[str]:
    """Returns the packages that Akin needs, without its optional extras."""
    try:
        wanted = metadata.requires("akin") or []
    except metadata.PackageNotFoundError:
        return
    for line in wanted:
        if "extra ==" not in line:
            yield re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]


def _licence(name: str) -> str:
    """Returns what a package says of its licence: an SPDX expression, a classifier or a word."""
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if expression := said["License-Expression"]:
        return str(expression)
    for classifier in said.get_all("Classifier") or []:
        if classifier.startswith("License ::"):
            return str(classifier).rpartition(" :: ")[2]
    first = (said["License"] or "").partition("\n")[0]
    return _LICENCES.get(name, first)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
