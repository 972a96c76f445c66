"""RUN/embeddings: what is kept is read again, damage is named, later epochs are cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.epoch_embeddings import EpochEmbeddings, KeptEpoch, KeptObjects, is_kept
from core.errors import RunError


def kept(epoch: int, objects: int = 5) -> KeptEpoch:
    embedding_ND = np.random.default_rng(epoch).normal(size=(objects, 8)).astype(np.float32)
    embedding_ND /= np.linalg.norm(embedding_ND, axis=1, keepdims=True)
    return KeptEpoch(epoch, embedding_ND, np.arange(objects, dtype=np.int64) % 3)


def test_an_epoch_survives_in_half_precision(tmp_path: Path) -> None:
    files = EpochEmbeddings(tmp_path / "embeddings")
    assert files.epochs() == ()
    for epoch in (12, 1, 3):
        files.write(kept(epoch))
    assert files.epochs() == (1, 3, 12)
    found, expected = files.load(12), kept(12)
    assert found.epoch == 12
    assert found.embedding_ND.dtype == np.float32
    np.testing.assert_allclose(found.embedding_ND, expected.embedding_ND, atol=5e-4)
    np.testing.assert_array_equal(found.predicted_N, expected.predicted_N)
    assert (tmp_path / "embeddings" / "epoch-0012.npz").stat().st_size < 5 * (8 * 2 + 2) + 600


def test_the_objects_survive(tmp_path: Path) -> None:
    objects = KeptObjects(
        np.array(["000001", "000002"]),
        np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.float32),
        ("cat", "dog"),
        np.array([1, 0]),
        np.array(["dog", "cat"]),
    )
    files = EpochEmbeddings(tmp_path)
    files.write_objects(objects)
    for name, value in vars(files.objects()).items():
        np.testing.assert_array_equal(value, getattr(objects, name))


def test_later_epochs_are_cut(tmp_path: Path) -> None:
    files = EpochEmbeddings(tmp_path)
    for epoch in range(1, 6):
        files.write(kept(epoch))
    files.cut_after(3)
    assert files.epochs() == (1, 2, 3)
    files.cut_after(3)
    EpochEmbeddings(tmp_path / "none").cut_after(0)


def test_damage_is_named(tmp_path: Path) -> None:
    files = EpochEmbeddings(tmp_path)
    with pytest.raises(RunError, match=r"objects\.npz is missing or damaged"):
        files.objects()
    files.write(kept(1))
    path = tmp_path / "epoch-0001.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RunError, match=r"epoch-0001\.npz is missing or damaged"):
        files.load(1)
    np.savez(tmp_path / "objects.npz", label=np.zeros(3))
    with pytest.raises(RunError, match=r"objects\.npz is missing or damaged"):
        files.objects()


@pytest.mark.parametrize("epochs", [1, 2, 20, 100, 101, 500, 12345])
def test_long_runs_keep_about_a_hundred_epochs_and_both_ends(epochs: int) -> None:
    found = [epoch for epoch in range(1, epochs + 1) if is_kept(epoch, epochs)]
    assert found[0] == 1
    assert found[-1] == epochs
    assert len(found) <= 102
    assert len(found) == epochs or len(found) > 50
