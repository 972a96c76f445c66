"""The workspace's demo: drawn once, into the folder that the window opens too."""

from __future__ import annotations

import pytest

from core.cli_output import demo_folder
from core.data import demo_set, open_dataset
from core.runs import default_workspace


def test_the_demo_is_drawn_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_set, "DEMO_IMAGES", 40)
    folder = demo_folder()
    assert folder == demo_set.demo_path(default_workspace())
    assert folder.name == "demo-40-0"
    assert len(open_dataset(folder).image_ids) == 40
    assert capsys.readouterr().err == "drawing the demo ...\n"
    drawn_at = (folder / "VOCdevkit").stat().st_mtime_ns
    assert demo_folder() == folder == demo_set.draw_demo(default_workspace(), lambda *_: None)
    assert (folder / "VOCdevkit").stat().st_mtime_ns == drawn_at
    assert capsys.readouterr().err == ""


def test_its_size_and_seed_are_in_its_name() -> None:
    assert demo_set.demo_path(default_workspace()).name == "demo-900-0"
