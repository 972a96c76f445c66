"""The configuration of a run: one frozen, typed tree.

Validation, the command line's `--set` and the window's form all come from the fields below: each
has a title (its label), a description (its help) and, where it is a number, limits and a unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from core.config_faults import reason_and_hint
from core.errors import ConfigError
from core.ranking import nearest

Method = Literal["ranked", "supcon", "rince", "softmax", "triplet", "npair"]


def _unit(unit: str) -> dict[str, Any]:
    return {"unit": unit}


class ConfigSection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataConfig(ConfigSection):
    folder: str = Field("", title="Folder", description="The data set's folder.")
    train_split: str = Field("train", title="Train split", description="Images to learn from.")
    validation_split: str = Field(
        "val", title="Validation split", description="Images for the live accuracy and best.pt."
    )
    test_split: str = Field(
        "test", title="Test split", description="Images judged once, at the end."
    )
    withheld: tuple[str, ...] = Field(
        (), title="Withheld classes", description="Never seen in training; out of distribution."
    )
    include_difficult: bool = Field(
        True, title="Difficult objects", description="Use the objects that VOC marks difficult."
    )


class RankingConfig(ConfigSection):
    source: str = Field(
        "none", title="Ranking", description="A preset's name or a YAML file, read by `ranked`."
    )
    depth: int = Field(
        3,
        ge=1,
        le=50,
        title="Depth r",
        description="Ranks used in training, the class itself counted: 1 is SupCon.",
    )


class ObjectiveConfig(ConfigSection):
    method: Method = Field(
        "ranked",
        title="Method",
        description="ranked: your ranking; supcon: depth 1; rince: super-categories; softmax: "
        "cross-entropy; triplet, npair: baselines that know no ranking.",
    )
    positives: Literal["in", "out", "out-in", "supcon"] = Field(
        "in", title="Positives", description="How the positives of a rank share one term (eq. 2)."
    )
    temperature_min: float = Field(
        0.1, ge=0.002, le=5, title="Temperature min", description="Tau at similarity 1."
    )
    temperature_max: float = Field(
        0.6, ge=0.002, le=5, title="Temperature max", description="Tau at similarity 0."
    )
    margin: float = Field(
        0.2, gt=0, le=4, title="Margin", description="Of triplet: a squared distance."
    )

    @model_validator(mode="after")
    def _ordered(self) -> ObjectiveConfig:
        if self.temperature_min > self.temperature_max:
            raise ValueError(
                f"temperature_min ({self.temperature_min}) is above "
                f"temperature_max ({self.temperature_max})"
            )
        return self


class EncoderConfig(ConfigSection):
    name: Literal["resnet18", "resnet34", "resnet50", "resnet101"] = Field(
        "resnet18", title="Encoder", description="The residual network under the projection head."
    )
    stem: Literal["small", "ordinary"] = Field(
        "ordinary",
        title="Stem",
        description="small: 3x3 stride 1, no max-pool (the paper's); ordinary: 16 times cheaper.",
    )
    weights: str | None = Field(
        None, title="Weights", description="A torchvision weights name or a file; empty: random."
    )
    embedding_size: int = Field(
        128, ge=2, le=4096, title="Embedding size", description="Dimensions of z."
    )


class CropsConfig(ConfigSection):
    size: int = Field(
        64, ge=8, le=512, title="Crop size", description="Its side.", json_schema_extra=_unit("px")
    )
    source: Literal["ground-truth", "proposals"] = Field(
        "ground-truth",
        title="Crop source",
        description="Boxes to learn from: annotated, or proposals that overlap an object.",
    )
    detector: str = Field(
        "",
        title="Crop detector",
        description="Whose proposals: a run of akin detect train, or torchvision:NAME.",
    )
    proposals: int = Field(
        50, ge=1, le=1000, title="Proposals", description="At most so many an image."
    )
    background: int = Field(
        0, ge=0, le=1000, title="Background", description="Proposals off all objects: negatives."
    )


class ViewsConfig(ConfigSection):
    scale_min: float = Field(
        0.9, gt=0, le=1, title="Crop scale min", description="Smallest share of the area kept."
    )
    scale_max: float = Field(
        1.0, gt=0, le=1, title="Crop scale max", description="Largest share of the area kept."
    )
    flip_probability: float = Field(
        0.5, ge=0, le=1, title="Flip", description="Probability of a horizontal flip."
    )
    brightness: float = Field(0.4, ge=0, le=1, title="Brightness", description="Jitter strength.")
    contrast: float = Field(0.4, ge=0, le=1, title="Contrast", description="Jitter strength.")
    saturation: float = Field(0.4, ge=0, le=1, title="Saturation", description="Jitter strength.")
    hue: float = Field(0.1, ge=0, le=0.5, title="Hue", description="Jitter strength.")
    jitter_probability: float = Field(
        0.25, ge=0, le=1, title="Jitter", description="Probability of colour jitter."
    )
    grayscale_probability: float = Field(
        0.2, ge=0, le=1, title="Grayscale", description="Probability of a grey view."
    )

    @model_validator(mode="after")
    def _ordered(self) -> ViewsConfig:
        if self.scale_min > self.scale_max:
            raise ValueError(f"scale_min ({self.scale_min}) is above scale_max ({self.scale_max})")
        return self


class ContrastConfig(ConfigSection):
    bank_size: int = Field(
        0,
        ge=0,
        le=1_000_000,
        title="Memory bank",
        description="Keys remembered; 0: no bank.",
        json_schema_extra=_unit("keys"),
    )
    include_batch: bool | None = Field(
        None,
        title="Contrast in batch",
        description="Contrast with the batch's other objects; empty: only without a bank.",
    )
    momentum: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Encoder momentum",
        description="Of the encoder of the keys; 0: keys come from the encoder itself.",
    )


class OptimizerConfig(ConfigSection):
    name: Literal["sgd", "adamw"] = Field("sgd", title="Optimizer", description="The update rule.")
    learning_rate: float = Field(
        0.5, gt=0, le=100, title="Learning rate", description="Peak of the schedule."
    )
    momentum: float = Field(0.9, ge=0, lt=1, title="Momentum", description="Of SGD.")
    weight_decay: float = Field(1e-4, ge=0, le=10, title="Weight decay", description="L2 penalty.")


class ScheduleConfig(ConfigSection):
    name: Literal["cosine", "step", "constant"] = Field(
        "cosine", title="Schedule", description="How the learning rate falls."
    )
    warmup_epochs: float = Field(
        0.0,
        ge=0,
        le=1000,
        title="Warm-up",
        description="Linear rise from 0.",
        json_schema_extra=_unit("epochs"),
    )
    final_factor: float = Field(
        1e-3, ge=0, le=1, title="Final factor", description="Last learning rate over the peak."
    )
    step_epochs: int = Field(
        100,
        ge=1,
        le=100_000,
        title="Step every",
        description="Of the step schedule.",
        json_schema_extra=_unit("epochs"),
    )
    step_factor: float = Field(
        0.1, gt=0, le=1, title="Step factor", description="Of the step schedule."
    )


class TrainingConfig(ConfigSection):
    epochs: int = Field(
        20, ge=1, le=100_000, title="Epochs", description="Passes over the training objects."
    )
    batch_size: int = Field(
        128,
        ge=2,
        le=65_536,
        title="Batch size",
        description="Objects a step.",
        json_schema_extra=_unit("objects"),
    )
    precision: Literal["auto", "float32", "bfloat16", "float64"] = Field(
        "auto",
        title="Precision",
        description="auto: bfloat16 on GPUs that have it, else float32 (on many CPUs bfloat16 is "
        "slower, on some it loses values). float64: to compare runs.",
    )
    gradient_clip: float = Field(
        0.0, ge=0, le=1e6, title="Gradient clip", description="Largest gradient norm; 0: off."
    )
    balanced: bool = Field(
        False, title="Balanced batches", description="Draw the classes equally often."
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Weight average",
        description="Judge an exponential moving average of the weights, such as 0.99; 0: off.",
    )
    compile: bool = Field(
        False,
        title="Compile",
        description="Compile the encoder (torch.compile): a slow start, then faster on GPUs.",
    )
    freeze_batch_norm: bool = Field(
        False,
        title="Freeze batch norm",
        description="Normalise with the statistics of the weights, not of the batch.",
    )
    sync_batch_norm: bool = Field(
        False,
        title="Sync batch norm",
        description="With several GPUs: statistics of the whole batch, not of each GPU's part.",
    )
    kept_embeddings: int = Field(
        1500,
        ge=0,
        le=100_000,
        title="Embeddings kept",
        description="Validation objects whose embeddings the epochs keep, for the map; 0: none.",
    )


class ConfigTree(ConfigSection):
    """A tree of settings with dotted keys, such as "optimizer.learning_rate"."""

    def to_yaml(self) -> str:
        """Returns the whole tree as YAML text."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    def value(self, key: str) -> Any:
        """Returns the value of a dotted key."""
        node: Any = self
        for part in key.split("."):
            node = getattr(node, part)
        return node

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """Returns a copy with dotted keys set.

        Raises:
            ConfigError: If a key is unknown or a value impossible; its `key` says which.
        """
        tree = self.model_dump(mode="python")
        for key, value in values.items():
            require_known_key(key, type(self))
            *parents, last = key.split(".")
            node = tree
            for part in parents:
                node = node[part]
            node[last] = value
        return tree_from(type(self), tree)


class ExperimentConfig(ConfigTree):
    """Everything that defines a run but the ranking itself (saved beside it)."""

    seed: int = Field(
        0, ge=0, le=2**31 - 1, title="Seed", description="Of weights, batches and views."
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        title="Device",
        description="auto: the GPU if there is one; cpu; cuda; cuda:1.",
    )
    data: DataConfig = DataConfig()
    ranking: RankingConfig = RankingConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    encoder: EncoderConfig = EncoderConfig()
    crops: CropsConfig = CropsConfig()
    views: ViewsConfig = ViewsConfig()
    contrast: ContrastConfig = ContrastConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    training: TrainingConfig = TrainingConfig()


Tree = TypeVar("Tree", bound=ConfigTree)


def config_keys(of: type[ConfigTree] = ExperimentConfig) -> Iterator[tuple[str, FieldInfo]]:
    """Yields every dotted key with its field, in the order of the tree."""

    def walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
        for name, field in model.model_fields.items():
            annotation = field.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                yield from walk(annotation, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", field

    yield from walk(of, "")


def config_from_tree(tree: Mapping[str, Any]) -> ExperimentConfig:
    """Validates the configuration of a run, as read from YAML; see `tree_from`."""
    return tree_from(ExperimentConfig, tree)


def tree_from(of: type[Tree], tree: Mapping[str, Any]) -> Tree:
    """Validates a nested mapping, as read from YAML.

    Raises:
        ConfigError: For the first unknown key or impossible value.
    """
    for key in _leaf_keys(of, tree):
        require_known_key(key, of)
    try:
        return of.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        reason, hint = reason_and_hint(first, dict(config_keys(of)).get(key))
        what = key if first["type"] == "value_error" else f"{key} = {_short(first['input'])}"
        raise ConfigError(f"{what} is not possible: {reason}.", hint, key) from error


def _leaf_keys(of: type[ConfigTree], tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    sections = {key.split(".")[0] for key, _ in config_keys(of) if "." in key}
    for name, value in tree.items():
        if not prefix and name in sections and isinstance(value, Mapping):
            yield from _leaf_keys(of, value, f"{name}.")
        elif not isinstance(value, BaseModel):
            yield f"{prefix}{name}"


def require_known_key(key: str, of: type[ConfigTree] = ExperimentConfig) -> None:
    known = [known for known, _ in config_keys(of)]
    if key in known:
        return
    sections = sorted({k.split(".")[0] for k in known if "." in k})
    if key in sections:
        raise ConfigError(f"'{key}' is a group of keys.", f"Set one of its keys, e.g. {key}.…", key)
    leaf = key.rsplit(".", 1)[-1]
    names = (*known, *sections)
    by_leaf = [k for k in known if k.rsplit(".", 1)[-1] == leaf]
    hint = f"Did you mean '{by_leaf[0]}'?" if by_leaf else nearest(key, names, "See the help")
    raise ConfigError(f"There is no configuration key '{key}'.", hint, key)


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, Mapping) else "..."
    return text if len(text) <= 40 else text[:37] + "..."
