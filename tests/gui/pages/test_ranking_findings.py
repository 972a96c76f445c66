"""Beside and on the ladder: problems with repairs, suggestions as ghosts, the preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDoubleSpinBox,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from core.epoch_embeddings import KeptEpoch, KeptObjects
from core.ranking import Ranking
from core.runs import Run
from gui.main_window import MainWindow
from gui.messages import Message
from gui.models.ladder import Target
from gui.pages.ranking_page import RankingPage
from gui.session import Session
from gui.theme import DARK, LIGHT, ThemeName, Tokens, apply_theme

LIKE_AEROPLANE = {"bird": 0.8, "train": 0.71, "boat": 0.64}


@pytest.fixture
def page(loaded_session: Session, wait_until: Callable[..., None]) -> Iterator[RankingPage]:
    loaded_session.select_class("aeroplane")
    page = RankingPage(loaded_session)
    page.resize(1180, 760)
    page.show()
    page.activateWindow()
    wait_until(lambda: page.ladder.height() > 400 and page.isActiveWindow())
    yield page
    page.shut_down()
    page.close()
    page.deleteLater()


@pytest.fixture
def run(loaded_session: Session) -> Run:
    """A run whose class means lie at the given cosines from aeroplane's, else at right angles."""
    assert loaded_session.dataset is not None
    classes = loaded_session.dataset.classes
    run = loaded_session.store.create(loaded_session.config, Ranking())
    means_CD = np.eye(len(classes))
    for name, cosine in LIKE_AEROPLANE.items():
        at = classes.index(name)
        means_CD[at, at] = np.sqrt(1 - cosine**2)
        means_CD[at, classes.index("aeroplane")] = cosine
    label_N = np.repeat(np.arange(len(classes)), 4)
    run.epoch_embeddings.write_objects(
        KeptObjects(
            np.array([str(i) for i in range(len(label_N))]),
            np.zeros((len(label_N), 4), np.float32),
            classes,
            label_N,
            np.array(classes)[label_N],
        )
    )
    predicted_N = np.where(label_N == classes.index("aeroplane"), classes.index("cow"), label_N)
    run.epoch_embeddings.write(KeptEpoch(4, means_CD[label_N].astype(np.float32), predicted_N))
    (run.path / "predictions.npz").write_bytes(b"the test split is nobody's business here")
    return run


def tiers(session: Session, anchor: str = "aeroplane") -> list[tuple[str, ...]]:
    return [tier.classes for tier in session.ranking.tiers(anchor)]


def press(page: RankingPage, name: str) -> None:
    buttons = [*page.inspector.findChildren(QPushButton), *page.inspector.findChildren(QToolButton)]
    shown = [b for b in buttons if b.isVisibleTo(page) and b.accessibleName().startswith(name)]
    assert shown, [b.accessibleName() for b in buttons]
    QTest.keyClick(shown[0], Qt.Key.Key_Space)


def rank_bird_and_boat(session: Session) -> None:
    ranking = session.ranking.moved("aeroplane", ["bird"], 0).moved("aeroplane", ["boat"], 1)
    session.edit(ranking, "bird and boat")


# ----- suggestions -----


def test_a_ghost_lies_where_it_would_land_and_is_accepted_by_keyboard(
    page: RankingPage, loaded_session: Session, run: Run
) -> None:
    rank_bird_and_boat(loaded_session)
    assert page.desk.of(loaded_session.ranking, "aeroplane") == (), "off until a run is asked"
    page.desk.ask(run)
    ghost = page.ladder.ghost("train")
    rows = [row.spec.ghost or row.spec.classes for row in page.ladder.arrangement.rows]
    assert rows == [("aeroplane",), ("bird",), "train", ("boat",), ()]
    said = "Accept train as a new rank 3: train is 0.71 like aeroplane: closer than boat (0.64)."
    assert ghost.accept.accessibleName() == said
    page.grab()
    steps = loaded_session.undo_stack.count()
    QTest.keyClick(ghost.accept, Qt.Key.Key_Space)
    assert tiers(loaded_session) == [("bird",), ("train",), ("boat",)]
    assert loaded_session.undo_stack.count() == steps + 1
    assert loaded_session.undo_stack.undoText() == "aeroplane: accept train at rank 3"
    assert QApplication.focusWidget().accessibleName().startswith("train, rank 3")
    loaded_session.undo_stack.undo()
    assert page.ladder.ghost("train").isVisible()


def test_the_inspector_says_from_which_run_and_why_and_dismisses(
    page: RankingPage, loaded_session: Session, run: Run
) -> None:
    rank_bird_and_boat(loaded_session)
    page.inspector.suggestions.fill()
    chooser = page.inspector.suggestions.chooser
    next(a for a in chooser.menu().actions() if a.text() == run.title).trigger()
    assert run.title in chooser.text()
    source = page.findChild(QLabel, "suggestionSource")
    assert source is not None
    assert source.text() == "By 80 validation objects, epoch 4."
    why = [label.text() for label in page.inspector.suggestions.findChildren(QLabel)]
    assert "train is 0.71 like aeroplane: closer than boat (0.64)." in why
    press(page, "Dismiss train")
    with pytest.raises(KeyError):
        page.ladder.ghost("train")
    assert "nothing to add" in source.text()
    assert tiers(loaded_session) == [("bird",), ("boat",)], "nothing was changed"
    page.inspector.suggestions.fill()
    next(a for a in chooser.menu().actions() if a.text() == "By what is taken for what").trigger()
    assert page.ladder.ghost("cow").suggestion.reason.startswith("4 of 4 aeroplane objects")
    page.inspector.suggestions.fill()
    next(a for a in chooser.menu().actions() if a.text() == "Off").trigger()
    assert page.desk.of(loaded_session.ranking, "aeroplane") == ()


def test_drops_reach_their_places_beside_ghosts(
    page: RankingPage, loaded_session: Session, run: Run
) -> None:
    rank_bird_and_boat(loaded_session)
    page.desk.ask(run)
    for target in (Target("gap", 1), Target("tier", 1), Target("gap", 2), Target("gap", 0)):
        at = page.ladder.mapFromGlobal(page.ladder.drop_point(target)).y()
        assert page.ladder._rest.target_at(at) == target


def test_a_run_that_kept_nothing_is_told(page: RankingPage, loaded_session: Session) -> None:
    messages: list[Message] = []
    loaded_session.message_posted.connect(messages.append)
    run = loaded_session.store.create(loaded_session.config, Ranking())
    page.desk.ask(run)
    assert "kept no validation embeddings" in messages[-1].text
    assert page.desk.run is None
    page.inspector.suggestions.fill()
    texts = [a.text() for a in page.inspector.suggestions.chooser.menu().actions()]
    assert run.title not in texts


def test_a_run_that_is_gone_is_asked_no_more(
    page: RankingPage, loaded_session: Session, run: Run
) -> None:
    page.desk.ask(run)
    run.path.rename(run.path.with_name("elsewhere"))
    loaded_session.runs_changed.emit()
    assert page.desk.run is None


# ----- problems -----


def test_each_problem_has_a_repair_of_its_own(
    page: RankingPage, loaded_session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("name: odd\nsimilar: {cat: [cat, dgo, bird, bird]}\n")
    loaded_session.open_ranking(path)
    summary = page.findChild(QLabel, "rankingProblems")
    assert summary is not None
    assert summary.text() == "⚠ 3 problems:"
    press(page, "Make it dog")
    assert tiers(loaded_session, "cat") == [("cat",), ("dog",), ("bird",), ("bird",)]
    assert loaded_session.undo_stack.undoText() == "cat: dgo is dog"
    press(page, "Remove it")
    press(page, "Keep rank 4")
    assert tiers(loaded_session, "cat") == [("dog",), ("bird",)]
    assert summary.text().startswith("No problems.")
    for _ in range(3):
        loaded_session.undo_stack.undo()
    assert summary.text() == "⚠ 3 problems:"


def test_a_one_sided_pair_is_offered_to_be_ranked_back_or_ignored(
    page: RankingPage, loaded_session: Session
) -> None:
    rank_bird_and_boat(loaded_session)
    before = loaded_session.undo_stack.count()
    press(page, "Rank it back")
    assert tiers(loaded_session, "bird") == [("aeroplane",)]
    assert loaded_session.undo_stack.count() == before + 1
    assert loaded_session.undo_stack.undoText() == "bird: rank aeroplane back"
    assert loaded_session.selected_class == "aeroplane", "one goes on where one was"
    press(page, "Ignore: 'boat' does not rank 'aeroplane' back.")
    names = [b.accessibleName() for b in page.inspector.findChildren(QPushButton) if b.isVisible()]
    assert not any("Rank it back" in name for name in names)
    loaded_session.undo_stack.undo()
    assert loaded_session.selected_class == "bird"


@pytest.mark.parametrize("seen", ["ranking", "data"])
def test_the_button_that_ignores_is_seen_after_the_theme_changed(
    seen: str, window: MainWindow, loaded_session: Session, app: QApplication
) -> None:
    window.show_page("ranking")
    loaded_session.select_class("aeroplane")
    rank_bird_and_boat(loaded_session)
    themes: tuple[tuple[ThemeName, Tokens], ...] = (("dark", DARK), ("light", LIGHT))
    try:
        for theme, colours in themes:
            window.show_page(seen)
            apply_theme(app, theme)
            app.processEvents()
            window.show_page("ranking")
            app.processEvents()
            found = [
                button
                for button in window.page("ranking").findChildren(QToolButton)
                if button.isVisible() and button.accessibleName().startswith("Ignore")
            ]
            assert found
            for button in found:
                image = button.icon().pixmap(32, 32).toImage()
                assert image.pixelColor(16, 16).name() == colours.text
    finally:
        apply_theme(app, "light")


# ----- preview -----


def test_the_preview_is_of_one_class_or_of_all(page: RankingPage, loaded_session: Session) -> None:
    rank_bird_and_boat(loaded_session)
    loaded_session.set_config_values({"training.batch_size": 8, "ranking.depth": 3})
    panel = page.inspector.preview

    def cells() -> list[str]:
        return [label.text() for label in panel._cells]

    assert cells()[:5] == ["", "tau", "pos.", "none", "wt."]
    assert cells()[5] == "rank 1"
    assert [text for text in cells() if text.startswith("⚠")], "few in a batch of 8"
    loaded_session.set_config_values({"ranking.depth": 2})
    assert cells()[-2:] == ["rank 3", "and on: below the depth"]
    panel.scope.choose("all")
    assert cells()[:4] == ["", "objects", "none", "wt."]
    note = page.findChild(QLabel, "batchNote")
    assert note is not None
    assert 'href="aeroplane"' in note.text()
    assert "rank-2 positives per batch" in note.text()
    note.linkActivated.emit("cow")
    assert loaded_session.selected_class == "cow"


# ----- by keyboard -----


def test_alt_and_arrows_walk_the_classes(page: RankingPage, loaded_session: Session) -> None:
    page.pool.setFocus()
    QTest.keyClick(page.pool, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert loaded_session.selected_class == "bicycle"
    for _ in range(2):
        QTest.keyClick(page.pool, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert loaded_session.selected_class == "tvmonitor", "round the end"


def test_escape_leaves_a_similarity_as_it_was(page: RankingPage, loaded_session: Session) -> None:
    rank_bird_and_boat(loaded_session)
    page.ladder.edit_similarity(0)
    editor = page.findChild(QDoubleSpinBox, "similarityEditor")
    assert editor is not None
    editor.setValue(0.9)
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert not editor.isVisible()
    assert loaded_session.ranking.similarities("aeroplane")[0] == pytest.approx(2 / 3)
    assert QApplication.focusWidget().accessibleName().startswith("bird")


def test_every_widget_that_takes_the_keyboard_has_a_name(
    page: RankingPage, loaded_session: Session, run: Run
) -> None:
    rank_bird_and_boat(loaded_session)
    page.desk.ask(run)
    page.inspector.preview.scope.choose("all")
    nameless = [
        widget
        for widget in page.findChildren(QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.isVisible()
        and not widget.accessibleName()
    ]
    assert nameless == []


# ----- keyboard -----


def test_after_a_repair_the_next_has_the_keyboard_then_the_classes(
    page: RankingPage, loaded_session: Session
) -> None:
    ranking = Ranking().moved("aeroplane", ["boat"], 0).moved("aeroplane", ["train"], 1)
    loaded_session.edit(ranking, "start")
    for name in ("boat", "train"):
        said = f"Rank it back: {name}"
        (button,) = [
            b for b in page.findChildren(QPushButton) if b.accessibleName().startswith(said)
        ]
        button.setFocus()
        QTest.keyClick(button, Qt.Key.Key_Space)
        assert tiers(loaded_session, name) == [("aeroplane",)]
        focused = QApplication.focusWidget()
        assert focused is not None
        if name == "boat":
            assert focused.accessibleName().startswith("Rank it back: train")
        else:
            assert focused is page.pool


def test_tab_goes_from_the_classes_over_the_ladder_to_the_right_and_down(
    page: RankingPage, loaded_session: Session, run: Run
) -> None:
    loaded_session.edit(Ranking().moved("aeroplane", ["boat"], 0), "start")
    loaded_session.edit(loaded_session.ranking.moved("aeroplane", ["sofa"], 0), "another")
    page.desk.ask(run)
    page.pool.setFocus()
    stops = []
    while (focused := QApplication.focusWidget()) is not page.pool or not stops:
        assert focused is not None
        stops.append(focused.accessibleName())
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    wanted = [
        "Classes",
        "aeroplane, rank 1",
        "sofa, rank 2",
        "boat, rank 3",
        "Accept bird",
        "Dismiss the suggestion bird",
        "Accept train",
        "Dismiss the suggestion train",
        "Rank it back",
        "Ignore",
        "Classes of the preview",
        "Run that suggests",
        "Accept bird",
        "Dismiss bird",
        "Accept train",
        "Dismiss train",
        "History",
    ]
    found = stops[: len(wanted)]
    assert len(found) == len(wanted)
    assert all(s.startswith(w) for s, w in zip(found, wanted, strict=True)), found
