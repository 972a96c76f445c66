"""`akin ranking`: those of a workspace, do they fit a data set, and do several people agree?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from core.cli_output import confirm_emptying
from core.errors import RankingError
from core.files import write_text
from core.ranking import Ranking, nearest
from core.ranking_controls import named_classes
from core.ranking_disagreement import (
    Disagreement,
    coefficient,
    consensus,
    disagreement,
    in_words,
    row_in_words,
)
from core.ranking_files import load_ranking, source_file
from core.ranking_library import RankingLibrary
from core.runs import default_workspace

ranking_app = typer.Typer(help="Rankings.")
WorkspaceOption = Annotated[
    Path | None, typer.Option("--in", metavar="DIR", help="Another workspace.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@ranking_app.command("check")
def ranking_check(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A YAML file or a preset.")],
    data: Annotated[Path, typer.Option(help="The data set's folder.")],
    as_json: JsonOption = False,
) -> None:
    """Says whether a ranking fits a data set, and what is wrong with it."""
    from core.data import open_dataset  # noqa: PLC0415

    classes = open_dataset(data).classes
    ranking = load_ranking(source, classes)
    problems = ranking.problems(classes)
    if as_json:
        found = [vars(problem) | {"severity": problem.severity} for problem in problems]
        print(json.dumps({"name": ranking.name, "depth": ranking.depth, "problems": found}))
    if problems:
        for problem in problems[1:] if not as_json else []:
            print(f"also: {problem.message} {problem.hint}", file=sys.stderr)
        raise RankingError(problems[0].message, problems[0].hint)
    if not as_json:
        anchors = len(ranking.similar)
        print(f"{ranking.name}: fits; {anchors} of {len(classes)} classes rank others,", end=" ")
        print(f"depth {ranking.depth}")


@ranking_app.command("disagreement")
def ranking_disagreement(
    sources: Annotated[list[str], typer.Argument(metavar="FILE FILE ...", help="Or presets.")],
    data: Annotated[
        Path | None,
        typer.Option(help="The data set's folder; without it: the classes that are named."),
    ] = None,
    consensus_file: Annotated[
        Path | None,
        typer.Option("--consensus", metavar="FILE", help="Writes the mean of the ranks there."),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Says how far several people's rankings agree: Kendall's W, by class and in all."""
    if consensus_file is not None:
        _require_free(consensus_file, sources, force=force)
    classes = _classes_of(data)
    rankings = [load_ranking(source, classes) for source in sources]
    classes = classes or _all_named(rankings)
    stems = [Path(source).stem for source in sources]
    names = stems if len(set(stems)) == len(stems) else sources
    found = disagreement(rankings, classes, names)
    if consensus_file is not None:
        agreed = consensus(rankings, classes, consensus_file.stem)
        write_text(consensus_file, agreed.to_yaml())
    if as_json:
        print(json.dumps(found.to_json(), indent=1))
        return
    print(in_words(found))
    if found.per_class:
        Console().print(_table(found))
    if consensus_file is not None:
        print(f"The consensus was written to {consensus_file}")


@ranking_app.command("write")
def ranking_write(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PRESET", help="Or a file; PRESET:shuffled:0 and the like for a control."
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file.")],
    data: Annotated[
        Path | None,
        typer.Option(help="The data set's folder: its classes are what a control draws from."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Writes a built-in ranking, or a control ranking, to a file of your own."""
    _require_free(file, [source], force=force)
    written = replace(load_ranking(source, _classes_of(data)), name=file.stem)
    write_text(file, written.to_yaml())
    print(f"{source} was written to {file}")


@ranking_app.command("list")
def ranking_list(
    trash: Annotated[bool, typer.Option("--trash", help="What is in the trash.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists the rankings of the workspace."""
    library = _library(workspace)
    entries = library.deleted() if trash else library.entries()
    if as_json:
        rows = [{"name": entry.name, "path": str(entry.path)} for entry in entries]
        print(json.dumps(rows, indent=1))
        return
    if not entries:
        print("No rankings are in the trash." if trash else f"No rankings in {library.folder}.")
    for entry in entries:
        print(f"{entry.name}: {entry.path}")


@ranking_app.command("restore")
def ranking_restore(
    names: Annotated[list[str], typer.Argument(metavar="NAME...")],
    workspace: WorkspaceOption = None,
) -> None:
    """Moves rankings from the trash back into the workspace."""
    library = _library(workspace)
    deleted = {entry.name: entry.path for entry in library.deleted()}
    for name in names:
        if name not in deleted:
            hint = nearest(name, tuple(deleted), "See: akin ranking list --trash")
            raise RankingError(f"The ranking {name} is not in the trash.", hint)
    for name in dict.fromkeys(names):
        print(f"{library.restore(deleted[name])} is back")


@ranking_app.command("empty-trash")
def ranking_empty_trash(
    workspace: WorkspaceOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes for good the rankings in the trash; asks first."""
    library = _library(workspace)
    names = [entry.name for entry in library.deleted()]
    if not names:
        print("No rankings are in the trash.")
        return
    confirm_emptying(names, yes=yes)
    print(f"{library.empty_trash()} deleted")


def _classes_of(data: Path | None) -> Sequence[str]:
    if data is None:
        return ()
    from core.data import open_dataset  # noqa: PLC0415

    return open_dataset(data).classes


def _require_free(file: Path, sources: Sequence[str], *, force: bool) -> None:
    """Raises RankingError where writing a file would replace what is read, or, unforced, any."""
    if file.is_dir():
        raise RankingError(f"{file} is a folder.", "Give the name of a file in it.")
    if not file.exists():
        return
    read = [path for path in map(source_file, sources) if path.exists()]
    if any(file.samefile(path) for path in read):
        raise RankingError(
            f"{file} would be replaced, and it is one of the rankings read.",
            "Give another file.",
        )
    if not force:
        raise RankingError(
            f"{file} exists already.", "Give another file, or --force to replace it."
        )


def _library(workspace: Path | None) -> RankingLibrary:
    return RankingLibrary(workspace if workspace is not None else default_workspace())


def _table(found: Disagreement) -> Table:
    table = Table("class", box=None)
    for heading in ("W", "rank any"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("most disputed")
    for row in found.per_class:
        w = "" if row.concordance.w is None else coefficient(row.concordance.w)
        who = f"{len(row.raters)} of {len(found.names)}"
        table.add_row(row.anchor, w, who, row_in_words(row))
    return table


def _all_named(rankings: Sequence[Ranking]) -> tuple[str, ...]:
    return tuple(sorted({name for ranking in rankings for name in named_classes(ranking)}))
