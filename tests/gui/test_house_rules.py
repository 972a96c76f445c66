"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for room in ("core", "gui") for path in sorted((ROOT / room).rglob("*.py"))]
WINDOW = [path for path in SOURCES if path.is_relative_to(ROOT / "gui")]
MOST_LINES = 400
PAGES = ("data", "ranking", "training", "results", "detections")
# Signals that objects with a thread of their own emit.
OF_WORKERS = {"succeeded", "failed", "progressed", "finished", "started", "events_received"}
BLOCKING = {
    "getOpenFileName",
    "getOpenFileNames",
    "getSaveFileName",
    "getExistingDirectory",
    "getText",
    "getInt",
    "getDouble",
    "getItem",
    "question",
    "warning",
    "information",
    "critical",
    "processEvents",
}


def calls(path: Path) -> Iterator[tuple[ast.Call, ast.Attribute]]:
    """Returns the calls of methods in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node, node.func


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_no_page_knows_the_parts_of_another() -> None:
    """The contract of import-linter is about the pages; this one about their parts."""
    wrong = []
    for path in (ROOT / "gui" / "pages").glob("*.py"):
        own = path.stem.partition("_")[0]
        for name in re.findall(r"^from gui\.pages\.(\w+)", path.read_text(), re.MULTILINE):
            other = name.partition("_")[0]
            if other in PAGES and other != own:
                wrong.append(f"{path.name} imports {name}")
    assert wrong == []


def test_a_workers_signal_is_received_by_a_slot() -> None:
    """A plain function would run in the worker's thread."""
    wrong = []
    for path in WINDOW:
        for call, method in calls(path):
            signal = method.value
            if method.attr != "connect" or not isinstance(signal, ast.Attribute):
                continue
            receiver = call.args[0]
            partial = isinstance(receiver, ast.Call)
            if signal.attr in OF_WORKERS and (isinstance(receiver, ast.Lambda) or partial):
                wrong.append(f"{path.name}:{call.lineno}")
    assert wrong == []


def test_no_dialog_blocks() -> None:
    wrong = []
    for path in WINDOW:
        for call, method in calls(path):
            of = method.value.id if isinstance(method.value, ast.Name) else ""
            static = of.startswith("Q") and method.attr in BLOCKING
            if static or (method.attr in {"exec", "exec_"} and of not in {"app", "drag"}):
                wrong.append(f"{path.name}:{call.lineno} {of}.{method.attr}")
    assert wrong == []
