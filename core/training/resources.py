"""What a training takes of its machine: memory and processors, without waiting for the device."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

from core.events import Emit, ResourcesMeasured

INTERVAL_S = 1.0
STATM = Path("/proc/self/statm")  # Linux: pages in all, pages in memory, ...


class ResourceMeter:
    """Emits ResourcesMeasured about once a second; what cannot be had here is None.

    Args:
        emit: Receives the events.
        device: That the training is on.
    """

    def __init__(self, emit: Emit, device: torch.device) -> None:
        self._emit = emit
        self._device = device
        self._measured_at = time.perf_counter()
        self._cpu_s = time.process_time()
        self._total: int | None = None
        self._tells_use = device.type == "cuda"
        if device.type == "cuda":
            self._total = int(torch.cuda.get_device_properties(device).total_memory)

    def look(self) -> None:
        """Measures, if the last time is long enough ago; call as often as you like."""
        now = time.perf_counter()
        wall_s = now - self._measured_at
        if wall_s < INTERVAL_S:
            return
        cpu_s = time.process_time()
        cores = (cpu_s - self._cpu_s) / wall_s
        self._measured_at, self._cpu_s = now, cpu_s
        on_gpu = self._device.type == "cuda"
        self._emit(
            ResourcesMeasured(
                process_memory_bytes=resident_memory_bytes(),
                cpu_cores=cores,
                device_memory_bytes=torch.cuda.memory_reserved(self._device) if on_gpu else None,
                device_memory_total_bytes=self._total,
                device_use=self._device_use(),
            )
        )

    def _device_use(self) -> float | None:
        """Share of time in which the GPU was busy; not every GPU tells, nor every driver."""
        if not self._tells_use:
            return None
        try:
            return float(torch.cuda.utilization(self._device)) / 100
        except Exception:  # noqa: BLE001 - no nvidia-ml-py, or its own errors: a part of a GPU, ...
            self._tells_use = False
            return None


def resident_memory_bytes() -> int | None:
    """Returns the memory that this process has at present; None where that cannot be told."""
    try:
        pages = int(STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
