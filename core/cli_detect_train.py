"""`akin detect train`: a detector learned from a data set."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli_config_help import keys_help
from core.cli_training import (
    BatchOption,
    EventsOption,
    MoreOption,
    refuse_without_resume,
    reopened,
    run_training,
)
from core.config_files import parse_assignments
from core.errors import ConfigError, RunError
from core.events import Emit, Outcome
from core.training.control import TrainingControl
from core.training.detector_config import (
    DEFAULT_RECIPE,
    FINE_TUNE,
    DetectorConfig,
    detector_recipe_names,
    load_detector_recipe,
)
from core.training.detector_run import DetectorRun, create_detector_run, open_detector_run

DataOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A data set; with --resume: where its data are now."),
]


def detect_train(
    context: typer.Context,
    data: DataOption = None,
    detector: Annotated[
        str | None,
        typer.Option(metavar="torchvision:NAME", help="The network; the default is small."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help=f"A built-in configuration: {', '.join(detector_recipe_names())}. The default is "
            f"{DEFAULT_RECIPE}; with one of torchvision's networks, {FINE_TUNE}."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="To start from: COCO's, ImageNet's, or a file."),
    ] = None,
    class_agnostic: Annotated[
        bool, typer.Option("--class-agnostic", help="Learn where objects are, not what.")
    ] = False,
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="The run's directory.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue --run.")] = False,
    more: MoreOption = None,
    batch_size: BatchOption = None,
    epochs: Annotated[int | None, typer.Option(help="training.epochs; with --resume too.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="key=value", help="Any key.")
    ] = None,
    as_json: EventsOption = False,
) -> None:
    """Trains a detector and judges it on the test split."""
    if resume:
        if run is None:
            raise RunError("--resume needs a run directory.", "Give --run DIR.")
        given: dict[str, object] = {"--set": assignments, "--detector": detector}
        given |= {"--recipe": recipe, "--weights": weights, "--class-agnostic": class_agnostic}
        numbers = {"more": more, "epochs": epochs, "batch_size": batch_size}
        found = open_detector_run(run)
        context.with_resource(found.claim())
        found = reopened(found, given, **numbers, data=data)
    else:
        refuse_without_resume(more, batch_size)
        values = parse_assignments(assignments or [], DetectorConfig)
        if data is not None:
            values["data.folder"] = str(data.resolve())
        if weights is not None:
            values["detector.weights"] = weights
        if class_agnostic:
            values["detector.class_agnostic"] = True
        if epochs is not None:
            values["training.epochs"] = epochs
        found = create_detector_run(_config(detector, recipe, values), run)
        context.with_resource(found.claim())

    def start(emit: Emit, control: TrainingControl) -> Outcome:
        from core.training.detector_trainer import DetectorTrainer  # noqa: PLC0415 - torch

        return DetectorTrainer(DetectorRun(found.path), emit, control, resume=resume).run()

    again = f"detect train --run {shlex.quote(str(found.path))} --resume"
    run_training(start, found, again, as_json=as_json)


def detector_keys_help() -> str:
    """Returns the keys with the values of the default recipe."""
    default = load_detector_recipe(DEFAULT_RECIPE)
    return keys_help(default, f"the values of the default recipe, {DEFAULT_RECIPE}")


def _config(detector: str | None, recipe: str | None, values: dict[str, Any]) -> DetectorConfig:
    network = None
    if detector is not None:
        kind, _, network = detector.rpartition(":")
        if kind not in ("", "torchvision"):
            raise ConfigError(
                f"'{detector}' cannot be trained here.",
                "Choose --detector torchvision:small or another of torchvision's.",
            )
    if recipe is None:
        recipe = DEFAULT_RECIPE if network in (None, DEFAULT_RECIPE) else FINE_TUNE
    config = load_detector_recipe(recipe)
    if network is not None and network != config.detector.network:
        config = config.with_values({"detector.network": network, "detector.weights": "DEFAULT"})
    return config.with_values(values)
