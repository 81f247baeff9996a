"""Painting methods with one common parameter: a factor on the method's default style weight."""

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
from impasto.painting.octaves import Octave, plan_octaves
from impasto.painting.workload import Workload
from impasto.settings.fields import PRESETS
from impasto.settings.making import make_settings, parse_assignment
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings

Budget = Literal["full", "short"]


@dataclass(frozen=True)
class Canvas:
    """Parameters common to all methods.

    Attributes:
        size: long side of the painting in pixels.
        encoder: name or file of the encoder.
    """

    size: int
    encoder: str = "builtin"


class Painted(NamedTuple):
    """Result of a method.

    Attributes:
        array: painting, H×W×3 in [0, 1].
        seconds: seconds of painting, without reading the pictures.
        operations: multiplications of the encoder.
    """

    array: np.ndarray
    seconds: float
    operations: float


class Method(Protocol):
    """Interface of a painting method."""

    @property
    def name(self) -> str:
        """Name in tables and folders."""
        ...

    @property
    def varies(self) -> bool:
        """Whether the factor changes the painting."""
        ...

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """Describe, for JSON, everything that the painting depends on besides the pair and the encoder's weights."""
        ...

    def paint(self, pair: Pair, canvas: Canvas, factor: float) -> Painted:
        """Paint a pair."""
        ...


@dataclass(frozen=True)
class Ours:
    """impasto with some settings.

    Attributes:
        name: name in tables.
        changes: settings, possibly with a preset.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    varies: bool = True

    def settings(self, canvas: Canvas, factor: float) -> Settings:
        """Make settings, with raw weights instead of the strength if a factor other than 1 applies."""
        threads = torch.get_num_threads()  # like the peers
        given = {"size": canvas.size, "encoder": canvas.encoder, "threads": threads, **self.changes}
        made = make_settings(**given)
        if factor == 1:
            return made
        content, style = made.weights
        given.pop("strength", None)
        return make_settings(**{**given, "content_weight": content, "style_weight": style * factor})

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """Describe the settings that change the painting, except the encoder, whose hash is stored separately."""
        settings = self.settings(canvas, factor)
        values = settings.model_dump(mode="json", exclude={"encoder", "preset", "threads", "memory"})
        values["precision"] = _precision(settings)  # auto depends on the machine
        return {"kind": "impasto", "impasto": impasto.__version__, "settings": values}

    def paint(self, pair: Pair, canvas: Canvas, factor: float) -> Painted:
        """Paint a pair like ``impasto paint``."""
        painting = impasto.paint(pair.content, pair.style, self.settings(canvas, factor))
        taken = Counter(step.octave for step in painting.history)  # fewer than planned if octaves converged
        octaves = [octave._replace(iterations=taken[number]) for number, octave in enumerate(painting.octaves, 1)]
        return Painted(painting.array, painting.seconds, self._operations(pair, canvas, octaves))

    def operations(self, pair: Pair, canvas: Canvas) -> float:
        """Count the multiplications of all iterations that are planned with unlimited memory."""
        how = self.settings(canvas, 1.0).optimization
        size = loaded(pair.content, canvas.size).shape[-2:]
        octaves = plan_octaves(size[0], size[1], how)
        return self._operations(pair, canvas, octaves)

    def _operations(self, pair: Pair, canvas: Canvas, octaves: Sequence[Octave]) -> float:
        """Count the multiplications at the sizes that the encoder processes."""
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
    """Another scheme with the same encoder.

    Attributes:
        scheme: scheme of the peer.
        budget: ``full``: that of its authors; ``short``: as much of the encoder's arithmetic as impasto's default.
    """

    scheme: Scheme
    budget: Budget = "short"
    varies: bool = True

    REVISION = 1
    """Revision of the peers; increase it when a peer changes, so that earlier results become invalid."""

    @property
    def name(self) -> str:
        """Name of the scheme and the budget."""
        return f"{self.scheme.name}-{self.budget}"

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """Describe the scheme's parameters and the budget."""
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
        """Paint a pair, timed from after the reading of the pictures."""
        content, style = (loaded(path, canvas.size) for path in (pair.content, pair.style))
        stages = self.stages(pair, canvas, (*content.shape[-2:],), (*style.shape[-2:],))
        encoder = CountedEncoder(_encoder(canvas.encoder, _precision(Settings())))
        begun = time.perf_counter()
        image = self.scheme.paint(content, style, encoder, stages, factor).image
        return Painted(to_array(image), time.perf_counter() - begun, encoder.operations)

    def stages(
        self, pair: Pair, canvas: Canvas, size: tuple[int, int], style_size: tuple[int, int]
    ) -> tuple[Stage, ...]:
        """Plan the stages that the budget allows."""
        stages = self.scheme.plan(*size)
        if self.budget == "full":
            return stages
        needed = painting_operations(_encoder(canvas.encoder), self.scheme.layers, stages, style_size)
        return shortened(stages, DEFAULT.operations(pair, canvas) / needed)


@dataclass(frozen=True)
class Reference:
    """A reference: the photograph itself, the strongest filter of colour and contrast, or the style itself."""

    name: Literal["photograph", "filter", "style"]
    varies: bool = False

    def record(self, canvas: Canvas, factor: float) -> dict[str, Any]:
        """Describe the name and size."""
        return {"kind": self.name, "size": canvas.size}

    def paint(self, pair: Pair, canvas: Canvas, factor: float) -> Painted:
        """Return the reference picture."""
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
    """Return presets, peers and references by name."""
    presets: list[Method] = [DEFAULT, Ours("quick", {"preset": "quick"}), Ours("fine", {"preset": "fine"})]
    budgets: tuple[Budget, ...] = ("short", "full")
    peers: list[Method] = [Peer(scheme, budget) for scheme in SCHEMES for budget in budgets]
    return {method.name: method for method in (*presets, *peers, *REFERENCES)}


def parse_method(text: str) -> Method:
    """Parse the name of a known method, or ``NAME: KEY=VALUE KEY=VALUE …`` for impasto with these settings.

    Raises:
        SettingsError: the text is neither, or the settings are not valid.
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    known = known_methods()
    if colon:
        if name in known or not name:
            raise SettingsError(f"The method {text!r} needs a name of its own, other than {', '.join(known)}.")
        return custom(name, rest.split())
    if name in known:
        return known[name]
    if name in PRESETS and not name.startswith("tutorial"):  # their raw weights are for other activations
        return Ours(name, {"preset": name})
    raise SettingsError(f"There is no method {name!r}: choose one of {', '.join(known)}, or write NAME: KEY=VALUE ….")


def custom(name: str, assignments: list[str]) -> Ours:
    """Make a method from settings for impasto's painter, written as ``KEY=VALUE``.

    Raises:
        SettingsError: the settings are not valid, or set what is common to all methods or differs by pair.
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
