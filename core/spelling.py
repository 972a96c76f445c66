"""Which known name a misspelt one may mean."""

from __future__ import annotations

import difflib
from collections.abc import Collection

LEAST_RATIO = 0.7


def close_spelling(name: str, known: Collection[str]) -> str:
    """Returns the known name that is spelt nearly the same; "" if none is.

    Letters in another order count as near; a name more than a quarter longer or shorter is
    another word.
    """
    same_letters = [other for other in known if sorted(other) == sorted(name)]
    most_apart = max(1, len(name) // 4)
    alike = [other for other in known if abs(len(other) - len(name)) <= most_apart]
    close = difflib.get_close_matches(name, alike, n=1, cutoff=LEAST_RATIO)
    return next(iter([*same_letters, *close]), "")
