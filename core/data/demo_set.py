"""Where a workspace keeps the built-in demo, and how large it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

DEMO_IMAGES = 900
DEMO_SEED = 0


def demo_path(workspace: Path) -> Path:
    """Returns the folder of a workspace's demo, drawn or not."""
    return workspace / f"demo-{DEMO_IMAGES}-{DEMO_SEED}"


def is_drawn(folder: Path) -> bool:
    """Tells whether a demo is there: it is written whole or not at all."""
    return (folder / "VOCdevkit").exists()


def draw_demo(workspace: Path, progress: Callable[[int, int], None]) -> Path:
    """Draws a workspace's demo where it is not there yet; returns its folder."""
    from core.data.demo import write_demo  # noqa: PLC0415 - fonts are read only here

    folder = demo_path(workspace)
    if not is_drawn(folder):
        write_demo(folder, images=DEMO_IMAGES, seed=DEMO_SEED, progress=progress)
    return folder
