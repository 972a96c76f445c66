"""The report: complete in itself, safe with any name, and the same figures as the runs'."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from core.errors import RunError
from core.experiments.plan import Plan
from core.experiments.report import write_report
from core.ranking import Ranking, Tier
from core.runs import Run

from .judged import judged_run

NASTY = '<script>alert("x")</script> & $\\frac{1}{0}$'
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Reads a page as a browser does, strictly.

    Attributes:
        tags: Every tag with its attributes.
        texts: Text by the tag it stands in.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data.strip()))

    def of(self, tag: str) -> list[str]:
        return [text for where, text in self.texts if where == tag]


@pytest.fixture(scope="module")
def experiment_report(finished: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([finished.folder], tmp_path_factory.mktemp("report"))


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_it_needs_nothing_from_elsewhere(experiment_report: Path) -> None:
    page = read(experiment_report)
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    for _, attributes in page.tags:
        for key, value in attributes.items():
            assert not key.startswith("on")
            if key in ("href", "src", "xlink:href"):
                assert (value or "").startswith("#")
    text = experiment_report.read_text(encoding="utf-8")
    assert "url(http" not in text
    assert "@import" not in text


def test_ids_are_unique_and_every_reference_is_met(experiment_report: Path) -> None:
    page = read(experiment_report)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 50
    used = [a["xlink:href"] for _, a in page.tags if "xlink:href" in a]
    clips = [a["clip-path"] for _, a in page.tags if "clip-path" in a]
    assert used
    assert clips
    assert {str(name)[1:] for name in used} <= set(ids)
    assert {str(name)[5:-1] for name in clips} <= set(ids)


def test_every_figure_is_named_and_put_in_words(experiment_report: Path) -> None:
    page = read(experiment_report)
    drawn = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(drawn) == 6
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawn)
    captions = [t for t in page.of("figcaption") if t]
    assert len(captions) == 6
    assert all(len(text) > 60 for text in captions)
    files = sorted((experiment_report.parent / "figures").iterdir())
    assert len(files) == 6
    for file in files:
        assert ElementTree.parse(file).getroot().tag.endswith("svg")


def test_it_says_on_what_it_was_measured_and_how(experiment_report: Path, finished: Plan) -> None:
    page = read(experiment_report)
    text = " ".join(text for _, text in page.texts)
    assert f"Akin demo: {finished.train_objects} objects learned from (train)" in text
    assert "withheld chair; crops of 16 px" in text
    assert page.of("h1") == ["quick"]
    headings = page.of("h2")
    for heading in ("Results", "Data", "Configuration", "Rankings", "Environment"):
        assert heading in headings
    assert "akin train RUN/config.yaml" in text
    environment = Run(finished.runs[0].path).environment()
    for key in ("torch", "processor", "data_fingerprint", "command"):
        assert str(environment[key]) in text
    assert "training.batch_size" in page.of("td")
    assert "similar:" in " ".join(page.of("pre"))


def test_its_tables_are_the_runs_figures(experiment_report: Path, finished: Plan) -> None:
    folder = experiment_report.parent / "tables"
    with (folder / "runs.csv").open(encoding="utf-8") as file:
        rows = {row["run"]: row for row in csv.DictReader(file)}
    assert set(rows) == {planned.name for planned in finished.runs}
    for planned in finished.runs:
        metrics = Run(planned.path).metrics() or {}
        assert rows[planned.name]["accuracy"] == f"{metrics['accuracy']:.3f}"
        assert rows[planned.name]["AUROC"] == f"{metrics['ood']['auroc']:.3f}"
    page = read(experiment_report)
    for row in rows.values():
        assert row["accuracy"] in page.of("td")
    with (folder / "summary-figures.csv").open(encoding="utf-8") as file:
        summary = list(csv.DictReader(file))
    assert [row["arm"] for row in summary] == ["SupCon", "ranked r3"]
    low, mean, high = (float(summary[0][k]) for k in ("accuracy_low", "accuracy", "accuracy_high"))
    assert low <= mean <= high


def test_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    classes = (NASTY, "b & <c>", "d")
    ranking = Ranking({NASTY: (Tier(("b & <c>",)),)}, NASTY)
    keys: dict[str, Any] = {"classes": classes, "ranking": ranking}
    environment = {"data_name": NASTY, "command": f"akin train {NASTY}"}
    runs = [
        judged_run(tmp_path / f"run {i} & <x>", seed=i, environment=environment, **keys)
        for i in range(2)
    ]
    path = write_report([run.path for run in runs], tmp_path / "out", title=NASTY)
    page = read(path)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.of("h1") == [NASTY]
    assert NASTY in page.of("td")
    assert NASTY in page.of("text"), "class names in the figures are whole"
    for file in (tmp_path / "out" / "figures").iterdir():
        ElementTree.parse(file)


def test_a_single_run_has_a_report_too(tmp_path: Path) -> None:
    run = judged_run(tmp_path / "only")
    page = read(write_report([run.path], tmp_path / "out"))
    assert page.of("h1") == ["only"]
    assert "Arms compared" not in page.of("h2")
    assert "1 arm, 1 seed each." in page.of("li")


def test_another_report_in_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    runs = [judged_run(tmp_path / m, objective__method=m).path for m in ("supcon", "softmax")]
    write_report(runs, out)
    (out / "figures" / "mine.svg").write_text("mine")
    (out / "notes.txt").write_text("mine")
    assert (out / "figures" / "confusion-2.svg").is_file()
    write_report(runs[:1], out)
    write_report(runs[:1], tmp_path / "alone")
    left = {p.relative_to(out) for p in out.rglob("*") if p.is_file()}
    alone = {p.relative_to(tmp_path / "alone") for p in (tmp_path / "alone").rglob("*.*")}
    assert left == alone | {Path("figures/mine.svg"), Path("notes.txt")}


def test_a_folder_that_is_no_reports_is_refused(tmp_path: Path) -> None:
    run = judged_run(tmp_path / "only")
    before = sorted(run.path.rglob("*"))
    with pytest.raises(RunError, match="no report") as caught:
        write_report([run.path], run.path)
    assert "new folder" in caught.value.hint
    assert sorted(run.path.rglob("*")) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "report.html").write_text("<html></html>")
    with pytest.raises(RunError, match="no report"):
        write_report([run.path], tmp_path / "other")


def test_nothing_to_judge_is_no_reason_to_fail(tmp_path: Path) -> None:
    run = judged_run(tmp_path / "empty", images=0)
    (run.path / "events.jsonl").unlink()
    page = read(write_report([run.path], tmp_path / "out"))
    assert "svg" not in {tag for tag, _ in page.tags}
    assert "1 arm, 1 seed each." in page.of("li")


def test_what_is_not_distinguishable_is_said_in_words(tmp_path: Path) -> None:
    for method, accuracy in (("supcon", 0.9), ("rince", 0.901), ("softmax", 0.5)):
        for seed in (0, 1, 2):
            path = tmp_path / f"{method}-{seed}"
            judged_run(path, accuracy=accuracy, seed=seed, objective__method=method)
    runs = sorted(tmp_path.iterdir())
    page = read(write_report(runs, tmp_path / "out"))
    found = page.of("li")
    assert any(t == "Not distinguishable in accuracy: RINCE and SupCon." for t in found), found
    assert any(t.startswith("SupCon has a higher accuracy than SoftMax, by") for t in found)
    assert "another seed" not in "".join(found)


def test_single_runs_are_compared_with_a_caveat(tmp_path: Path) -> None:
    runs = [
        judged_run(tmp_path / method, accuracy=accuracy, objective__method=method).path
        for method, accuracy in (("supcon", 0.9), ("softmax", 0.5))
    ]
    page = read(write_report(runs, tmp_path / "out"))
    caveat = "chance of training left out: another seed may differ as much"
    assert any("higher accuracy" in text and caveat in text for text in page.of("li"))
    assert any("chance of the test images only" in text for text in page.of("li"))
    with (tmp_path / "out" / "tables" / "comparisons.csv").open(encoding="utf-8") as file:
        assert {row["caveat"] for row in csv.DictReader(file)} == {caveat}
