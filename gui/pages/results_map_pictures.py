"""What the map draws: the judged test objects, or validation objects epoch by epoch.

Shape suffixes: N objects of a run's files, S of them in the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QColor

from core.epoch_embeddings import EpochEmbeddings, KeptEpoch, KeptObjects
from core.errors import AkinError
from core.evaluation.projection import Projection, pca, pca_of_epochs, tsne, tsne_of_epochs
from core.evaluation.umap_projection import umap, umap_of_epochs
from core.predictions import Predictions
from gui.pages.results_confusion import IntArray
from gui.pages.results_data import FloatArray, RunResults
from gui.tasks import Progress
from gui.theme import class_colour
from gui.widgets.scatter_symbols import ScatterGroup, shape_of

MOST_SLOW_OBJECTS = 3000
MOST_SLOW_OBJECTS_BY_EPOCH = 1000
MOST_SLOW_EPOCHS = 40


@dataclass(frozen=True, eq=False)
class Picture:
    """A finished projection.

    Attributes:
        results: Of the run.
        key: What is shown ("test" or "epochs") and how ("pca", "tsne", "umap").
        objects: The run's objects; test objects are judged, others are not.
        rows_S: Which of them are in it.
        frames: One for test objects, else one an epoch.
        predicted_FS: Predicted class by frame.
        epochs: The number of each frame's epoch; empty for test objects.
        unread: Epochs whose files are damaged.
    """

    results: RunResults
    key: tuple[str, str]
    objects: Predictions | KeptObjects
    rows_S: IntArray
    frames: tuple[Projection, ...]
    predicted_FS: tuple[IntArray, ...]
    epochs: tuple[int, ...] = ()
    unread: int = 0

    def points_at(self, position: float) -> FloatArray:
        """Returns the points at a frame, or between two of them on the straight line."""
        before = int(position)
        after = min(before + 1, len(self.frames) - 1)
        share = position - before
        first, second = self.frames[before].points_NK, self.frames[after].points_NK
        return first if share == 0 else (1 - share) * first + share * second

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """Returns the least and the largest coordinates of all frames."""
        points = np.concatenate([frame.points_NK for frame in self.frames])
        return points.min(axis=0), points.max(axis=0)

    def words(self, point: int, frame: int) -> str:
        """Says what a point is."""
        predicted = self.objects.classes[int(self.predicted_FS[frame][point])]
        return f"{self.objects.true_name_N[self.rows_S[point]]}, predicted {predicted}"

    def subtitle(self, frame: int) -> str:
        """Says what is shown."""
        count, total = len(self.rows_S), len(self.objects.label_N)
        noun = "validation objects" if self.epochs else "objects"
        words = f"{count:,} {noun}" if count == total else f"{count:,} of {total:,} {noun}"
        explained = self.frames[frame].explained_K
        if explained is not None:
            words += f", {100 * float(explained.sum()):.0f} % of the variance"
        if self.unread:
            words += f", {self.unread} damaged epoch{'s' if self.unread > 1 else ''} left out"
        return words

    def groups(
        self, frame: int, colours: str, is_dark: bool
    ) -> tuple[IntArray, tuple[ScatterGroup, ...]]:
        """Returns the group of each point, and the groups."""
        objects, predicted_S = self.objects, self.predicted_FS[frame]
        label_S, true_S = objects.label_N[self.rows_S], objects.true_name_N[self.rows_S]
        if colours == "errors":
            group_S = np.where(label_S < 0, 2, (label_S != predicted_S).astype(np.int64))
            return group_S, _error_groups(is_dark)[: 3 if (label_S < 0).any() else 2]
        withheld = sorted(set(true_S[label_S < 0].tolist()))
        names = [*objects.classes, *(withheld if colours == "true" else ())]
        groups = []
        for at, name in enumerate(names):
            shape, hollow = shape_of(at)
            text = f"{name} (withheld)" if name in withheld and colours == "true" else name
            groups.append(ScatterGroup(text, class_colour(at), shape, hollow))
        if colours == "predicted":
            return predicted_S, tuple(groups)
        index = {name: at for at, name in enumerate(names)}
        return np.array([index[str(name)] for name in true_S], dtype=np.int64), tuple(groups)


def _error_groups(is_dark: bool) -> tuple[ScatterGroup, ...]:
    return (
        ScatterGroup("right", QColor("#6cc7f2" if is_dark else "#3aa0d8"), "circle"),
        ScatterGroup("wrong", QColor("#d55e00"), "cross"),
        ScatterGroup("withheld", QColor("#8b929c"), "square", hollow=True),
    )


Work = Callable[[Progress, Callable[[], bool]], Picture]


def picture_of_test(results: RunResults, method: str, old: Picture | None) -> Work:
    """Returns the work that makes the map of the judged objects.

    Args:
        results: Of the run.
        method: "pca", "tsne" or "umap".
        old: A map of the same objects in another run, to which this one is turned.
    """

    def work(progress: Progress, should_stop: Callable[[], bool]) -> Picture:
        predictions = results.predictions
        assert predictions is not None
        most = MOST_SLOW_OBJECTS if method != "pca" else len(predictions.label_N)
        rows_S = _drawn(len(predictions.label_N), most)
        embedding_SD = predictions.embedding_ND[rows_S]
        previous = None
        if old is not None and np.array_equal(old.rows_S, rows_S):
            previous = old.frames[0].points_NK
        if method == "pca":
            frame = pca(embedding_SD, previous_NK=previous)
        elif method == "umap":
            frame = umap(embedding_SD, previous_NK=previous)
        else:
            frame = tsne(
                embedding_SD, previous_NK=previous, progress=progress, should_stop=should_stop
            )
        predicted = (predictions.predicted_N[rows_S],)
        return Picture(results, ("test", method), predictions, rows_S, (frame,), predicted)

    return work


def picture_of_epochs(results: RunResults, method: str) -> Work:
    """Returns the work that makes one picture an epoch of the validation objects that were kept.

    t-SNE and UMAP take at most 1,000 of them and at most 40 epochs, evenly spread.
    """

    def work(progress: Progress, should_stop: Callable[[], bool]) -> Picture:
        files = results.run.epoch_embeddings
        objects = files.objects()
        count = len(objects.label_N)
        kept, unread = _readable(files, count)
        if not kept or count < 4:
            raise AkinError(
                f"{results.run.name} has too little for a map of its epochs: {count} objects and "
                f"{len(kept)} readable epochs.",
                "The map of the test objects is shown.",
            )
        if method != "pca" and len(kept) > MOST_SLOW_EPOCHS:
            spread = np.linspace(0, len(kept) - 1, MOST_SLOW_EPOCHS).round().astype(int)
            kept = [kept[at] for at in spread]
        rows_S = _drawn(count, MOST_SLOW_OBJECTS_BY_EPOCH if method != "pca" else count)
        embeddings = [epoch.embedding_ND[rows_S] for epoch in kept]
        if method == "pca":
            frames = pca_of_epochs(embeddings)
        elif method == "umap":
            frames = umap_of_epochs(embeddings, progress=progress, should_stop=should_stop)
        else:
            frames = tsne_of_epochs(embeddings, progress=progress, should_stop=should_stop)
        kept = kept[-len(frames) :]
        return Picture(
            results,
            ("epochs", method),
            objects,
            rows_S,
            frames,
            tuple(epoch.predicted_N[rows_S] for epoch in kept),
            tuple(epoch.epoch for epoch in kept),
            unread,
        )

    return work


def _readable(files: EpochEmbeddings, count: int) -> tuple[list[KeptEpoch], int]:
    """Returns the epochs whose files hold so many objects, and how many do not."""
    kept, unread = [], 0
    for epoch in files.epochs():
        try:
            found = files.load(epoch)
        except AkinError:
            unread += 1
            continue
        if len(found.embedding_ND) == len(found.predicted_N) == count:
            kept.append(found)
        else:
            unread += 1
    return kept, unread


def _drawn(count: int, most: int) -> IntArray:
    rows_S = np.arange(count, dtype=np.int64)
    if count <= most:
        return rows_S
    return np.sort(np.random.default_rng(0).choice(rows_S, most, replace=False))
