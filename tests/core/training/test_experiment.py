"""What is checked before the first step: data, splits, withheld classes, similarities."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import ExperimentConfig
from core.data import open_dataset
from core.data.demo import write_demo
from core.errors import AkinError, ConfigError, DataError, RankingError
from core.ranking import Ranking, Tier
from core.ranking_files import load_ranking
from core.ranking_repairs import UNRANKED
from core.training.experiment import Experiment

PAPER = load_ranking("voc2007-paper")


def config(folder: Path, **values: Any) -> ExperimentConfig:
    dotted = {key.replace("__", "."): value for key, value in values.items()}
    return ExperimentConfig().with_values({"data.folder": str(folder), **dotted})


def test_objects_labels_and_splits(tiny_voc: Path) -> None:
    experiment = Experiment.prepare(config(tiny_voc), PAPER)
    index = open_dataset(tiny_voc)
    assert experiment.classes == index.classes
    assert len(experiment.classes) == 20
    np.testing.assert_array_equal(experiment.label_N, index.label_N)
    for name, objects in (
        ("train", experiment.train),
        ("val", experiment.validation),
        ("test", experiment.test),
    ):
        np.testing.assert_array_equal(objects, index.objects_of_split(name))
    assert experiment.warnings == ()


def test_withheld_classes_are_minus_one_and_leave_the_training(tiny_voc: Path) -> None:
    withheld = ("chair", "motorbike")
    experiment = Experiment.prepare(config(tiny_voc, data__withheld=withheld), PAPER)
    assert len(experiment.classes) == 18
    assert not set(withheld) & set(experiment.classes)
    index = experiment.index
    names_N = np.array(index.classes)[index.label_N]
    np.testing.assert_array_equal(experiment.label_N == -1, np.isin(names_N, withheld))
    for i, name in enumerate(names_N):
        if experiment.label_N[i] >= 0:
            assert experiment.classes[experiment.label_N[i]] == name
    assert (experiment.label_N[experiment.train] >= 0).all()
    assert (experiment.label_N[experiment.test] == -1).any()
    messages = [warning.message for warning in experiment.warnings]
    assert [m for m in messages if "withheld" in m] == [
        "The ranking names 'chair', which is withheld; it was left out.",
        "The ranking names 'motorbike', which is withheld; it was left out.",
    ]


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_ranked_uses_the_ranking_to_its_depth(tiny_voc: Path, depth: int) -> None:
    experiment = Experiment.prepare(config(tiny_voc, ranking__depth=depth), PAPER)
    expected = PAPER.similarity_matrix(experiment.classes, depth)
    np.testing.assert_array_equal(experiment.similarity_CC, expected)
    judged = PAPER.similarity_matrix(experiment.classes)
    np.testing.assert_array_equal(experiment.judged_similarity_CC, judged)


def test_withheld_tiers_close_up(tiny_voc: Path) -> None:
    ranking = Ranking({"cat": (Tier(("dog",)), Tier(("sheep",)), Tier(("horse",)))})
    experiment = Experiment.prepare(config(tiny_voc, data__withheld=("dog",)), ranking)
    row = experiment.similarity_CC[experiment.classes.index("cat")]
    assert row[experiment.classes.index("sheep")] == pytest.approx(2 / 3)
    assert row[experiment.classes.index("horse")] == pytest.approx(1 / 3)


@pytest.mark.parametrize("method", ["supcon", "softmax"])
def test_supcon_and_softmax_know_no_likeness_but_are_judged_by_it(
    tiny_voc: Path, method: str
) -> None:
    experiment = Experiment.prepare(config(tiny_voc, objective__method=method), PAPER)
    np.testing.assert_array_equal(experiment.similarity_CC, np.eye(20))
    assert (experiment.judged_similarity_CC != np.eye(20)).any()


def test_rince_is_the_super_categories_whatever_the_users_ranking(tiny_voc: Path) -> None:
    options = config(tiny_voc, objective__method="rince", ranking__depth=5)
    experiment = Experiment.prepare(options, PAPER)
    expected = load_ranking("voc-supercategories").similarity_matrix(experiment.classes)
    np.testing.assert_array_equal(experiment.similarity_CC, expected)
    assert set(np.unique(expected)) == {0, 0.75, 1}
    np.testing.assert_array_equal(expected, expected.T)


@pytest.mark.parametrize(
    ("values", "error", "message", "key"),
    [
        ({"data__withheld": ["chiar"]}, ConfigError, "'chiar' is no class", "data.withheld"),
        ({"data__train_split": "trian"}, ConfigError, "no split 'trian'", "data.train_split"),
        (
            {"data__validation_split": "vall"},
            ConfigError,
            "no split 'vall'",
            "data.validation_split",
        ),
        ({"data__validation_split": "v"}, ConfigError, "no split 'v'", "data.validation_split"),
        ({"data__test_split": "train"}, DataError, "24 images are both in", ""),
        ({"data__test_split": "trainval"}, DataError, "24 images are both in", ""),
    ],
)
def test_requests_without_sense(
    tiny_voc: Path, values: dict[str, Any], error: type[AkinError], message: str, key: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        Experiment.prepare(config(tiny_voc, **values), PAPER)
    assert raised.value.hint
    assert getattr(raised.value, "key", "") == key


def test_a_missing_split_is_not_replaced_by_one_that_shares_its_images(tmp_path: Path) -> None:
    write_demo(tmp_path / "voc", images=20)
    (listed,) = (tmp_path / "voc").rglob("Main/val.txt")
    listed.unlink()
    with pytest.raises(ConfigError, match="no split 'val'") as raised:
        Experiment.prepare(config(tmp_path / "voc"), PAPER)
    assert raised.value.hint == "Add a list of image names, such as ImageSets/Main/val.txt."


def test_everything_withheld_but_one(tiny_voc: Path) -> None:
    all_but_one = open_dataset(tiny_voc).classes[1:]
    with pytest.raises(ConfigError, match="Fewer than two classes"):
        Experiment.prepare(config(tiny_voc, data__withheld=all_but_one), Ranking())


def test_no_folder_and_a_folder_that_vanished(tiny_voc: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No data was given"):
        Experiment.prepare(ExperimentConfig(), PAPER)
    folder = shutil.copytree(tiny_voc, tmp_path / "data")
    Experiment.prepare(config(folder), PAPER)
    shutil.rmtree(folder)
    with pytest.raises(DataError, match="There is no folder"):
        Experiment.prepare(config(folder), PAPER)


def test_a_ranking_that_does_not_fit_is_refused_only_where_it_is_used(tiny_voc: Path) -> None:
    wrong = Ranking({"cat": (Tier(("dgo",)),)})
    with pytest.raises(RankingError, match="'dgo', ranked for 'cat'"):
        Experiment.prepare(config(tiny_voc), wrong)
    Experiment.prepare(config(tiny_voc, objective__method="supcon"), wrong)


def test_what_the_user_should_know_first(tiny_voc: Path, tmp_path: Path) -> None:
    voc = shutil.copytree(tiny_voc, tmp_path / "data") / "VOCdevkit" / "VOC2007"
    main = voc / "ImageSets" / "Main"
    (main / "test.txt").write_text("")
    (main / "val.txt").write_text("")
    image_ids = (main / "train.txt").read_text().split()
    (voc / "Annotations" / f"{image_ids[0]}.xml").write_text("<annotation>")
    annotation = voc / "Annotations" / f"{image_ids[1]}.xml"
    text = annotation.read_text()
    first = text[text.index("<name>") : text.index("</name>")]
    annotation.write_text(text.replace(first, "<name>zebra", 1))
    experiment = Experiment.prepare(config(voc), PAPER)
    messages = " ".join(warning.message for warning in experiment.warnings)
    assert "in the data; what could not be read was skipped." in messages
    assert "'zebra' has a single training object." in messages
    assert "The validation split is empty" in messages
    assert "The test split is empty" in messages


@pytest.mark.parametrize(
    ("ranking", "values", "warned"),
    [
        (Ranking(), {}, True),
        (
            Ranking().moved("chair", ["cat"], 0).moved("cat", ["chair"], 0),
            {"data__withheld": ("chair",)},
            True,
        ),
        (Ranking().moved("chair", ["cat"], 0), {}, False),
        (Ranking(), {"ranking__depth": 1}, False),
        (Ranking(), {"objective__method": "supcon"}, False),
    ],
)
def test_method_ranked_without_a_ranked_class_is_called_supcon(
    tiny_voc: Path, ranking: Ranking, values: dict[str, Any], warned: bool
) -> None:
    experiment = Experiment.prepare(config(tiny_voc, **values), ranking)
    assert (UNRANKED in {warning.message for warning in experiment.warnings}) == warned


def test_difficult_objects_are_left_out_where_asked(tiny_voc: Path, tmp_path: Path) -> None:
    voc = shutil.copytree(tiny_voc, tmp_path / "data") / "VOCdevkit" / "VOC2007"
    marked = 0
    for path in sorted((voc / "Annotations").iterdir())[:20]:
        text = path.read_text()
        marked += text.count("<difficult>0</difficult>")
        path.write_text(text.replace("<difficult>0</difficult>", "<difficult>1</difficult>"))
    assert marked
    everything = Experiment.prepare(config(voc), PAPER)
    easy = Experiment.prepare(config(voc, data__include_difficult=False), PAPER)
    parts = ("train", "validation", "test")
    count = {e: sum(len(getattr(e, part)) for part in parts) for e in (everything, easy)}
    assert count[easy] == count[everything] - marked


def test_a_choice_on_the_test_split_is_refused_but_judging_is_not(tiny_voc: Path) -> None:
    leaking = config(tiny_voc, data__validation_split="test")
    with pytest.raises(DataError, match=r"both in the validation and in the test split \(test and"):
        Experiment.prepare(leaking, PAPER)
    experiment = Experiment.prepare(leaking, PAPER, judging_only=True)
    np.testing.assert_array_equal(experiment.validation, experiment.test)


def test_validation_on_images_that_are_learned_from_is_warned_about(tiny_voc: Path) -> None:
    experiment = Experiment.prepare(config(tiny_voc, data__train_split="trainval"), PAPER)
    images = len(np.unique(experiment.index.image_index_N[experiment.validation]))
    (warning,) = experiment.warnings
    assert warning.message.startswith(f"{images} images of the validation split are learned from")
    assert "not learned from" in warning.hint
