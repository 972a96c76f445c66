"""Which objects of the open data set a run was judged on.

Shape suffixes: N judged objects.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from core.data.index import DatasetIndex
from core.epoch_embeddings import KeptObjects
from core.predictions import Predictions

IntArray = npt.NDArray[np.int64]


def match_objects(
    predictions: Predictions | KeptObjects, index: DatasetIndex, fingerprint: object = None
) -> IntArray | None:
    """Finds the objects of a run's files in a data set, by image and box.

    Args:
        predictions: Of a run; or what its epochs kept.
        index: The data set that is open.
        fingerprint: Of the data that the run was judged on, where it is known.

    Returns:
        Object indices, int64, shape (N,); None if this is not the run's data set.
    """
    if isinstance(fingerprint, str) and fingerprint != index.fingerprint:
        return None
    names = [index.image_ids[i] for i in index.image_index_N.tolist()]
    waiting: dict[tuple[object, ...], list[int]] = defaultdict(list)
    boxes_N4 = np.round(index.box_xyxy_N4, 2).tolist()
    for row in range(len(names) - 1, -1, -1):
        label = index.classes[int(index.label_N[row])]
        waiting[names[row], label, *boxes_N4[row]].append(row)
    found = np.full(len(predictions.image_id_N), -1, dtype=np.int64)
    wanted_N4 = np.round(predictions.box_xyxy_N4, 2).tolist()
    for row, (name, label) in enumerate(
        zip(predictions.image_id_N.tolist(), predictions.true_name_N.tolist(), strict=True)
    ):
        rows = waiting.get((name, label, *wanted_N4[row]))
        if not rows:
            return None
        found[row] = rows.pop()
    return found
