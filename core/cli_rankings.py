"""`akin ranking`: does a ranking fit a data set, and do several people's rankings agree?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from core.errors import RankingError
from core.files import write_text
from core.ranking import Ranking
from core.ranking_controls import named_classes
from core.ranking_disagreement import (
    Disagreement,
    coefficient,
    consensus,
    disagreement,
    in_words,
    row_in_words,
)
from core.ranking_files import load_ranking

ranking_app = typer.Typer(help="Rankings.")
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


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
    as_json: JsonOption = False,
) -> None:
    """Says how far several people's rankings agree: Kendall's W, by class and in all."""
    classes: Sequence[str] = ()
    if data is not None:
        from core.data import open_dataset  # noqa: PLC0415

        classes = open_dataset(data).classes
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


def _table(found: Disagreement) -> Table:
    table = Table("class", "W", "rank any", "most disputed", box=None)
    for row in found.per_class:
        w = "" if row.concordance.w is None else coefficient(row.concordance.w)
        who = f"{len(row.raters)} of {len(found.names)}"
        table.add_row(row.anchor, w, who, row_in_words(row))
    return table


def _all_named(rankings: Sequence[Ranking]) -> tuple[str, ...]:
    return tuple(sorted({name for ranking in rankings for name in named_classes(ranking)}))
