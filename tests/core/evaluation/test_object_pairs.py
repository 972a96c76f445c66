import numpy as np
import pytest

from core.evaluation import object_pairs as module
from core.evaluation.object_pairs import pairs_at_rank

RANKING = np.array([[1, 0.6, 0], [0, 1, 0], [0.3, 0.6, 1.0]])


def naive(embedding, label, rank, anchor=None):
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    ranks = [[1, 2, 0], [0, 1, 0], [3, 2, 1]]
    return {
        (i, j): float(unit[i] @ unit[j])
        for i in range(len(label))
        for j in range(len(label))
        if i != j
        and label[i] >= 0
        and label[j] >= 0
        and anchor in (None, label[i])
        and ranks[label[i]][label[j]] == rank
        and not (rank == 1 and i > j)
    }


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@pytest.mark.parametrize("anchor", [None, 0, 2])
def test_the_ends_are_those_of_all_pairs(rank, anchor):
    rng = np.random.default_rng(0)
    embedding, label = rng.normal(size=(30, 5)), rng.integers(-1, 3, 30)
    pairs = naive(embedding, label, rank, anchor)
    alike, unlike = pairs_at_rank(embedding, label, RANKING, rank, anchor=anchor, count=4)
    if not pairs:
        assert (alike, unlike) == ((), ())
        return
    assert alike[0].cosine == pytest.approx(max(pairs.values()))
    assert unlike[0].cosine == pytest.approx(min(pairs.values()))
    for found, sign in ((alike, -1), (unlike, 1)):
        for pair in found:
            assert pairs[pair.row, pair.other] == pytest.approx(pair.cosine)
        assert [sign * p.cosine for p in found] == sorted(sign * p.cosine for p in found)
        assert len({p.row for p in found}) == len({p.other for p in found}) == len(found)


def test_many_objects_are_drawn_from(monkeypatch):
    monkeypatch.setattr(module, "MOST_OBJECTS", 10)
    rng = np.random.default_rng(0)
    embedding, label = rng.normal(size=(60, 5)), np.repeat([0, 1, 2], 20)
    first = pairs_at_rank(embedding, label, RANKING, 2, seed=1)
    assert first == pairs_at_rank(embedding, label, RANKING, 2, seed=1)
    assert first != pairs_at_rank(embedding, label, RANKING, 2, seed=2)


def test_nothing_at_that_rank():
    assert pairs_at_rank(np.ones((2, 3)), np.array([-1, -1]), RANKING, 1) == ((), ())
    assert pairs_at_rank(np.ones((2, 3)), np.array([0, 1]), np.eye(2), 2) == ((), ())
