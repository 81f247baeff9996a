"""The machine of a run: device, threads and precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, Self

import torch

from impasto.encoders.network import Encoder
from impasto.engine.cores import physical_cores
from impasto.engine.devices import choose_device, choose_precision, cpu_threads, exact_products
from impasto.engine.style_terms import shares
from impasto.settings.fields import Precision
from impasto.settings.model import Settings

LEAST_PARALLEL_PIXELS = 1 << 14
"""Smallest number of pixels that several threads share. Below it they wait longer for one another than they compute: an
iteration at 128×85 px takes 55 ms on two threads and 32 ms on one."""


class _Choice(Protocol):
    """The settings of a run, or the state of a run to continue."""

    @property
    def device(self) -> str: ...
    @property
    def threads(self) -> int | None: ...
    @property
    def precision(self) -> str: ...


@dataclass(frozen=True)
class Machine:
    """The machine of a run.

    Attributes:
        device: device of the arithmetic.
        threads: number of CPU threads.
        dtype: precision of the encoder.
    """

    device: torch.device
    threads: int
    dtype: torch.dtype

    @classmethod
    def choose(cls, choice: _Choice) -> Self:
        """Resolve ``auto`` and missing values.

        Args:
            choice: settings or state of a run.

        Raises:
            SettingsError: this machine lacks the device.
        """
        device = choose_device(choice.device)
        return cls(device, choice.threads or physical_cores(), choose_precision(choice.precision, device))

    @property
    def precision(self) -> Precision:
        """Name of the encoder's precision."""
        return "bfloat16" if self.dtype == torch.bfloat16 else "float32"

    @property
    def kind(self) -> str:
        """Kind of the hardware, as in ``cpu AVX2`` or ``cuda NVIDIA H200``; machines of one kind round alike.

        For CPUs it is the widest set of vector instructions that PyTorch uses; oneDNN may use a wider one.
        """
        if self.device.type == "cuda":
            return f"cuda {torch.cuda.get_device_name(self.device)}"
        if self.device.type == "cpu":
            return f"cpu {torch.backends.cpu.get_cpu_capability()}"
        return self.device.type

    @contextmanager
    def computing(self, pixels: int | None = None) -> Iterator[None]:
        """Pin threads and matmul precision, and leave inference mode, whatever the caller set.

        Never yield from a generator within this context: threads and precision are those of the whole process.

        Args:
            pixels: number of pixels of the image; below :data:`LEAST_PARALLEL_PIXELS` one thread computes.
        """
        threads = self.threads if pixels is None or pixels >= LEAST_PARALLEL_PIXELS else 1
        with torch.inference_mode(mode=False), exact_products(self.device), cpu_threads(threads):
            yield

    def prepare(self, encoder: Encoder, settings: Settings) -> Encoder:
        """Return an encoder on the device, with this precision and the settings' pooling and padding.

        Args:
            encoder: from :func:`impasto.encoders.loading.load_encoder`.
            settings: settings of the run.

        Raises:
            EncoderError: it lacks a layer that the settings name.
        """
        names = ("pooling", "padding", "padding_scope")
        changes = {name: value for name in names if (value := getattr(settings, name)) is not None}
        prepared = encoder.with_architecture(**changes) if changes else encoder
        prepared = prepared.to(self.device, self.dtype)
        for name in (*shares(settings.losses.content), *shares(settings.losses.style)):
            prepared.resolve(name)
        return prepared
