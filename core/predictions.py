"""The judged test objects of a run, as in predictions.npz."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import RunError
from core.files import write_atomically

# What numpy and zipfile raise for a .npz that was cut or has wrong bytes.
DAMAGED_ARCHIVE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Predictions:
    """The judged test objects of a run, as in predictions.npz.

    Shape suffixes: N objects, C known classes, D embedding.

    Attributes:
        image_id_N: The image's file stem.
        box_xyxy_N4: Pixels, 0-based, x2 and y2 exclusive.
        classes: Known class names.
        label_N: Index into `classes`; -1 for objects of withheld classes.
        predicted_N: Index into `classes`.
        score_NC: Cosine to each class mean (logits for SoftMax).
        embedding_ND: Unit vectors.
        true_name_N: The class as annotated, also for withheld objects.
        unseen_N: Objects whose drawing never occurs in training.
        knn_score_N: Cosine to the k-th nearest training object; None in runs that lack it.
        mahalanobis_score_N: Minus the squared distance to the nearest class; None likewise.
    """

    image_id_N: npt.NDArray[np.str_]
    box_xyxy_N4: npt.NDArray[np.float32]
    classes: tuple[str, ...]
    label_N: npt.NDArray[np.int64]
    predicted_N: npt.NDArray[np.int64]
    score_NC: npt.NDArray[np.float32]
    embedding_ND: npt.NDArray[np.float32]
    true_name_N: npt.NDArray[np.str_]
    unseen_N: npt.NDArray[np.bool_]
    knn_score_N: npt.NDArray[np.float64] | None = None
    mahalanobis_score_N: npt.NDArray[np.float64] | None = None

    def save(self, path: Path) -> None:
        """Writes predictions.npz atomically, plain arrays only."""
        arrays = {
            "image_id": self.image_id_N,
            "box_xyxy": self.box_xyxy_N4,
            "classes": np.array(self.classes, dtype=np.str_),
            "label": self.label_N,
            "predicted": self.predicted_N,
            "score_NC": self.score_NC,
            "embedding_ND": self.embedding_ND,
            "true_name": self.true_name_N,
            "unseen": self.unseen_N,
        }
        if self.knn_score_N is not None:
            arrays["knn_score"] = self.knn_score_N
        if self.mahalanobis_score_N is not None:
            arrays["mahalanobis_score"] = self.mahalanobis_score_N
        write_atomically(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Reads predictions.npz.

        Raises:
            RunError: If it is missing or damaged.
        """
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                return cls(
                    file["image_id"],
                    file["box_xyxy"],
                    tuple(str(name) for name in file["classes"]),
                    file["label"],
                    file["predicted"],
                    file["score_NC"],
                    file["embedding_ND"],
                    file["true_name"],
                    file["unseen"],
                    file.get("knn_score"),
                    file.get("mahalanobis_score"),
                )
        except DAMAGED_ARCHIVE as error:
            raise RunError(
                f"{path} is missing or damaged.", "Evaluate the run again, or train it anew."
            ) from error
