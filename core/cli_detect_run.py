"""`akin detect run`: a detector and a run's encoder over the images of a data set."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli_output import make_reporter
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
    from core.training.detection_job import DetectionJob, run_detection  # noqa: PLC0415

    chosen_run = open_run(run) if run is not None else None
    job = DetectionJob(
        detector=detector,
        out=out,
        run=chosen_run,
        weights=weights,
        split=split,
        proposals=proposals,
        least_score=least_score,
        threshold=threshold,
        device=device,
        batch_size=batch_size,
    )
    with make_reporter(as_json=False, to_stderr=True) as reporter:
        progress = reporter.progress("detecting")
        found = run_detection(job, open_dataset(data), reporter.emit, progress)
    for problem in found.problems:
        print(f"warning: {problem.message}", file=sys.stderr)
    if as_json:
        told = {"images": found.images, "detections": found.detections, "file": str(out)}
        if found.threshold is not None:
            told["threshold"] = found.threshold
        print(json.dumps(told | {"skipped": len(found.problems)}))
    else:
        print(f"{found.detections:,} detections in {found.images:,} images written to {out}")
