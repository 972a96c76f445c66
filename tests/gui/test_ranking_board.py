"""Several rankings in a workspace: nothing that was not saved is lost, no file overwritten."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.ranking import Ranking
from core.ranking_edits import mirrored, symmetrised
from core.ranking_files import load_ranking
from core.ranking_library import RankingEntry
from gui.messages import Message
from gui.session import Session

MINE = Ranking(name="mine").moved("cat", ["dog"], 0)
OTHER = Ranking(name="other").moved("cat", ["cow"], 0)


@pytest.fixture
def messages(session: Session) -> list[Message]:
    seen: list[Message] = []
    session.message_posted.connect(seen.append)
    return seen


def names(session: Session) -> list[str]:
    return [entry.name for entry in session.board.library.entries()]


def entry(session: Session, name: str) -> RankingEntry:
    return next(e for e in session.board.library.entries() if e.name == name)


def rank(session: Session, name: str) -> None:
    session.edit(session.ranking.moved("cat", [name], 0), f"cat: {name} to rank 2")


def test_new_rankings_are_files_of_the_workspace(session: Session) -> None:
    listed = []
    session.rankings_changed.connect(lambda: listed.append(names(session)))
    session.board.create(MINE)
    session.board.create(OTHER)
    assert names(session) == ["mine", "other"]
    assert listed[-1] == ["mine", "other"]
    assert (session.ranking, session.ranking_path) == (OTHER, entry(session, "other").path)
    assert session.undo_stack.isClean()


def test_what_was_not_saved_is_kept_when_another_is_opened(
    session: Session, messages: list[Message]
) -> None:
    session.board.create(MINE)
    session.board.create(OTHER)
    rank(session, "horse")
    session.open_ranking(entry(session, "mine").path)
    assert session.ranking == MINE
    assert names(session) == ["mine", "other", "other (changed)"]
    assert load_ranking(entry(session, "other").path) == OTHER, "only saving overwrites"
    assert load_ranking(entry(session, "other (changed)").path).ranked("cat") == ("horse", "cow")
    assert "is kept as other (changed)" in messages[-1].text
    session.open_ranking("voc2007-paper")
    assert len(names(session)) == 3, "nothing was changed, nothing is kept"


def test_changes_of_a_new_ranking_and_of_a_preset_are_kept(session: Session) -> None:
    rank(session, "dog")
    session.open_ranking("voc2007-paper")
    rank(session, "cow")
    session.open_ranking("none")
    assert names(session) == ["untitled", "voc2007-paper (changed)"]
    session.undo_stack.undo()
    session.open_ranking("voc2007-paper")
    assert len(names(session)) == 2, "the same changes are not kept twice"


def test_a_workspace_that_cannot_be_written_keeps_the_board(
    session: Session, messages: list[Message]
) -> None:
    rank(session, "dog")
    before = session.ranking
    session.workspace.mkdir(parents=True, exist_ok=True)
    (session.workspace / "rankings").write_text("in the way")
    session.open_ranking("voc2007-paper")
    assert session.ranking == before
    assert messages[-1].level == "error"


def test_undo_goes_back_to_the_ranking_before_and_to_its_file(session: Session) -> None:
    session.board.create(MINE)
    rank(session, "horse")
    session.save_ranking(entry(session, "mine").path)
    session.board.create(OTHER)
    session.undo_stack.undo()
    assert session.ranking.ranked("cat") == ("horse", "dog")
    assert session.ranking_path == entry(session, "mine").path
    rank(session, "sheep")
    session.save_ranking(session.ranking_path)
    assert load_ranking(entry(session, "mine").path).ranked("cat") == ("sheep", "horse", "dog")
    assert load_ranking(entry(session, "other").path) == OTHER


def test_a_file_saved_under_another_name_stays_its_file_through_undo(
    session: Session, tmp_path: Path
) -> None:
    rank(session, "dog")
    rank(session, "cow")
    session.save_ranking(tmp_path / "mine.yaml")
    session.undo_stack.undo()
    assert session.ranking_path == tmp_path / "mine.yaml"


def test_the_ranking_of_a_run_has_no_file(session: Session) -> None:
    session.board.create(MINE)
    session.take_ranking(OTHER, "open the ranking of 0001-ranked")
    assert (session.ranking, session.ranking_path) == (OTHER, None)
    assert session.undo_stack.undoText() == "open the ranking of 0001-ranked"
    session.undo_stack.undo()
    assert session.ranking_path == entry(session, "mine").path


def test_renaming_renames_the_one_on_the_board_too(
    session: Session, messages: list[Message]
) -> None:
    session.board.create(MINE)
    session.board.rename(entry(session, "mine"), "expert")
    assert (session.ranking.name, names(session)) == ("expert", ["expert"])
    assert session.ranking_path == entry(session, "expert").path
    assert session.undo_stack.isClean()
    session.board.create(OTHER)
    session.board.rename(entry(session, "expert"), "novice")
    assert session.ranking == OTHER
    session.board.rename(entry(session, "novice"), "other")
    assert messages[-1].level == "error"
    assert names(session) == ["novice", "other"]


def test_deleting_moves_to_the_trash_and_back(session: Session, messages: list[Message]) -> None:
    session.board.create(MINE)
    session.board.delete(entry(session, "mine"))
    assert names(session) == []
    assert (session.ranking.similar, session.ranking_path) == (MINE.similar, None)
    assert "trash" in messages[-1].text
    (deleted,) = session.board.library.deleted()
    session.board.restore_deleted(deleted)
    assert names(session) == ["mine"]
    assert session.ranking_path == entry(session, "mine").path


@pytest.mark.parametrize("seed", range(3))
def test_200_random_edits_undos_and_redos_give_byte_identical_yaml(
    session: Session, seed: int
) -> None:
    """Every way to change a ranking, mixed with undo, redo and jumps in the history."""
    chance = random.Random(seed)
    classes = ["bird", "boat", "bus", "car", "cat", "cow"]
    texts, undone, stack = [session.ranking.to_yaml()], 0, session.undo_stack
    for number in range(200):
        draw = chance.random()
        if draw < 0.2:
            stack.undo()
            undone += 1
        elif draw < 0.4:
            stack.redo()
        elif draw < 0.42:
            stack.setIndex(max(0, stack.index() - chance.randrange(6)))
        else:
            after = _changed(session.ranking, chance, classes)
            if after != session.ranking:
                texts[stack.index() + 1 :] = [after.to_yaml()]
            session.edit(after, f"edit {number}")
        assert stack.count() == len(texts) - 1
        assert session.ranking.to_yaml() == texts[stack.index()]
    assert undone > 20
    assert len(texts) > 10
    for index in (*reversed(range(len(texts))), *range(len(texts))):
        stack.setIndex(index)
        assert session.ranking.to_yaml() == texts[index]


def _changed(ranking: Ranking, chance: random.Random, classes: list[str]) -> Ranking:
    anchor, names = chance.choice(classes), chance.sample(classes, 2)
    tiers = len(ranking.tiers(anchor))
    choices = [
        ranking.moved(anchor, names, chance.randrange(4)),
        ranking.tied(anchor, names, chance.randrange(3)),
        ranking.removed(anchor, names),
        ranking.stepped(anchor, names[: chance.choice([1, 2])], chance.choice([-1, 1])),
        ranking.evenly_spaced(anchor),
        mirrored(ranking, anchor),
        symmetrised(ranking),
    ]
    if tiers:
        choices.append(ranking.with_similarity(anchor, chance.randrange(tiers), chance.random()))
    return chance.choice([after for after in choices if after != ranking] or [ranking])
