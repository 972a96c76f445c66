"""A linear probe: what a straight cut through frozen features can tell apart.

Shape suffixes: N objects, M training objects, D features, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Images = npt.NDArray[Any] | Sequence[Any]

INVERSE_PENALTIES = tuple(10.0**power for power in range(-5, 2))
FOLDS = 3
MOST_OBJECTS_OF_THE_CHOICE = 4000
MAX_ITERATIONS = 1000


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A fitted probe's answers.

    Attributes:
        score_NC: Log-probabilities, float64; -inf for classes without training objects.
        inverse_penalty: scikit-learn's C of the fit: smaller is stronger regularisation.
        accuracy_by_penalty: Cross-validated accuracy of each C on the training objects; empty
            where there were too few images to choose by.
    """

    score_NC: FloatArray
    inverse_penalty: float
    accuracy_by_penalty: Mapping[float, float]


def linear_probe(
    features_ND: Floats,
    train_MD: Floats,
    train_label_M: IntArray,
    num_classes: int,
    *,
    train_image_M: Images | None = None,
    penalties: Sequence[float] = INVERSE_PENALTIES,
    seed: int = 0,
) -> LinearProbe:
    """Fits an L2-regularised logistic regression on training objects alone and judges others.

    Features are standardised by the training objects. The regularisation is the one with the
    highest accuracy in a cross-validation on the training objects (at most 4,000 of them) whose
    folds share no image; of equal ones the strongest.

    Args:
        features_ND: Objects to classify.
        train_MD: Training objects; those labelled -1 are left out.
        train_label_M: Their classes.
        num_classes: C.
        train_image_M: Image of each training object; None: each its own.
        penalties: Values of C to choose from; a single one is taken as it is.
        seed: Of the folds.
    """
    label_M = np.asarray(train_label_M)
    kept_M = label_M >= 0
    images = np.arange(len(label_M)) if train_image_M is None else np.asarray(train_image_M)
    train, label, image = np.asarray(train_MD, np.float64)[kept_M], label_M[kept_M], images[kept_M]
    present = np.unique(label)
    score_NC = np.full((len(features_ND), num_classes), -np.inf)
    if len(present) < 2:
        score_NC[:, present] = 0.0
        return LinearProbe(score_NC, penalties[0], {})
    accuracies = _cross_validated(train, label, image, sorted(penalties), seed)
    best = max(accuracies, key=lambda penalty: (accuracies[penalty], -penalty), default=1.0)
    if len(penalties) == 1:
        best = penalties[0]
    scaled, others = _standardised(train, np.asarray(features_ND, np.float64))
    score_NC[:, present] = _log_probability(next(_path(scaled, label, [best])), others)
    return LinearProbe(score_NC, best, accuracies)


def _cross_validated(
    train: FloatArray,
    label: IntArray,
    image: npt.NDArray[Any],
    penalties: Sequence[float],
    seed: int,
) -> dict[float, float]:
    """Returns the accuracy of each penalty; empty where there is nothing to choose by."""
    fold = _folds(image, seed)
    some = np.random.default_rng(seed).permutation(len(label))[:MOST_OBJECTS_OF_THE_CHOICE]
    drawn = np.sort(some)
    train, label, fold = train[drawn], label[drawn], fold[drawn]
    right = dict.fromkeys(penalties, 0)
    judged = 0
    for held in range(FOLDS):
        fitted, held_out = fold != held, fold == held
        if len(penalties) < 2 or not held_out.any() or len(np.unique(label[fitted])) < 2:
            continue
        scaled, others = _standardised(train[fitted], train[held_out])
        judged += int(held_out.sum())
        models = _path(scaled, label[fitted], penalties)
        for penalty, model in zip(penalties, models, strict=True):
            right[penalty] += int((model.predict(others) == label[held_out]).sum())
    return {penalty: count / judged for penalty, count in right.items()} if judged else {}


def _folds(image: npt.NDArray[Any], seed: int) -> IntArray:
    """Returns the fold of each object; those of an image stay together."""
    names, unit = np.unique(image, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    fold: IntArray = (order % FOLDS)[unit].astype(np.int64)
    return fold


def _standardised(train: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (train - mean) / deviation, (others - mean) / deviation


def _log_probability(model: Any, features_ND: FloatArray) -> FloatArray:
    """Returns what predict_log_proba does, finite also where a probability underflows."""
    logit = np.asarray(model.decision_function(features_ND), dtype=np.float64)
    if logit.ndim == 1:  # Of two classes it is the second's against the first's.
        logit = np.stack([np.zeros_like(logit), logit], axis=1)
    result: FloatArray = logit - np.logaddexp.reduce(logit, axis=1, keepdims=True)
    return result


def _path(scaled: FloatArray, label: IntArray, penalties: Sequence[float]) -> Iterator[Any]:
    """Fits for each penalty in turn, from where the stronger one ended (lbfgs)."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (slow to import)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    model = LogisticRegression(max_iter=MAX_ITERATIONS, warm_start=True)
    for penalty in penalties:
        model.set_params(C=penalty)
        # One thread: several spin while they wait, ten times slower on a busy machine.
        with threadpool_limits(1, user_api="blas"):
            model.fit(scaled, label)
        yield model
