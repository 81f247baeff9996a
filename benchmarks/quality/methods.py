"""Ways to get a picture for a pair, all with one knob: a factor on the style weight that each has by default."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch

import impasto
from benchmarks.arithmetic import CountedEncoder, painting_operations
from benchmarks.measures import filtered
from benchmarks.pairs import Pair, covering, loaded, to_array
from benchmarks.peers.crowson import Crowson
from benchmarks.peers.galerne import Galerne
from benchmarks.peers.gatys import Gatys
from benchmarks.peers.scheme import Scheme, Stage, shortened
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.engine.devices import choose_device, choose_precision
from impasto.engine.style_terms import shares
from impasto.errors import SettingsError
from impasto.painting.octaves import Octave, default_smallest_octave, plan_octaves
from impasto.painting.workload import Workload
from impasto.settings.fields import PRESETS
from impasto.settings.making import make_settings, parse_assignment
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings

Budget = Literal["full", "short"]


@dataclass(frozen=True)
class Canvas:
    """What all methods share.

    Attributes:
        size: long side in pixels.
        encoder: name or file.
    """

    size: int
    encoder: str = "builtin"


class Painted(NamedTuple):
    """What a method gave.

    Attributes:
        array: H×W×3 in [0, 1].
        seconds: from the pictures read to the picture painted.
        operations: the encoder's multiplications.
    """

    array: np.ndarray
    seconds: float
    operations: float


class Method(Protocol):
    """A way to get a picture."""

    @property
    def name(self) -> str:
        """In tables and folders."""
        ...

    @property
    def varies(self) -> bool:
        """Whether the factor changes anything."""
        ...

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """All that the picture depends on besides the pair and the encoder's weights, as JSON holds it."""
        ...

    def paint(self, pair: Pair, canvas: Canvas, factor: float) -> Painted:
        """Paint."""
        ...


@dataclass(frozen=True)
class Ours:
    """impasto with some settings.

    Attributes:
        name: in tables.
        changes: settings, which may name a preset.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    varies: bool = True

    def settings(self, canvas: Canvas, factor: float) -> Settings:
        """Raw weights in place of the strength, so that any factor has its place."""
        threads = torch.get_num_threads()  # as the peers have
        given = {"size": canvas.size, "encoder": canvas.encoder, "threads": threads, **self.changes}
        content, style = make_settings(**given).weights
        given.pop("strength", None)
        return make_settings(**{**given, "content_weight": content, "style_weight": style * factor})

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """The settings, but for those that change no picture, and the encoder, whose hash is kept."""
        settings = self.settings(canvas, factor)
        values = settings.model_dump(mode="json", exclude={"encoder", "preset", "threads", "memory"})
        values["precision"] = _precision(settings)  # auto is another one on other machines
        return {"kind": "impasto", "impasto": impasto.__version__, "settings": values}

    def paint(self, pair: Pair, canvas: Canvas, factor: float) -> Painted:
        """As ``impasto paint`` does."""
        painting = impasto.paint(pair.content, pair.style, self.settings(canvas, factor))
        taken = Counter(step.octave for step in painting.history)  # fewer than planned where octaves converged
        octaves = [octave._replace(iterations=taken[number]) for number, octave in enumerate(painting.octaves, 1)]
        return Painted(painting.array, painting.seconds, self._operations(pair, canvas, octaves))

    def operations(self, pair: Pair, canvas: Canvas) -> float:
        """Of all iterations of the octaves that it plans where no memory bounds it."""
        how = self.settings(canvas, 1.0).optimization
        size = loaded(pair.content, canvas.size).shape[-2:]
        octaves = plan_octaves(
            *size,
            iterations=how.iterations,
            coarse_factor=how.coarse_factor,
            smallest=how.smallest_octave or default_smallest_octave(*size),
            ratio=how.octave_ratio,
            most=how.max_octaves,
        )
        return self._operations(pair, canvas, octaves)

    def _operations(self, pair: Pair, canvas: Canvas, octaves: Sequence[Octave]) -> float:
        """At the sizes that go through the encoder."""
        settings = self.settings(canvas, 1.0)
        layers = [*shares(settings.losses.content), *shares(settings.losses.style)]
        style = loaded(pair.style, canvas.size).shape[-2:]
        encoder = _encoder(settings.encoder)
        workload = Workload(encoder, settings, [], [])
        stages = [(*workload.measured(octave)[:2], octave.iterations) for octave in octaves]
        return painting_operations(encoder, layers, stages, (*style,))


DEFAULT = Ours("default")


@dataclass(frozen=True)
class Peer:
    """Another scheme through the same encoder.

    Attributes:
        scheme: the peer.
        budget: as its authors describe it, or with as much of the encoder's arithmetic as impasto's default.
    """

    scheme: Scheme
    budget: Budget = "short"
    varies: bool = True

    REVISION = 1
    """To be raised where a peer changes, so that what it painted before no longer counts."""

    @property
    def name(self) -> str:
        """Of the scheme and the budget."""
        return f"{self.scheme.name}-{self.budget}"

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """The scheme's own numbers, and the budget."""
        share = DEFAULT.record(canvas, 1.0) if self.budget == "short" else None
        return {
            "kind": "peer",
            "revision": self.REVISION,
            "scheme": repr(self.scheme),
            "precision": _precision(Settings()),
            "like": share,
            "size": canvas.size,
            "factor": factor,
        }

    def paint(self, pair: Pair, canvas: Canvas, factor: float) -> Painted:
        """With the clock running from when the pictures are read."""
        content, style = (loaded(path, canvas.size) for path in (pair.content, pair.style))
        stages = self.stages(pair, canvas, (*content.shape[-2:],), (*style.shape[-2:],))
        encoder = CountedEncoder(_encoder(canvas.encoder, _precision(Settings())))
        begun = time.perf_counter()
        image = self.scheme.paint(content, style, encoder, stages, factor).image
        return Painted(to_array(image), time.perf_counter() - begun, encoder.operations)

    def stages(
        self, pair: Pair, canvas: Canvas, size: tuple[int, int], style_size: tuple[int, int]
    ) -> tuple[Stage, ...]:
        """The plan that the budget allows."""
        stages = self.scheme.plan(*size)
        if self.budget == "full":
            return stages
        needed = painting_operations(_encoder(canvas.encoder), self.scheme.layers, stages, style_size)
        return shortened(stages, DEFAULT.operations(pair, canvas) / needed)


@dataclass(frozen=True)
class Reference:
    """The photograph itself, the strongest filter of colour and contrast, or the style itself."""

    name: Literal["photograph", "filter", "style"]
    varies: bool = False

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """Its name and size."""
        return {"kind": self.name, "size": canvas.size}

    def paint(self, pair: Pair, canvas: Canvas, factor: float) -> Painted:
        """No paint at all."""
        photograph = loaded(pair.content, canvas.size)
        begun = time.perf_counter()
        if self.name == "photograph":
            array = to_array(photograph)
        elif self.name == "style":
            array = covering(pair.style, *photograph.shape[-2:])
        else:
            array = to_array(filtered(photograph, loaded(pair.style, canvas.size)).clamp(0, 1))
        return Painted(array, time.perf_counter() - begun, 0.0)


REFERENCES: tuple[Reference, ...] = (Reference("photograph"), Reference("filter"), Reference("style"))
SCHEMES: tuple[Scheme, ...] = (
    Gatys(),
    Gatys(name="gatys-bounded", bounded=True),
    Gatys("noise", name="gatys-noise"),
    Crowson(),
    Galerne(),
    Galerne(name="galerne-bounded", bounded=True),
)


def known_methods() -> dict[str, Method]:
    """Presets and peers by name."""
    presets: list[Method] = [DEFAULT, Ours("quick", {"preset": "quick"}), Ours("fine", {"preset": "fine"})]
    budgets: tuple[Budget, ...] = ("short", "full")
    peers: list[Method] = [Peer(scheme, budget) for scheme in SCHEMES for budget in budgets]
    return {method.name: method for method in (*presets, *peers, *REFERENCES)}


def parse_method(text: str) -> Method:
    """A known method's name, or ``NAME: KEY=VALUE KEY=VALUE …`` for impasto with settings of one's own.

    Raises:
        SettingsError: it is neither, or the settings are not valid.
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    known = known_methods()
    if colon:
        if name in known or not name:
            raise SettingsError(f"The method {text!r} needs a name of its own, other than {', '.join(known)}.")
        return custom(name, rest.split())
    if name in known:
        return known[name]
    if name in PRESETS and not name.startswith("tutorial"):  # whose raw weights are for other activations
        return Ours(name, {"preset": name})
    raise SettingsError(f"There is no method {name!r}: choose one of {', '.join(known)}, or write NAME: KEY=VALUE ….")


def custom(name: str, assignments: list[str]) -> Ours:
    """Our own painter with settings written as ``KEY=VALUE``.

    Raises:
        SettingsError: they are not valid, or change what all methods share or what differs by pair.
    """
    changes = deep_merge(*(parse_assignment(text) for text in assignments))
    settings = make_settings(**changes)
    shared = next((key for key in ("size", "encoder") if key in changes), None)
    if shared:
        raise SettingsError(f"The {shared} is the same for all methods: choose it with --{shared}.")
    if settings.named_files:
        raise SettingsError(f"The method {name!r} names pictures, which would be the same for all pairs.")
    return Ours(name, changes)


def _precision(settings: Settings) -> str:
    return str(choose_precision(settings.precision, choose_device(settings.device))).removeprefix("torch.")


@cache
def _encoder(name: str, precision: str = "float32") -> Encoder:
    return load_encoder(name).encoder.to(getattr(torch, precision))
