"""DESIGN.md section 1, written down as naively as possible: loops over floats."""

from __future__ import annotations

import math


def temperature_of(similarity: float, low: float, high: float) -> float:
    return low + (1 - similarity) * (high - low)


def naive_ranked_loss(
    query,
    key,
    labels,
    similarity,
    temperature=(0.1, 0.6),
    positives="in",
    bank=None,
    bank_labels=None,
    include_batch=None,
):
    """Returns (L, [l_1, l_2, ...]) with None where no anchor has a positive of the rank."""
    if include_batch is None:
        include_batch = bank is None
    terms: dict[int, list[float]] = {}
    for a, label in enumerate(labels):
        candidates = []  # (similarity class value, is own key, cosine)
        candidates.append((1.0, dot(query[a], key[a])))
        if bank is not None:
            for vector, other in zip(bank, bank_labels, strict=True):
                if other != -1:
                    candidates.append((similarity[label][other], dot(query[a], vector)))
        if include_batch:
            for b, other in enumerate(labels):
                if b != a:
                    candidates.append((similarity[label][other], dot(query[a], key[b])))
        ladder = sorted({s for s in similarity[label] if s > 0}, reverse=True)
        for i, level in enumerate(ladder):
            tau = temperature_of(level, *temperature)
            at = [h / tau for s, h in candidates if s == level]
            below = [h / tau for s, h in candidates if s < level]
            if not at:
                continue
            form = positives
            if positives == "out-in":
                form = "out" if i == 0 else "in"
            if form == "in":
                value = -math.log(total(at) / total(at + below))
            elif form == "out":
                value = sum(-math.log(math.exp(p) / total([p, *below])) for p in at) / len(at)
            else:
                value = sum(-math.log(math.exp(p) / total(at + below)) for p in at) / len(at)
            terms.setdefault(i, []).append(value)
    ranks = max(len({s for s in row if s > 0}) for row in similarity)
    by_rank = [sum(terms[i]) / len(terms[i]) if i in terms else None for i in range(ranks)]
    return sum(value for value in by_rank if value is not None), by_rank


def dot(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True))


def total(logits):
    return sum(math.exp(value) for value in logits)
