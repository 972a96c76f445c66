"""The `akin` command: thin; each command calls one thing in core and prints it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from core import __version__
from core.cli_config_help import keys_help
from core.cli_desktop import desktop
from core.cli_detect import detect_app
from core.cli_detect_run import detect_run
from core.cli_detect_train import detect_train, detector_keys_help
from core.cli_experiment import register_experiments
from core.cli_measures import measures_in_lines
from core.cli_output import (
    demo_folder,
    lead_nowhere,
    make_reporter,
    print_error,
    summary_to_json,
)
from core.cli_rankings import ranking_app
from core.cli_run_notes import DirOption, RunArgument, find_run, store_of
from core.cli_runs import evaluate_other, runs_app
from core.cli_training import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    BatchOption,
    EventsOption,
    MoreOption,
    refuse_without_resume,
    reopened,
    run_training,
)
from core.config import ExperimentConfig
from core.config_files import load_config, load_recipe, parse_assignments, recipe_names
from core.data.demo_set import DEMO_IMAGES, DEMO_SEED
from core.errors import AkinError, ConfigError, RunError
from core.events import Emit, Outcome
from core.processors import wait_briefly
from core.ranking import Ranking
from core.ranking_files import preset_names
from core.runs import Run, RunStore, default_workspace, open_run
from core.training.control import TrainingControl
from core.training.distributed import Team, is_main_process, join_team

# Older typer raises click's errors, newer typer its own copies of them.
CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
data_app = typer.Typer(help="Data sets.")
app.add_typer(data_app, name="data")
app.add_typer(ranking_app, name="ranking")
app.add_typer(runs_app, name="runs")
register_experiments(app, runs_app)
app.add_typer(detect_app, name="detect")
detect_app.command("train", epilog=detector_keys_help())(detect_train)
app.command()(desktop)
detect_app.command("run")(detect_run)

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"akin {__version__}")
        raise typer.Exit


@app.callback()
def _akin(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Which Akin it is."),
    ] = False,
) -> None:
    """Annotation-driven ranking experiments; without arguments, the window."""


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    images: Annotated[int, typer.Option(min=40, help="How many scenes.")] = DEMO_IMAGES,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same bytes.")
    ] = DEMO_SEED,
) -> None:
    """Writes the built-in demo data set as a VOC folder."""
    from core.data.demo import write_demo  # noqa: PLC0415 - fonts are read only here

    with make_reporter(as_json=False) as reporter:
        write_demo(folder, images=images, seed=seed, progress=reporter.progress("drawing scenes"))
    print(f"{images} scenes written to {folder}")


@data_app.command("check")
def data_check(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where there are problems; for scripts.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Reads a data set, decodes every image; lists what was skipped and what is wrong with splits.

    Splits that share images, missing train, val or test lists, images that a list names twice and
    classes with fewer than two training objects are problems too.
    """
    from core.data import open_dataset, split_problems, summarize  # noqa: PLC0415

    index = open_dataset(folder, verify_images=True)
    summary = summarize(index)
    of_splits = split_problems(index)
    problems = (*index.problems, *of_splits)
    code = EXIT_FAILED if strict and problems else EXIT_DONE
    if as_json:
        listed = [{"file": str(p.path), "message": p.message} for p in problems]
        print(json.dumps(summary_to_json(summary) | {"problems": listed}, indent=1))
        raise typer.Exit(code)
    print(f"{summary.name}: {summary.images} images, {summary.objects} objects", end=", ")
    print(f"{len(summary.classes)} classes, {summary.difficult} difficult objects")
    splits = list(summary.split_images)
    for split in splits:
        count = summary.split_objects[split]
        print(f"  {split}: {summary.split_images[split]} images, {count} objects")
    table = Table("objects of class", *splits, "all", box=None)
    for label, name in enumerate(summary.classes):
        counts = (str(summary.class_objects[key][label]) for key in (*splits, "all"))
        table.add_row(name, *counts)
    Console().print(table)
    for problem in index.problems:
        print(f"skipped: {problem.path}: {problem.message}")
    for problem in of_splits:
        print(f"splits: {problem.message}")
    print(f"{len(problems)} problem{'' if len(problems) == 1 else 's'} found")
    raise typer.Exit(code)


@data_app.command("download")
def data_download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="voc2007, cifar10 or cifar100.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it is put.")],
) -> None:
    """Downloads a data set from its official page; started again, it goes on where it stopped."""
    from core.data.download import download, find_source  # noqa: PLC0415

    source = find_source(name)
    with make_reporter(as_json=False) as reporter:
        shown: dict[str, Callable[[int, int], None]] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = reporter.progress(f"{what} (MB)")
            shown[what](done // 1_000_000, total // 1_000_000)

        found = download(source, folder, progress=progress)
    there = "is there already" if found.was_there else "is complete"
    print(f"{source.title} {there}: {found.folder}")


@app.command(epilog=keys_help(ExperimentConfig()))
def train(
    context: typer.Context,
    config_file: Annotated[Path | None, typer.Argument(metavar="[CONFIG.yaml]")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A built-in configuration: " + ", ".join(recipe_names())),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A data set; with --resume: where its data are now."),
    ] = None,
    ranking: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|PRESET", help="A ranking file, or one of " + ", ".join(preset_names())
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            "--run-dir",
            metavar="DIR",
            help="The run's directory; --run-dir under torchrun.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue --run.")] = False,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="Begin --run, which has its config.yaml already.")
    ] = False,
    more: MoreOption = None,
    batch_size: BatchOption = None,
    epochs: Annotated[int | None, typer.Option(help="training.epochs; with --resume too.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="key=value", help="Any key.")
    ] = None,
    as_json: EventsOption = False,
) -> None:
    """Trains a run and judges it on the test split."""
    team = join_team()

    def requested() -> Run:
        if resume or prepared:
            option = "--resume" if resume else "--prepared"
            if run is None:
                raise RunError(f"{option} needs a run directory.", "Give --run DIR.")
            found = open_run(run)
            context.with_resource(found.claim())
            given: dict[str, object] = {"--set": assignments, "--ranking": ranking}
            given |= {"--recipe": recipe, "CONFIG.yaml": config_file}
            if not prepared:
                if batch_size is not None:
                    team.require_rows(batch_size)
                numbers = {"more": more, "epochs": epochs, "batch_size": batch_size}
                return reopened(found, given, **numbers, data=data)
            given |= {"--data": data}
            given |= {"--resume": resume, "--more": more, "--epochs": epochs}
            given |= {"--batch-size": batch_size}
            return _prepared(found, [word for word in given if given[word]])
        refuse_without_resume(more, batch_size)
        found = _requested_run(config_file, recipe, data, ranking, run, epochs, assignments)
        context.with_resource(found.claim())
        return found

    path = team.share(lambda: str(requested().path.resolve()))
    _train(Run(Path(path)), resume=resume, as_json=as_json, team=team)


def _prepared(run: Run, refused: Sequence[str]) -> Run:
    if refused:
        raise ConfigError(
            f"{refused[0]} does not fit --prepared: config.yaml says it all.",
            "Change config.yaml, or train a new run.",
        )
    if next(run.events(), None) is not None or any(run.checkpoint_folder.glob("*.pt")):
        raise RunError(f"{run.path} was begun before.", "Continue it with --resume.")
    return run


def _requested_run(
    config_file: Path | None,
    recipe: str | None,
    data: Path | None,
    ranking: str | None,
    run: Path | None,
    epochs: int | None,
    assignments: list[str] | None,
) -> Run:
    if config_file is not None and recipe is not None:
        raise ConfigError("A configuration file and a recipe were given.", "Give one of them.")
    config = ExperimentConfig()
    if config_file is not None:
        config = load_config(config_file)
    elif recipe is not None:
        config = load_recipe(recipe)
    values: dict[str, Any] = parse_assignments(assignments or [])
    if epochs is not None:
        values["training.epochs"] = epochs
    if data is not None:
        values["data.folder"] = str(data.resolve())
    elif not config.data.folder and recipe == "demo" and "data.folder" not in values:
        values["data.folder"] = str(demo_folder())
    if ranking is not None:
        values["ranking.source"] = ranking
    config = config.with_values(values)
    from core.training.experiment import configured_ranking  # noqa: PLC0415 - reads data

    return _create(config, configured_ranking(config), run)


@app.command()
def evaluate(
    run: RunArgument,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where its data are now.")
    ] = None,
    split: Annotated[str, typer.Option(help="Other than its test split.")] = "",
    classifier: Annotated[
        str, typer.Option(help="nearest-mean, knn, linear-probe or softmax.")
    ] = "",
    folder: DirOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="The events as JSON, one object a line; with --data, --split or --classifier "
            "the result as one document.",
        ),
    ] = False,
) -> None:
    """Judges a run's last checkpoint: on its test split again, or otherwise."""
    found = find_run(store_of(folder), run)
    if data is not None or split or classifier:
        evaluate_other(found, data, split, classifier, as_json=as_json)
        return
    with found.claim("judged"):
        _train(found, judge_only=True, as_json=as_json)


def _create(config: ExperimentConfig, ranking: Ranking, path: Path | None) -> Run:
    return RunStore(default_workspace() / "runs").create(config, ranking, path)


def _train(
    run: Run,
    *,
    resume: bool = False,
    judge_only: bool = False,
    as_json: bool = False,
    team: Team | None = None,
) -> None:
    team = team if team is not None else Team()
    together = team

    def start(emit: Emit, control: TrainingControl) -> Outcome:
        return _run_trainer(run, emit, control, resume, judge_only, together)

    def found() -> list[str]:
        return measures_in_lines(run.metrics() or {}) if judge_only else []

    where = shlex.quote(str(run.path))
    option = "--run" if team.num_processes == 1 else "--run-dir"
    again = f"evaluate {where}" if judge_only else f"train {option} {where} --resume"
    run_training(
        start, run, again, as_json=as_json, team=team, found=found, stoppable=not judge_only
    )


def _run_trainer(
    run: Run, emit: Emit, control: TrainingControl, resume: bool, judge_only: bool, team: Team
) -> Outcome:
    from core.training.trainer import Trainer  # noqa: PLC0415 - torch takes seconds

    return Trainer(run, emit, control, resume=resume, judge_only=judge_only, team=team).run()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; without arguments it becomes the window."""
    say = print_error if is_main_process() else lambda _message, _hint: None
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        os.execv(sys.executable, [sys.executable, "-m", "gui"])
    wait_briefly()
    try:
        code = app(args=words, standalone_mode=False, prog_name="akin")
    except AkinError as error:
        say(error.message, error.hint)
        code = EXIT_BAD_INPUT
    except typer.Exit as error:
        code = error.exit_code
    except CommandLineError as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "akin")
        say(_in_one_line(error), f"See: {path} --help")
        code = EXIT_BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads it: a quiet end, with the code that click and rich give
        lead_nowhere(sys.stdout)
        code = code or EXIT_FAILED
    raise SystemExit(code if isinstance(code, int) else EXIT_DONE)


def _in_one_line(error: Exception) -> str:
    text: str = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(text.split())


if __name__ == "__main__":
    main()
