"""Configuration files, recipes and `--set` words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.config import ExperimentConfig
from core.config_files import load_config, load_recipe, parse_assignments, recipe_names
from core.errors import ConfigError
from core.experiments.grid import load_grid
from core.ranking_files import load_ranking


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("optimizer.learning_rate=1e-3", 0.001),
        ("optimizer.learning_rate=1E-3", 0.001),
        ("optimizer.learning_rate=-2e5", -200000.0),
        ("optimizer.learning_rate=0.5", 0.5),
        ("training.epochs=12", 12),
        ("data.withheld=[chair, motorbike]", ["chair", "motorbike"]),
        ("data.withheld=[]", []),
        ("contrast.include_batch=null", None),
        ("contrast.include_batch=", None),
        ("data.include_difficult=false", False),
        ("ranking.source=a=b.yaml", "a=b.yaml"),
        ("ranking.source=e", "e"),
        ("ranking.source=voc2007-paper", "voc2007-paper"),
    ],
)
def test_set_reads_yaml_values(word: str, value: Any) -> None:
    found = parse_assignments([word])[word.partition("=")[0]]
    assert found == value
    assert type(found) is type(value)


def test_the_last_of_two_assignments_wins() -> None:
    assert parse_assignments(["seed=1", "seed=2"]) == {"seed": 2}


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("training.epochs", "'training.epochs' sets nothing.", "--set key=value"),
        ("training.epoch=3", "no configuration key 'training.epoch'", "'training.epochs'?"),
        ("training=3", "'training' is a group of keys.", "Set one of its keys"),
        ("data.withheld=[chair", "data.withheld: '[chair' is not a value.", "YAML"),
        ("=3", "There is no configuration key ''.", "known:"),
    ],
)
def test_set_words_without_sense(word: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_assignments([word])
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "description: mine\ntraining: {epochs: 3}\noptimizer:\n  learning_rate: 1e-3\n",
        encoding="utf-8",
    )
    expected = ExperimentConfig().with_values(
        {"training.epochs": 3, "optimizer.learning_rate": 0.001}
    )
    assert load_config(file) == expected


def test_a_saved_configuration_is_read_back(tmp_path: Path) -> None:
    config = ExperimentConfig().with_values({"data.folder": "/data/é", "crops.size": 48})
    (tmp_path / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"training: {epochs: 3", "is not valid YAML at line 1"),
        (b"training: {epochs: 3}\ntraining: {epochs: 4}\n", "has the key 'training' twice"),
        (b"- 1\n", "is not a configuration."),
        (b"", "is not a configuration."),
        (b"\xff\xfe\x00", "is not UTF-8 text."),
        (b"training: {epoch: 3}", "There is no configuration key 'training.epoch'."),
        (b"training: {epochs: 0}", "training.epochs = 0 is not possible"),
    ],
)
def test_broken_files(tmp_path: Path, text: bytes, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(text)
    with pytest.raises(ConfigError) as raised:
        load_config(file)
    assert message in raised.value.message
    assert raised.value.hint


def test_what_is_no_text_is_to_be_saved_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes("training: {epochs: 3}".encode("utf-16"))
    for load in (load_config, lambda path: load_grid(str(path))):
        with pytest.raises(ConfigError, match="is not UTF-8 text") as raised:
            load(tmp_path / "mine.yaml")
        assert raised.value.hint == "Save it as UTF-8."


def test_a_ranking_in_place_of_a_configuration_is_told_how_to_give_it(tmp_path: Path) -> None:
    file = tmp_path / "my ranking.yaml"
    file.write_text("similar: {cat: [dog]}")
    with pytest.raises(ConfigError, match="is a ranking, not a configuration") as raised:
        load_config(file)
    assert raised.value.hint.endswith(f"akin train --data DIR --ranking '{file}'")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml cannot be read: no such file"):
        load_config(tmp_path / "mine.yaml")


def test_recipes_are_valid_and_their_rankings_exist() -> None:
    assert "demo" in recipe_names()
    for name in recipe_names():
        config = load_recipe(name)
        load_ranking(config.ranking.source)
        assert not config.data.folder, "a recipe names no folder of one machine"


PAPER = {
    "data.train_split": "trainval",
    "data.test_split": "test",
    "data.withheld": (),
    "data.include_difficult": True,
    "objective.method": "ranked",
    "objective.positives": "in",
    "objective.temperature_min": 0.1,
    "objective.temperature_max": 0.6,
    "encoder.name": "resnet50",
    "encoder.stem": "small",
    "encoder.weights": None,
    "encoder.embedding_size": 128,
    "crops.source": "ground-truth",
    "views.scale_max": 1.0,
    "views.flip_probability": 0.5,
    "views.brightness": 0.4,
    "views.contrast": 0.4,
    "views.saturation": 0.4,
    "views.hue": 0.1,
    "views.grayscale_probability": 0.2,
    "contrast.bank_size": 2048,
    "contrast.include_batch": None,
    "contrast.momentum": 0.99,
    "optimizer.name": "sgd",
    "optimizer.learning_rate": 0.5,
    "optimizer.momentum": 0.9,
    "optimizer.weight_decay": 1e-4,
    "schedule.name": "cosine",
    "schedule.warmup_epochs": 0.0,
    "schedule.final_factor": pytest.approx(0.1**3),
    "training.epochs": 500,
    "training.batch_size": 100,
    "training.balanced": False,
    "training.ema": 0.0,
    "training.gradient_clip": 0.0,
}
PAPER_VOC = {
    "ranking.source": "voc2007-paper",
    "ranking.depth": 3,
    "crops.size": 64,
    "views.scale_min": 0.9,
    "views.jitter_probability": 0.25,
}
PAPER_CIFAR = {
    "ranking.source": "cifar10-paper",
    "ranking.depth": 5,
    "crops.size": 32,
    "views.scale_min": 0.2,
    "views.jitter_probability": 0.8,
}


@pytest.mark.parametrize(
    ("name", "own"), [("voc2007-paper", PAPER_VOC), ("cifar10-paper", PAPER_CIFAR)]
)
def test_the_paper_s_recipes_are_its_settings(name: str, own: dict[str, object]) -> None:
    config, wanted = load_recipe(name), PAPER | own
    assert {key: config.value(key) for key in wanted} == wanted


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="There is no recipe 'dmo'") as raised:
        load_recipe("dmo")
    assert "Did you mean 'demo'?" in raised.value.hint
    with pytest.raises(ConfigError, match="There is no recipe"):
        load_recipe("../rankings/none")
