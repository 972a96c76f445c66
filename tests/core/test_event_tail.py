"""Events of another process: only what is new, only whole lines, and a file that begins anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

from core.event_tail import EventTail
from core.events import PhaseChanged, event_to_json


def line(phase: str) -> str:
    return json.dumps(event_to_json(PhaseChanged(time_s=1.0, phase=phase))) + "\n"


def phases(tail: EventTail) -> tuple[list[str], bool]:
    events, began_anew = tail.read()
    return [event.phase for event in events if isinstance(event, PhaseChanged)], began_anew


def test_only_what_is_new_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = EventTail(path)
    assert phases(tail) == ([], False)
    path.write_text(line("one") + line("two")[:9])
    assert phases(tail) == (["one"], False)
    assert phases(tail) == ([], False)
    with path.open("a") as file:
        file.write(line("two")[9:] + "junk\n" + line("three"))
    assert phases(tail) == (["two", "three"], False)


def test_a_file_that_was_cut_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(line("one") + line("two"))
    tail = EventTail(path)
    assert phases(tail) == (["one", "two"], False)
    (tmp_path / "cut").write_text(line("one") + line("other") + line("more"))
    os.replace(tmp_path / "cut", path)
    assert phases(tail) == (["one", "other", "more"], True)


def test_much_comes_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    wanted = [f"phase {number}" for number in range(6000)]
    path.write_text("".join(map(line, wanted)))
    tail = EventTail(path)
    found: list[str] = []
    looks = 0
    while part := phases(tail)[0]:
        found += part
        looks += 1
    assert found == wanted
    assert looks > 1
