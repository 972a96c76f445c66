"""The main job in a real window: rank by drag and drop, train, judge. Run by test_main_job.py.

Usage: python main_job.py WORKSPACE DATA RESULT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from driver import Script, click, click_widget, drag, nav, open_window, run_script, wait, xdotool

from gui.main_window import MainWindow
from gui.pages.ranking_page import RankingPage
from gui.pages.results_page import ResultsPage
from gui.pages.training_page import TrainingPage
from gui.session import Session

EPOCHS = 2
SETTINGS = {
    "training.epochs": EPOCHS,
    "crops.size": 16,
    "training.batch_size": 32,
    "data.withheld": ["sheep"],
}


def script(session: Session, window: MainWindow, data: Path, result: dict[str, object]) -> Script:
    """Ranks aeroplane > bird, {boat, train}; takes train back; trains; looks at the results."""
    session.open_data(data)
    yield lambda: session.dataset is not None
    yield from click_widget(nav(window, "ranking"))
    page = window.page("ranking")
    assert isinstance(page, RankingPage)
    yield page.isVisible
    yield wait(1.0)

    yield from click(page.chip_rect("aeroplane").center())
    yield lambda: session.selected_class == "aeroplane"
    yield from drag(page.chip_rect("boat").center(), lambda: page.drop_point("gap", 0))
    yield lambda: session.ranking.ranked("aeroplane") == ("boat",)
    yield from drag(page.chip_rect("bird").center(), lambda: page.drop_point("gap", 0))
    yield lambda: session.ranking.ranked("aeroplane") == ("bird", "boat")
    yield from drag(page.chip_rect("train").center(), lambda: page.drop_point("tier", 1))
    yield lambda: len(session.ranking.tiers("aeroplane")[1].classes) == 2
    yield from drag(page.chip_rect("car").center(), lambda: page.drop_point("gap", 2))
    yield lambda: session.ranking.tier_index("aeroplane", "car") == 2
    yield from drag(page.chip_rect("car", "ladder").center(), lambda: page.drop_point("pool", 0))
    yield lambda: session.ranking.tier_index("aeroplane", "car") is None
    result["undo_steps"] = session.undo_stack.count()
    yield xdotool("key", "ctrl+z")
    yield lambda: session.ranking.tier_index("aeroplane", "car") == 2
    yield xdotool("key", "ctrl+shift+z")
    yield lambda: session.ranking.tier_index("aeroplane", "car") is None
    result["ranking"] = session.ranking.to_yaml()

    session.set_config_values(SETTINGS)
    yield from click_widget(nav(window, "training"))
    training = window.page("training")
    assert isinstance(training, TrainingPage)
    yield training.isVisible
    yield wait(0.5)
    yield from click_widget(training.controls.train_button)
    yield lambda: session.is_training
    yield lambda: not session.is_training
    yield wait(0.5)
    assert session.run is not None
    result["run"] = str(session.run.path)
    result["points"] = training.plotted_points()
    result["ranking_after"] = session.ranking.to_yaml()

    yield from click_widget(nav(window, "results"))
    results = window.page("results")
    assert isinstance(results, ResultsPage)
    yield results.isVisible
    yield wait(1.0)
    result["shown_run"] = session.run.name


def main() -> int:
    workspace, data, answer = map(Path, sys.argv[1:4])
    app, session, window = open_window(workspace)
    result: dict[str, object] = {}
    status = run_script(app, session, script(session, window, data, result))
    window.grab().save(str(answer.with_suffix(".png")))
    answer.write_text(json.dumps(result))
    return status


if __name__ == "__main__":
    raise SystemExit(main())
