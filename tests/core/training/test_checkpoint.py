"""Checkpoints: the last two are kept, a damaged one is answered by the one before."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import RunError
from core.training.checkpoint import (
    BEST,
    LAST,
    PREVIOUS,
    load_checkpoint,
    remove_leftovers,
    save_checkpoint,
)

CPU = torch.device("cpu")


def state(step: int) -> dict[str, Any]:
    return {"step": step, "weights": {"w": torch.full((50, 50), float(step))}, "none": None}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    path = save_checkpoint(folder, state(1))
    assert path == folder / LAST
    loaded = load_checkpoint(folder, CPU)
    assert loaded.path == path
    assert loaded.warning == ""
    assert loaded.state["step"] == 1
    assert loaded.state["none"] is None
    torch.testing.assert_close(loaded.state["weights"]["w"], torch.full((50, 50), 1.0))


def test_the_one_before_is_kept_and_nothing_else(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, state(step))
    save_checkpoint(tmp_path, state(9), BEST)
    save_checkpoint(tmp_path, state(10), BEST)
    assert {p.name for p in tmp_path.iterdir()} == {LAST, PREVIOUS, BEST}
    steps = {p.name: torch.load(p, weights_only=True)["step"] for p in sorted(tmp_path.iterdir())}
    assert steps == {LAST: 3, PREVIOUS: 2, BEST: 10}


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "middle", "gone"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    save_checkpoint(tmp_path, state(1))
    save_checkpoint(tmp_path, state(2))
    last = tmp_path / LAST
    content = last.read_bytes()
    if damage == "gone":
        last.unlink()
    else:
        last.write_bytes(
            {
                "cut": content[: len(content) // 2],
                "empty": b"",
                "text": b"not a checkpoint at all",
                "middle": content[:100] + b"\xa5" * 400 + content[500:],
            }[damage]
        )
    loaded = load_checkpoint(tmp_path, CPU)
    assert loaded.state["step"] == 1
    assert loaded.path.name == PREVIOUS
    if damage == "gone":
        assert loaded.warning == ""
    else:
        assert "last.pt is damaged" in loaded.warning


def test_no_checkpoint_and_none_that_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    with pytest.raises(RunError, match="It has no checkpoint") as raised:
        load_checkpoint(folder, CPU)
    assert raised.value.hint
    (folder / LAST).write_bytes(b"x")
    (folder / PREVIOUS).write_bytes(b"")
    with pytest.raises(RunError, match="No checkpoint in it can be read"):
        load_checkpoint(folder, CPU)


def test_a_pickle_that_runs_code_is_not_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    torch.save({"step": 5, "evil": Evil()}, tmp_path / LAST)
    save_checkpoint(tmp_path / "good", state(1))
    (tmp_path / PREVIOUS).write_bytes((tmp_path / "good" / LAST).read_bytes())
    assert load_checkpoint(tmp_path, CPU).state["step"] == 1
    assert not (tmp_path / "ran").exists()


def test_a_failing_save_leaves_both(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, state(1))
    save_checkpoint(tmp_path, state(2))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises((TypeError, AttributeError)):
        save_checkpoint(tmp_path, {"step": 3, "thread": (i for i in range(3))})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written") as raised:
        save_checkpoint(tmp_path / "file", state(3))
    assert raised.value.hint


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """Killed while it wrote, and between the writing and the renaming."""
    script = """
import os, sys
from pathlib import Path
from core.training import checkpoint
def die(): os.kill(os.getpid(), 9)
real = os.replace
if sys.argv[2] == "writing":
    checkpoint.torch.save = lambda _state, file: (file.write(b"half"), file.flush(), die())
else:
    os.replace = lambda a, b: die() if Path(b).name == "previous.pt" else real(a, b)
checkpoint.save_checkpoint(Path(sys.argv[1]), {"step": 3})
"""
    for step in (1, 2):
        save_checkpoint(tmp_path, state(step))
    kept = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    for when in ("writing", "renaming"):
        command = [sys.executable, "-c", script, str(tmp_path), when]
        assert subprocess.run(command, check=False, timeout=100).returncode == -signal.SIGKILL
        assert len(list(tmp_path.iterdir())) > len(kept)
        assert load_checkpoint(tmp_path, CPU).state["step"] == 2
        remove_leftovers(tmp_path)
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == kept
