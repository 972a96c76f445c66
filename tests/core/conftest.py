"""The command line, run in this process or as one of its own, and data a test may damage."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def expect_error(self, message: str, hint: str = "", code: int = 2) -> None:
        """One sentence, one hint, no traceback; `message` and `hint` are parts of them."""
        lines = self.err.splitlines()
        assert self.code == code, self.err
        assert "Traceback" not in self.err + self.out
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert message in errors[0]
        hints = [line for line in lines if line.startswith("hint: ")]
        assert len(hints) == 1, self.err
        assert hint in hints[0]


@pytest.fixture
def akin(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs the command line in this process."""

    def run(*words: object) -> Answer:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert isinstance(stopped.value.code, int)
        return Answer(stopped.value.code, out, err)

    return run


@pytest.fixture
def akin_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line as a process of its own, after some lines of Python."""

    def run(*words: object, first: str = "") -> Answer:
        program = f"{first}\nimport sys; from core.cli import main; main(sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def own_voc(tiny_voc: Path, tmp_path: Path) -> Path:
    """A copy of the tiny data set that a test may damage: the folder VOC2007 itself."""
    return shutil.copytree(tiny_voc / "VOCdevkit" / "VOC2007", tmp_path / "VOC2007")
