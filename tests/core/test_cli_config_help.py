"""The keys in the help of the command line."""

from __future__ import annotations

from typing import Any

import yaml

from core.cli_config_help import keys_help
from core.config import ExperimentConfig, config_keys
from core.training.detector_config import DetectorConfig, load_detector_recipe


def test_every_key_is_listed_with_a_default_that_can_be_set_again() -> None:
    lines = keys_help(ExperimentConfig()).splitlines()[2:]
    keys = [line.strip() for line in lines if not line.startswith("   ")]
    given = dict(line.split("=", 1) for line in keys)
    assert list(given) == [key for key, _ in config_keys()]
    values = {key: yaml.safe_load(text) for key, text in given.items()}
    assert ExperimentConfig().with_values(values) == ExperimentConfig()


def test_limits_and_choices_are_told() -> None:
    text = " ".join(keys_help(ExperimentConfig()).split())
    assert "optimizer.learning_rate=0.5 Peak of the schedule. (> 0, <= 100)" in text
    assert (
        "schedule.name=cosine How the learning rate falls. One of: cosine, step, constant." in text
    )
    assert all(len(line) <= 79 for line in keys_help(ExperimentConfig()).splitlines())


def test_a_detectors_keys_have_the_values_that_are_in_effect(akin: Any) -> None:
    text = akin("detect", "train", "--help").out
    assert "The default is small" in " ".join(text.replace("│", " ").split())
    listed = text[text.index("the values of the default recipe, small:") :].splitlines()
    given = dict(line.strip().split("=", 1) for line in listed if "=" in line and "(" not in line)
    values = {key: yaml.safe_load(value) for key, value in given.items()}
    assert values["optimizer.name"] == "adamw"
    assert values["training.epochs"] == 20
    assert values.keys() == {key for key, _ in config_keys(DetectorConfig)}
    assert DetectorConfig().with_values(values) == load_detector_recipe("small")
