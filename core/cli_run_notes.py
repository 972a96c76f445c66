"""`akin runs tag`, `note`, `rename`, `trash`, `restore` and `empty-trash`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from core.cli_output import confirm_emptying
from core.errors import RunError
from core.ranking import nearest
from core.ranking_library import RankingLibrary
from core.run_notes import write_notes
from core.run_trash import TrashedRun, empty_trash, list_trash, restore_run, trash_run
from core.runs import Run, RunStore, default_workspace, open_run, restore_command, trash_of

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A directory, or a run's name or number.")
]
RunsArgument = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Directories, names or numbers.")
]
DirOption = Annotated[
    Path | None,
    typer.Option("--in", metavar="DIR", help="Of runs, an experiment or another workspace."),
]


def runs_tag(
    run: RunArgument,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...")],
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags away.")] = False,
    folder: DirOption = None,
) -> None:
    """Gives a run tags, or takes them away."""
    found = find_run(store_of(folder), run)
    notes = found.notes()
    given = notes.tagged(tags).tags
    kept = [tag for tag in notes.tags if tag not in given]
    changed = notes.tagged(kept if remove else (*notes.tags, *given))
    write_notes(found.path, changed)
    print(f"{found.title}: {', '.join(changed.tags) or 'no tags'}")


def runs_note(
    run: RunArgument,
    text: Annotated[str | None, typer.Argument(help="The note; '' takes it away.")] = None,
    folder: DirOption = None,
) -> None:
    """Writes a note about a run, or prints it."""
    found = find_run(store_of(folder), run)
    if text is None:
        print(found.notes().note or f"Nothing is noted about {found.title}.")
        return
    write_notes(found.path, found.notes().noted(text))
    print(f"{found.title}: noted")


def runs_rename(
    run: RunArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="'': the directory's again.")],
    folder: DirOption = None,
) -> None:
    """Gives a run a name; its directory keeps its own, so that nothing loses it."""
    found = find_run(store_of(folder), run)
    write_notes(found.path, found.notes().titled(name))
    print(f"{found.name} is called {found.title}")


def runs_trash(runs: RunsArgument, folder: DirOption = None) -> None:
    """Moves runs into the workspace's trash."""
    store = store_of(folder)
    for run in [find_run(store, word) for word in runs]:
        title, trashed = run.title, trash_run(run)
        again = restore_command(trashed.run.name, trashed.origin.parent)
        print(f"{title} is in the trash. Take it back: {again}")


def runs_restore(runs: RunsArgument, folder: DirOption = None) -> None:
    """Moves runs from the trash back to where they were."""
    trashed = list_trash(store_of(folder))
    for found in [_find_trashed(trashed, word) for word in runs]:
        print(f"{restore_run(found).path} is back")


def runs_empty_trash(
    folder: DirOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes for good what is in the trash; asks first."""
    store = store_of(folder)
    found = list_trash(store)
    if not found:
        print(no_runs_in_trash(store))
        return
    confirm_emptying([trashed.run.title for trashed in found], yes=yes)
    print(f"{empty_trash(store)} deleted")


def no_runs_in_trash(store: RunStore) -> str:
    """Says that no run of a store is in the trash, and where to find the rankings that are."""
    workspace = trash_of(store.folder).parent
    count = len(RankingLibrary(workspace).deleted())
    if not count:
        return "The trash is empty."
    is_own = workspace == default_workspace().resolve()
    where = "" if is_own else f" --in {shlex.quote(str(workspace))}"
    them = "1 ranking is" if count == 1 else f"{count} rankings are"
    return f"No runs are in the trash; {them}: akin ranking list --trash{where}"


def store_of(folder: Path | None) -> RunStore:
    """Returns the runs of a folder, an experiment or a workspace; by default the workspace's."""
    if folder is None:
        return RunStore(default_workspace() / "runs")
    inner = folder / "runs"
    return RunStore(inner if inner.is_dir() and not RunStore(folder).list() else folder)


def find_run(store: RunStore, word: str) -> Run:
    """Returns the run that a directory, name or number means.

    Raises:
        RunError: If there is none, or more than one.
    """
    if (Path(word) / "config.yaml").is_file():
        return Run(Path(word))
    runs = store.list()
    found = [run for run in runs if word in {run.name, run.title}]
    if not found and word.isdigit():
        found = [r for r in runs if r.name.split("-")[0].lstrip("0") == word.lstrip("0")]
    if len(found) > 1:
        several = ", ".join(run.name for run in found)
        raise RunError(f"{word} may be any of {several}.", "Say which by its directory's name.")
    if found:
        return found[0]
    for trashed in list_trash(store):
        if word in _names(trashed):
            again = restore_command(trashed.run.name, store.folder)
            raise RunError(f"{word} is in the trash.", f"Take it back: {again}")
    names = sorted({name for run in runs for name in (run.name, run.title)})
    if names and Path(word).name == word and not Path(word).exists():
        hint = nearest(word, names, "List them with: akin runs list. Among them")
        raise RunError(f"There is no run '{word}'.", hint)
    return open_run(Path(word))


def _find_trashed(trashed: list[TrashedRun], word: str) -> TrashedRun:
    found = [each for each in trashed if word in _names(each)]
    if not found:
        raise RunError(f"{word} is not in the trash.", "See: akin runs list --trash")
    return found[0]  # the latest first


def _names(trashed: TrashedRun) -> set[str]:
    return {trashed.run.name, trashed.run.title, trashed.origin.name, str(trashed.origin)}
