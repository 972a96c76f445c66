"""What every test shares: a workspace and a cache of its own, and a tiny data set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before torch is imported, here and in processes that tests start: two threads that spin while
# they wait slow each other down twentyfold on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points the workspace and the cache into a temporary folder of this test."""
    folder = tmp_path_factory.mktemp("akin")
    monkeypatch.setenv("AKIN_WORKSPACE", str(folder / "workspace"))
    monkeypatch.setenv("AKIN_CACHE", str(folder / "cache"))


@pytest.fixture(scope="session")
def tiny_voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo of 40 scenes, shared by all tests: read it, never write into it."""
    from core.data.demo import write_demo

    folder = tmp_path_factory.mktemp("tiny-voc") / "data"
    write_demo(folder, images=40, seed=1)
    return folder
