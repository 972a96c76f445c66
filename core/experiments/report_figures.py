"""The figures of a report, each as inline SVG with the sentences that say what it shows.

Shape suffixes: E epochs, S seeds, C known classes, T thresholds.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from core.evaluation.arms import SeedFigure
from core.evaluation.classification import confusion_matrix
from core.evaluation.compliance import similarity_by_rank
from core.evaluation.ood import max_softmax_score, roc_curve
from core.events import EpochCompleted
from core.experiments.groups import RunGroup
from core.experiments.summary import ArmSummary, Summary

FloatArray = npt.NDArray[np.float64]
INK, GRID = "#22262d", "#d9dde3"
# Okabe and Ito 2008: told apart by people with colour blindness; markers and dashes help too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5a5a5a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)), (0, (3, 1)), "-", "--")
ROC_POINTS = 201
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": "#8a919c",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True)
class ReportFigure:
    """A figure of a report.

    Attributes:
        name: Of its SVG file.
        title: What is plotted.
        text: One or two sentences that say what is seen, for whoever cannot see it.
        svg: A complete `svg` element, to be put into a page as it is.
    """

    name: str
    title: str
    text: str
    svg: str

    @property
    def is_square(self) -> bool:
        """Whether it is as high as it is wide."""
        return self.name.startswith("confusion")


def make_figures(groups: Sequence[RunGroup], summary: Summary) -> list[ReportFigure]:
    """Returns the figures that the runs have data for."""
    with mpl.rc_context(STYLE):
        found = [_arms(summary), _curves(groups), _by_rank(groups, summary)]
        if summary.withheld_count:
            found.append(_roc(groups, summary))
        found += [_confusion(i, group) for i, group in enumerate(groups)]
    return [figure for figure in found if figure is not None]


# ----- arms -----


def _arms(summary: Summary) -> ReportFigure | None:
    panels = [("accuracy", [arm.accuracy for arm in summary.arms])]
    if summary.withheld_count:
        panels.append(("AUROC", [arm.auroc for arm in summary.arms]))
    if all(figure is None for _, figures in panels for figure in figures):
        return None
    height = 1.2 + 0.42 * len(summary.arms)
    figure = Figure(figsize=(8.0, height), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for axis, (name, figures) in zip(axes, panels, strict=True):
        for row, found in enumerate(figures):
            if found is not None:
                _interval_row(axis, row, found)
        axis.set_xlabel(name)
        axis.grid(axis="x", color=GRID, lw=0.6)
        axis.set_axisbelow(True)
    chance = summary.majority_share
    if chance is not None:
        axes[0].axvline(chance, color=INK, lw=0.8, ls=":")
    if len(panels) > 1:
        axes[1].axvline(0.5, color=INK, lw=0.8, ls=":")
    axes[0].set_yticks(range(len(summary.arms)), [arm.label for arm in summary.arms])
    axes[0].set_ylim(len(summary.arms) - 0.4, -0.5)
    title = "Accuracy" + (" and AUROC" if len(panels) > 1 else "") + " of each arm"
    text = " ".join(_in_words(name, figures, summary.arms) for name, figures in panels)
    dotted = (
        "Strokes: seeds; diamond and bar: mean and 95 % interval over images and seeds; dotted: "
    )
    dotted += "what guessing scores."
    return _finished("arms", title, f"{text} {dotted}", figure)


def _interval_row(axis: Axes, row: int, figure: SeedFigure) -> None:
    low, high = figure.interval
    colour = COLOURS[row % len(COLOURS)]
    axis.plot([low, high], [row, row], color=colour, lw=2.2, solid_capstyle="butt", alpha=0.55)
    axis.plot([figure.mean], [row], marker="D", color=colour, ms=6.5)
    below = np.full(len(figure.seeds), row + 0.24)
    axis.plot(figure.value_S, below, "|", color=INK, ms=7, mew=1.2)


def _in_words(name: str, figures: Sequence[SeedFigure | None], arms: Sequence[ArmSummary]) -> str:
    given = [(f.mean, arm.label) for f, arm in zip(figures, arms, strict=True) if f is not None]
    if not given:
        return f"There is no {name}."
    (most, best), (least, worst) = max(given), min(given)
    if len(given) == 1:
        return f"{best} has a mean {name} of {most:.3f}."
    return f"Mean {name} runs from {least:.3f} ({worst}) to {most:.3f} ({best})."


# ----- curves -----


def _curves(groups: Sequence[RunGroup]) -> ReportFigure | None:
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    axis = figure.subplots()
    ends = []
    for i, group in enumerate(groups):
        curve_SE = _accuracy_by_epoch(group)
        if curve_SE is None:
            continue
        epochs = np.arange(1, curve_SE.shape[1] + 1)
        mean_E = curve_SE.mean(axis=0)
        colour = COLOURS[i % len(COLOURS)]
        if len(curve_SE) > 1:
            low_E, high_E = curve_SE.min(axis=0), curve_SE.max(axis=0)
            axis.fill_between(epochs, low_E, high_E, color=colour, alpha=0.15, lw=0)
        _line(axis, i, epochs, mean_E, group.label)
        ends.append(f"{group.label} {mean_E[-1]:.3f}")
    if not ends:
        return None
    axis.set_xlabel("epoch")
    axis.set_ylabel("validation accuracy")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(color=GRID, lw=0.6)
    _legend(axis)
    text = "Validation accuracy by epoch; line: mean over the seeds, band: lowest to highest seed. "
    text += f"In the last epoch: {', '.join(ends)}."
    return _finished("curves", "Validation accuracy while training", text, figure)


def _accuracy_by_epoch(group: RunGroup) -> FloatArray | None:
    curves = []
    for run in group.runs:
        epochs = [e for e in run.events() if isinstance(e, EpochCompleted)]
        curves.append([e.validation_accuracy for e in epochs])
    shortest = min(len(curve) for curve in curves)
    if not shortest or any(value is None for curve in curves for value in curve):
        return None
    return np.array([curve[:shortest] for curve in curves], dtype=np.float64)


# ----- similarity against rank -----


def _by_rank(groups: Sequence[RunGroup], summary: Summary) -> ReportFigure | None:
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axis = figure.subplots()
    words = []
    for i, group in enumerate(groups):
        if group.config.objective.method == "softmax":
            continue
        ranking = summary.reference.without_classes(group.config.data.withheld)
        similarity_CC = ranking.similarity_matrix(group.predictions[0].classes)
        rows = [similarity_by_rank(p.score_NC, p.label_N, similarity_CC) for p in group.predictions]
        ranks = [row.rank for row in rows[0]]
        if not ranks:
            continue
        mean_R = np.mean([[row.mean for row in one] for one in rows], axis=0)
        _line(axis, i, np.arange(len(ranks)), mean_R, group.label)
        axis.set_xticks(range(len(ranks)), ranks)
        falls = "falls" if (np.diff(mean_R) < 0).all() else "does not fall"
        words.append(f"for {group.label} it {falls} from rank to rank")
    if not words:
        return None
    axis.set_ylabel("mean cosine to the class means")
    axis.grid(color=GRID, lw=0.6)
    _legend(axis)
    text = "Mean cosine of test objects to the class means at each rank of "
    text += f"{summary.reference.name}: {'; '.join(words)}. An ideal method falls everywhere."
    return _finished("similarity-by-rank", "Similarity against rank", text, figure)


# ----- ROC -----


def _roc(groups: Sequence[RunGroup], summary: Summary) -> ReportFigure:
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color=INK, lw=0.8, ls=":")
    fpr_T = np.linspace(0, 1, ROC_POINTS)
    for i, (group, arm) in enumerate(zip(groups, summary.arms, strict=True)):
        tpr_ST = []
        for found in group.predictions:
            known_N, score_N = found.label_N >= 0, max_softmax_score(found.score_NC)
            curve = roc_curve(score_N[known_N], score_N[~known_N])
            tpr_ST.append(np.interp(fpr_T, curve.fpr, curve.tpr))
        area = f", AUROC {arm.auroc.mean:.3f}" if arm.auroc else ""
        axis.plot(
            fpr_T,
            np.mean(tpr_ST, axis=0),
            color=COLOURS[i % len(COLOURS)],
            ls=DASHES[i % len(DASHES)],
            lw=1.6,
            label=f"{group.label}{area}",
        )
    axis.set_aspect("equal")
    axis.set_xlabel("withheld taken for known")
    axis.set_ylabel("known taken for known")
    axis.set_xlim(-0.01, 1.01)
    axis.set_ylim(-0.01, 1.01)
    _legend(axis)
    withheld = ", ".join(groups[0].config.data.withheld)
    text = f"Known classes against {withheld}, by the largest softmax probability; curves are "
    text += "averaged over the seeds. " + _in_words(
        "AUROC", [arm.auroc for arm in summary.arms], summary.arms
    )
    return _finished("roc", "ROC of the withheld classes", text, figure)


# ----- confusion -----


def _confusion(index: int, group: RunGroup) -> ReportFigure | None:
    classes = group.predictions[0].classes
    counts_CC = np.zeros((len(classes), len(classes)))
    for found in group.predictions:
        known_N = found.label_N >= 0
        counts_CC += confusion_matrix(
            found.label_N[known_N], found.predicted_N[known_N], len(classes)
        )
    if not counts_CC.sum():
        return None
    share_CC = counts_CC / np.maximum(1, counts_CC.sum(axis=1, keepdims=True))
    side = 1.4 + 0.26 * len(classes) + 0.085 * max(map(len, classes))
    figure = Figure(figsize=(side, side), layout="constrained")
    axis = figure.subplots()
    edges = np.arange(len(classes) + 1) - 0.5
    axis.pcolormesh(edges, edges, share_CC, cmap="Blues", vmin=0, vmax=1)  # Stays a vector.
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.set_xticks(range(len(classes)), classes, rotation=90)
    axis.set_yticks(range(len(classes)), classes)
    for (row, column), share in np.ndenumerate(share_CC):
        if share >= 0.005:
            ink = "white" if share > 0.5 else INK
            text = f"{100 * share:.0f}"
            axis.text(column, row, text, ha="center", va="center", color=ink, size=6.5)
    axis.set_xlabel("predicted class")
    axis.set_ylabel("true class")
    runs = f"{len(group.runs)} seed{'s' if len(group.runs) > 1 else ''}"
    title = f"Confusion of {group.label}, {runs}"
    name = f"confusion-{index + 1}"
    return _finished(name, title, _worst(share_CC, counts_CC, classes), figure)


def _worst(share_CC: FloatArray, counts_CC: FloatArray, classes: Sequence[str]) -> str:
    text = "Each row is a true class, in percent of its objects; columns are predictions."
    wrong_CC = counts_CC * (1 - np.eye(len(classes)))
    if not wrong_CC.sum():
        return f"{text} There is no mistake."
    row, column = divmod(int(wrong_CC.argmax()), len(classes))
    often = f"{100 * share_CC[row, column]:.0f} % of {classes[row]}"
    return f"{text} The most frequent mistake: {often} taken for {classes[column]}."


# ----- drawing -----


def _line(axis: Axes, i: int, x: npt.ArrayLike, y: npt.ArrayLike, label: str) -> None:
    axis.plot(
        x,
        y,
        color=COLOURS[i % len(COLOURS)],
        ls=DASHES[i % len(DASHES)],
        marker=MARKERS[i % len(MARKERS)],
        ms=4,
        lw=1.5,
        label=label,
    )


def _legend(axis: Axes) -> None:
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def _finished(name: str, title: str, text: str, figure: Figure) -> ReportFigure:
    return ReportFigure(name, title, text, svg_of(figure, name, title))


def svg_of(figure: Figure, name: str, title: str) -> str:
    """Returns a figure as one `svg` element with ids of its own and an accessible title."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", svg)
    label = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
