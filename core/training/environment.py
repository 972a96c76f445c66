"""environment.json: what the run ran on, enough to tell two machines apart."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
from typing import Any

import numpy as np
import torch
import torchvision

import core
from core.data.index import DatasetIndex
from core.files import write_json
from core.run_claim import process_start
from core.runs import Run
from core.training.device import describe_device, processor_name


def write_environment(
    run: Run,
    seed: int,
    device: torch.device,
    index: DatasetIndex | None = None,
    *,
    num_processes: int = 1,
) -> None:
    """Writes environment.json; without an index, what is known before the data are read."""
    known: dict[str, Any] = run.environment()
    known |= {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
        "code_version": core.__version__,
        "platform": platform.platform(),
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "device": describe_device(device),
        "num_processes": num_processes,
        "seed": seed,
        "pid": os.getpid(),
        "process_start": process_start(os.getpid()),
        "command": shlex.join(sys.argv),
        "started": known.get("started", time.time()),
    }
    if index is not None:
        known |= {"data_name": index.name, "data_fingerprint": index.fingerprint}
    write_json(run.path / "environment.json", known)
