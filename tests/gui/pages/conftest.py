"""Run directories written by hand: real files, no training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QTest

from core.config_files import load_recipe
from core.data.index import DatasetIndex
from core.evaluation.report import run_metrics
from core.events import EpochCompleted, Event, Outcome, RunStarted, StepCompleted
from core.files import write_json
from core.predictions import Predictions
from core.ranking_files import load_ranking
from core.runs import EventLog, Run, RunStore
from gui.pages.training_page import TrainingPage
from gui.session import Session

MakeRun = Callable[..., Run]
EPOCHS, STEPS_PER_EPOCH = 3, 10


def run_events(run: Run, epochs: int = EPOCHS) -> list[Event]:
    """Returns the events of a run of `epochs` epochs, the best of which is the second."""
    start = time.time() - 60
    events: list[Event] = [
        RunStarted(
            time_s=start,
            run=run.name,
            method="ranked",
            device="cpu",
            epochs=epochs,
            steps_per_epoch=STEPS_PER_EPOCH,
            train_objects=90,
            validation_objects=30,
            test_objects=40,
        )
    ]
    for step in range(1, epochs * STEPS_PER_EPOCH + 1):
        epoch = (step - 1) // STEPS_PER_EPOCH + 1
        events.append(
            StepCompleted(
                time_s=start + step / 10,
                step=step,
                epoch=epoch,
                loss=3.0 / step,
                loss_by_rank=(2.0 / step, None if step % 2 else 1.0 / step),
                learning_rate=0.01,
                objects_per_s=100.0 + step,
            )
        )
        if step % STEPS_PER_EPOCH == 0:
            events.append(
                EpochCompleted(
                    time_s=start + step / 10,
                    epoch=epoch,
                    step=step,
                    loss=3.0 / step,
                    validation_accuracy=(0.2, 0.5, 0.4)[min(epoch, 3) - 1],
                    is_best=epoch in {1, 2},
                )
            )
    return events


def write_results(run: Run, index: DatasetIndex, withheld: tuple[str, ...]) -> None:
    """Writes predictions and metrics of the test split: 1 of 5 objects is wrong."""
    objects = index.objects_of_split("test")
    known = tuple(name for name in index.classes if name not in withheld)
    names = [index.classes[label] for label in index.label_N[objects]]
    label_N = np.array([known.index(n) if n in known else -1 for n in names], dtype=np.int64)
    rng = np.random.default_rng(0)
    score_NC = rng.uniform(-0.2, 0.2, (len(objects), len(known))).astype(np.float32)
    for row, label in enumerate(label_N):
        if label >= 0:
            score_NC[row, label if row % 5 else (label + 1) % len(known)] = 0.9
    predicted_N = score_NC.argmax(axis=1).astype(np.int64)
    image_id_N = np.array([index.image_ids[i] for i in index.image_index_N[objects]])
    Predictions(
        image_id_N,
        index.box_xyxy_N4[objects],
        known,
        label_N,
        predicted_N,
        score_NC,
        score_NC / np.linalg.norm(score_NC, axis=1, keepdims=True),
        np.array(names),
        index.unseen_N[objects],
    ).save(run.path / "predictions.npz")
    metrics = run_metrics(
        classes=known,
        label_N=label_N,
        predicted_N=predicted_N,
        score_NC=score_NC,
        withheld=withheld,
        image_id_N=image_id_N,
        unseen_N=index.unseen_N[objects],
        similarity_CC=run.ranking.similarity_matrix(known, 3),
    )
    write_json(run.path / "metrics.json", metrics)


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """make_run(store, index, withheld=(), results=True, outcome=...): a run directory."""

    def make(
        store: RunStore,
        index: DatasetIndex,
        *,
        withheld: tuple[str, ...] = (),
        results: bool = True,
        folder: Path | None = None,
    ) -> Run:
        values = {"data.folder": str(folder or index.folder), "data.withheld": withheld}
        run = store.create(load_recipe("demo").with_values(values), load_ranking("voc2007-paper"))
        data = {"data_name": index.name, "data_fingerprint": index.fingerprint}
        write_json(run.path / "environment.json", data)
        log = EventLog(run)
        for event in run_events(run):
            log.write(event)
        log.close()
        if results:
            write_results(run, index, withheld)
            run.write_outcome(Outcome("done", "Trained 3 epochs in 3 s.", epochs=3))
        return run

    return make


@pytest.fixture
def training_page(
    loaded_session: Session, wait_until: Callable[..., None]
) -> Iterator[TrainingPage]:
    """The training page, shown as it is in a window of 1280 x 800."""
    page = TrainingPage(loaded_session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    yield page
    wait_until(lambda: page.is_idle)
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
