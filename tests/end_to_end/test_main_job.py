"""A real window under Xvfb, dragged with xdotool: from ranking to judgement, and a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.events import EpochCompleted, StepCompleted
from core.journal import Journal
from core.runs import Run
from tests.end_to_end.driver import virtual_screen

HERE = Path(__file__).parent
TOOLS_MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]


@pytest.mark.timeout(280)
@pytest.mark.skipif(
    bool(TOOLS_MISSING) and not os.environ.get("AKIN_REQUIRE_WINDOW"),
    reason=f"needs a virtual screen; missing: {', '.join(TOOLS_MISSING)}",
)
def test_rank_by_drag_and_drop_train_and_judge(tmp_path: Path, tiny_voc: Path) -> None:
    assert not TOOLS_MISSING, f"install {TOOLS_MISSING}: this test must not be skipped here"
    answer = tmp_path / "answer.json"
    with virtual_screen() as environment:
        done = subprocess.run(
            [
                sys.executable,
                str(HERE / "main_job.py"),
                str(tmp_path / "ws"),
                str(tiny_voc),
                str(answer),
            ],
            env=environment
            | {"PYTHONPATH": str(HERE.parent.parent), "AKIN_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=270,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    result = json.loads(answer.read_text())

    run = Run(Path(result["run"]))
    tiers = [set(tier.classes) for tier in run.ranking.tiers("aeroplane")]
    assert tiers == [{"bird"}, {"boat", "train"}]
    assert run.ranking.to_yaml() == result["ranking"] == result["ranking_after"]
    assert result["undo_steps"] == 5

    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "done", outcome
    steps = [event for event in run.events() if isinstance(event, StepCompleted)]
    epochs = [event for event in run.events() if isinstance(event, EpochCompleted)]
    assert len(epochs) == 2
    assert result["points"]["loss"] == len(steps) > 0
    assert result["points"]["accuracy"] == len(epochs)
    metrics = run.metrics()
    assert metrics is not None
    assert 0 < metrics["ood"]["auroc"] < 1
    assert result["shown_run"] == run.name


@pytest.mark.timeout(280)
@pytest.mark.skipif(
    bool(TOOLS_MISSING) and not os.environ.get("AKIN_REQUIRE_WINDOW"),
    reason=f"needs a virtual screen; missing: {', '.join(TOOLS_MISSING)}",
)
def test_a_kill_in_the_middle_of_a_drag_loses_that_drag_only(
    tmp_path: Path, tiny_voc: Path
) -> None:
    assert not TOOLS_MISSING, f"install {TOOLS_MISSING}: this test must not be skipped here"
    with virtual_screen() as environment:
        done = subprocess.run(
            [sys.executable, str(HERE / "kill_job.py"), str(tmp_path / "ws"), str(tiny_voc)],
            env=environment
            | {"PYTHONPATH": str(HERE.parent.parent), "AKIN_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=270,
            check=False,
        )
    assert done.returncode == -signal.SIGKILL, done.stderr
    state = Journal(tmp_path / "ws" / "journal.jsonl").read()
    assert not state.closed
    assert state.index == len(state.steps) == 2
    assert state.steps[-1].ranking.ranked("aeroplane") == ("bird", "boat")
    assert state.config is not None
    assert state.config.data.folder == str(tiny_voc)
