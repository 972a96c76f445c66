"""The rankings of a workspace: named, found, renamed, deleted and restored."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import RankingError
from core.ranking import Ranking
from core.ranking_files import load_ranking
from core.ranking_library import RankingLibrary, safe_name

MINE = Ranking(name="mine").moved("cat", ["dog"], 0)


@pytest.fixture
def library(tmp_path: Path) -> RankingLibrary:
    return RankingLibrary(tmp_path / "workspace")


def names(library: RankingLibrary) -> list[str]:
    return [entry.name for entry in library.entries()]


def test_an_empty_workspace_has_none_and_adding_names_them_apart(library: RankingLibrary) -> None:
    assert library.entries() == library.deleted() == []
    first, second = library.add(MINE), library.add(MINE)
    assert names(library) == ["mine", "mine 2"]
    assert load_ranking(first) == MINE
    assert load_ranking(second).name == "mine 2"
    assert library.owns(first)
    assert not library.owns(first.parent.parent / "mine.yaml")
    assert not library.owns(None)


def test_the_trash_is_emptied_of_rankings_only(library: RankingLibrary) -> None:
    kept = library.add(MINE)
    for _ in range(2):
        library.delete(library.add(MINE))
    trash = library.deleted()[0].path.parent
    (trash.parent / "0001-ranked").mkdir()  # a run
    (trash / "notes.txt").write_text("mine")
    assert [entry.name for entry in library.deleted()] == ["mine 2", "mine 2 2"]
    assert library.empty_trash() == 2
    assert library.deleted() == []
    assert library.empty_trash() == 0
    assert (trash / "notes.txt").exists()
    assert (trash.parent / "0001-ranked").is_dir()
    assert load_ranking(kept) == MINE


def test_only_ranking_files_are_listed_by_name(library: RankingLibrary) -> None:
    for name in ("b.yaml", "A.yml", "notes.txt", ".hidden.yaml"):
        library.folder.mkdir(parents=True, exist_ok=True)
        (library.folder / name).write_text("similar: {}")
    (library.folder / "folder.yaml").mkdir()
    assert names(library) == ["A", "b"]


def test_renaming_changes_the_file_and_the_name_in_it(library: RankingLibrary) -> None:
    path = library.add(MINE)
    new = library.rename(path, "expert A/B")
    assert names(library) == ["expert A-B"]
    assert load_ranking(new).name == "expert A-B"
    assert library.rename(new, "expert A-B") == new
    library.add(MINE)
    with pytest.raises(RankingError, match="already"):
        library.rename(new, "mine")
    assert names(library) == ["expert A-B", "mine"]


def test_what_is_deleted_can_be_restored_even_if_its_name_is_taken(
    library: RankingLibrary,
) -> None:
    library.delete(library.add(MINE))
    library.add(MINE)
    assert [entry.name for entry in library.deleted()] == ["mine"]
    restored = library.restore(library.deleted()[0].path)
    assert names(library) == ["mine", "mine 2"]
    assert load_ranking(restored).similar == MINE.similar
    assert library.deleted() == []


def test_a_file_that_is_gone_is_told(library: RankingLibrary) -> None:
    with pytest.raises(RankingError, match="cannot be moved"):
        library.delete(library.folder / "gone.yaml")


def test_it_knows_what_is_kept_whatever_its_name(library: RankingLibrary) -> None:
    assert not library.holds(MINE)
    library.add(MINE)
    (library.folder / "damaged.yaml").write_text("[")
    assert library.holds(Ranking(MINE.similar, "other"))
    assert not library.holds(MINE.moved("cat", ["cow"], 1))
    assert library.holds(load_ranking("voc2007-paper")), "presets cannot be lost"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a/b\\c", "a-b-c"),
        ("../../etc", "etc"),
        ("  two   words ", "two words"),
        ("Ähnlich 2", "Ähnlich 2"),
        ("n" * 200, "n" * 80),
    ],
)
def test_names_are_fit_for_files(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize("given", ["", "  ", "...", "/"])
def test_nothing_is_no_name(given: str) -> None:
    with pytest.raises(RankingError, match="needs a name"):
        safe_name(given)
