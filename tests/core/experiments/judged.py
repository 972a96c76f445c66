"""Run directories with predictions of their own, made without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.config import ExperimentConfig
from core.evaluation.report import run_metrics
from core.events import EpochCompleted, RunStarted
from core.files import write_json
from core.predictions import Predictions
from core.ranking import Ranking
from core.runs import EventLog, Run, RunStore

CLASSES = ("a", "b", "c")


def judged_run(
    path: Path,
    *,
    accuracy: float = 0.7,
    seed: int = 0,
    classes: tuple[str, ...] = CLASSES,
    ranking: Ranking | None = None,
    images: int = 60,
    environment: dict[str, Any] | None = None,
    **values: Any,
) -> Run:
    """Makes a run that gets about a share `accuracy` of two known objects an image right.

    The last class is withheld; a third object of every image is of it.
    """
    rng = np.random.default_rng([seed, round(1000 * accuracy)])
    known, withheld = classes[:-1], classes[-1]
    label_N = np.where(np.arange(3 * images) % 3 == 2, -1, np.arange(3 * images) // 3 % len(known))
    right_N = rng.random(3 * images) < accuracy
    predicted_N = np.where(right_N, label_N, (label_N + 1) % len(known))
    predicted_N[label_N < 0] = 0
    score_NC = rng.random((3 * images, len(known))).astype(np.float32) * 0.5
    score_NC[np.arange(3 * images), predicted_N] += np.where(label_N < 0, 0.2, 0.5)
    names = np.array([classes[label] for label in label_N])
    found = Predictions(
        np.array([f"{i // 3:06d}" for i in range(3 * images)]),
        np.tile(np.array([[0, 0, 9, 9]], np.float32), (3 * images, 1)),
        known,
        label_N.astype(np.int64),
        score_NC.argmax(axis=1).astype(np.int64),
        score_NC,
        rng.random((3 * images, 4)).astype(np.float32),
        names,
        np.zeros(3 * images, bool),
    )
    keys = {key.replace("__", "."): value for key, value in values.items()}
    config = ExperimentConfig().with_values(
        {"seed": seed, "data.withheld": [withheld], "training.epochs": 3} | keys
    )
    ranking = ranking if ranking is not None else Ranking(name="mine")
    run = RunStore(path.parent).create(config, ranking, path)
    found.save(path / "predictions.npz")
    metrics = run_metrics(
        classes=known,
        label_N=found.label_N,
        predicted_N=found.predicted_N,
        score_NC=score_NC,
        withheld=(withheld,),
        image_id_N=found.image_id_N,
        similarity_CC=ranking.similarity_matrix(known),
        timing={"training_s": 30.0, "judging_s": 1.0},
        objective=config.objective.method,
    )
    write_json(path / "metrics.json", metrics)
    write_json(
        path / "environment.json",
        {"data_name": "drawn data", "command": "akin train"} | (environment or {}),
    )
    log = EventLog(run)
    log.write(
        RunStarted(
            run=run.name,
            method=config.objective.method,
            device="cpu",
            epochs=3,
            steps_per_epoch=1,
            train_objects=321,
            validation_objects=45,
            test_objects=180,
        )
    )
    for epoch in (1, 2, 3):
        log.write(
            EpochCompleted(
                epoch=epoch, step=epoch, loss=1.0, validation_accuracy=accuracy - 0.1 / epoch
            )
        )
    log.close()
    return Run(path)
