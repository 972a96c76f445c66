"""One process at a time has a run's folder, and whoever looks is told which."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

import core.run_claim
from core.config import ExperimentConfig
from core.errors import RunError
from core.events import Outcome
from core.ranking import Ranking
from core.run_claim import LOCK_FILE, Holder, holder_of, process_start, require_free
from core.run_trash import trash_run
from core.runs import Run, RunStore

HOLD = """
import sys
from pathlib import Path
from core.runs import Run
with Run(Path(sys.argv[1])).claim():
    print("held", flush=True)
    input()
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = RunStore(tmp_path / "runs").create(ExperimentConfig(), Ranking(), tmp_path / "runs/c1")
    run.write_outcome(Outcome("stopped", "Stopped and kept."))
    return run


@contextmanager
def other_process(run: Run) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the run."""
    command = [sys.executable, "-c", HOLD, str(run.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def note(run: Run, holder: Holder) -> None:
    (run.path / LOCK_FILE).write_text(json.dumps(asdict(holder)))


def test_a_run_that_another_process_has_is_refused_until_that_is_killed(run: Run) -> None:
    with other_process(run) as process:
        assert holder_of(run.path) == Holder(
            "trained", socket.gethostname(), process.pid, process_start(process.pid)
        )
        for act in (run.claim, lambda: trash_run(run), lambda: require_free(run.path, "c1")):
            with pytest.raises(RunError, match=r"^c1 is being trained\. Stop it first\.$"):
                act()
        (run.path / "outcome.json").unlink()
        assert run.is_alive
        process.kill()
        process.wait()
        assert holder_of(run.path) is None
        assert (run.path / LOCK_FILE).exists(), "it was killed"
    with run.claim("judged"):
        assert not run.is_alive
    assert not (run.path / LOCK_FILE).exists()


def test_two_threads_of_a_process_do_not_share_a_run_either(run: Run) -> None:
    with run.claim("judged"), pytest.raises(RunError, match=r"being judged\. Wait until"):
        run.claim()
    with run.claim():
        run.discard()
    assert not run.path.exists()


def test_whoever_looks_takes_nothing_away(run: Run) -> None:
    """A look holds the file for a moment; a claim that meets it waits."""
    program = "import sys; from pathlib import Path; from core.run_claim import holder_of\n"
    program += "print(flush=True)\nwhile True: holder_of(Path(sys.argv[1]))"
    (run.path / LOCK_FILE).touch()
    command = [sys.executable, "-c", program, str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            for _ in range(200):
                with run.claim():
                    pass
                (run.path / LOCK_FILE).touch()
        finally:
            process.kill()


def test_the_name_of_another_machine_is_told(run: Run) -> None:
    with other_process(run):
        note(run, Holder("trained", "node7", 12, "1"))
        with pytest.raises(RunError, match=r"^c1 is being trained on node7\. Stop it first\.$"):
            run.claim()


def test_where_files_cannot_be_locked_what_is_written_decides(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.run_claim, "fcntl", None)
    with run.claim(), pytest.raises(RunError, match="is being trained"):
        run.claim()
    here = socket.gethostname()
    note(run, Holder("trained", here, os.getpid(), "an earlier process of this number"))
    assert holder_of(run.path) is None
    run.claim().__exit__(None, None, None)
    note(run, Holder("trained", "node7", 12, "1"))
    assert run.outcome() == Outcome("stopped", "Stopped and kept.")
    with pytest.raises(RunError, match="is being trained on node7") as caught:
        run.claim()
    assert f"delete {run.path / LOCK_FILE}" in caught.value.hint
