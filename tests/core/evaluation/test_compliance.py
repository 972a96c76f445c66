import numpy as np
import pytest
from scipy.stats import kendalltau

from core.evaluation.compliance import (
    rank_compliance,
    ranks_of,
    similarity_by_rank,
)

SIMILARITY_CC = np.array(
    [
        [1.0, 0.75, 0.5, 0.5, 0.0, 0.0],
        [0.5, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        [0.1, 0.2, 0.3, 1.0, 0.4, 0.6],
        [0.0, 0.9, 0.0, 0.9, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)


def scores_and_labels(seed=0, count=200):
    rng = np.random.default_rng(seed)
    label_N = rng.integers(-1, 5, count)  # no object of class 5
    score_NC = rng.normal(size=(count, 6)).round(1)  # with ties
    score_NC[np.arange(count), label_N] += 1.0
    return score_NC, label_N


def naive(score_NC, label_N):
    """Every object, every pair of classes, in plain loops."""
    held, asked, taus = {}, {}, {}
    for score_C, label in zip(score_NC, label_N, strict=True):
        if label < 0:
            continue
        wanted = SIMILARITY_CC[label]
        for a in range(6):
            for b in range(6):
                if wanted[a] > wanted[b]:
                    asked[label] = asked.get(label, 0) + 1
                    held[label] = held.get(label, 0) + int(score_C[a] > score_C[b])
        taus.setdefault(label, []).append(kendalltau(wanted, score_C, variant="b").statistic)
    return held, asked, taus


def test_ranks():
    assert ranks_of(SIMILARITY_CC)[0].tolist() == [1, 2, 3, 3, 0, 0]
    assert ranks_of(SIMILARITY_CC)[3].tolist() == [6, 5, 4, 1, 3, 2]
    assert ranks_of(SIMILARITY_CC)[5].tolist() == [0, 0, 0, 0, 0, 1]


def test_agrees_with_a_naive_loop_and_scipy():
    score_NC, label_N = scores_and_labels()
    held, asked, taus = naive(score_NC, label_N)
    found = rank_compliance(score_NC, label_N, SIMILARITY_CC)
    assert found.overall == pytest.approx(sum(held.values()) / sum(asked.values()), abs=1e-12)
    assert set(found.per_class) == {"0", "1", "2", "3", "4"}
    for label, tau in taus.items():
        row = found.per_class[str(label)]
        assert row.share == pytest.approx(held[label] / asked[label], abs=1e-12)
        assert row.tau_b == pytest.approx(np.mean(tau), abs=1e-12)
        assert row.count == (label_N == label).sum()
    assert found.balanced == pytest.approx(np.mean([held[c] / asked[c] for c in held]))
    assert found.tau_b == pytest.approx(np.mean(np.concatenate(list(taus.values()))))


def test_is_the_same_in_blocks(monkeypatch):
    score_NC, label_N = scores_and_labels()
    whole = rank_compliance(score_NC, label_N, SIMILARITY_CC).to_json()
    monkeypatch.setattr("core.evaluation.compliance._CHUNK_ELEMENTS", 30)
    blocks = rank_compliance(score_NC, label_N, SIMILARITY_CC).to_json()
    assert blocks["tau_b"] == pytest.approx(whole["tau_b"])
    assert blocks["violating_pairs"] == whole["violating_pairs"]


def test_a_perfect_order_complies_fully():
    label_N = np.arange(6)
    found = rank_compliance(SIMILARITY_CC, label_N, SIMILARITY_CC)
    assert (found.overall, found.tau_b, found.violating_pairs) == (1.0, 1.0, ())
    reversed_ = rank_compliance(-SIMILARITY_CC, label_N, SIMILARITY_CC)
    assert (reversed_.overall, reversed_.tau_b) == (0.0, -1.0)


def test_equal_scores_do_not_comply():
    found = rank_compliance(np.zeros((4, 6)), np.array([0, 1, 2, 3]), SIMILARITY_CC)
    assert found.overall == 0.0
    assert found.tau_b is None


def test_hand_worked_pairs():
    similarity_CC = np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1.0]])
    score_NC = np.array([[0.9, 0.2, 0.4], [0.8, 0.6, 0.1], [0.3, 0.5, 0.4]])
    found = rank_compliance(score_NC, np.array([0, 0, 1]), similarity_CC, ("a", "b", "c"))
    assert found.overall == pytest.approx(7 / 8)
    [violation] = found.violating_pairs
    assert (violation.anchor, violation.higher, violation.lower) == ("a", "b", "c")
    assert (violation.share, violation.count) == (0.5, 1)
    pairs = {(p.higher, p.lower): p for p in found.rank_pairs}
    assert pairs["rank 1", "rank 2"].margin == pytest.approx((0.7 + 0.2) / 2)
    assert pairs["rank 2", "negatives"].share == 0.5
    assert pairs["rank 1", "negatives"].count == 3
    margins = {(p.higher, p.lower): p for p in found.margins}
    assert margins["rank 1", "negatives"].margin == pytest.approx(0.5 - 0.35)
    assert margins["rank 2", "negatives"].margin == pytest.approx((-0.2 + 0.5) / 2)


def test_classes_without_a_mean_take_no_part():
    score_NC, label_N = scores_and_labels()
    score_NC[:, 4] = -np.inf
    kept = [0, 1, 2, 3, 5]
    relabelled = np.array([-1 if c in (-1, 4) else kept.index(c) for c in label_N])
    without = rank_compliance(
        score_NC[:, kept], relabelled, SIMILARITY_CC[np.ix_(kept, kept)], [str(k) for k in kept]
    )
    found = rank_compliance(score_NC, np.where(label_N == 4, -1, label_N), SIMILARITY_CC)
    assert found.overall == pytest.approx(without.overall)
    assert {k: v.share for k, v in found.per_class.items()} == {
        k: v.share for k, v in without.per_class.items()
    }


def test_no_objects():
    found = rank_compliance(np.zeros((0, 6)), np.zeros(0, np.int64), SIMILARITY_CC)
    assert found.overall is None
    assert found.per_class == {}


def test_similarity_by_rank():
    score_NC, label_N = scores_and_labels()
    rows = {row.rank: row for row in similarity_by_rank(score_NC, label_N, SIMILARITY_CC, 0)}
    assert list(rows) == ["rank 1", "rank 2", "rank 3", "negatives"]
    third = score_NC[label_N == 0][:, [2, 3]]
    assert rows["rank 3"].mean == pytest.approx(third.mean())
    assert rows["rank 3"].count == third.size
    assert rows["rank 3"].quantiles[2] == pytest.approx(np.median(third))
    everything = similarity_by_rank(score_NC, label_N, SIMILARITY_CC)
    assert sum(row.count for row in everything) == 6 * (label_N >= 0).sum()
