"""How a training run that an error ended is explained to the user."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import AkinError, DataError, RunError
from core.events import Outcome
from core.memory import is_out_of_memory


class Cancelled(Exception):
    """The user cancelled, or stopped before there was anything to keep."""


class LossNotFiniteError(Exception):
    """The loss became infinite or NaN."""


class MemoryBesideStepsError(Exception):
    """Memory ran out in work that needs no less of it where training batches are smaller.

    Attributes:
        doing: The work.
    """

    def __init__(self, doing: str) -> None:
        super().__init__(doing)
        self.doing = doing


@contextmanager
def beside_the_steps(doing: str) -> Iterator[None]:
    """Marks work whose memory does not depend on the size of the training batches.

    Crops are embedded and images looked at so many at a time, fewer where memory runs out (see
    `in_halves`); what is left are the network, the data, and what judging makes of all of them.

    Raises:
        MemoryBesideStepsError: Memory ran out.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryBesideStepsError(doing) from error
        raise


def outcome_of(
    error: Exception, *, epochs: int, accepted: bool, has_checkpoint: bool, smaller: int | None
) -> Outcome:
    """Returns the failure that an error means.

    Args:
        error: What ended the run; not a cancellation.
        epochs: Epochs completed.
        accepted: Whether the request had been found to make sense.
        has_checkpoint: Whether a last checkpoint is kept.
        smaller: The batch size to try where a step ran out of memory; None: there is none.
    """

    def failed(message: str, hint: str, cause: str, details: str = "") -> Outcome:
        return Outcome("failed", message, hint, details, epochs=epochs, cause=cause)

    cause = _cause_of(error, accepted)
    if cause == "loss":
        kept = "; the last checkpoint is kept." if has_checkpoint else ", or warm up longer."
        message = getattr(error, "message", str(error))
        return failed(message, f"Lower the learning rate{kept}", cause)
    if isinstance(error, AkinError):
        return failed(error.message, error.hint, cause)
    if isinstance(error, MemoryBesideStepsError):
        hint = "Smaller batches need no less there: end other programs that use it, then try again."
        return failed(f"The device ran out of memory while {error.doing}.", hint, "device")
    if is_out_of_memory(error) and smaller is None:
        hint = "Batches cannot be smaller: choose smaller images or a smaller network."
        return failed("The device ran out of memory.", hint, "memory")
    if is_out_of_memory(error):
        again = "resume; its last checkpoint is kept" if has_checkpoint else "train again"
        hint = f"Halve the batch size to {smaller} and {again}."
        return failed("The device ran out of memory.", hint, "memory")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        message = f"{error.filename} vanished while the run was using it."
        return failed(message, "Bring it back and resume the run.", "data")
    if isinstance(error, OSError):
        message = f"Writing the run failed: {(error.strerror or str(error)).lower()}."
        return failed(message, "Free some disk space and resume the run.", "disk")
    message = f"Training failed: {type(error).__name__}: {error}."
    details = "".join(traceback.format_exception(error))
    return failed(message, "The log has the details; please report them.", "bug", details)


def _cause_of(error: Exception, accepted: bool) -> str:
    if isinstance(error, LossNotFiniteError):
        return "loss"
    if not accepted or isinstance(error, DataError):
        return "input"
    if isinstance(error, RunError):
        return "disk"
    return "loss" if isinstance(error, AkinError) else "bug"
