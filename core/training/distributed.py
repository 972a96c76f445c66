"""Several processes training one model: the only file that knows them.

`torchrun` starts the processes; each makes the views of its rows of the global batch and embeds
them. Embeddings are gathered, so that every process computes the same loss over the global batch,
and the gradients of the weights are summed: a step is that of one process on the same batch.

Shape suffixes: B global batch, b rows of this process, D embedding.

Importing this module imports no torch: the command line asks it before anything else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import AkinError, ConfigError, DeviceError
from core.events import Outcome, outcome_from_json
from core.training.control import TrainingControl

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

M = TypeVar("M", bound="nn.Module")

# A dead process closes its connections at once; the limit is for one that hangs.
TIMEOUT = timedelta(hours=6)
LEAST_OBJECTS_PER_PROCESS = 2
FAILURE_KEY = "failure"
GO_ON, STOP, CANCEL = range(3)


class ProcessLostError(AkinError):
    """Another process of the run ended or cannot be reached."""


class Team:
    """The processes of a run; this one is a team of its own.

    Attributes:
        process_index: 0 is the one that writes files and prints.
        num_processes: How many there are.
    """

    process_index = 0
    num_processes = 1

    @property
    def launcher(self) -> str:
        """How its processes are started by hand, up to the command's own words."""
        return "akin"

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.process_index == 0

    def device(self, device: torch.device) -> torch.device:
        """Returns the device of this process, of those that `device` may mean."""
        return device

    def rows(self, batch_size: int) -> slice:
        """Returns the rows of a global batch that are this process's: the first get one more."""
        start, end = self._bounds(batch_size, self.process_index)
        return slice(start, end)

    def require_rows(self, batch_size: int) -> None:
        """Raises ConfigError where a global batch is too small for the processes."""
        least = least_objects(self.num_processes)
        if batch_size < least:
            raise ConfigError(
                f"A batch of {batch_size} objects is too small for {self.num_processes} processes.",
                f"Give a batch size of {least} or more, or start fewer processes.",
                "training.batch_size",
            )

    def convert(self, module: M, sync_batch_norm: bool) -> M:
        """Returns a new encoder, before anything was made of it, as the processes need it."""
        return module

    def gather(self, rows_bD: Tensor, batch_size: int) -> Tensor:
        """Returns the rows of all processes; the gradient flows into this process's own.

        That is the whole gradient where every process computes the same loss, and the gradients
        of the weights are then added up by `sum_gradients`.
        """
        return rows_bD

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Adds up the gradients over the processes, in place."""

    def align(self, module: nn.Module | None) -> None:
        """Gives a module the weights and buffers that process 0 has."""

    def agree(self, control: TrainingControl) -> bool:
        """Tells whether any process is asked to stop; all of them are, then."""
        return control.stop_requested

    def share(self, make: Callable[[], str]) -> str:
        """Returns on every process what process 0 makes."""
        return make()

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """Lets one process of each machine go first (to fill a cache), then the others."""
        yield

    def report(self, outcome: Outcome) -> None:
        """Tells the others how this process failed."""

    def explain(self, lost: ProcessLostError) -> Outcome:
        """Returns how the run failed where another process is lost."""
        return Outcome("failed", lost.message, lost.hint, cause="process")

    def leave(self) -> None:
        """Ends the work in common."""

    def _bounds(self, batch_size: int, process_index: int) -> tuple[int, int]:
        size, more = divmod(batch_size, self.num_processes)
        start = process_index * size + min(process_index, more)
        return start, start + size + (process_index < more)


class TorchTeam(Team):
    """The processes that torchrun started: NCCL between GPUs, Gloo between CPUs.

    Raises:
        ProcessLostError: By every method that waits for the others, if one of them is gone.
    """

    def __init__(self) -> None:
        import torch  # noqa: PLC0415 - only where there are several processes
        from torch import distributed  # noqa: PLC0415
        from torch._C._distributed_c10d import PrefixStore  # noqa: PLC0415
        from torch.distributed.rendezvous import rendezvous  # noqa: PLC0415

        self._torch, self._distributed = torch, distributed
        self.process_index, self.num_processes = _process_index(), _num_processes()
        self._local_index = int(os.environ.get("LOCAL_RANK", "0"))
        self._left = False
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        with _losses_told():
            store, index, count = next(rendezvous("env://", timeout=TIMEOUT))
            self._notes = PrefixStore("akin", store)
            distributed.init_process_group(
                backend, store=store, rank=index, world_size=count, timeout=TIMEOUT
            )

    @property
    def launcher(self) -> str:
        here = int(os.environ.get("LOCAL_WORLD_SIZE", self.num_processes))
        is_one_machine = here == self.num_processes
        options = f"--nproc-per-node {here}" if is_one_machine else "..."  # As they were.
        return f"torchrun {options} -m core.cli"

    def device(self, device: torch.device) -> torch.device:
        if device.type != "cuda":
            return device
        if device.index is not None:
            raise ConfigError(
                f"Device '{device}' is one GPU, but there are {self.num_processes} processes.",
                "Choose device auto or cuda: each process takes a GPU of its own.",
                "device",
            )
        found = self._torch.cuda.device_count()
        if self._local_index >= found:
            raise DeviceError(
                f"There are more processes than GPUs on this machine ({found} found).",
                f"Give torchrun --nproc-per-node {found}, or choose device cpu.",
            )
        own = self._torch.device("cuda", self._local_index)
        self._torch.cuda.set_device(own)
        return own

    def convert(self, module: M, sync_batch_norm: bool) -> M:
        if not sync_batch_norm:
            return module
        if next(module.parameters()).device.type != "cuda":
            raise ConfigError(
                "Batch normalisation over all processes (SyncBatchNorm) needs GPUs.",
                "Set training.sync_batch_norm=false, or choose device cuda.",
                "training.sync_batch_norm",
            )
        converted: M = self._torch.nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return converted

    def gather(self, rows_bD: Tensor, batch_size: int) -> Tensor:
        torch = self._torch
        bounds = [self._bounds(batch_size, index) for index in range(self.num_processes)]
        sizes = [end - start for start, end in bounds]
        assert len(rows_bD) == sizes[self.process_index], "these are not this process's rows"
        padded = rows_bD.new_zeros((max(sizes), *rows_bD.shape[1:]))
        padded[: len(rows_bD)] = rows_bD.detach()
        parts = [torch.empty_like(padded) for _ in sizes]
        with _losses_told():
            self._distributed.all_gather(parts, padded)
        whole = [part[:size] for part, size in zip(parts, sizes, strict=True)]
        whole[self.process_index] = rows_bD
        gathered: Tensor = torch.cat(whole)
        return gathered

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        found = [p.grad for p in parameters if p.grad is not None]
        flat = self._torch.cat([gradient.reshape(-1) for gradient in found])
        with _losses_told():
            self._distributed.all_reduce(flat)
        sums = self._torch.split(flat, [gradient.numel() for gradient in found])
        for gradient, summed in zip(found, sums, strict=True):
            gradient.copy_(summed.view_as(gradient))

    def align(self, module: nn.Module | None) -> None:
        if module is None:
            return
        with _losses_told():
            for value in module.state_dict().values():
                whole = value.contiguous()
                self._distributed.broadcast(whole, src=0)
                value.copy_(whole)

    def agree(self, control: TrainingControl) -> bool:
        wish = CANCEL if control.cancel_requested else STOP if control.stop_requested else GO_ON
        flag = self._torch.tensor(wish)  # On the CPU: Gloo, so no GPU is waited for.
        with _losses_told():
            self._distributed.all_reduce(flag, op=self._distributed.ReduceOp.MAX)
        if int(flag) == CANCEL:
            control.cancel()
        elif int(flag) == STOP:
            control.stop()
        return control.stop_requested

    def share(self, make: Callable[[], str]) -> str:
        said = [make() if self.is_main else ""]
        with _losses_told():
            self._distributed.broadcast_object_list(said, src=0)
        return said[0]

    @contextmanager
    def one_first(self) -> Iterator[None]:
        if self._local_index:
            self._wait_for_all()
        try:
            yield
        finally:
            if not self._local_index:
                self._wait_for_all()

    def report(self, outcome: Outcome) -> None:
        note = {"process_index": self.process_index, "outcome": asdict(outcome)}
        with _losses_told():
            self._notes.set(FAILURE_KEY, json.dumps(note))

    def explain(self, lost: ProcessLostError) -> Outcome:
        with _losses_told():
            if not self._notes.check([FAILURE_KEY]):
                return super().explain(lost)
            note: dict[str, Any] = json.loads(self._notes.get(FAILURE_KEY))
        told = outcome_from_json(note["outcome"])
        message = f"In process {note['process_index']}: {told.message}"
        return Outcome("failed", message, told.hint, told.traceback, cause=told.cause)

    def leave(self) -> None:
        if not self._left:
            self._left = True
            self._distributed.destroy_process_group()

    def _wait_for_all(self) -> None:
        with _losses_told():
            self._distributed.all_reduce(self._torch.zeros(1))


def least_objects(num_processes: int) -> int:
    """Returns how many objects a global batch must hold for several processes."""
    return LEAST_OBJECTS_PER_PROCESS * num_processes if num_processes > 1 else 1


def join_team() -> Team:
    """Returns the processes that torchrun started this one with; usually it is alone.

    Raises:
        ProcessLostError: If the others cannot be reached.
    """
    return TorchTeam() if _num_processes() > 1 else Team()


def is_main_process() -> bool:
    """Tells whether this process may print, before it has joined the others."""
    return _process_index() == 0


def _num_processes() -> int:
    return int(os.environ["WORLD_SIZE"]) if {"RANK", "WORLD_SIZE"} <= os.environ.keys() else 1


def _process_index() -> int:
    return int(os.environ["RANK"]) if _num_processes() > 1 else 0


@contextmanager
def _losses_told() -> Iterator[None]:
    """Turns what torch raises where another process is gone into a ProcessLostError."""
    import torch  # noqa: PLC0415

    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ProcessLostError(
            "Another process of the run ended or cannot be reached.",
            "Resume the run; where it happens again, that process may lack memory.",
        ) from error
