"""Run directories: whole files or none, no run lost, and the truth about how each ended."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.config import ExperimentConfig
from core.errors import AkinError, ConfigError, RunError
from core.events import (
    CheckpointSaved,
    EpochCompleted,
    EvaluationCompleted,
    Event,
    Outcome,
    PhaseChanged,
    RunFinished,
    StepCompleted,
)
from core.files import write_atomically, write_json, write_text
from core.ranking import Ranking, Tier
from core.run_claim import process_start
from core.runs import (
    EventLog,
    Run,
    RunStore,
    default_cache,
    default_workspace,
    open_run,
)

ROOT = Path(__file__).parents[2]
CONFIG = ExperimentConfig().with_values({"training.epochs": 3})
RANKING = Ranking({"cat": (Tier(("dog",), 0.75),)}, "mine")


def python(script: str, *words: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def step(number: int, epoch: int = 1) -> StepCompleted:
    return StepCompleted(step=number, epoch=epoch, loss=1.0, learning_rate=0.1, objects_per_s=9.0)


# ----- atomic writes -----


def test_write_makes_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    write_text(path, "één")
    write_text(path, "twee")
    assert path.read_bytes() == b"twee"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_write_that_fails_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_text(path, "old")

    def fail(file: object) -> None:
        file.write(b"half of the new")  # type: ignore[attr-defined]
        raise RuntimeError("the writer broke")

    with pytest.raises(RuntimeError, match="the writer broke"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_nan_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1.5}


def test_below_a_regular_file_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "a.txt", tmp_path / "file" / "b" / "a.txt"):
        with pytest.raises(RunError, match=r"not a directory|file exists") as raised:
            write_text(path, "x")
        assert "A file stands where a folder is needed" in raised.value.hint


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written: is a directory") as raised:
        write_text(tmp_path, "x")
    assert "the name of a file in it" in raised.value.hint


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails half-way."""
    path = tmp_path / "a.json"
    write_json(path, ["old"])
    script = """
        import resource, sys
        from pathlib import Path
        from core.errors import RunError
        from core.files import write_json
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            write_json(Path(sys.argv[1]), list(range(100_000)))
        except RunError as error:
            print(error.message, "|", error.hint)
    """
    done = python(script, path)
    assert f"{path} cannot be written: file too large. | Free some disk space" in done.stdout
    assert json.loads(path.read_text()) == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    script = """
        import os, signal, sys
        from pathlib import Path
        from core.files import write_atomically
        def write(file):
            file.write(b"new" * 100_000)
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        write_atomically(Path(sys.argv[1]), write)
    """
    assert python(script, path).returncode == -signal.SIGKILL
    assert path.read_text() == "old"


# ----- folders -----


def test_the_workspace_and_cache_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKIN_WORKSPACE", "/somewhere/w")
    monkeypatch.setenv("AKIN_CACHE", "/somewhere/c")
    assert (default_workspace(), default_cache()) == (Path("/somewhere/w"), Path("/somewhere/c"))
    monkeypatch.delenv("AKIN_WORKSPACE")
    monkeypatch.delenv("AKIN_CACHE")
    assert default_workspace().name == default_cache().name == "akin"
    assert default_workspace() != default_cache()


def test_create_writes_configuration_and_ranking(tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(CONFIG, RANKING)
    assert run.path == tmp_path / "runs" / "0001-ranked"
    assert Run(run.path).config == CONFIG
    assert Run(run.path).ranking == RANKING
    names = {p.name for p in run.path.iterdir()}
    files = {"config.yaml", "ranking.yaml", "environment.json"}
    assert names == {*files, "checkpoints"}, "no folder is empty for good"
    assert run.outcome() is None, "a run just made belongs to a living process"


def test_runs_are_numbered_and_listed_in_that_order(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    assert store.list() == []
    made = [store.create(CONFIG, RANKING) for _ in range(3)]
    made[1].discard()
    softmax = CONFIG.with_values({"objective.method": "softmax"})
    made.append(store.create(softmax, RANKING))
    (store.folder / "9999-not-a-run").mkdir()
    (store.folder / "notes.txt").write_text("mine")
    assert [run.name for run in store.list()] == ["0001-ranked", "0003-ranked", "0004-softmax"]
    for number in range(5, 12):
        assert store.create(CONFIG, RANKING).name == f"{number:04d}-ranked"
    assert [run.name for run in store.list()][-2:] == ["0010-ranked", "0011-ranked"]


def test_an_existing_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    run = store.create(CONFIG, RANKING, tmp_path / "mine")
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("*")}
    with pytest.raises(RunError, match="mine exists already") as raised:
        store.create(ExperimentConfig(), Ranking(), tmp_path / "mine")
    assert "--resume" in raised.value.hint
    assert {p: p.stat().st_mtime_ns for p in run.path.rglob("*")} == before


@pytest.mark.parametrize("was_there", [False, True])
def test_a_disk_that_is_full_leaves_no_half_run(tmp_path: Path, was_there: bool) -> None:
    """Files may not grow beyond 300 bytes: environment.json fits, config.yaml does not."""
    folder = tmp_path / "run"
    if was_there:
        folder.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(RunError, match=r"config\.yaml cannot be written") as raised:
            RunStore(tmp_path).create(CONFIG, RANKING, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.hint
    assert list(tmp_path.rglob("*")) == ([folder] if was_there else [])


def test_any_folder_with_something_in_it_is_refused_an_empty_one_taken(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(RunError, match="exists already"):
            store.create(CONFIG, RANKING, tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    run = store.create(CONFIG, RANKING, tmp_path / "empty")
    assert run.config == CONFIG
    run.discard()
    assert list((tmp_path / "empty").iterdir()) == [], "a folder of the user's was removed"


def test_a_run_that_cannot_be_created_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be created: not a directory") as raised:
        RunStore(tmp_path).create(CONFIG, RANKING, tmp_path / "file" / "run")
    assert raised.value.hint == "Choose a folder you can write to."


def test_open_run(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    assert open_run(run.path) == run
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RunError, match="is not a run directory"):
            open_run(path)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    assert run.metrics() is None
    assert run.environment()["pid"] == os.getpid()
    for name, read in (
        ("metrics.json", run.metrics),
        ("environment.json", run.environment),
        ("outcome.json", run.outcome),
    ):
        for content in (b'{"accuracy": 0.', b"\xff\xfe\x00"):
            (run.path / name).write_bytes(content)
            with pytest.raises(RunError, match=rf"{name} is damaged\."):
                read()
        (run.path / name).unlink()
    (run.path / "outcome.json").write_text('{"colour": "blue"}')
    with pytest.raises(AkinError, match="An outcome lacks fields"):
        run.outcome()
    (run.path / "ranking.yaml").unlink()
    with pytest.raises(RunError, match=r"has no ranking\.yaml"):
        Run(run.path).ranking  # noqa: B018
    (run.path / "config.yaml").write_text("training: [")
    with pytest.raises(ConfigError, match="is not valid YAML"):
        Run(run.path).config  # noqa: B018


# ----- how it ended -----


def test_an_outcome_that_was_written_is_the_outcome(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    outcome = Outcome("stopped", "Stopped and kept.", "Resume it.", epochs=2)
    run.write_outcome(outcome)
    assert run.outcome() == outcome


def note_process(run: Run, pid: int) -> None:
    write_json(run.path / "environment.json", {"pid": pid, "process_start": process_start(pid)})


def test_a_run_whose_process_lives_has_no_outcome_until_it_is_killed(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        note_process(run, process.pid)
        assert run.outcome() is None
        process.kill()
        process.wait(timeout=30)
        outcome = run.outcome()
    finally:
        process.kill()
        process.communicate()
    assert outcome is not None
    assert outcome.status == "interrupted"
    assert "--resume" in outcome.hint


def test_a_process_number_that_another_process_has_now_is_not_the_run(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    write_json(run.path / "environment.json", {"pid": os.getpid(), "process_start": "12"})
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "interrupted"
    note_process(run, os.getpid())
    assert run.outcome() is None


@pytest.mark.parametrize("pid", [None, "12", 2**22 + 1, -1, 2**70])
def test_a_process_number_that_is_none(tmp_path: Path, pid: object) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    write_json(run.path / "environment.json", {"pid": pid, "process_start": None})
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "interrupted"


# ----- events -----


def log(run: Run, *events: Event) -> None:
    file = EventLog(run)
    for event in events:
        file.write(event)
    file.close()


def test_events_are_read_while_they_are_written(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    assert list(run.events()) == []
    file = EventLog(run)
    for number in range(1, 4):
        file.write(step(number))
        assert [event.step for event in run.events()] == list(range(1, number + 1))  # type: ignore[attr-defined]
    file.close()
    log(run, step(4))
    assert list(run.events())[3] == list(run.events())[-1]
    assert len(list(run.events())) == 4


@pytest.mark.parametrize("keep", [1, 10, -1])
def test_a_last_line_cut_by_a_kill_is_left_out(tmp_path: Path, keep: int) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    log(run, step(1), step(2), step(3))
    path = run.path / "events.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:keep])
    assert [event.step for event in run.events()] == [1, 2]  # type: ignore[attr-defined]


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    log(run, step(1))
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'\0\0\0\xff\n{"event": "step_\n5\n{"event": "run_finished"}\n\n')
    log(run, step(2))
    assert [event.step for event in run.events()] == [1, 2]  # type: ignore[attr-defined]


def test_a_resume_cuts_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    kept = (
        PhaseChanged(phase="training"),
        step(1),
        step(2),
        EpochCompleted(epoch=1, step=2, loss=1.0),
        CheckpointSaved(path="last.pt", step=2, epoch=1),
    )
    later = (step(3, 2), step(4, 2), EpochCompleted(epoch=2, step=4, loss=1.0))
    log(run, *kept, *later)
    run.cut_events_after(2)
    assert tuple(run.events()) == kept


def test_a_resume_cuts_the_end_of_the_earlier_attempt(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    end = (EvaluationCompleted(split="test"), RunFinished(outcome=Outcome("stopped", "S.")))
    log(run, step(1), step(2), *end)
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"event": "step_comp')
    run.cut_events_after(2)
    log(run, step(3))
    assert [event.step for event in run.events()] == [1, 2, 3]  # type: ignore[attr-defined]
    assert (run.path / "events.jsonl").read_text().count("\n") == 3


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_killed_process_that_nobody_has_waited_for_is_gone(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(CONFIG, RANKING)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        note_process(run, process.pid)
        assert run.is_alive
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert not run.is_alive
    finally:
        process.kill()
        process.communicate()
