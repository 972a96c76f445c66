"""A detections file of the tiny data set, with every outcome in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.data import DatasetIndex


def write_found(path: Path, index: DatasetIndex, split: str = "test") -> list[dict[str, Any]]:
    """Writes, object by object in turn: right, shifted away, left out, unknown."""
    items: list[dict[str, Any]] = []
    for turn, at in enumerate(index.objects_of_split(split).tolist()):
        x1, y1, x2, y2 = index.box_xyxy_N4[at].tolist()
        item = {
            "image_id": index.image_ids[index.image_index_N[at]],
            "category": index.classes[index.label_N[at]],
            "bbox": [x1 + 1, y1, x2 - x1, y2 - y1],
            "score": 0.3 + (turn % 13) / 20,
        }
        if turn % 4 == 1:
            item["bbox"] = [x1 + 500, y1, x2 - x1, y2 - y1]
        if turn % 4 == 3:
            item["category"] = "unknown"
        if turn % 4 != 2:
            items.append(item)
    path.write_text(json.dumps(items))
    return items
