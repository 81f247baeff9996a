"""Resources that Ray reserves for a painting: cores, GPUs and memory."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from impasto.settings.fields import memory_bytes
from impasto.settings.model import Settings


class Resources(NamedTuple):
    """Resources of one painting.

    Attributes:
        cpus: number of cores.
        gpus: number of GPUs.
        memory: bytes of the machine's memory.
    """

    cpus: int
    gpus: int
    memory: int

    @property
    def options(self) -> dict[str, Any]:
        """Options of a Ray task."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "memory": self.memory}

    def slots(self, node: dict[str, float]) -> int:
        """Return the number of such paintings that a node runs at the same time.

        Args:
            node: resources of the node by Ray's names.
        """
        shares = [node.get("CPU", 0) // self.cpus, node.get("memory", 0) // self.memory]
        return int(min(shares + ([node.get("GPU", 0) // self.gpus] if self.gpus else [])))


def resources_for(settings: Settings, *, has_gpus: bool, memory: int | None = None) -> Resources:
    """Return the resources of a painting.

    Args:
        settings: of the painting; ``threads`` gives the cores, by default one.
        has_gpus: whether a machine of the cluster has a GPU, which the device ``auto`` then reserves.
        memory: bytes of memory, if they are known; None to estimate them, which imports PyTorch.
    """
    gpus = int(settings.device.startswith("cuda") or (settings.device == "auto" and has_gpus))
    return Resources(settings.threads or 1, gpus, memory or estimate_memory(settings))


def estimate_memory(settings: Settings) -> int:
    """Estimate the memory of a square painting in bytes; that of the process alone if its size is not known yet."""
    return _estimate_once(settings.model_dump_json())


@lru_cache(maxsize=64)
def _estimate_once(text: str) -> int:
    """Estimate the memory of a painting from its settings as JSON."""
    from impasto.encoders.loading import load_encoder
    from impasto.painting.memory import PROCESS, memory_needed
    from impasto.painting.octaves import plan_octaves
    from impasto.painting.workload import Workload

    settings = Settings.model_validate_json(text)
    if settings.memory is not None:
        return memory_bytes(settings.memory)
    side = settings.long_side
    if side is None:
        return PROCESS
    workload = Workload(load_encoder(settings.encoder).encoder, settings, [(side, side)] * 2, [(side, side)])
    octaves = plan_octaves(side, side, settings.optimization, long_side=side)
    return PROCESS + workload.picture_bytes + max(memory_needed(octave, workload) for octave in octaves)
