"""A real process that trains is told to end: it stops, keeps the run, and is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from core.runs import RunStore
from gui.main_window import STOP_WITHIN_MS

GONE_WITHIN_S = 5.0
SLOW_MACHINE_S = 5.0  # allowed on top: the tests share their processors
STEPS_FIRST = 5
CODE = """
import sys
import gui.app
from gui.session import Session
from core.events import StepCompleted

init = Session.__init__

def begin(session, *arguments):
    init(session, *arguments)
    session.set_config_values({"training.epochs": 5000, "training.batch_size": 32,
                               "training.precision": "float32", "crops.size": 16,
                               "device": "cpu", "optimizer.learning_rate": 0.01})
    session.dataset_changed.connect(lambda _index: session.start_training())
    session.events_received.connect(
        lambda events: [print("training", flush=True) for e in events
                        if isinstance(e, StepCompleted)])

Session.__init__ = begin
sys.exit(gui.app.main(sys.argv[1:]))
"""


def test_a_window_that_trains_is_gone_soon(tmp_path: Path, tiny_voc: Path) -> None:
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "AKIN_CONFIG": str(tmp_path / "config"),
        "AKIN_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    words = ["--workspace", str(tmp_path / "ws"), "--data", str(tiny_voc)]
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        for _ in range(STEPS_FIRST):
            assert process.stdout.readline() == "training\n"
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        took_s = time.monotonic() - start
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert took_s < GONE_WITHIN_S + SLOW_MACHINE_S
    (run,) = RunStore(tmp_path / "ws" / "runs").list()
    outcome = run.outcome()
    assert outcome is not None
    if took_s < STOP_WITHIN_MS / 1000:
        assert outcome.status == "stopped"
        assert (run.checkpoint_folder / "last.pt").is_file()
    else:  # a step took longer than there was time for
        assert outcome.status in {"stopped", "interrupted"}
