"""`akin experiment` and `akin runs report`: many runs planned, trained, summed up, reported."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from core.cli_output import demo_folder, make_reporter, say
from core.cli_run_notes import DirOption, find_run, store_of
from core.cli_stopping import Stopping
from core.errors import ConfigError
from core.events import Emit
from core.files import write_text
from core.runs import Run, RunStore, default_workspace
from core.training.control import TrainingControl

if TYPE_CHECKING:
    from core.experiments.plan import Plan, PlannedRun
    from core.experiments.queue import RunRecord
    from core.experiments.summary import Summary

EXIT_DONE, EXIT_FAILED = 0, 1
WIDTH_IN_A_PIPE = 160


class Where(StrEnum):
    """Where an experiment's runs are trained."""

    HERE = "here"
    RAY = "ray"


def register_experiments(app: typer.Typer, runs_app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("experiment")(experiment)
    runs_app.command("report")(runs_report)


def experiment(
    source: Annotated[str, typer.Argument(metavar="FILE.yaml|NAME")],
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="The data set.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: in the workspace, by name.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    on: Annotated[
        Where, typer.Option(help="here: one run after another; ray: on a Ray cluster.")
    ] = Where.HERE,
    as_json: Annotated[
        bool, typer.Option("--json", help="The plan or the result as JSON on standard output.")
    ] = False,
) -> None:
    """Trains methods x rankings x depths x seeds, and compares them.

    Started again, it keeps what is finished and goes on where it stopped.
    """
    from core.experiments.grid import load_grid  # noqa: PLC0415
    from core.experiments.plan import make_plan  # noqa: PLC0415

    grid = load_grid(source)
    folder = out if out is not None else default_workspace() / "experiments" / grid.name
    plan = make_plan(grid, folder, _data_folder(data, grid.data))
    if dry_run and as_json:
        print(json.dumps(plan.to_json(_earlier_runs()), indent=1))
        return
    print_plan(plan, Console(stderr=as_json, width=_width(as_json), highlight=False))
    if not dry_run:
        raise typer.Exit(_run(plan, on, as_json=as_json))


def _data_folder(given: Path | None, named: str) -> Path:
    if given is None and not named:
        raise ConfigError("No data was given.", "Give --data DIR.", "data")
    return given if given is not None else demo_folder() if named == "demo" else Path(named)


def _run(plan: Plan, on: Where, *, as_json: bool) -> int:
    from core.experiments.groups import group_runs  # noqa: PLC0415
    from core.experiments.queue import experiment_runs, run_all, write_record  # noqa: PLC0415
    from core.experiments.summary import summarize_groups  # noqa: PLC0415
    from core.experiments.tables import summary_csv  # noqa: PLC0415

    control = TrainingControl()
    with Stopping(control) as stopping:
        if on is Where.RAY:
            from core.experiments.on_ray import run_all_on_ray  # noqa: PLC0415

            records = run_all_on_ray(plan, lambda line: say(line, sys.stderr), control)
        else:
            records = run_all(plan, _watch(plan, to_stderr=as_json), control)
    lost = [record for record in records if not record.finished]
    if not any(record.finished for record in records):
        _print_end(plan, lost, control.stop_requested)
        return stopping.exit_code or EXIT_FAILED
    groups = group_runs(experiment_runs(plan.folder))
    summary = summarize_groups(groups, plan.grid.paper)
    write_record(plan, records, summary=summary.to_json(), command=sys.argv)
    write_text(plan.folder / "summary.csv", summary_csv(summary))
    if as_json:
        print((plan.folder / "experiment.json").read_text(encoding="utf-8"), end="")
    else:
        print_summary(summary, f"{plan.data_name}, {plan.train_objects} objects learned from")
        print(f"experiment: {plan.folder}")
    _print_end(plan, lost, control.stop_requested)
    return stopping.exit_code or (EXIT_FAILED if lost else EXIT_DONE)


def _watch(
    plan: Plan, *, to_stderr: bool
) -> Callable[[int, PlannedRun], AbstractContextManager[Emit]]:
    @contextmanager
    def watch(place: int, planned: PlannedRun) -> Iterator[Emit]:
        from core.experiments.plan import estimate_remaining  # noqa: PLC0415

        left = estimate_remaining(plan, _earlier_runs())
        state = " (going on)" if planned.state() == "half-done" else ""
        title = f"run {place + 1} of {len(plan.runs)}: {planned.arm.label}, seed {planned.seed}"
        stream = sys.stderr if to_stderr else sys.stdout
        say(f"\n{title}{state}; time left: {left}", stream)
        with make_reporter(as_json=False, to_stderr=to_stderr) as reporter:
            yield reporter.emit

    return watch


def _earlier_runs() -> list[Run]:
    return RunStore(default_workspace() / "runs").list()


# ----- what is printed -----


def print_plan(plan: Plan, console: Console) -> None:
    """Prints what will be run and how long it takes."""
    from core.experiments.plan import estimate_remaining  # noqa: PLC0415

    arms, seeds = plan.grid.arms(), plan.grid.seeds
    if plan.grid.description:
        console.print(plan.grid.description)
    console.print(
        f"{plan.grid.name}: {len(arms)} arms x {len(seeds)} seeds = {len(plan.runs)} runs "
        f"on {plan.data_name}"
    )
    console.print(f"{plan.train_objects} objects to learn from, {plan.test_objects} to judge")
    table = Table("arm", "ranking", "seeds", "epochs", "finished", "half-done", box=None)
    for arm in arms:
        runs = plan.of_arm(arm)
        states = [run.state() for run in runs]
        table.add_row(
            arm.label,
            arm.source if arm.method == "ranked" else "",
            " ".join(str(run.seed) for run in runs),
            str(runs[0].config.training.epochs),
            str(states.count("done")),
            str(states.count("half-done")),
        )
    console.print(table)
    console.print(f"time: {estimate_remaining(plan, _earlier_runs())}")
    console.print(f"kept in: {plan.folder}", soft_wrap=True)


def print_summary(summary: Summary, data: str) -> None:
    """Prints every arm's figures, the published ones beside them, and the arms compared."""
    from core.experiments.tables import paper_caveats, summary_table  # noqa: PLC0415

    text = summary_table(summary)
    table = Table(box=None)
    for column in text.header:
        table.add_column(column, no_wrap=column == "arm")
    for row in text.rows:
        table.add_row(*row)
    sizes = f"{summary.known_count} known test objects"
    if summary.withheld_count:
        sizes += f", {summary.withheld_count} withheld"
    print(
        f"\n{data}; {sizes}; always guessing the largest class: {summary.majority_share or 0:.3f}"
    )
    Console(width=_width(), highlight=False).print(table)
    print(f"Compliance and errors are judged by the ranking {summary.reference.name}.")
    for comparison in summary.comparisons:
        print(comparison)
    if len(summary.comparisons) > 1:
        print("p-values are adjusted for being several (Holm), intervals are not.")
    for caveat in paper_caveats(summary):
        print(f"The paper's figures: {caveat}")


def _print_end(plan: Plan, lost: Sequence[RunRecord], stopped: bool) -> None:
    for record in lost:
        print(f"{record.status}: {record.run}: {record.message}", file=sys.stderr)
    failed = sum(record.status == "failed" for record in lost)
    if stopped:
        print("The experiment was stopped; started again, it goes on.", file=sys.stderr)
    elif failed:
        ending = f"{failed} of {len(plan.runs)} runs failed"
        print(f"{ending}; started again, they are tried again.", file=sys.stderr)


def _width(to_stderr: bool = False) -> int | None:
    return None if (sys.stderr if to_stderr else sys.stdout).isatty() else WIDTH_IN_A_PIPE


# ----- report -----


def runs_report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Directories, names or numbers; or folders of experiments."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the report is written.")],
    title: Annotated[str, typer.Option(help="Its heading.")] = "",
    folder: DirOption = None,
) -> None:
    """Writes one page about runs or an experiment: figures, tables, settings, commands."""
    from core.experiments.queue import is_experiment  # noqa: PLC0415
    from core.experiments.report import write_report  # noqa: PLC0415

    store = store_of(folder)
    paths = [
        Path(word) if is_experiment(Path(word)) else find_run(store, word).path for word in runs
    ]
    print(f"report: {write_report(paths, out, title=title)}")
