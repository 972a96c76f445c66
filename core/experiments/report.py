"""One page about runs or an experiment, complete in itself: what one hands to a reviewer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

import core
from core.config import config_keys
from core.errors import RunError
from core.events import RunStarted
from core.experiments.groups import RunGroup, group_runs
from core.experiments.plan import MOVABLE_KEYS
from core.experiments.queue import experiment_runs, is_experiment, read_record
from core.experiments.report_figures import make_figures
from core.experiments.report_files import files_before, write_files
from core.experiments.summary import Summary, summarize_groups
from core.experiments.tables import (
    TextTable,
    comparison_table,
    measures_table,
    paper_caveats,
    recall_table,
    run_table,
    summary_csv,
    summary_table,
)
from core.ranking import Ranking
from core.runs import Run, format_time, open_run

TEMPLATE_FOLDER = Path(__file__).parents[2] / "resources" / "report"
ENVIRONMENT_KEYS = (
    *("code_version", "python", "torch", "torchvision", "numpy", "platform", "processor"),
    *("device", "threads", "num_processes"),
)


@dataclass(frozen=True)
class NamedRanking:
    """A ranking as the report shows it."""

    name: str
    used_by: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command line and the runs it started."""

    runs: str
    text: str


def write_report(paths: Sequence[Path], out: Path, *, title: str = "") -> Path:
    """Writes report.html, with tables/*.csv and figures/*.svg beside it.

    Args:
        paths: Run directories and experiments' folders.
        out: Where to; created. An earlier report there is replaced.
        title: The heading; empty: the experiment's name, or how many runs.

    Returns:
        The page's path.

    Raises:
        RunError: If a run has not been judged, runs do not compare, or `out` holds something
            that is no report.
    """
    files_before(out)
    runs, record = _collect(paths)
    groups = group_runs(runs)
    summary = summarize_groups(groups, str(record.get("paper", "")))
    tables = _tables(groups, summary)
    figures = make_figures(groups, summary)
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    beside = {f"tables/{table.name}.csv": table.to_csv() for table in tables.values()}
    beside["tables/summary-figures.csv"] = summary_csv(summary)
    beside |= {f"figures/{figure.name}.svg": head + figure.svg for figure in figures}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    several = f"{len(runs)} run{'s' if len(runs) > 1 else ''} compared"
    page = environment.get_template("report.html.jinja").render(
        title=title or record.get("name") or (several if len(runs) > 1 else runs[0].name),
        description=record.get("description", ""),
        data_line=_data_line(groups, summary),
        version=core.__version__,
        written=format_time(time.time()),
        findings=_findings(groups, summary),
        summary_note=_summary_note(summary),
        tables=tables,
        figures=figures,
        caveats=paper_caveats(summary),
        rankings=_rankings(groups),
        commands=_commands(runs),
        files=beside,
    )
    return write_files(out, beside, page)


def _collect(paths: Sequence[Path]) -> tuple[list[Run], dict[str, Any]]:
    runs: list[Run] = []
    record: dict[str, Any] = {}
    for path in paths:
        if is_experiment(path):
            runs += experiment_runs(path)
            record = read_record(path) if len(paths) == 1 else {}
        else:
            runs.append(open_run(path))
    if not runs:
        raise RunError("No run was given.", "Give run directories, or an experiment's folder.")
    return runs, record


# ----- words -----


def _data_line(groups: Sequence[RunGroup], summary: Summary) -> str:
    run = groups[0].runs[0]
    config, name = run.config, run.environment().get("data_name", "unnamed data")
    started = _started(run)
    learned = f"{started.train_objects} objects learned from" if started else "objects learned from"
    line = f"{name}: {learned} ({config.data.train_split}), "
    line += f"{summary.known_count} judged ({config.data.test_split})"
    if summary.withheld_count:
        withheld = ", ".join(config.data.withheld)
        line += f", and {summary.withheld_count} of the withheld {withheld}"
    return f"{line}; crops of {config.crops.size} px"


def _findings(groups: Sequence[RunGroup], summary: Summary) -> list[str]:
    seeds = sorted({len(group.seeds) for group in groups})
    counts = " or ".join(str(n) for n in seeds)
    arms = f"{len(groups)} arm{'s' * (len(groups) > 1)}"
    found = [f"{arms}, {counts} seed{'s' * (seeds != [1])} each."]
    for name in ("accuracy", "AUROC"):
        pairs = [c for c in summary.comparisons if c.figure == name]
        different = [c for c in pairs if c.distinguishable]
        found += [str(c) for c in different]
        alike = [f"{c.name_a} and {c.name_b}" for c in pairs if not c.distinguishable]
        if len(alike) > 1 and not different:
            found.append(f"No two arms are distinguishable in {name}.")
        elif alike:
            found.append(f"Not distinguishable in {name}: {'; '.join(alike)}.")
    if any(c.caveat for c in summary.comparisons):
        found.append(
            "Where an arm has one seed, the tests count chance of the test images only: "
            "another seed may differ as much."
        )
    if len(groups) == 1 and summary.arms[0].accuracy is not None:
        found.append(f"Mean accuracy {summary.arms[0].accuracy.mean:.3f}.")
    return found


def _summary_note(summary: Summary) -> str:
    guess = ""
    if summary.majority_share is not None:
        guess = f"Always guessing the largest class scores {summary.majority_share:.3f}. "
    return (
        f"{guess}Compliance: share of the ordered pairs of the ranking {summary.reference.name} "
        "that hold on test objects. Errors on ranked: share of the mistakes that fall on classes "
        "which that ranking names for the true class. Balanced: mean recall over classes."
    )


# ----- tables -----


def _tables(groups: Sequence[RunGroup], summary: Summary) -> dict[str, TextTable]:
    return {
        "summary": summary_table(summary),
        "comparisons": comparison_table(summary),
        "measures": measures_table(groups, summary),
        "recall": recall_table(groups),
        "runs": run_table(groups),
        "data": _data_table(groups, summary),
        "settings": _settings_table(groups),
        "differences": _differences_table(groups),
        "environment": _environment_table(groups),
    }


def _started(run: Run) -> RunStarted | None:
    found = [event for event in run.events() if isinstance(event, RunStarted)]
    return found[-1] if found else None


def _data_table(groups: Sequence[RunGroup], summary: Summary) -> TextTable:
    run = groups[0].runs[0]
    environment, started, data = run.environment(), _started(run), run.config.data
    rows = [
        ("data set", str(environment.get("data_name", ""))),
        ("fingerprint", str(environment.get("data_fingerprint", ""))),
    ]
    if started is not None:
        rows += [
            ("learned from", f"{data.train_split}: {started.train_objects} objects"),
            ("validated on", f"{data.validation_split}: {started.validation_objects} objects"),
        ]
    judged = f"{data.test_split}: {summary.known_count} objects of known classes"
    if summary.withheld_count:
        judged += f", {summary.withheld_count} withheld"
    rows += [
        ("judged on", judged),
        ("withheld classes", ", ".join(data.withheld) or "none"),
        ("classes", ", ".join(groups[0].predictions[0].classes)),
    ]
    return TextTable("data", "What was learned from and judged on.", ("", ""), tuple(rows))


def _settings_table(groups: Sequence[RunGroup]) -> TextTable:
    rows = []
    for key, field in config_keys():
        values = {_plain(group.config.value(key)) for group in groups}
        if len(values) == 1 and key != "seed" and key not in MOVABLE_KEYS:
            rows.append((key, values.pop(), field.description or ""))
    title = "Settings that all runs share."
    return TextTable("settings", title, ("key", "value", "meaning"), tuple(rows))


def _differences_table(groups: Sequence[RunGroup]) -> TextTable:
    rows = []
    for key, _ in config_keys():
        if key == "seed" or key in MOVABLE_KEYS:
            continue
        values = [", ".join(_values(group, key)) for group in groups]
        if len(set(values)) > 1:
            rows.append((key, *values))
    header = ("key", *(group.label for group in groups))
    return TextTable("differences", "Settings that differ between arms.", header, tuple(rows))


def _values(group: RunGroup, key: str) -> list[str]:
    return list(dict.fromkeys(_plain(run.config.value(key)) for run in group.runs))


def _plain(value: object) -> str:
    """Returns a value as one writes it in a configuration."""
    if isinstance(value, tuple | list):
        return ", ".join(map(_plain, value)) or "none"
    words = {None: "none", True: "yes", False: "no", "": "none"}
    known = isinstance(value, bool) or value is None or value == ""
    return words[value] if known else str(value)  # type: ignore[index]


def _environment_table(groups: Sequence[RunGroup]) -> TextTable:
    runs = [run for group in groups for run in group.runs]
    rows = []
    for key in ENVIRONMENT_KEYS:
        values = dict.fromkeys(str(run.environment().get(key, "")) for run in runs)
        rows.append((key.replace("_", " "), "; ".join(value for value in values if value)))
    return TextTable("environment", "What the runs were trained on.", ("", ""), tuple(rows))


# ----- rankings and commands -----


def _rankings(groups: Sequence[RunGroup]) -> list[NamedRanking]:
    users: dict[Ranking, list[str]] = {}
    for group in groups:
        for run in group.runs:
            if group.config.objective.method == "ranked":
                users.setdefault(run.ranking, []).append(run.name)
    return [
        NamedRanking(ranking.name, f"Trained with by {', '.join(names)}.", ranking.to_yaml())
        for ranking, names in users.items()
    ]


def _commands(runs: Sequence[Run]) -> list[Command]:
    users: dict[str, list[str]] = {}
    for run in runs:
        users.setdefault(str(run.environment().get("command", "not recorded")), []).append(run.name)
    return [Command(", ".join(names), text) for text, names in users.items()]
