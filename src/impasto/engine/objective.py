"""The loss of a painting at one size: value and gradient for any image, from targets measured once.

A picture that fits into one tile takes one pass. Otherwise there are two: the first sums the statistics over the tiles,
the slope of the loss by these few numbers follows, and the second takes each tile forward and backward with that slope.
The result is the whole picture's loss and gradient, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from impasto.encoders.network import Encoder
from impasto.engine.devices import small_matrices
from impasto.engine.loss import Loss
from impasto.engine.penalties import PixelPenalty, pixel_penalties
from impasto.engine.statistics import Statistics
from impasto.engine.style_terms import (
    LayerMasks,
    StyleTerm,
    mask_owner,
    shares,
    style_distance,
    style_pulls,
    target_norm,
)
from impasto.engine.targets import ContentTarget, Style, StyleTarget, core_of_all, measure_style, merge_statistics
from impasto.engine.tile_pass import LayerTerms, Slope, Slopes, Sums, TilePass
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.engine.tiles import Box, Tile
from impasto.settings.model import Losses


class Objective:
    """Content, style and penalties of an image, weighted.

    Args:
        encoder: with :func:`layers_in_use` of the losses.
        content: 1×3×H×W in [0, 1], the photograph at the painting's size; on any device.
        styles: targets, weights and masks. A style pulls in proportion to the area of its mask, so that each position
            is pulled alike, however large the regions are.
        losses: layers, distances and their weights.
        content_weight: weight of the content distance.
        style_weight: weight of the style distance.
        counted: the part of the picture that counts, in pixels; all by default. The rest gives context to the features
            near its border, and no term of the loss includes it.
        wrap: whether the painting is periodic, with sides that are multiples of
            :data:`~impasto.engine.tiles.ALIGNMENT`. The styles are not.
        penalties: further penalties on the part that counts, by name.
        content_weights: H×W weights of the positions in the content distance; all ones by default.
    """

    def __init__(
        self,
        encoder: TiledEncoder,
        content: Tensor,
        styles: Sequence[Style],
        losses: Losses,
        content_weight: float,
        style_weight: float,
        *,
        counted: Box | None = None,
        wrap: bool = False,
        penalties: Mapping[str, PixelPenalty] | None = None,
        content_weights: Tensor | None = None,
    ) -> None:
        self.encoder, self.style_weight = encoder, style_weight
        self.counted = counted or Box(0, 0, content.shape[-2], content.shape[-1])
        self.tiles = tuple(tile.counting(self.counted) for tile in encoder.cut(content, wrap=wrap))
        self.penalties = pixel_penalties(losses, content_weight + style_weight, wrap=wrap) | dict(penalties or {})
        self.style_terms = _style_terms(encoder, self.tiles, styles, losses)
        content_shares = shares(losses.content) if content_weight else {}
        self.content = ContentTarget(encoder, content, self.tiles, content_shares, losses.relative, content_weights)
        self._terms = LayerTerms(
            encoder,
            {n: tuple(dict.fromkeys(t.mask for t in self.style_terms if t.layer == n)) for n in shares(losses.style)},
            {number: style.mask for number, style in enumerate(styles) if style.mask is not None},
            self.content,
            content_weight,
        )

    @torch.enable_grad()  # whatever the caller has set
    def value_and_gradient(self, image: Tensor) -> tuple[Loss, Tensor]:
        """Compute the loss and its gradient with respect to the image, both without a graph.

        Args:
            image: 1×3×H×W, of the content's size.
        """
        gradient = torch.zeros_like(image)
        pixels, onto = (x[(..., *self.counted.slices)] for x in (image, gradient))
        penalties = {name: penalty.add_gradient(pixels, onto) for name, penalty in self.penalties.items()}
        content, style = self._one_pass(image, gradient) if len(self.tiles) == 1 else self._two_passes(image, gradient)
        total = self._terms.content_weight * content + self.style_weight * style
        total += sum(self.penalties[name].weight * value for name, value in penalties.items())
        return Loss(total, content, style, penalties.get("total_variation", 0.0)), gradient

    def _one_pass(self, image: Tensor, gradient: Tensor) -> tuple[float, float]:
        """Add the gradient of content and style in place, and return both distances; for a single tile."""
        (tile,) = self.tiles
        run = TilePass(self._terms, image, tile, 0)
        run.forward(summing=True)
        style, slopes = self._style(run.sums)
        run.add_gradient(slopes, gradient)
        return run.content, style

    def _two_passes(self, image: Tensor, gradient: Tensor) -> tuple[float, float]:
        """Add the gradient of content and style in place, and return both distances; for several tiles."""

        def sums(tile: Tile, number: int) -> Sums:
            run = TilePass(self._terms, image, tile, number)
            with torch.no_grad():
                run.forward(summing=True, names=self._terms.keys)
            return run.sums

        style, slopes = self._style(merge_statistics(found for _, found in self.encoder.map(self.tiles, sums)))

        def second_pass(tile: Tile, number: int) -> tuple[float, Tensor]:
            run = TilePass(self._terms, image, tile, number)
            run.forward(summing=False)
            part = torch.zeros_like(run.pixels)
            run.add_gradient(slopes, part)
            return run.content, part

        content = 0.0
        for tile, (value, part) in self.encoder.map(self.tiles, second_pass):
            content += value
            tile.add_onto(gradient, part)
        return content, style

    def _style(self, sums: Sums) -> tuple[float, Slopes]:
        """Compute the style distance, and the weighted loss's slope by each of the statistics."""
        if not sums:  # no style counts anywhere
            return 0.0, {}
        leaves = {key: Statistics(*(part.requires_grad_(True) for part in s)) for key, s in sums.items()}
        style = torch.zeros((), dtype=torch.float64, device="cpu")
        with torch.enable_grad(), small_matrices():
            for name, share, distance, owner in self.style_terms:
                style = style + share * distance(leaves[name, owner]).double()
            parts = [part for s in leaves.values() for part in s]
            found = torch.autograd.grad(self.style_weight * style, parts, allow_unused=True, materialize_grads=True)
        slopes = {
            key: Slope(Statistics(*found[3 * i : 3 * i + 3]), s.first.detach() / s.weight.detach().clamp_min(1e-30))
            for i, (key, s) in enumerate(leaves.items())
        }
        return style.item(), slopes


def layers_in_use(losses: Losses, content_weight: float) -> tuple[str, ...]:
    """Name the layers that have a weight; without a content weight the content layers are not computed."""
    return tuple(dict.fromkeys((*(shares(losses.content) if content_weight else ()), *shares(losses.style))))


@torch.no_grad()
def make_objective(
    encoder: Encoder,
    content: Tensor,
    styles: Iterable[Tensor],
    style_weights: Sequence[float],
    losses: Losses,
    content_weight: float,
    style_weight: float,
    *,
    tile: int | None = None,
    devices: Sequence[torch.device] = (),
    masks: Sequence[LayerMasks | None] = (),
    style_masks: Sequence[LayerMasks | None] = (),
    counted: Box | None = None,
    wrap: bool = False,
) -> Objective:
    """Measure the styles, and make the objective of a picture.

    Args:
        encoder: on the device of the images.
        content: as in :class:`Objective`.
        styles: 1×3×h×w in [0, 1] each; of any size, on any device. They are read one after the other, as a painting at
            full size is large and its statistics are not.
        style_weights: weight of each style; a style of weight 0 is not measured.
        losses: as in :class:`Objective`.
        content_weight: as in :class:`Objective`.
        style_weight: as in :class:`Objective`.
        tile: as in :class:`TiledEncoder`.
        devices: as in :class:`TiledEncoder`.
        masks: for each style the part of the picture where it counts, or None.
        style_masks: for each style the part of its painting to use, or None.
        counted: as in :class:`Objective`.
        wrap: as in :class:`Objective`.

    Raises:
        EncoderError: the encoder lacks a layer.
    """
    tiled = TiledEncoder(encoder, layers_in_use(losses, content_weight), tile=tile, devices=devices)
    targets = measure_styles(tiled, styles, style_weights, losses, style_masks)
    weighted = [
        Style(target, weight, mask)
        for target, weight, mask in zip(targets, style_weights, masks or (None,) * len(targets), strict=True)
    ]
    return Objective(tiled, content, weighted, losses, content_weight, style_weight, counted=counted, wrap=wrap)


def measure_styles(
    encoder: TiledEncoder,
    styles: Iterable[Tensor],
    weights: Sequence[float],
    losses: Losses,
    masks: Sequence[LayerMasks | None] = (),
) -> list[StyleTarget | None]:
    """Measure the styles that have a weight, one after the other.

    Args:
        encoder: with :func:`layers_in_use` of the losses.
        styles: 1×3×h×w in [0, 1] each; of any size, on any device.
        weights: weight of each style.
        losses: style layers.
        masks: for each style the part of its painting to use, or None.
    """
    names = shares(losses.style)
    parts = masks or (None,) * len(weights)
    return [
        measure_style(encoder, style, names, part) if weight > 0 else None
        for style, weight, part in zip(styles, weights, parts, strict=True)
    ]


def _style_terms(
    encoder: TiledEncoder, tiles: Sequence[Tile], styles: Sequence[Style], losses: Losses
) -> list[StyleTerm]:
    """Make the terms of the style distance, layer by layer."""
    masks = [style.mask for style in styles]
    owners = [mask_owner(masks, number) for number in range(len(masks))]
    terms = []
    for name, share in shares(losses.style).items():
        # Statistics are summed over the positions that count, so the areas are taken of these.
        counted = core_of_all(tiles, encoder.layers[name]).slices
        areas = [1.0 if mask is None else mask[name][counted].cpu().double().mean().item() for mask in masks]
        pulls = style_pulls([style.weight for style in styles], areas)
        # A small region may end before a deep layer's first position, or contain no position of its painting.
        pulling = {
            number: (style.target.statistics[name], style.target.dtype)
            for number, style in enumerate(styles)
            if style.target is not None and pulls[number] > 0 and style.target.statistics[name].weight > 0
        }
        if not pulling:
            continue
        norm = target_norm([s for s, _ in pulling.values()], [pulls[number] for number in pulling], losses)
        for number, (statistics, dtype) in pulling.items():
            distance = style_distance(statistics, losses, dtype, norm)
            terms.append(StyleTerm(name, share * pulls[number], distance, owners[number]))
    return terms
