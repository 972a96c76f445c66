"""How a training run that an error ended is explained to the user."""

from __future__ import annotations

import traceback

import torch

from core.errors import AkinError, DataError, RunError
from core.events import Outcome

# What torch says where it is not its allocator for GPUs that finds no memory: that for CPUs, the
# driver, cuBLAS and cuDNN.
OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")


class Cancelled(Exception):
    """The user cancelled, or stopped before there was anything to keep."""


class LossNotFiniteError(Exception):
    """The loss became infinite or NaN."""


def outcome_of(
    error: Exception, *, epochs: int, accepted: bool, has_checkpoint: bool, batch_size: int
) -> Outcome:
    """Returns the failure that an error means.

    Args:
        error: What ended the run; not a cancellation.
        epochs: Epochs completed.
        accepted: Whether the request had been found to make sense.
        has_checkpoint: Whether a last checkpoint is kept.
        batch_size: To say what to halve where the device ran out of memory.
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
    if _is_out_of_memory(error):
        again = "resume; its last checkpoint is kept" if has_checkpoint else "train again"
        hint = f"Halve the batch size to {max(2, batch_size // 2)} and {again}."
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


def _is_out_of_memory(error: Exception) -> bool:
    told = isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)
    return told or isinstance(error, torch.OutOfMemoryError | MemoryError)


def _cause_of(error: Exception, accepted: bool) -> str:
    if isinstance(error, LossNotFiniteError):
        return "loss"
    if not accepted or isinstance(error, DataError):
        return "input"
    if isinstance(error, RunError):
        return "disk"
    return "loss" if isinstance(error, AkinError) else "bug"
