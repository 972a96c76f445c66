from __future__ import annotations

import numpy as np
import pytest
import torch

from core.contrastive import crop_store
from core.contrastive.crop_store import CropStore

CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")


@pytest.fixture
def crops_NCHW() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (10, 3, 4, 4), np.uint8)


@pytest.mark.parametrize("resident", [True, False])
def test_batches_are_the_rows_asked_for(crops_NCHW, resident: bool) -> None:
    store = CropStore(crops_NCHW, CPU, resident=resident)
    for rows in ([3, 3, 9, 0], [], [7]):
        row_B = np.array(rows, dtype=np.int64)
        np.testing.assert_array_equal(store[row_B].numpy(), crops_NCHW[row_B])


def test_a_mapped_file_is_streamed_without_being_read_whole(crops_NCHW, tmp_path) -> None:
    np.save(tmp_path / "crops.npy", crops_NCHW)
    mapped = np.load(tmp_path / "crops.npy", mmap_mode="c")
    store = CropStore(mapped, ELSEWHERE, resident=False)
    assert store._crops_NCHW.data_ptr() == mapped.ctypes.data
    batch = store[np.array([1, 2])]
    assert batch.device == ELSEWHERE
    assert batch.shape == (2, 3, 4, 4)
    same = CropStore(mapped, CPU)
    assert same._crops_NCHW.data_ptr() == mapped.ctypes.data
    np.testing.assert_array_equal(same[np.array([8])].numpy(), crops_NCHW[8:9])


def test_free_memory_decides(crops_NCHW, monkeypatch) -> None:
    needed = crops_NCHW.nbytes / crop_store.SHARE_OF_FREE_MEMORY
    for free, wanted in ((needed, True), (needed - 1, False), (None, True)):
        monkeypatch.setattr(crop_store, "free_memory", lambda _device, free=free: free)
        store = CropStore(crops_NCHW, ELSEWHERE)
        assert store.is_resident == wanted
        assert (store._crops_NCHW.device == ELSEWHERE) == wanted
        assert store[np.array([4, 5])].device == ELSEWHERE


def test_the_cpu_has_no_memory_of_its_own() -> None:
    assert crop_store.free_memory(CPU) is None
    if torch.cuda.is_available():
        assert crop_store.free_memory(torch.device("cuda")) > 0
