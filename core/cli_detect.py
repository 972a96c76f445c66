"""`akin detect`: detectors and their detections; each command calls one thing in core."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

detect_app = typer.Typer(help="Detectors and their detections.")

_FIGURES = {
    "ap": "AP, IoU 0.50 to 0.95",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP, small objects",
    "ap_medium": "AP, medium objects",
    "ap_large": "AP, large objects",
    "ar_1": "AR, 1 detection an image",
    "ar_10": "AR, 10 detections",
    "ar_100": "AR, 100 detections",
    "ar_small": "AR, small objects",
    "ar_medium": "AR, medium objects",
    "ar_large": "AR, large objects",
    "voc_11_point": "VOC 11-point AP50",
    "voc_all_point": "VOC all-point AP50",
}
_AGNOSTIC = 'no detection has a class: judged class-agnostically, all objects as one class "object"'


@detect_app.callback()
def _detect() -> None:
    """Detectors and their detections."""


@detect_app.command("evaluate")
def detect_evaluate(
    data: Annotated[Path, typer.Option(metavar="DIR", help="The data set's folder.")],
    detections: Annotated[
        Path, typer.Option(metavar="FILE.json", help="Detections in COCO's results format.")
    ],
    split: Annotated[str, typer.Option(help="Which images; all: every one.")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Average precision of detections in a file, COCO's and VOC's, in fractions of 1."""
    from core.data import open_dataset  # noqa: PLC0415
    from core.detection.detections_io import read_detections  # noqa: PLC0415
    from core.evaluation.detection_report import detection_metrics  # noqa: PLC0415

    index = open_dataset(data)
    found = read_detections(
        detections, index, lambda count: _note(count, "images that the data set skips as damaged")
    )
    metrics = detection_metrics(index, split, found)
    if metrics["outside_split"]:
        _note(metrics["outside_split"], f"images outside the split {split}")
    if metrics["class_agnostic"]:
        print(f"note: {_AGNOSTIC}", file=sys.stderr)
    elif metrics["unknown"]:
        known = f"{metrics['unknown']:,} of {metrics['detections']:,} detections"
        print(f"note: {known} are of no known class: they find nothing", file=sys.stderr)
    if as_json:
        print(json.dumps(metrics, indent=1, allow_nan=False))
    else:
        _print_metrics(metrics)


def _note(count: int, where: str) -> None:
    were = "1 detection is" if count == 1 else f"{count:,} detections are"
    print(f"note: {were} in {where}: left out", file=sys.stderr)


def _print_metrics(metrics: dict[str, Any]) -> None:
    from core.evaluation.detection_report import PAPER_DETECTOR, PAPER_TABLE_1  # noqa: PLC0415

    print(f"{metrics['data']}, {metrics['split']}: {metrics['images']:,} images,", end=" ")
    print(f"{metrics['objects']:,} objects ({metrics['difficult']:,} difficult),", end=" ")
    print(f"{metrics['detections']:,} detections")
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table("", box=None)
    compares = not metrics["class_agnostic"]
    for column in ("here", "paper") if compares else ("here",):
        table.add_column(column, justify="right")
    for key, words in _FIGURES.items():
        paper = [_fraction(PAPER_TABLE_1[key])] if compares and key in PAPER_TABLE_1 else []
        table.add_row(words, _fraction(metrics[key]), *paper)
    console.print(table)
    if compares:
        print(f"paper: {PAPER_DETECTOR}; on other images the two do not compare.")
    classes = Table("class", box=None)
    keys = ("objects", "detections", "ap", "ap50", "ap75", "voc_11_point", "voc_all_point")
    for heading in ("objects", "detections", "AP", "AP50", "AP75", "11-point", "all-point"):
        classes.add_column(heading, justify="right")
    for name, figures in metrics["per_class"].items():
        counts = (f"{figures[key]:,}" for key in keys[:2])
        classes.add_row(name, *counts, *(_fraction(figures[key]) for key in keys[2:]))
    console.print(classes)
    print(
        "AP counts difficult objects as ordinary ones; VOC's 11-point and all-point leave", end=" "
    )
    print("them out.")


def _fraction(value: float | None) -> str:
    return "none" if value is None else f"{value:.5f}"
