"""How fast thumbnails appear: `python tests/benchmarks/bench_thumbnails.py` (half a minute).

5,000 images: those of AKIN_VOC where it is set, else of the demo, repeated under other names. The
first screen of the detections page is timed without and with pictures on disk; then the grid is
scrolled from top to bottom, and the lateness of a 5 ms timer is printed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
if "DISPLAY" not in os.environ:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication

from core.data import DatasetIndex, open_dataset
from core.data.demo import write_demo
from core.data.index import IntArray
from gui.pages.detections_page import DetectionsPage
from gui.session import Session
from gui.theme import apply_theme

IMAGES = 5000
INTERVAL_MS = 5
SCROLL_INTERVAL_MS = 16
SCROLL_S = 8.0
FIRST_SCREEN_TARGET_MS, SCROLL_TARGET_MS = 300.0, 33.0


def repeated(index: DatasetIndex, folder: Path, count: int) -> DatasetIndex:
    """Returns a data set of `count` images: those of another, linked under new names."""
    source = np.arange(count) % len(index.image_ids)
    paths = []
    for at, image in enumerate(source.tolist()):
        path = folder / f"{at:06d}.jpg"
        path.symlink_to(index.image_paths[image].resolve())
        paths.append(path)
    objects: list[IntArray] = [index.objects_of_image(image) for image in source.tolist()]
    chosen = np.concatenate(objects)
    return replace(
        index,
        image_ids=tuple(path.stem for path in paths),
        image_paths=tuple(paths),
        image_size_I2=index.image_size_I2[source],
        image_index_N=np.repeat(np.arange(count), [len(o) for o in objects]),
        box_xyxy_N4=index.box_xyxy_N4[chosen],
        label_N=index.label_N[chosen],
        difficult_N=index.difficult_N[chosen],
        unseen_N=index.unseen_N[chosen],
        splits={"test": np.arange(count, dtype=np.int64)},
    )


class Scroller(QObject):
    """Moves the grid's scroll bar by a steady step, and notes how late a timer fires."""

    def __init__(self, page: DetectionsPage) -> None:
        super().__init__()
        self._bar = page.grid.verticalScrollBar()
        self._step = max(1, round(self._bar.maximum() * SCROLL_INTERVAL_MS / 1000 / SCROLL_S))
        self.late_ms: list[float] = []
        self.loop = QEventLoop()
        self._scroll = QTimer(self)
        self._scroll.setTimerType(Qt.TimerType.PreciseTimer)
        self._scroll.timeout.connect(self._on_scroll)
        self._beat = QTimer(self)
        self._beat.setTimerType(Qt.TimerType.PreciseTimer)
        self._beat.timeout.connect(self._on_beat)
        self._last = time.perf_counter()
        self._scroll.start(SCROLL_INTERVAL_MS)
        self._beat.start(INTERVAL_MS)

    @Slot()
    def _on_scroll(self) -> None:
        if self._bar.value() >= self._bar.maximum():
            self.loop.quit()
        self._bar.setValue(self._bar.value() + self._step)

    @Slot()
    def _on_beat(self) -> None:
        now = time.perf_counter()
        self.late_ms.append(max((now - self._last) * 1000 - INTERVAL_MS, 0.0))
        self._last = now

    def stop(self) -> None:
        self._scroll.stop()
        self._beat.stop()


def spin(duration_s: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(duration_s * 1000), loop.quit)
    loop.exec()


def first_screen(session: Session, index: DatasetIndex) -> tuple[DetectionsPage, float]:
    """Returns a page, and the milliseconds from its making until all pictures in sight are."""
    start = time.perf_counter()
    session.dataset = index
    page = DetectionsPage(session)
    page.resize(1180, 720)
    page.show()
    while True:
        spin(0.005)
        rows = page.grid.rows_in_sight()
        if len(rows) and all(page.loader.get(page.model.picture(row)) for row in rows):
            return page, (time.perf_counter() - start) * 1000


def scroll(page: DetectionsPage) -> np.ndarray:
    scroller = Scroller(page)
    scroller.loop.exec()
    scroller.stop()
    return np.array(scroller.late_ms)


def close(page: DetectionsPage) -> None:
    page.shut_down()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def main() -> None:
    app = QApplication(["bench"])
    apply_theme(app, "light")
    workspace = Path(tempfile.mkdtemp(prefix="akin-bench-"))
    try:
        source = os.environ.get("AKIN_VOC")
        if source is None:
            source = str(workspace / "demo")
            write_demo(Path(source), images=500)
        (workspace / "images").mkdir()
        index = repeated(open_dataset(Path(source)), workspace / "images", IMAGES)
        session = Session(workspace)
        print(f"{IMAGES} images ({index.name}), {app.platformName()}")
        for name in ("not on disk", "not on disk", "warm", "warm"):
            if name == "not on disk":
                shutil.rmtree(workspace / "thumbnails", ignore_errors=True)
            page, took_ms = first_screen(session, index)
            rows = len(page.grid.rows_in_sight())
            print(f"first screen, {name}: {took_ms:.0f} ms for {rows} tiles")
            spin(0.3)
            if name == "warm":
                late = scroll(page)
                print(
                    f"scrolling: late p50 {np.percentile(late, 50):.1f}, "
                    f"p99 {np.percentile(late, 99):.1f}, max {late.max():.1f} ms"
                )
            close(page)
        print(
            f"targets: first screen {FIRST_SCREEN_TARGET_MS:.0f} ms warm, "
            f"scrolling {SCROLL_TARGET_MS:.0f} ms"
        )
        session.close()
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


if __name__ == "__main__":
    main()
