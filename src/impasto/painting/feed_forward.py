"""The feed-forward method: a trained network paints in one pass, without iterations."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.decoder_files import DECODER_ENCODER, load_decoder
from impasto.encoders.loading import LoadedEncoder, load_encoder
from impasto.engine.feed_forward import STRIDE, FeedForward, Target, network_strength, passes
from impasto.engine.style_terms import LayerMasks
from impasto.engine.tiles import Box
from impasto.painting.inputs import Inputs
from impasto.painting.machine import Machine
from impasto.painting.margins import Margins, grid_margins
from impasto.painting.octaves import Octave, style_size
from impasto.painting.scaled_inputs import ScaledInputs
from impasto.painting.workload import Workload
from impasto.pictures.sizes import scaled_size
from impasto.settings.strength import DEFAULT_STRENGTH

MEASURED_SIDE = 1024
"""Long side in pixels from which the statistics are those of a reduced picture."""

TILE = 640
"""Side of the tiles in pixels, for pictures that are larger."""


def paint_instant(octave: Octave, inputs: Inputs, scaled: ScaledInputs, workload: Workload, machine: Machine) -> Tensor:
    """Paint an octave with the trained network for a run with another encoder, which goes on from there.

    Args:
        octave: size of the picture.
        inputs: as for :class:`FeedForwardMethod`, like the following ones.
        scaled: the same at any size.
        workload: encoder and settings of the run.
        machine: device and precision.

    Returns:
        1×3×H×W, without a margin.
    """
    loaded = load_encoder(DECODER_ENCODER)
    encoder = loaded.encoder.to(machine.device, machine.dtype)
    method = FeedForwardMethod(inputs, scaled, replace(workload, encoder=encoder), loaded, machine)
    return method.paint(octave)


class FeedForwardMethod:
    """Paints an octave with the trained network, in the same colours and regions as the other methods.

    Args:
        inputs: pictures and masks.
        scaled: the same at any size, on the device.
        workload: encoder, settings and sizes.
        loaded: the encoder as it was loaded.
        machine: device and precision.

    Raises:
        EncoderError: the network was trained for another encoder.
    """

    def __init__(
        self, inputs: Inputs, scaled: ScaledInputs, workload: Workload, loaded: LoadedEncoder, machine: Machine
    ) -> None:
        self._inputs, self._scaled, self._workload = inputs, scaled, workload
        self._regions, self._settings = inputs.regions, workload.settings
        decoder = load_decoder(loaded).to(machine.device, machine.dtype)
        self._network = FeedForward(workload.encoder, decoder)

    def paint(self, octave: Octave) -> Tensor:
        """Paint the photograph at an octave's size, 1×3×H×W without a margin."""
        strength = DEFAULT_STRENGTH if self._settings.strength is None else self._settings.strength
        painted: Tensor | None = None
        for share in passes(strength):
            painted = self._paint_over(painted, share, octave, network_strength(strength))
        assert painted is not None
        return painted

    def _paint_over(self, painted: Tensor | None, share: float, octave: Octave, strength: float) -> Tensor:
        """Paint a mixture of the photograph and the painting so far, 1×3×H×W, whose share is given; None for none."""
        reduced = octave
        if max(octave[:2]) > MEASURED_SIDE:
            height, width = scaled_size(*octave[:2], MEASURED_SIDE)
            reduced = octave._replace(height=height, width=width)
        source, margins = self._source(reduced, painted, share)
        masks, core = self._masks(reduced, margins), _core(margins, reduced)
        transfer, result = self._network.measure(source, self._targets(reduced), masks, strength, core)
        if reduced is not octave:
            source, margins = self._source(octave, painted, share)
            masks, core = self._masks(octave, margins), _core(margins, octave)
            result = self._network.paint(source, transfer, masks, strength, self._settings.tile or TILE)
        return result[(..., *core.slices)].clamp_(0, 1)

    def _source(self, octave: Octave, painted: Tensor | None, share: float) -> tuple[Tensor, Margins]:
        """Return the input of a pass with its margins: the photograph with a share of the painting so far."""
        picture = photo = self._scaled.content_image(*octave[:2])
        margins = grid_margins(
            photo[0].permute(1, 2, 0).cpu().numpy(), STRIDE, bleeds=self._settings.borders == "bleed"
        )
        if painted is not None:
            picture = photo.lerp(self._scaled.resized(painted, *octave[:2]), share)
        return _padded(picture, margins), margins

    def _targets(self, octave: Octave) -> list[Target]:
        """Measure the styles, and list those of each region with their weights."""
        stroke_size, weights = self._settings.stroke_size, self._inputs.weights
        sizes = [style_size(*style.original_size, max(octave[:2]), stroke_size) for style in self._inputs.styles]
        parts = self._scaled.masks(
            [self._regions.style_mask(n, *size) for n, size in enumerate(sizes)], self._network.layers
        )
        measured = [
            self._network.measure_style(style, part)
            for style, part in zip(self._scaled.styles(sizes), parts, strict=True)
        ]
        return [[(measured[n], weights[n]) for n in group] for group in self._groups]

    @property
    def _groups(self) -> list[tuple[int, ...]]:
        """Numbers of the styles of each region, without regions in which all styles have the weight 0."""
        weights = self._inputs.weights
        return [group for group in self._regions.style_groups if any(weights[n] for n in group)]

    def _masks(self, octave: Octave, margins: Margins) -> list[LayerMasks | None]:
        """Return the mask of each region; None if the only region is the whole picture."""
        coverage = self._regions.coverage(*octave[:2])
        if coverage is None:
            return [None]
        arrays = [sum((coverage[n] for n in group[1:]), coverage[group[0]]) for group in self._groups]
        return self._scaled.masks(arrays, self._network.layers, partial(_padded, margins=margins))


def _padded(picture: Tensor, margins: Margins) -> Tensor:
    """Pad a picture by reflection; B×C×h×w to B×C×H×W."""
    rows, columns = margins
    return F.pad(picture, (*columns, *rows), mode="reflect")


def _core(margins: Margins, octave: Octave) -> Box:
    """Return the box of a picture of an octave's size within its margins."""
    (top, _), (left, _) = margins
    return Box(top, left, top + octave.height, left + octave.width)
