"""Splits that Akin makes itself, the same whatever the machine, the folder or the date.

Shape suffixes: I images.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

SPLIT_SEED = 0


def divide(
    label_I: Sequence[int], keys: Sequence[str], shares: Mapping[str, float]
) -> dict[str, list[int]]:
    """Divides images, class by class, by a digest of their names.

    An image stays in its split, but for rounding, when others come or go. A class with at least
    as many images as there are splits is in all of them; the last split takes what is left.

    Args:
        label_I: Class of each image.
        keys: Name of each image, no two the same.
        shares: Split name to share of the images; they sum to 1.

    Returns:
        Split name to ascending positions.
    """
    assert abs(sum(shares.values()) - 1.0) < 1e-9
    of_class: dict[int, list[int]] = defaultdict(list)
    for position, label in enumerate(label_I):
        of_class[label].append(position)
    parts: dict[str, list[int]] = {name: [] for name in shares}
    *firsts, last = shares
    for members in of_class.values():
        rest = sorted(members, key=lambda position: _digest(keys[position]))
        total = len(rest)
        least = 1 if total >= len(shares) else 0
        for name in firsts:
            count = max(least, round(shares[name] * total))
            parts[name] += rest[:count]
            rest = rest[count:]
        parts[last] += rest
    return {name: sorted(members) for name, members in parts.items()}


def in_words(shares: Mapping[str, float]) -> str:
    """Returns shares as people say them, such as "70/10/20"."""
    return "/".join(f"{100 * share:.0f}" for share in shares.values())


def union(*parts: Iterable[int]) -> list[int]:
    """Returns everything in any of the parts, ascending."""
    return sorted({position for part in parts for position in part})


def _digest(key: str) -> bytes:
    return hashlib.sha256(f"{SPLIT_SEED} {key}".encode("utf-8", "surrogateescape")).digest()
