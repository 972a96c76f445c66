"""The configuration of a detector's training: a frozen tree like a run's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from core.config import ConfigSection, ConfigTree, OptimizerConfig, ScheduleConfig, tree_from
from core.config_files import RECIPE_FOLDER, read_tree
from core.errors import ConfigError
from core.ranking import nearest

FOLDER = RECIPE_FOLDER / "detectors"
DEFAULT_RECIPE, FINE_TUNE = "small", "fine-tune"


class DetectorDataConfig(ConfigSection):
    folder: str = Field("", title="Folder", description="The data set's folder.")
    train_split: str = Field("train", title="Train split", description="Images to learn from.")
    validation_split: str = Field(
        "val", title="Validation split", description="Images for AP by epoch and best.pt."
    )
    test_split: str = Field(
        "test", title="Test split", description="Images judged once, at the end."
    )
    include_difficult: bool = Field(
        True, title="Difficult objects", description="Learn the objects that VOC marks difficult."
    )


class NetworkConfig(ConfigSection):
    network: str = Field("small", title="Network", description="A Faster R-CNN by name.")
    weights: str | None = Field(
        None,
        title="Weights",
        description="COCO's name, ImageNet's for the backbone alone, or a file; empty: random.",
    )
    class_agnostic: bool = Field(
        False, title="Class-agnostic", description="Learn where objects are, not what they are."
    )


class DetectorTrainingConfig(ConfigSection):
    epochs: int = Field(
        24, ge=1, le=100_000, title="Epochs", description="Passes over the training images."
    )
    batch_size: int = Field(
        8,
        ge=1,
        le=4096,
        title="Batch size",
        description="Images a step.",
        json_schema_extra={"unit": "images"},
    )
    flip_probability: float = Field(
        0.5, ge=0, le=1, title="Flip", description="Probability of a horizontal flip."
    )
    gradient_clip: float = Field(
        10.0, ge=0, le=1e6, title="Gradient clip", description="Largest gradient norm; 0: off."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", title="Precision", description="auto: bfloat16 on GPUs that have it, else float32."
    )
    validation_images: int = Field(
        500,
        ge=0,
        le=1_000_000,
        title="Validation images",
        description="At most so many are judged after an epoch.",
        json_schema_extra={"unit": "images"},
    )


class DetectorConfig(ConfigTree):
    """Everything that defines a detector's training."""

    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="Of weights and batches.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        title="Device",
        description="auto: the GPU if there is one; cpu; cuda; cuda:1.",
    )
    data: DetectorDataConfig = DetectorDataConfig()
    detector: NetworkConfig = NetworkConfig()
    optimizer: OptimizerConfig = OptimizerConfig(
        name="adamw", learning_rate=0.002, weight_decay=0.01
    )
    schedule: ScheduleConfig = ScheduleConfig(warmup_epochs=1, final_factor=0.01)
    training: DetectorTrainingConfig = DetectorTrainingConfig()


def load_detector_config(path: Path) -> DetectorConfig:
    """Reads a detector's configuration from a YAML file.

    Raises:
        ConfigError: If it cannot be read or is none.
    """
    return tree_from(DetectorConfig, read_tree(path))


def load_detector_recipe(name: str) -> DetectorConfig:
    """Reads a built-in recipe for detectors.

    Raises:
        ConfigError: If there is none of that name.
    """
    names = detector_recipe_names()
    if name not in names:
        hint = nearest(name, names, "Choose one of the recipes")
        raise ConfigError(f"There is no detector recipe '{name}'.", hint)
    return load_detector_config(FOLDER / f"{name}.yaml")


def detector_recipe_names() -> tuple[str, ...]:
    """Returns the names of the built-in configurations, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
