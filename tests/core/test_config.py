"""The configuration tree: every key explains itself, and what makes no sense is named."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError

from core.config import ExperimentConfig, config_from_tree, config_keys, require_known_key
from core.errors import ConfigError

KEYS = [key for key, _ in config_keys()]
FIELDS = dict(config_keys())

# The keys that DESIGN section 5 promises.
PROMISED = """seed device data.folder data.train_split data.validation_split data.test_split
data.withheld data.include_difficult ranking.source ranking.depth objective.method
objective.positives objective.temperature_min objective.temperature_max encoder.name encoder.stem
encoder.weights encoder.embedding_size crops.size crops.source contrast.bank_size
contrast.include_batch contrast.momentum optimizer.name optimizer.learning_rate optimizer.momentum
optimizer.weight_decay training.epochs training.batch_size training.precision"""


def test_the_promised_keys_are_there_and_none_twice() -> None:
    assert set(PROMISED.split()) <= set(KEYS)
    assert len(set(KEYS)) == len(KEYS)
    assert any(key.startswith("views.") for key in KEYS)
    assert any(key.startswith("schedule.") for key in KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_a_label_and_a_help_sentence(key: str) -> None:
    field = FIELDS[key]
    assert field.title
    assert field.title[0].isupper()
    assert field.description
    assert field.description.endswith(".")
    ExperimentConfig().value(key)


def limits_of(key: str) -> dict[type, float]:
    return {
        type(limit): next(iter(vars(limit).values()))
        if hasattr(limit, "__dict__")
        else getattr(limit, type(limit).__name__.lower())
        for limit in FIELDS[key].metadata
        if isinstance(limit, Ge | Gt | Le | Lt)
    }


NUMBERS = [key for key in KEYS if FIELDS[key].annotation in (int, float)]


@pytest.mark.parametrize("key", NUMBERS)
def test_every_number_has_both_limits_and_keeps_them(key: str) -> None:
    limits = limits_of(key)
    low = next(limits[kind] for kind in (Ge, Gt) if kind in limits)
    high = next(limits[kind] for kind in (Le, Lt) if kind in limits)
    for value in (low - 1, high + 1, "many", None, math.nan, math.inf):
        with pytest.raises(ConfigError) as raised:
            ExperimentConfig().with_values({key: value})
        assert raised.value.key == key
        assert raised.value.message.startswith(f"{key} = ")
        assert raised.value.hint == f"The default is {number(FIELDS[key].default)}."
        for word, kind in (("at least", Ge), ("above", Gt), ("at most", Le), ("below", Lt)):
            given = f" {word} {number(limits[kind])}" if kind in limits else ""
            assert given in raised.value.message
            assert (word in raised.value.message) == bool(given)


def number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else str(value)


def test_the_tree_is_frozen() -> None:
    config = ExperimentConfig()
    with pytest.raises(ValidationError):
        config.seed = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.training.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("device", "gpu", "device = 'gpu' is not possible: it is none of the choices."),
        ("device", "cuda:", "device = 'cuda:' is not possible"),
        ("objective.method", "rank", "objective.method = 'rank' is not possible: it is none of"),
        ("training.epochs", 2.5, ": it should be a whole number, at least 1 and at most 100,000."),
        ("optimizer.learning_rate", 0, ": it should be a number, above 0 and at most 100."),
        ("training.balanced", "maybe", ": it should be true or false."),
        ("contrast.include_batch", "maybe", ": it should be true or false, or null."),
        ("data.folder", 7, ": it should be text."),
        ("training.epochs", [1, 2], "training.epochs = [1, 2] is not possible"),
        ("data.withheld", "chair", "data.withheld = 'chair' is not possible: it should be a list."),
        ("data.withheld", ["chair", 3], ": each of the list should be text."),
        ("seed", -1, "at least 0"),
        ("encoder.name", "x" * 99, "..."),
    ],
)
def test_impossible_values_are_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ExperimentConfig().with_values({key: value})
    assert message in raised.value.message
    assert raised.value.key == key
    assert len(raised.value.message) < 200


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("data.withheld", "chair", "Write [chair]."),
        ("data.withheld", "chair, sofa", "Write [chair, sofa]."),
        ("data.withheld", ["chair", 3], 'Write it in quotes: "3", in a shell \'"3"\'.'),
        ("data.train_split", 2007, 'Write it in quotes: "2007", in a shell \'"2007"\'.'),
        ("objective.method", "softmx", "Did you mean 'softmax'?"),
        ("training.precision", "x", "Choose one; known: auto, float32, bfloat16, float64."),
        ("training.balanced", 7, "The default is false."),
        ("device", "gpu", "auto: the GPU if there is one; cpu; cuda; cuda:1."),
    ],
)
def test_the_hint_says_what_to_write(key: str, value: Any, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ExperimentConfig().with_values({key: value})
    assert raised.value.hint == hint


@pytest.mark.parametrize(
    ("values", "key", "message"),
    [
        (
            {"objective.temperature_min": 0.7, "objective.temperature_max": 0.2},
            "objective",
            r"^objective is not possible: temperature_min \(0\.7\) is above temperature_max",
        ),
        (
            {"views.scale_min": 0.5, "views.scale_max": 0.4},
            "views",
            r"^views is not possible: scale_min \(0\.5\) is above",
        ),
    ],
)
def test_values_that_contradict_each_other(
    values: dict[str, float], key: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        ExperimentConfig().with_values(values)
    assert raised.value.key == key


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("training.epoch", "Did you mean 'training.epochs'?"),
        ("traning.epochs", "Did you mean 'training.epochs'?"),
        ("epochs", "Did you mean 'training.epochs'?"),
        ("learning_rate", "Did you mean 'optimizer.learning_rate'?"),
        ("optimiser.lerning_rate", "Did you mean 'optimizer.learning_rate'?"),
        ("trainng", "Did you mean 'training'?"),
        ("zzzz", "known: seed, device"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        require_known_key(key)
    assert raised.value.message == f"There is no configuration key '{key}'."
    assert hint in raised.value.hint
    assert raised.value.key == key
    with pytest.raises(ConfigError, match="There is no configuration key"):
        ExperimentConfig().with_values({key: 1})


@pytest.mark.parametrize(
    ("tree", "key"),
    [
        ({"training": {"epoch": 3}}, "training.epoch"),
        ({"trainin": {"epochs": 3}}, "trainin"),
        ({"training": 3}, "training"),
        ({"training": None}, "training"),
        ({"data": {"withheld": {"a": 1}, "foldr": "x"}}, "data.foldr"),
        ({7: 1}, "7"),
    ],
)
def test_unknown_keys_in_a_tree(tree: dict[Any, Any], key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config_from_tree(tree)
    assert f"'{key}'" in raised.value.message
    assert raised.value.hint


def test_with_values_returns_a_changed_copy() -> None:
    config = ExperimentConfig()
    changed = config.with_values(
        {"training.epochs": 3, "data.withheld": ["chair", "motorbike"], "encoder.weights": None}
    )
    assert changed.training.epochs == 3
    assert changed.data.withheld == ("chair", "motorbike")
    assert config.training.epochs == 20
    assert changed.optimizer == config.optimizer
    assert changed.value("data.withheld") == ("chair", "motorbike")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {
            "data.folder": "/tmp/ä b: #c",
            "data.withheld": ["chair", "no", "7"],
            "contrast.include_batch": True,
            "encoder.weights": "IMAGENET1K_V2",
            "optimizer.learning_rate": 1e-7,
            "optimizer.weight_decay": 0.1 + 0.2,
            "seed": 2**31 - 1,
            "device": "cuda:3",
        },
    ],
)
def test_what_is_written_is_read(values: dict[str, Any]) -> None:
    config = ExperimentConfig().with_values(values)
    again = config_from_tree(yaml.safe_load(config.to_yaml()))
    assert again == config
    assert list(yaml.safe_load(config.to_yaml())) == list(ExperimentConfig.model_fields)


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(ConfigError("What.", "Do.", "training.epochs")))
    assert (error.message, error.hint, error.key) == ("What.", "Do.", "training.epochs")
    assert str(error) == "What. Do."
