"""`akin runs ...` and `akin evaluate` of another split or classifier."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from rich.console import Console
from rich.table import Table

from core.cli_measures import measures_in_lines
from core.cli_output import make_reporter
from core.cli_run_notes import (
    DirOption,
    RunsArgument,
    find_run,
    no_runs_in_trash,
    runs_empty_trash,
    runs_note,
    runs_rename,
    runs_restore,
    runs_tag,
    runs_trash,
    store_of,
)
from core.errors import AkinError, ConfigError, RunError
from core.events import Status
from core.ranking import nearest
from core.run_notes import matches
from core.run_trash import list_trash
from core.runs import Run, format_time, trash_of
from core.training.control import TrainingControl

if TYPE_CHECKING:
    from core.experiments.comparing import RunComparison

STATUSES = ("running", *get_args(Status))
WIDTH_IN_A_PIPE = 160
runs_app = typer.Typer(help="Runs of the workspace.")
for _command in (runs_tag, runs_note, runs_rename, runs_trash, runs_restore, runs_empty_trash):
    runs_app.command(_command.__name__.removeprefix("runs_").replace("_", "-"))(_command)
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@runs_app.command("list")
def runs_list(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="With this tag.")] = None,
    status: Annotated[list[str] | None, typer.Option(help=f"{', '.join(STATUSES)}.")] = None,
    find: Annotated[str, typer.Option(help="Words in name, tags, note, method, data.")] = "",
    trash: Annotated[bool, typer.Option("--trash", help="What is in the trash.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists the runs of the workspace, of a folder or of an experiment."""
    for word in status or []:
        if word not in STATUSES:
            raise RunError(f"There is no status '{word}'.", nearest(word, STATUSES, "Choose one"))
    store = store_of(folder)
    there = (store.folder, trash_of(store.folder))
    if folder is not None and not any(place.is_dir() for place in there):
        raise RunError(f"There is no folder '{folder}'.", "List the workspace's: akin runs list")
    rows, damaged = [], []
    for found in [each.run for each in list_trash(store)] if trash else store.list():
        try:
            rows.append(_run_row(found))
        except AkinError as error:
            damaged.append(f"skipped: {found.path}: {error.message}")
    for line in damaged:
        print(line, file=sys.stderr)
    chosen = [row for row in rows if _is_wanted(row, tags or [], status or [], find)]
    if as_json:
        print(json.dumps(chosen, indent=1))
    elif rows and not chosen:
        known = sorted({tag for row in rows for tag in row["tags"]}) if tags else []
        said = f" Tags: {', '.join(known)}." if known else ""
        print(f"None of the {len(rows)} runs is like that.{said}")
    elif not rows:
        nothing = f"No runs in {store.folder}. Train one with: akin train --recipe demo"
        print(no_runs_in_trash(store) if trash else nothing)
    else:
        _print_rows(chosen)


def _is_wanted(row: dict[str, Any], tags: list[str], status: list[str], find: str) -> bool:
    has_tags = set(tags) <= set(row["tags"])
    texts = (row[k] for k in ("run", "title", "method", "ranking", "data", "note"))
    is_found = matches(find, (*texts, *row["tags"]))
    return has_tags and is_found and (not status or row["status"] in status)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    header = ("run", "started", "status", "method", "data", "accuracy", "AUROC")
    extra = [key for key in ("title", "tags") if any(row[key] for row in rows)]
    table = Table(*header, *(key.replace("title", "name") for key in extra), box=None)
    for row in rows:
        figures = ("" if row[k] is None else f"{row[k]:.3f}" for k in ("accuracy", "auroc"))
        started = format_time(row["started"]) if row["started"] else ""
        words = (", ".join(row[k]) if k == "tags" else row[k] for k in extra)
        first = (row["run"], started, row["status"], row["method"], row["data"])
        table.add_row(*first, *figures, *words)
    _console().print(table)


@runs_app.command("compare")
def runs_compare(
    runs: RunsArgument,
    flips: Annotated[bool, typer.Option("--flips", help="List the objects that flip.")] = False,
    folder: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares two or more runs that were judged on the same test objects."""
    from core.experiments.comparing import compare_runs  # noqa: PLC0415 - scipy takes a second

    found = compare_runs([find_run(store_of(folder), word) for word in runs])
    if as_json:
        print(json.dumps(found.to_json(), indent=1))
        return
    _print_comparison(found)
    if flips:
        _print_flips(found)


def evaluate_other(
    run: Run, folder: Path | None, split: str, classifier: str, *, as_json: bool
) -> None:
    """Judges a run by another split or classifier, or with data that have moved."""
    from core.training.evaluating import CLASSIFIERS, Request, evaluate_run  # noqa: PLC0415 - torch

    if classifier and classifier not in CLASSIFIERS:
        hint = nearest(classifier, CLASSIFIERS, "Choose one of these")
        raise ConfigError(f"There is no classifier '{classifier}'.", hint)
    request = Request(split, next((c for c in CLASSIFIERS if c == classifier), ""), folder)
    with make_reporter(as_json=False, to_stderr=as_json) as reporter:
        metrics, path = evaluate_run(run, request, reporter.emit, TrainingControl())
    if as_json:
        print(json.dumps(metrics, indent=1))
        return
    print(
        f"{metrics['data']}, {metrics['split']}, {metrics['count']} objects, "
        f"{metrics['classifier']}:"
    )
    for line in measures_in_lines(metrics):
        print(line)
    print(f"written: {path}")


def _run_row(run: Run) -> dict[str, Any]:
    environment, metrics, outcome = run.environment(), run.metrics() or {}, run.outcome()
    config, notes = run.config, run.notes()
    depth = f" r{config.ranking.depth}" if config.objective.method == "ranked" else ""
    return {
        "run": run.name,
        "path": str(run.path),
        "title": notes.title,
        "tags": list(notes.tags),
        "note": notes.note,
        "started": environment.get("started"),
        "status": outcome.status if outcome else "running",
        "method": config.objective.method + depth,
        "ranking": config.ranking.source,
        "data": environment.get("data_name", ""),
        "accuracy": metrics.get("accuracy"),
        "auroc": (metrics.get("ood") or {}).get("auroc"),
    }


def _print_comparison(found: RunComparison) -> None:
    from core.evaluation.class_comparison import classes_in_words  # noqa: PLC0415
    from core.experiments.tables import summary_table  # noqa: PLC0415

    if len(found.groups) > 1 or len(found.groups[0].runs) > 1:
        text = summary_table(found.summary)
        table = Table(*text.header, box=None)
        for row in text.rows:
            table.add_row(*row)
        _console().print(table)
    if found.differences:
        table = Table("differs", *(run.title for run in found.runs), box=None)
        for key, values in found.differences.items():
            table.add_row(key, *values)
        print()
        _console().print(table)
    print()
    for pair, classes in zip(found.pairs, found.classes, strict=True):
        print(pair)
        if not pair.identical:
            print(classes_in_words(classes, pair.name_a, pair.name_b))
    for auroc in found.aurocs:
        print(auroc)
    if len(found.pairs) > 1:
        print("p-values are adjusted for being several (Holm), intervals are not.")
    if len(found.groups) < len(found.runs) and len(found.groups) > 1:
        for comparison in found.summary.comparisons:
            print(comparison)


def _print_flips(found: RunComparison) -> None:
    for pair, flips in zip(found.pairs, found.flips, strict=True):
        table = Table("image", "box", "class", pair.name_a, pair.name_b, box=None)
        for flip in flips:
            box = " ".join(f"{x:.0f}" for x in flip.box_xyxy)
            row = (flip.image_id, box, flip.true_class, flip.predicted_a, flip.predicted_b)
            table.add_row(*row)
        print(f"\n{len(flips)} objects that only one of {pair.name_a} and {pair.name_b} got right:")
        _console().print(table)


def _console() -> Console:
    width = None if sys.stdout.isatty() else WIDTH_IN_A_PIPE
    return Console(width=width, highlight=False)
