"""The menus of the list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from core.runs import Run
from gui.models.run_tree import RunFilter
from gui.models.runs_model import RunSummary

if TYPE_CHECKING:
    from gui.pages.training_runs import RunList

MORE_EPOCHS = (5, 10, 20, 50)
STATUSES = ("running", "paused", "done", "stopped", "interrupted", "failed", "damaged")
CAN_GO_ON = {"stopped", "interrupted", "failed"}


def run_menu(owner: RunList, rows: Sequence[RunSummary]) -> QMenu:
    """Returns what can be done with the chosen runs; a choice is told by `asked`.

    Args:
        owner: Of the menu.
        rows: The chosen runs, one at least.
    """
    menu = QMenu(owner)
    runs = tuple(row.run for row in rows if row.run is not None)
    first, is_one = rows[0], len(rows) == 1
    is_damaged = any(row.status == "damaged" for row in rows)
    has_ended = is_one and first.status not in {"running", "paused", "damaged"}

    def add(text: str, what: str, enabled: bool, to: QMenu = menu, keys: str = "") -> None:
        action = to.addAction(f"{text}\t{keys}" if keys else text)
        action.triggered.connect(partial(_ask, owner, what, runs))
        action.setEnabled(enabled)

    add("Show its results", "results", is_one)
    add("Judge it now", "judge", has_ended and first.accuracy is None)
    add("Continue training it", "resume", is_one and first.status in CAN_GO_ON)
    more = menu.addMenu("Train more epochs")
    more.setEnabled(has_ended)
    for epochs in MORE_EPOCHS:
        add(f"{epochs} more", f"more {epochs}", has_ended, more)
    menu.addSeparator()
    add("Open its ranking", "ranking", is_one and not is_damaged)
    add("Take its settings", "settings", is_one and not is_damaged)
    add("Compare it with what is set now…", "diff", is_one and not is_damaged)
    add("Compare the two…", "compare", len(runs) == 2 and not is_damaged)
    menu.addSeparator()
    rename = menu.addAction("Rename\tF2")
    rename.triggered.connect(owner.rename_current)
    rename.setEnabled(is_one)
    add("Tags and note…", "notes", is_one)
    add(
        "Move to the trash" if is_one else f"Move {len(runs)} runs to the trash",
        "trash",
        bool(runs),
        keys="Del",
    )
    return menu


def filter_menu(owner: RunList, rows: Sequence[RunSummary], now: RunFilter) -> QMenu:
    """Returns which runs may be listed.

    Args:
        owner: Of the menu.
        rows: All runs.
        now: What is listed now.
    """
    menu = QMenu(owner)

    def add(text: str, wanted: RunFilter, *, on: bool) -> None:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setChecked(on)
        action.triggered.connect(partial(_set, owner, wanted))

    add("Of any status", replace(now, status=""), on=not now.status)
    there = {row.status for row in rows} | {now.status}
    for status in STATUSES:
        if status in there:
            add(status.capitalize(), replace(now, status=status), on=now.status == status)
    tags = sorted({tag for row in rows for tag in row.tags} | ({now.tag} if now.tag else set()))
    if tags:
        menu.addSeparator()
        add("With any tag or none", replace(now, tag=""), on=not now.tag)
        for tag in tags:
            add(f"#{tag}", replace(now, tag=tag), on=now.tag == tag)
    menu.addSeparator()
    grouped = menu.addAction("Put seeds together")
    grouped.setCheckable(True)
    grouped.setChecked(owner.model.is_grouped)
    grouped.triggered.connect(owner.model.set_grouped)
    menu.addSeparator()
    menu.addAction("Trash…").triggered.connect(owner.trash_opened)
    return menu


def _ask(owner: RunList, what: str, runs: tuple[Run, ...], _on: bool = False) -> None:
    owner.asked.emit(what, runs)


def _set(owner: RunList, wanted: RunFilter, _on: bool = True) -> None:
    owner.set_filter(wanted)
