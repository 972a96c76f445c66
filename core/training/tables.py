"""tables/*.csv of a run: the curves and the judged figures, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from core.events import EpochCompleted, Event, StepCompleted
from core.files import write_text
from core.runs import Run


def write_tables(run: Run, metrics: dict[str, Any]) -> None:
    """Writes epochs.csv, steps.csv, per_class.csv and confusion.csv."""
    events = list(run.events())
    epochs = [e for e in events if isinstance(e, EpochCompleted)]
    _write(
        run,
        "epochs",
        [
            *("epoch", "step", "loss", "validation_accuracy"),
            *("compliance", "compliance_train", "tau_b", "duration_s"),
        ],
        (
            [
                *(e.epoch, e.step, e.loss, e.validation_accuracy),
                *(e.compliance, e.compliance_train, e.tau_b, e.duration_s),
            ]
            for e in epochs
        ),
    )
    _write_steps(run, events)
    per_class = metrics["per_class"]
    _write(
        run,
        "per_class",
        ["class", "precision", "recall", "f1", "support"],
        (
            [name, row["precision"], row["recall"], row["f1"], row["support"]]
            for name, row in per_class.items()
        ),
    )
    confusion = metrics["confusion"]
    classes = confusion["classes"]
    _write(
        run,
        "confusion",
        ["true \\ predicted", *classes],
        ([name, *row] for name, row in zip(classes, confusion["counts"], strict=True)),
    )


def write_detector_tables(run: Run, metrics: dict[str, Any]) -> None:
    """Writes epochs.csv, steps.csv and per_class.csv of a detector."""
    events = list(run.events())
    header = ["epoch", "step", "loss", "ap", "ap50", "proposal_recall", "duration_s"]
    epochs = (e for e in events if isinstance(e, EpochCompleted))
    _write(run, "epochs", header, ([getattr(e, key) for key in header] for e in epochs))
    _write_steps(run, events)
    figures = ("ap", "ap50", "ap75", "voc_11_point", "voc_all_point")
    header = [*figures, "objects", "difficult", "detections"]
    rows = ([name, *(row[key] for key in header)] for name, row in metrics["per_class"].items())
    _write(run, "per_class", ["class", *header], rows)


def _write_steps(run: Run, events: Iterable[Event]) -> None:
    steps = [e for e in events if isinstance(e, StepCompleted)]
    parts = list(dict.fromkeys(part for e in steps for part in e.loss_parts))
    header = ["step", "epoch", "loss", "learning_rate", "objects_per_s", "gradient_norm"]
    rows = (
        [*(getattr(e, key) for key in header), *(e.loss_parts.get(part) for part in parts)]
        for e in steps
    )
    _write(run, "steps", [*header, *parts], rows)


def _write(run: Run, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(run.path / "tables" / f"{name}.csv", text.getvalue())
