"""What a run needs before its first step: the data, its labels and its crops, all checked.

Shape suffixes: N objects, C known classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.config import ExperimentConfig
from core.data import open_dataset
from core.data.crops import CropBank
from core.data.index import DatasetIndex
from core.errors import ConfigError, DataError
from core.events import Emit, PhaseChanged, WarningRaised
from core.ranking import Ranking, nearest
from core.ranking_controls import parse_source
from core.ranking_files import load_ranking
from core.ranking_repairs import UNRANKED, ranks_nothing

IntArray = npt.NDArray[np.int64]
RINCE_PRESET = "voc-supercategories"
WITHOUT_RANKING = ("supcon", "softmax", "triplet", "npair")

SPLIT_KEYS = ("train_split", "validation_split", "test_split")


@dataclass(frozen=True, eq=False)
class Experiment:
    """A checked request: data, known classes, and the similarity matrices.

    Attributes:
        index: The data set.
        classes: The C known classes (all but the withheld), in label order.
        label_N: For every object of the data set: index into `classes`, -1 if withheld.
        similarity_CC: What the loss is trained with; float64.
        judged_similarity_CC: The user's whole ranking, by which compliance is judged.
        train: Object indices to learn from, known classes only.
        validation: Object indices of the validation split.
        test: Object indices of the test split.
        warnings: What the user should know before it starts.
        background: Object indices that show no object: negatives, and nothing else.
    """

    index: DatasetIndex
    classes: tuple[str, ...]
    label_N: IntArray
    similarity_CC: npt.NDArray[np.float64]
    judged_similarity_CC: npt.NDArray[np.float64]
    train: IntArray
    validation: IntArray
    test: IntArray
    warnings: tuple[WarningRaised, ...]
    background: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @classmethod
    def prepare(
        cls, config: ExperimentConfig, ranking: Ranking, *, judging_only: bool = False
    ) -> Experiment:
        """Opens the data and checks that the request makes sense.

        Args:
            config: What was asked for.
            ranking: By which it is trained or judged.
            judging_only: Nothing is chosen on the validation split, so it may share images with
                the test split.

        Raises:
            AkinError: With what is wrong and what to do; nothing has been written.
        """
        if not config.data.folder:
            raise ConfigError("No data was given.", "Give --data DIR.", "data.folder")
        index = open_dataset(Path(config.data.folder))
        withheld = config.data.withheld
        for name in withheld:
            if name not in index.classes:
                hint = nearest(name, index.classes, "Choose classes of the data")
                raise ConfigError(f"'{name}' is no class of the data.", hint, "data.withheld")
        classes = tuple(name for name in index.classes if name not in withheld)
        if len(classes) < 2:
            raise ConfigError(
                "Fewer than two classes are left to learn.", "Withhold fewer.", "data.withheld"
            )
        known = {name: i for i, name in enumerate(classes)}
        label_C = np.array([known.get(name, -1) for name in index.classes], dtype=np.int64)
        label_N = label_C[index.label_N]
        train = _split(config, index, "train_split")
        train = train[label_N[train] >= 0]
        if len(train) < 2:
            raise DataError(
                f"The split '{config.data.train_split}' has no objects to learn from.",
                "Choose another data.train_split, or withhold fewer classes.",
            )
        similarity_CC = training_similarity(config, ranking, index.classes, classes)
        judged = ranking.without_classes(withheld).similarity_matrix(classes)
        experiment = cls(
            index,
            classes,
            label_N,
            similarity_CC,
            judged,
            train,
            _split(config, index, "validation_split"),
            _split(config, index, "test_split"),
            (),
        )
        _require_disjoint_splits(config, experiment, judging_only)
        object.__setattr__(experiment, "warnings", _warnings(config, ranking, experiment))
        return experiment

    def crops(
        self,
        config: ExperimentConfig,
        cache_folder: Path | None,
        emit: Emit,
        should_stop: Callable[[], bool],
    ) -> CropBank:
        """Builds the crops of all three splits and background, emitting progress and warnings."""
        objects = np.union1d(np.union1d(self.train, self.validation), self.test)
        objects = np.union1d(objects, self.background)

        def progress(done: int, total: int) -> None:
            emit(PhaseChanged(phase="caching crops", done=done, total=total))

        bank = CropBank.build(
            self.index,
            objects,
            config.crops.size,
            cache_folder=cache_folder,
            progress=progress,
            should_stop=should_stop,
        )
        for problem in bank.problems:
            emit(WarningRaised(message=problem.message))
        return bank


def configured_ranking(config: ExperimentConfig, index: DatasetIndex | None = None) -> Ranking:
    """Loads the ranking that a configuration names; a control is drawn from the data's classes.

    Args:
        config: Its `ranking.source`, and its data and withheld classes for a control.
        index: The data, where they are open already.

    Raises:
        AkinError: If the ranking, or for a control the data, cannot be read.
    """
    source = config.ranking.source
    is_control = not Path(source).is_file() and parse_source(source) is not None
    if not is_control:
        return load_ranking(source)
    if index is None and config.data.folder:
        index = open_dataset(Path(config.data.folder))
    return load_ranking(source, index.classes if index else (), config.data.withheld)


def training_similarity(
    config: ExperimentConfig,
    ranking: Ranking,
    all_classes: tuple[str, ...],
    classes: tuple[str, ...],
) -> npt.NDArray[np.float64]:
    """Returns similarity_CC for the configured method: methods are settings of one loss.

    Raises:
        AkinError: If the ranking does not fit the data's classes.
    """
    method = config.objective.method
    if method in WITHOUT_RANKING:
        return np.eye(len(classes))
    if method == "rince":
        ranking = load_ranking(RINCE_PRESET)
        if not set(ranking.similar) & set(all_classes):
            raise ConfigError(
                "RINCE needs VOC's classes, and the data has none of them.",
                "Choose method ranked with a ranking of your own.",
                "objective.method",
            )
        return ranking.similarity_matrix(classes)
    ranking.require_valid(all_classes)
    kept = ranking.without_classes(config.data.withheld)
    return kept.similarity_matrix(classes, config.ranking.depth)


def _split(config: ExperimentConfig, index: DatasetIndex, key: str) -> IntArray:
    name = config.value(f"data.{key}")
    if name not in index.splits:
        apart = [split for split in index.splits if _shares_nothing(config, index, key, split)]
        raise ConfigError(
            f"The data has no split '{name}'.",
            nearest(name, apart, "Choose another")
            if apart
            else f"Add a list of image names, such as ImageSets/Main/{name}.txt.",
            f"data.{key}",
        )
    return index.objects_of_split(name, include_difficult=config.data.include_difficult)


def _shares_nothing(config: ExperimentConfig, index: DatasetIndex, key: str, split: str) -> bool:
    """Tells whether a split in place of `key` has no image of the other two."""
    others = {config.value(f"data.{other}") for other in SPLIT_KEYS if other != key}
    images = index.splits[split]
    return not any(np.isin(images, index.splits[name]).any() for name in others & {*index.splits})


def _warnings(
    config: ExperimentConfig, ranking: Ranking, experiment: Experiment
) -> tuple[WarningRaised, ...]:
    found = []
    count = len(experiment.index.problems)
    if count:
        found.append(
            WarningRaised(
                message=f"{count} problem{'s' if count > 1 else ''} in the data; what could not "
                "be read was skipped.",
                hint="akin data check DIR lists them.",
            )
        )
    ranked = config.objective.method == "ranked" and config.ranking.depth > 1
    if ranked and ranks_nothing(ranking, experiment.classes):
        found.append(
            WarningRaised(
                message=UNRANKED,
                hint="Give a ranking (page Ranking, or --ranking), or choose method supcon.",
            )
        )
    named = {n for anchor in ranking.similar for n in (anchor, *ranking.ranked(anchor))}
    for name in sorted(named & set(config.data.withheld)):
        found.append(
            WarningRaised(
                message=f"The ranking names '{name}', which is withheld; it was left out."
            )
        )
    counts_C = np.bincount(experiment.label_N[experiment.train], minlength=len(experiment.classes))
    for name, number in zip(experiment.classes, counts_C, strict=True):
        if number < 2:
            have = "a single training object" if number else "no training object"
            found.append(
                WarningRaised(
                    message=f"'{name}' has {have}.",
                    hint="Its results mean little; withhold it or add images.",
                )
            )
    for what, objects in (("validation", experiment.validation), ("test", experiment.test)):
        if not len(objects):
            found.append(
                WarningRaised(
                    message=f"The {what} split is empty; there will be no {what} figures.",
                    hint="Choose another split.",
                )
            )
    seen = len(_shared_images(experiment, experiment.train, experiment.validation))
    if seen:
        found.append(
            WarningRaised(
                message=f"{seen} images of the validation split are learned from: validation "
                "figures, best.pt and the threshold of the withheld classes flatter the run.",
                hint="Choose a validation split of images that are not learned from.",
            )
        )
    return tuple(found)


def _require_disjoint_splits(
    config: ExperimentConfig, experiment: Experiment, judging_only: bool
) -> None:
    """Checks that what is judged was neither learned from nor used to choose."""
    others = [("training", "train_split", experiment.train)]
    if not judging_only:
        others.append(("validation", "validation_split", experiment.validation))
    for name, key, objects in others:
        shared = _shared_images(experiment, objects, experiment.test)
        if shared:
            raise DataError(
                f"{len(shared)} images are both in the {name} and in the test split "
                f"({config.value(f'data.{key}')} and {config.data.test_split}), such as "
                f"'{experiment.index.image_ids[shared[0]]}'.",
                "Choose splits that share no image.",
            )


def _shared_images(experiment: Experiment, one: IntArray, other: IntArray) -> list[int]:
    image_N = experiment.index.image_index_N
    return [int(i) for i in np.intersect1d(image_N[one], image_N[other])]
