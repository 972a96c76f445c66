"""`akin detect run`: a detector and a run's encoder over the images of a data set."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli_output import make_reporter
from core.errors import DataError
from core.runs import open_run


def detect_run(
    detector: Annotated[
        str,
        typer.Option(
            metavar="DETECTOR",
            help="A run of akin detect train; torchvision:NAME; detectron2:NAME; ground-truth.",
        ),
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="The data set's folder.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="Where detections go.")],
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Whose encoder classifies; none: the detector itself."),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="The detector's weights.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which images; all: every one.")] = "test",
    proposals: Annotated[
        int, typer.Option(min=0, help="Classify so many proposals an image; 0: its detections.")
    ] = 0,
    least_score: Annotated[
        float, typer.Option("--min-score", min=0, max=1, help="What a box must score.")
    ] = 0.05,
    threshold: Annotated[
        float | None, typer.Option(help="Below it unknown; default: the run's.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images at a time; default: what is fast.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Finds and classifies objects; writes them in COCO's results format."""
    from core.data import open_dataset  # noqa: PLC0415
    from core.detection.detections_io import write_detections  # noqa: PLC0415
    from core.detection.open_detector import open_detector  # noqa: PLC0415 - torch
    from core.detection.pipeline import BoxChoice, Pipeline  # noqa: PLC0415
    from core.ranking import nearest  # noqa: PLC0415
    from core.training.device import choose_device  # noqa: PLC0415
    from core.training.run_classifier import RunClassifier  # noqa: PLC0415

    chosen_run = open_run(run) if run is not None else None
    index = open_dataset(data)
    if split != "all" and split not in index.splits:
        hint = nearest(split, ("all", *index.splits), "Choose another split")
        raise DataError(f"{index.name} has no split '{split}'.", hint)
    images = range(len(index.image_ids)) if split == "all" else index.splits[split].tolist()
    chosen_device = choose_device(device)
    found = open_detector(index, detector, weights, chosen_device, batch_size=batch_size)
    with make_reporter(as_json=False, to_stderr=True) as reporter:
        classifier = None
        if chosen_run is not None:
            classifier = RunClassifier(
                chosen_run, chosen_device, reporter.emit, threshold=threshold
            )
        pipeline = Pipeline(index, found, classifier, BoxChoice(proposals, least_score))
        count = write_detections(out, pipeline.run(images, reporter.progress("detecting")))
    for problem in pipeline.problems:
        print(f"warning: {problem.message}", file=sys.stderr)
    told = {"images": len(images), "detections": count, "file": str(out)}
    if classifier is not None:
        told["threshold"] = classifier.threshold
    if as_json:
        print(json.dumps(told | {"skipped": len(pipeline.problems)}))
    else:
        print(f"{count:,} detections in {len(images):,} images written to {out}")
