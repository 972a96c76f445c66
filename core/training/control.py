"""How another thread asks a running trainer to pause, stop or cancel."""

from __future__ import annotations

import threading


class TrainingControl:
    """Flags that the trainer looks at before every step; all methods are thread-safe."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._cancel = threading.Event()
        self._running = threading.Event()
        self._running.set()

    def stop(self) -> None:
        """Stop and keep: finish the step, save, judge what there is."""
        self._stop.set()
        self._running.set()

    def cancel(self) -> None:
        """Cancel and discard: finish the step and remove the run."""
        self._cancel.set()
        self.stop()

    def pause(self) -> None:
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    @property
    def stop_requested(self) -> bool:
        return self._stop.is_set()

    @property
    def cancel_requested(self) -> bool:
        return self._cancel.is_set()

    @property
    def paused(self) -> bool:
        return not self._running.is_set()

    def wait_while_paused(self) -> None:
        """Blocks until resumed, stopped or cancelled."""
        self._running.wait()
