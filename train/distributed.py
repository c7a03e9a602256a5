"""The processes that train together: one or many, seen the same way."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from tsn.runtime.errors import UnavailableError, first_line

TIMEOUT = timedelta(minutes=10)  # a lost process is then noticed by the others


@dataclass(frozen=True, kw_only=True)
class World:
    """This process among those that train together; a world of one computes the same without talking to anyone."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and talks to people."""
        return self.rank == 0

    def wrapped(self, module: nn.Module) -> nn.Module:
        """Return the module, its gradients averaged over all processes."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Return the mean of the values over all processes."""
        if self.size > 1:
            distributed.all_reduce(values)
            values /= self.size
        return values

    def together(self, names: set[str]) -> set[str]:
        """Return the names of all processes together."""
        found = [names] * self.size
        if self.size > 1:
            distributed.all_gather_object(found, names)
        return set().union(*found)

    def wait(self) -> None:
        """Wait until all processes have come this far."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def open_world(device: str) -> Generator[World]:
    """Open the world that torchrun set up, or a world of one.

    Args:
        device: "cuda", "cpu", or "auto": CUDA where there is any. Several processes talk through nccl or gloo.

    Raises:
        UnavailableError: CUDA is asked for and missing, there are fewer GPUs than processes, or a process was lost.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UnavailableError("there is no CUDA device that torch can use. Add --device cpu")
    use_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    here = torch.device("cpu")
    if use_cuda:
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise UnavailableError(
                f"process {local} has no GPU: there are {torch.cuda.device_count()}. Lower --nproc-per-node"
            )
        here = torch.device("cuda", local)
        torch.cuda.set_device(here)
    if size > 1:
        through = "nccl" if use_cuda and distributed.is_nccl_available() else "gloo"  # Windows has no nccl
        distributed.init_process_group(through, timeout=TIMEOUT)
    try:
        yield World(rank=rank, size=size, device=here)
    except RuntimeError as error:
        if size == 1 or not _lost(error):
            raise
        raise UnavailableError(
            f"another of the {size} training processes was lost: {_first_sentence(error)}. What it says itself is "
            "the cause, or it was killed. Go on from the newest checkpoint with --resume"
        ) from error
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _first_sentence(error: RuntimeError) -> str:
    return first_line(error).split(". ")[0]


def _lost(error: RuntimeError) -> bool:
    """Return whether an error says that another process is gone: torch has no class of its own for it."""
    return isinstance(error, distributed.DistError) or any(name in str(error) for name in ("gloo", "NCCL"))
