"""Experiment files: what they mean, what they refuse, and the built-in ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from core.config import Method
from core.config_files import recipe_names
from core.errors import AkinError, ConfigError
from core.experiments.grid import Grid, experiment_names, grid_from_tree, load_grid, ranking_labels
from core.ranking_files import load_ranking

SHUFFLED = "voc2007-paper:shuffled:seed"


def grid(**keys: Any) -> Grid:
    return grid_from_tree({"name": "mine", **keys})


def test_arms_are_methods_rankings_and_depths() -> None:
    found = grid(
        methods=["softmax", "supcon", "rince", "ranked"],
        rankings=["voc2007-paper", SHUFFLED],
        depths=[3, 5],
    ).arms()
    assert [arm.label for arm in found] == [
        "SoftMax",
        "SupCon",
        "RINCE",
        "ranked r3",
        "ranked r5",
        "ranked r3, shuffled",
        "ranked r5, shuffled",
    ]
    assert len({arm.slug for arm in found}) == 7
    assert {arm.source for arm in found[:3]} == {"voc2007-paper"}


def test_every_method_is_an_arm() -> None:
    methods = get_args(Method)
    assert [arm.method for arm in grid(methods=methods).arms()] == list(methods)
    assert all(arm.label for arm in grid(methods=methods).arms())


def test_a_single_ranking_needs_no_mention() -> None:
    assert [arm.label for arm in grid(methods=["ranked"], depths=[2]).arms()] == ["ranked r2"]


def test_the_control_of_a_run_is_drawn_with_its_seed() -> None:
    arm = grid(methods=["ranked"], rankings=[SHUFFLED]).arms()[0]
    config = arm.config(grid().base("somewhere"), 7)
    assert config.ranking.source == "voc2007-paper:shuffled:7"
    assert config.seed == 7
    assert config.data.folder == "somewhere"


def test_labels_of_rankings() -> None:
    one = (
        "a/mine.yaml",
        "a/mine.yaml:truncated:2",
        "a/mine.yaml:random",
        "a/mine.yaml:random:seed",
    )
    assert list(ranking_labels(one).values()) == ["", ", truncated 2", ", random", ", random"]
    two = ("a/mine.yaml", "yours.yaml:truncated:2:shuffled:seed")
    assert list(ranking_labels(two).values()) == [" mine", " yours, truncated 2, shuffled"]


@pytest.mark.parametrize(
    ("tree", "message", "hint"),
    [
        ({"sets": {}}, "no key 'sets'", "'set'"),
        ({"seed": [1]}, "no key 'seed'", "'seeds'"),
        ({"seeds": []}, "seeds is not possible: it is empty", "seeds: [0, 1, 2]"),
        ({"seeds": 3}, "seeds is not possible: it should be a list.", "seeds: [0, 1, 2]"),
        ({"seeds": ["x"]}, "each of the list should be a whole number.", "seeds: [0, 1, 2]"),
        ({"seeds": [1, 1]}, "an entry occurs twice", "seeds: [0, 1, 2]"),
        ({"depths": [0]}, "depths begin at 1", "depths: [3, 5]"),
        ({"methods": ["simclr"]}, "methods is not possible: it is none of the choices", "rince"),
        ({"paper": "voc2012"}, "paper is not possible", "voc2007"),
        ({"name": "a/b"}, "name is not possible", "letters"),
        ({"set": 3}, "set is not possible: it should be a mapping of keys", "training.epochs"),
    ],
)
def test_what_is_refused(tree: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        grid(**tree)
    assert message in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"set": {"training.epoch": 3}}, "no configuration key 'training.epoch'"),
        ({"set": {"seed": 3}}, "'seed' cannot be set: the experiment plans it"),
        ({"set": {"training.epochs": 0}}, "training.epochs = 0 is not possible"),
        ({"recipe": "dmo"}, "There is no recipe 'dmo'"),
    ],
)
def test_a_base_without_sense(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        grid(**keys).base("")
    assert message in raised.value.message


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "my grid.yaml"
    file.write_text("methods: [supcon]\nset: {training.epochs: 2}\n")
    found = load_grid(str(file))
    assert found.name == "my-grid"
    assert found.base("").training.epochs == 2
    file.write_text(found.to_yaml())
    assert load_grid(str(file)) == found
    for text, message in (("- 1", "is not an experiment"), ("a: [", "is not valid YAML")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_grid(str(file))
    with pytest.raises(ConfigError, match="There is no experiment 'experiment-dmo'") as raised:
        load_grid("experiment-dmo")
    assert "Did you mean 'experiment-demo'?" in raised.value.hint


def test_built_in_experiments_are_valid() -> None:
    assert set(experiment_names()) == {
        *("experiment-demo", "experiment-voc-cpu", "paper-table-2", "paper-table-3")
    }
    assert not set(experiment_names()) & set(recipe_names())
    for name in experiment_names():
        found = load_grid(name)
        config = found.base("")
        assert not config.data.folder
        assert found.description
        assert len(found.seeds) == 3
        for arm in found.arms():
            load_ranking(arm.config(config, 0).ranking.source)


def test_the_small_ones_are_the_five_arms_that_were_asked_for() -> None:
    for name in ("experiment-demo", "experiment-voc-cpu"):
        found = load_grid(name)
        labels = [arm.label for arm in found.arms()]
        assert labels == ["SoftMax", "SupCon", "RINCE", "ranked r3", "ranked r3, shuffled"]
        assert found.base("").data.withheld == ("chair", "motorbike")


def test_every_refusal_is_one_a_person_can_read() -> None:
    with pytest.raises(AkinError) as raised:
        grid(methods="ranked")
    assert "pydantic" not in str(raised.value)
