"""Validation embeddings of a run, epoch by epoch: RUN/embeddings, one small file an epoch.

Shape suffixes: N kept objects, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import RunError
from core.files import write_atomically
from core.predictions import DAMAGED_ARCHIVE

MOST_EPOCHS = 100


@dataclass(frozen=True, eq=False)
class KeptObjects:
    """Which objects the files are of.

    Attributes:
        image_id_N: The image's file stem.
        box_xyxy_N4: Pixels, 0-based, x2 and y2 exclusive.
        classes: Known class names.
        label_N: Index into `classes`.
        true_name_N: The class as annotated.
    """

    image_id_N: npt.NDArray[np.str_]
    box_xyxy_N4: npt.NDArray[np.float32]
    classes: tuple[str, ...]
    label_N: npt.NDArray[np.int64]
    true_name_N: npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class KeptEpoch:
    """The objects after one epoch.

    Attributes:
        epoch: 1 for the first.
        embedding_ND: Unit vectors, float32, of half precision.
        predicted_N: Index into the classes.
    """

    epoch: int
    embedding_ND: npt.NDArray[np.float32]
    predicted_N: npt.NDArray[np.int64]


class EpochEmbeddings:
    """The files in RUN/embeddings.

    Args:
        folder: Made when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def epochs(self) -> tuple[int, ...]:
        """Returns the epochs that were kept, ascending."""
        found = self._folder.glob("epoch-*.npz")
        return tuple(sorted(int(p.stem[6:]) for p in found if p.stem[6:].isdigit()))

    def write_objects(self, objects: KeptObjects) -> None:
        arrays = {
            "image_id": objects.image_id_N,
            "box_xyxy": objects.box_xyxy_N4,
            "classes": np.array(objects.classes, dtype=np.str_),
            "label": objects.label_N,
            "true_name": objects.true_name_N,
        }
        _write(self._folder / "objects.npz", arrays)

    def write(self, kept: KeptEpoch) -> None:
        """Writes an epoch in half precision, atomically; one that is there is replaced."""
        arrays = {
            "embedding_ND": kept.embedding_ND.astype(np.float16),
            "predicted": kept.predicted_N.astype(np.int16),
        }
        _write(self._path(kept.epoch), arrays)

    def cut_after(self, epoch: int) -> None:
        """Removes later epochs, before a resume makes them again."""
        for later in self.epochs():
            if later > epoch:
                self._path(later).unlink(missing_ok=True)

    def objects(self) -> KeptObjects:
        """Reads which objects they are.

        Raises:
            RunError: If the file is missing or damaged.
        """
        names = ("image_id", "box_xyxy", "classes", "label", "true_name")
        image_id_N, box_xyxy_N4, classes, label_N, true_name_N = _read(
            self._folder / "objects.npz", names
        )
        known = tuple(str(name) for name in classes)
        return KeptObjects(image_id_N, box_xyxy_N4, known, label_N, true_name_N)

    def load(self, epoch: int) -> KeptEpoch:
        """Reads an epoch.

        Raises:
            RunError: If the file is missing or damaged.
        """
        embedding_ND, predicted_N = _read(self._path(epoch), ("embedding_ND", "predicted"))
        return KeptEpoch(epoch, embedding_ND.astype(np.float32), predicted_N.astype(np.int64))

    def _path(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch:04d}.npz"


def is_kept(epoch: int, epochs: int) -> bool:
    """Says whether a run of so many epochs keeps this one: the ends, and at most a hundred."""
    return epoch in {1, epochs} or epoch % -(-epochs // MOST_EPOCHS) == 0


def _write(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    write_atomically(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


def _read(path: Path, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return [file[name] for name in names]
    except DAMAGED_ARCHIVE as error:
        raise RunError(
            f"{path} is missing or damaged.",
            "The rest of the run can be used; remove the file, or train the run anew.",
        ) from error
