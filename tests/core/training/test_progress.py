"""How far a run is, counted in batches of another size."""

from __future__ import annotations

import pytest

from core.training.progress import Progress
from core.training.sampling import steps_in_epoch


@pytest.mark.parametrize("objects", [100, 103, 97])
@pytest.mark.parametrize(("before", "after"), [(40, 20), (40, 10), (7, 3), (20, 40), (5, 2)])
def test_no_object_is_passed_over_and_none_seen_twice_but_for_part_of_a_batch(
    objects: int, before: int, after: int
) -> None:
    steps, steps_after = steps_in_epoch(objects, before), steps_in_epoch(objects, after)
    for position in range(steps):
        progress = Progress(2 * steps + position, 2, 3.0 * position, 9.0, before, steps)
        assert progress.rebatch(after, steps_after)
        epoch, at = divmod(progress.step, steps_after)
        assert epoch == progress.epochs == 2
        seen = position * before
        assert at * after <= seen
        assert seen - at * after < after or at == steps_after - 1
        assert progress.loss_sum == pytest.approx(3.0 * at)
        assert (progress.batch_size, progress.steps_per_epoch) == (after, steps_after)


def test_the_same_size_and_an_older_checkpoint_change_nothing() -> None:
    for known in (0, 40):
        progress = Progress(7, 2, 1.5, batch_size=known, steps_per_epoch=3 if known else 0)
        assert not progress.rebatch(40, 3)
        assert (progress.step, progress.loss_sum, progress.batch_size) == (7, 1.5, 40)
