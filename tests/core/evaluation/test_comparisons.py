"""Two runs' AUROCs, and their classes one by one."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.errors import AkinError
from core.evaluation.class_comparison import classes_in_words, compare_classes
from core.evaluation.difference import holm
from core.evaluation.ood_comparison import compare_auroc
from core.evaluation.statistics import mcnemar


def two_scores(gain, n=400, m=150, seed=0):
    """Two scores with noise in common; the second separates the groups by `gain` more."""
    rng = np.random.default_rng(seed)
    known = np.arange(n + m) < n
    shared = rng.normal(size=n + m) + known
    return shared + 0.3 * rng.normal(size=n + m), shared + gain * known, known


def test_aurocs_are_scikit_learns_and_the_better_is_named():
    a, b, known = two_scores(0.8)
    found = compare_auroc(a, b, known, name_a="one", name_b="two")
    assert found.delong.auroc_a == pytest.approx(roc_auc_score(known, a))
    assert found.delong.auroc_b == pytest.approx(roc_auc_score(known, b))
    assert found.distinguishable
    assert str(found).startswith("two has a higher AUROC than one, by ")
    low, high = found.interval
    assert low < found.difference < high < 0
    assert found.difference == found.delong.difference
    assert (found.known_count, found.withheld_count) == (400, 150)


def test_chance_is_not_distinguishable_and_the_same_is_said_to_be_the_same():
    a, b, known = two_scores(0.0)
    assert "are not distinguishable in AUROC (" in str(compare_auroc(a, b, known))
    assert str(compare_auroc(a, a, known)).startswith("A and B have the same AUROC, 0.")


def test_images_widen_what_delong_takes_for_certain():
    """Thirty copies of each object: DeLong is sure, the bootstrap over images is not."""
    a, b, known = two_scores(0.06, n=60, m=40, seed=5)
    image = np.arange(100)
    copies = [np.repeat(x, 30) for x in (a, b, known, image)]
    plain = compare_auroc(a, b, known, image_id_N=image)
    found = compare_auroc(*copies[:3], image_id_N=copies[3])
    assert found.p_value < 0.05 < plain.p_value
    assert np.allclose(found.interval, plain.interval, atol=0.01)
    assert not found.distinguishable


def test_two_objects_of_each_kind_are_needed():
    known = np.array([True, True, False])
    with pytest.raises(AkinError, match="too few known or withheld"):
        compare_auroc(np.arange(3.0), np.arange(3.0), known)


def test_classes_are_mcnemars_tests_adjusted_over_classes():
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1, 2, -1], 60)
    a = label.copy()
    b = label.copy()
    b[:30] = 1  # Of class 0, b gets half wrong.
    a[60:63], b[70:74] = 0, 2
    a[-60:] = b[-60:] = rng.integers(0, 4, 60)
    found = compare_classes(a, b, label, ("cat", "dog", "cow", "no object"))
    assert [row.name for row in found] == ["cat", "dog", "cow"]
    raw = [mcnemar(a[label == c] == c, b[label == c] == c).mid_p for c in range(3)]
    assert [row.raw_p_value for row in found] == raw
    assert [row.p_value for row in found] == list(holm(raw))
    cat = found[0]
    assert (cat.recall_a, cat.recall_b, cat.only_a, cat.only_b, cat.count) == (1.0, 0.5, 30, 0, 60)
    assert [row.distinguishable for row in found] == [True, False, False]
    assert classes_in_words(found) == (
        "A and B differ in cat (recall 1.00 and 0.50); p-values adjusted over classes."
    )
    assert "In no class" in classes_in_words(found[1:])
    json.dumps([row.to_json() for row in found], allow_nan=False)
