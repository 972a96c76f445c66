"""A detector, and the encoder of a run, over a split: what to do, and doing it into a file.

Importing this costs no torch; running does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.data.crops import BuildStopped
from core.data.index import DatasetIndex, Problem
from core.detection.detections_io import write_detections
from core.events import Emit
from core.runs import Run

CHUNK_IMAGES = 64
Progress = Callable[[int, int], None]


class DetectionStopped(Exception):
    """Whoever asked for detections wants them no more; no file was written."""


@dataclass(frozen=True)
class DetectionJob:
    """What to look for, and where.

    Attributes:
        detector: As `core.detection.open_detector` takes it.
        out: The file of detections.
        run: Whose encoder classifies the boxes; None: the detector itself.
        weights: The detector's: a name or a file; None: its own.
        split: Which images; "all": every one.
        proposals: So many of the best proposals an image; 0: its detections.
        least_score: What a box must score.
        threshold: Below it a box is unknown; None: the run's.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Images at a time; None: what is fast.
        chunk_images: After so many images progress is told, and a stop is obeyed.
    """

    detector: str
    out: Path
    run: Run | None = None
    weights: str | None = None
    split: str = "test"
    proposals: int = 0
    least_score: float = 0.05
    threshold: float | None = None
    device: str = "auto"
    batch_size: int | None = None
    chunk_images: int = CHUNK_IMAGES


@dataclass(frozen=True)
class DetectionReport:
    """What a job came to.

    Attributes:
        path: The file of detections.
        images: How many were looked at.
        detections: How many were written.
        threshold: Below it a box is unknown; None without a run.
        problems: What was skipped.
    """

    path: Path
    images: int
    detections: int
    threshold: float | None
    problems: tuple[Problem, ...]


def run_detection(
    job: DetectionJob,
    index: DatasetIndex,
    emit: Emit,
    progress: Progress = lambda _done, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> DetectionReport:
    """Writes what is found; the file is there once it is complete, or not at all.

    Args:
        job: What to do.
        index: The data set.
        emit: Receives the phases of preparing the run's encoder, and warnings.
        progress: Told how many images are done.
        should_stop: Asked after every chunk of images.

    Raises:
        AkinError: With what is wrong and what to do.
        DetectionStopped: should_stop returned True.
    """
    from core.detection.open_detector import open_detector  # noqa: PLC0415 - torch
    from core.detection.pipeline import BoxChoice, Pipeline  # noqa: PLC0415
    from core.training.device import choose_device  # noqa: PLC0415
    from core.training.run_classifier import RunClassifier  # noqa: PLC0415

    images = index.images_of(job.split)
    device = choose_device(job.device)
    detector = open_detector(index, job.detector, job.weights, device, batch_size=job.batch_size)
    classifier = None
    try:
        if job.run is not None:
            classifier = RunClassifier(
                job.run, device, emit, threshold=job.threshold, should_stop=should_stop
            )
    except BuildStopped:
        raise DetectionStopped from None
    choice = BoxChoice(job.proposals, job.least_score)
    pipeline = Pipeline(index, detector, classifier, choice, chunk_images=job.chunk_images)

    def on_progress(done: int, total: int) -> None:
        progress(done, total)
        if should_stop():
            raise DetectionStopped

    on_progress(0, len(images))
    count = write_detections(job.out, pipeline.run(images.tolist(), on_progress))
    threshold = classifier.threshold if classifier is not None else None
    return DetectionReport(job.out, len(images), count, threshold, pipeline.problems)
