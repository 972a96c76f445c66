"""An experiment's tables as text, for the terminal, the report and CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.arms import SeedFigure
from core.evaluation.report import METHOD_NAMES
from core.experiments.groups import RunGroup
from core.experiments.summary import Summary


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are text.

    Attributes:
        name: Of its CSV file.
        title: One sentence that says what it shows.
        header: One word or two a column.
        rows: As many cells each.
    """

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def is_number(self, column: int) -> bool:
        """Tells whether a column holds numbers only, which are set flush right."""
        cells = [row[column] for row in self.rows if row[column]]
        return bool(cells) and all(cell[0] in "+-<0123456789." for cell in cells)

    def to_csv(self) -> str:
        return _csv(self.header, self.rows)


def summary_table(summary: Summary) -> TextTable:
    """Returns every arm's figures, the published ones beside them."""
    header = ["arm", "seeds", "accuracy [95 %]", "over seeds", "balanced"]
    header += ["AUROC [95 %]"] if summary.withheld_count else []
    header += ["compliance", "errors on ranked"]
    header += ["paper: accuracy", "paper: AUROC"] if summary.paper else []
    rows = []
    for arm in summary.arms:
        row = [arm.label, str(len(arm.seeds)), with_interval(arm.accuracy), _band(arm.accuracy)]
        row.append(number(arm.balanced_accuracy))
        row += [with_interval(arm.auroc)] if summary.withheld_count else []
        row += [number(arm.compliance), number(arm.on_ranked)]
        if summary.paper:
            published = summary.paper_row(arm)
            row += [number(published.accuracy if published else None, 4)]
            row += [number(published.auroc if published else None, 4)]
        rows.append(tuple(row))
    title = "Each arm's figures on the test split: mean over the seeds, 95 % interval over images"
    title += (
        " and seeds; of one seed, over images only." if _has_one_seed(summary) else " and seeds."
    )
    return TextTable("summary", title, tuple(header), tuple(rows))


def _has_one_seed(summary: Summary) -> bool:
    return any(len(arm.seeds) == 1 for arm in summary.arms)


def summary_csv(summary: Summary) -> str:
    """Returns every arm's figures as plain numbers, one a column."""
    header = ["arm", "method", "depth", "seeds", "epochs", "training_s"]
    for name in ("accuracy", "auroc"):
        header += [name, f"{name}_low", f"{name}_high", f"{name}_deviation"]
    header += ["balanced_accuracy", "compliance", "errors_on_ranked"]
    header += ["paper_accuracy", "paper_auroc"]
    rows: list[list[object]] = []
    for arm in summary.arms:
        row: list[object] = [arm.label, METHOD_NAMES[arm.method], arm.depth, len(arm.seeds)]
        row += [arm.epochs, arm.training_s]
        for figure in (arm.accuracy, arm.auroc):
            row += [figure.mean, *figure.interval, figure.deviation] if figure else [None] * 4
        published = summary.paper_row(arm)
        row += [arm.balanced_accuracy, arm.compliance, arm.on_ranked]
        row += [published.accuracy, published.auroc] if published else [None, None]
        rows.append(row)
    return _csv(header, rows)


_MEASURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("macro F1", ("macro_f1",)),
    ("top-5 accuracy", ("top_5_accuracy",)),
    ("FPR95", ("ood", "fpr95")),
    ("AUPR, known as positive", ("ood", "aupr_in")),
    ("AUPR, withheld as positive", ("ood", "aupr_out")),
    ("AUROC by the largest cosine", ("ood_scores", "max cosine", "auroc")),
    ("AUROC by energy", ("ood_scores", "energy", "auroc")),
    ("AUROC by k-NN distance", ("ood_scores", "k-NN distance", "auroc")),
    ("AUROC by Mahalanobis distance", ("ood_scores", "Mahalanobis", "auroc")),
    ("retrieval R@1", ("retrieval", "recall_at_1")),
    ("retrieval R@5", ("retrieval", "recall_at_5")),
    ("retrieval mAP@R", ("retrieval", "map_at_r")),
)


def measures_table(groups: Sequence[RunGroup], summary: Summary) -> TextTable:
    """Returns every other measure of each arm, mean over the seeds; those that no arm has go."""
    rows = [
        (name, *(number(_average(group.values(*path))) for group in groups))
        for name, path in _MEASURES
    ]
    by_reference = (
        ("Kendall's tau-b", "tau_b"),
        ("mean rank of the predicted class", "mean_rank"),
        ("accuracy weighed by similarity", "weighted_accuracy"),
    )
    for name, key in by_reference:
        rows.append((name, *(number(getattr(arm, key)) for arm in summary.arms)))
    title = "Further measures on the test split, mean over the seeds; "
    title += f"the last three by the ranking {summary.reference.name}."
    header = ("measure", *(group.label for group in groups))
    return TextTable("measures", title, header, tuple(row for row in rows if any(row[1:])))


def comparison_table(summary: Summary) -> TextTable:
    """Returns every pair of arms compared."""
    rows = tuple(
        (
            comparison.figure,
            comparison.name_a,
            comparison.name_b,
            f"{100 * comparison.difference:+.1f}",
            " to ".join(f"{100 * end:+.1f}" for end in comparison.interval),
            _p(comparison.raw_p_value),
            _p(comparison.p_value),
            "different" if comparison.distinguishable else "not distinguishable",
            comparison.caveat,
        )
        for comparison in summary.comparisons
    )
    header = ("figure", "A", "B", "A - B, points", "95 % interval", "p", "p, Holm")
    title = "Every pair of arms: difference in points, and whether chance explains it."
    return TextTable("comparisons", title, (*header, "in words", "caveat"), rows)


def run_table(groups: Sequence[RunGroup]) -> TextTable:
    """Returns every run with its own figures."""
    rows = []
    for group in groups:
        for run, metrics in zip(group.runs, group.metrics, strict=True):
            ood, timing = metrics.get("ood") or {}, metrics.get("timing") or {}
            figures = (metrics.get("accuracy"), metrics.get("balanced_accuracy"), ood.get("auroc"))
            spent = timing.get("training_s")
            epochs = str(run.config.training.epochs)
            rows.append(
                (
                    group.label,
                    str(run.config.seed),
                    run.title,
                    *(number(value) for value in figures),
                    epochs,
                    "" if spent is None else f"{spent:.0f}",
                )
            )
    header = ("arm", "seed", "run", "accuracy", "balanced", "AUROC", "epochs", "training, s")
    return TextTable("runs", "Every run with its own figures.", header, tuple(rows))


def recall_table(groups: Sequence[RunGroup]) -> TextTable:
    """Returns each class's recall in every arm, mean over the seeds."""
    classes = groups[0].predictions[0].classes
    first = groups[0].metrics[0]["per_class"]
    rows = []
    for name in classes:
        cells = [number(_average(group.values("per_class", name, "recall"))) for group in groups]
        support = first.get(name, {}).get("support", 0)
        rows.append((name, str(support), *cells))
    header = ("class", "test objects", *(group.label for group in groups))
    return TextTable("recall", "Recall of each class, mean over the seeds.", header, tuple(rows))


def paper_caveats(summary: Summary) -> tuple[str, ...]:
    """Returns what to know before comparing with the published figures, each once."""
    lines = (line for row in summary.paper for line in row.caveat.splitlines())
    return tuple(dict.fromkeys(lines))


def with_interval(figure: SeedFigure | None) -> str:
    """Returns "0.612 [0.590, 0.634]"."""
    if figure is None:
        return ""
    low, high = figure.interval
    return f"{figure.mean:.3f} [{low:.3f}, {high:.3f}]"


def number(value: float | None, digits: int = 3) -> str:
    """Returns a figure with so many digits; nothing for None."""
    return "" if value is None else f"{value:.{digits}f}"


def _band(figure: SeedFigure | None) -> str:
    if figure is None or len(figure.seeds) < 2:
        return ""
    return f"{figure.value_S.min():.3f} to {figure.value_S.max():.3f}"


def _average(values: Iterable[float]) -> float | None:
    given = list(values)
    return float(np.mean(given)) if given else None


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
