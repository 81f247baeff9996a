"""The loss of an octave: style targets measured once, and the objective that uses them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from impasto.engine.borders import Mirrored, middle
from impasto.engine.devices import sharing_devices
from impasto.engine.drift import Drift, average_colours, poolings_of
from impasto.engine.forms import form_weights
from impasto.engine.grey import Grey
from impasto.engine.loss import ImageLoss
from impasto.engine.objective import Objective, layers_in_use, measure_styles
from impasto.engine.penalties import PixelPenalty
from impasto.engine.protection import Protected
from impasto.engine.style_terms import shares
from impasto.engine.targets import Style, StyleTarget, between, measure_style
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.engine.tiles import Box
from impasto.engine.tone import CELLS, Tone, tone_target
from impasto.painting.inputs import Inputs
from impasto.painting.octaves import Octave, content_factor_at, style_size
from impasto.painting.scaled_inputs import ScaledInputs
from impasto.painting.workload import Workload


class OctaveObjectives:
    """Makes the loss of each octave.

    Args:
        inputs: pictures and masks.
        scaled: the same at any size, on the device.
        workload: encoder, settings and sizes.
        device: device of the images.
    """

    def __init__(self, inputs: Inputs, scaled: ScaledInputs, workload: Workload, device: torch.device) -> None:
        self._inputs, self._scaled, self._workload, self._device = inputs, scaled, workload, device
        self._settings, self._regions = workload.settings, inputs.regions
        self._losses = workload.settings.balanced_losses
        self._content_weight, self._style_weight = workload.settings.weights
        self._drift_weight = self._losses.drift * (self._content_weight + self._style_weight)

    def tiled_encoder(self, octave: Octave) -> TiledEncoder:
        """Make the encoder with the tiles of an octave."""
        names = layers_in_use(self._losses, self._content_weight)
        devices = sharing_devices(self._settings.device, self._device)
        return TiledEncoder(self._workload.encoder, names, tile=octave.tile, devices=devices)

    def measure_styles(self, octave: Octave, encoder: TiledEncoder) -> list[Style]:
        """Measure the styles at an octave's size; they serve every picture of that size.

        Args:
            octave: size of the painting.
            encoder: from :meth:`tiled_encoder`.
        """
        size, whole = octave[:2], self._workload.measured(octave)[:2]
        stroke_size, weights = self._settings.stroke_size, self._inputs.weights
        sizes = [style_size(*style.original_size, max(size), stroke_size) for style in self._inputs.styles]
        layers = {name: encoder.layers[name] for name in shares(self._losses.style)}
        parts = self._scaled.masks([self._regions.style_mask(n, *size) for n, size in enumerate(sizes)], layers)
        masks = self._scaled.masks(
            self._regions.coverage(*size) or (None,) * len(weights),
            layers,
            partial(self._scaled.continued, size=whole),
        )
        targets = measure_styles(encoder, self._scaled.styles(sizes), weights, self._losses, parts)
        return [Style(*style) for style in zip(targets, weights, masks, strict=True)]

    def held_colours(self, first: Tensor, growth: float) -> Tensor | None:
        """Average the colours of an enlarged painting, which the octave holds; None for textures or a weight of 0.

        Args:
            first: image that the octave begins with, 1×3×H×W.
            growth: its long side as a multiple of that of the painting it was enlarged from.
        """
        if not self._drift_weight or self._inputs.content is None:
            return None
        height, width = first.shape[-2:]
        return average_colours(self._scaled.with_held(first), poolings_of((height, width), growth))

    def objective(
        self, octave: Octave, encoder: TiledEncoder, styles: Sequence[Style], held_colours: Tensor | None = None
    ) -> ImageLoss:
        """Make the loss as a function of the image that moves.

        Args:
            octave: size of the painting.
            encoder: from :meth:`tiled_encoder`.
            styles: from :meth:`measure_styles`.
            held_colours: from :meth:`held_colours`; None if the octave holds none.
        """
        size = octave[:2]
        painted, whole = self._workload.painted(octave)[:2], self._workload.measured(octave)[:2]
        content, counted = self._scaled.content_image(*size), middle(painted, size)
        loss: ImageLoss = Objective(
            encoder,
            self._scaled.measured(content, whole),
            self._within_strength(styles, encoder, octave, counted),
            self._losses,
            self._content_weight * content_factor_at(max(size), self._settings.coarse_content),
            self._style_weight,
            counted=counted,
            wrap=self._settings.seamless,
            penalties=self._penalties(content, held_colours),
            content_weights=self._content_weights(content, whole),
        )
        if whole != painted:
            loss = Mirrored(loss, whole)
        if self._inputs.is_grey:
            loss = Grey(loss)
        held = self._regions.held(*size)
        if held is None:
            return loss
        on_device = torch.from_numpy(held).to(self._device)
        held_there = self._scaled.continued(on_device[None, None], painted)[0, 0]
        photo = self._scaled.continued(self._scaled.photograph(*size), painted)
        return Protected(loss, photo, held_there)

    def _within_strength(
        self, styles: Sequence[Style], encoder: TiledEncoder, octave: Octave, counted: Box
    ) -> Sequence[Style]:
        """Move the styles' targets towards the photograph's statistics, as far as a low strength asks for."""
        share = self._settings.style_share
        if share == 1:
            return styles
        photo = self._scaled.measured(self._scaled.photograph(*octave[:2]), self._workload.measured(octave)[:2])
        by_mask: dict[int, StyleTarget] = {}  # styles without a mask, or with the same one, share a measurement
        for style in styles:
            if style.target and id(style.mask) not in by_mask:
                names = style.target.statistics
                by_mask[id(style.mask)] = measure_style(encoder, photo, names, style.mask, counted)
        return [
            style._replace(target=between(by_mask[id(style.mask)], style.target, share)) if style.target else style
            for style in styles
        ]

    def _content_weights(self, content: Tensor, whole: tuple[int, int]) -> Tensor | None:
        """Weigh the positions of the padded content image, H×W; None for textures, or if all weigh alike."""
        further = self._settings.form_content
        if not further or not self._content_weight or self._inputs.content is None:
            return None
        return self._scaled.continued(form_weights(content, further)[None, None], whole)[0, 0]

    def _penalties(self, content: Tensor, held_colours: Tensor | None) -> dict[str, PixelPenalty]:
        penalties: dict[str, PixelPenalty] = {}
        tone = self._tone(content)
        if tone is not None:
            penalties["tone"] = tone
        if held_colours is not None:
            penalties["drift"] = Drift(self._drift_weight, held_colours)
        return penalties

    def _tone(self, content: Tensor) -> Tone | None:
        """Make the penalty on the tone, unless there is no photograph or its weight is 0."""
        weight = self._losses.tone * self._content_weight
        if not weight or self._inputs.content is None:
            return None
        # Twice the number of windows suffices, whatever the size of the painting.
        sizes = [style_size(*style.original_size, 2 * CELLS, 1.0) for style in self._inputs.styles]
        return Tone(weight, tone_target(content, self._scaled.styles(sizes), self._inputs.weights))
