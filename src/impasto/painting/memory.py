"""Estimates of the memory that painting needs, in bytes, and the error if it runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from impasto.encoders.layers import COARSE_GABOR_LAYER, GABOR_LAYER, PIXELS, STROKE_LAYER, Layer
from impasto.engine.devices import available_memory
from impasto.engine.style_terms import shares
from impasto.engine.tiles import halos, longest_core
from impasto.errors import PaintingError
from impasto.painting.method import method_of
from impasto.painting.octaves import Octave, style_size
from impasto.painting.workload import Workload
from impasto.settings.fields import memory_bytes
from impasto.settings.references import PROTECT

PROCESS = 360_000_000
"""Bytes of Python, PyTorch and their libraries in use, on the CPU; measured: 310 to 350 MB."""

SAFE_SHARE = 0.8
"""Share of the free memory that a painting may use if the settings set no limit."""

HEAP_OVERHEAD = 3.0
"""Ratio of heap memory to the size of small tensors of many shapes, which fragment the heap; measured: 1.2 to 3."""

HEAP_LIMIT = 32 << 20
"""Bytes from which tensors are allocated outside the heap (glibc's largest dynamic threshold)."""

KEPT_VALUES = {STROKE_LAYER: 6, GABOR_LAYER: 7, COARSE_GABOR_LAYER: 13}
"""Values per pixel that the layers without convolutions keep for the backward pass, with the picture's padding;
measured: 5.9, 7.1 and 12.8."""

PEAK_VALUES = {STROKE_LAYER: 24, GABOR_LAYER: 14, COARSE_GABOR_LAYER: 26}
"""Values per pixel at the peak of these layers' own passes; measured: 16, 14.1 and 26.3. For the strokes without a
gradient half of the estimate counts; measured: 12. The convolutions' passes lie between the forward and the backward
pass."""


def memory_budget(workload: Workload, device: torch.device) -> int:
    """Compute the bytes available to a painting, beyond :func:`standing_memory`.

    Args:
        workload: workload of the run.
        device: device of the images.
    """
    if workload.settings.memory is None:
        return int(SAFE_SHARE * available_memory(device))
    return memory_bytes(workload.settings.memory) - standing_memory(workload)


def standing_memory(workload: Workload) -> int:
    """Return the bytes of the process and of the pictures; 0 if the images are not in the CPU's memory."""
    return PROCESS + workload.picture_bytes if next(workload.encoder.buffers()).device.type == "cpu" else 0


def memory_needed(octave: Octave, workload: Workload) -> int:
    """Estimate the peak memory of an octave in bytes, beyond :func:`standing_memory`.

    An iteration holds the image, the best image, the gradient, the optimiser's images and the content's features, and
    in addition either the features of a tile or the temporary images of a step. The preparation of the octave holds
    the content and one style at the octave's size, each of them twice while it is resized.
    """
    painted, measured = workload.painted(octave), workload.measured(octave)
    image = 12 * painted.pixels
    kept, temporary = _image_counts(octave, workload)
    if measured != painted:
        kept += 2  # the padded image and its gradient
    targets = _target_bytes(measured, workload) + _mask_bytes(measured, workload)
    tile = _tile_bytes(measured.height, measured.width, measured, workload)
    iterating = (3 + kept) * image + max(temporary * image, tile)
    side = max(octave.height, octave.width)
    styles = [style_size(*size, side, workload.settings.stroke_size) for size in workload.styles]
    preparing = 2 * image + max(
        (24 * height * width + _tile_bytes(height, width, octave, workload) // 2 for height, width in styles),
        default=0,
    )
    return targets + max(iterating, preparing)


def _image_counts(octave: Octave, workload: Workload) -> tuple[int, int]:
    """Count the images that the optimiser, colours and masks keep, and those that they hold temporarily."""
    method, history = method_of(workload.settings.optimization, octave)
    # Adam keeps two moments, and holds a root. L-BFGS keeps its pairs, the last image, its gradient and the last move,
    # and holds the new pair, the direction and intermediate products.
    kept, temporary = (2 * history + 3, 3) if method == "lbfgs" else (2, 2)
    # The image is recoloured when it is shown or saved, with the photograph at its size for some colours.
    temporary = max(temporary, {"keep": 4, "palette": 2}.get(workload.settings.colour, 0))
    if PROTECT in workload.masks:
        # Kept: photograph, composited image and mask. Temporary when shown: photograph and composited image as arrays.
        kept, temporary = kept + 3, temporary + 2
    if workload.masks:
        temporary = max(temporary, 3 + len(workload.styles))  # coverage of each style, while the result is recoloured
    return kept, temporary


def _target_bytes(octave: Octave, workload: Workload) -> int:
    """Estimate the bytes of the content's features, and of covariances and derived matrices for each style layer."""
    losses, (content_weight, _) = workload.settings.losses, workload.settings.weights
    content = [workload.encoder.resolve(name) for name in (shares(losses.content) if content_weight else ())]
    value = workload.encoder.dtype.itemsize
    features = sum(value * workload.encoder.channels(str(x)) * octave.pixels // x.stride**2 for x in content)
    squares = sum(workload.encoder.channels(name) ** 2 for name in shares(losses.style))
    return features + 8 * squares * (6 + 3 * len(workload.styles))


def _mask_bytes(octave: Octave, workload: Workload) -> int:
    """Estimate the bytes of the masks at the resolutions of all layers."""
    return 6 * octave.pixels * workload.mask_count


def _tile_bytes(height: int, width: int, octave: Octave, workload: Workload) -> int:
    """Estimate the bytes of a forward and backward pass of one tile of a picture.

    The output of every convolution is kept for the backward pass, and a second copy of it if it is pooled, padded by
    copying, or used before its ReLU. The backward pass of the widest layer also holds its gradient and that of the
    layer before. The strokes keep few values, and are at their own peak when no convolution holds any.

    Args:
        height: height of the picture in pixels.
        width: width of the picture in pixels.
        octave: octave with the tile; its size tells whether the picture is the painting itself.
        workload: workload of the run.
    """
    layers, encoder = workload.layers, workload.encoder
    last = max(layers, default=PIXELS)
    cores = [longest_core(length, octave.tile) for length in (height, width)]
    whole = cores == [height, width]
    wrap = workload.settings.seamless and (height, width) == octave[:2]  # paintings of other sizes are not wrapped
    beyond = halos(layers, encoder.architecture)

    def area(block: int) -> int:
        """Return the positions of a tile at the input of a block, from 0."""
        h, w = (
            (core >> block) + 2 * beyond[block] if wrap and not whole
            else min(length >> block, (core >> block) + 2 * beyond[block])
            for length, core in zip((height, width), cores, strict=True)
        )  # fmt: skip
        return h * w

    total, widest = 0.0, 0
    for layer in (layer for layer in encoder.convolutions if layer[:2] <= last[:2]):
        size = encoder.dtype.itemsize * encoder.channels(str(layer)) * area(layer.block - 1)
        copied = (wrap and whole) or _is_padded_by_copying(layer, workload)
        pooled = 0.25 * (layer[:2] != last[:2] and layer.number == encoder.architecture.convolutions[layer.block - 1])
        total += _heap_overhead(size, whole=whole) * size * (1 + pooled + copied + (layer in layers))
        widest = max(widest, size)
    plane = 4 * area(0)
    plane = int(plane * _heap_overhead(plane, whole=whole))
    kept, peak = 0, 0
    for layer in KEPT_VALUES:  # in the order of the forward pass
        if layer in layers:
            peak = max(peak, kept + PEAK_VALUES[layer])
            kept += KEPT_VALUES[layer]
    total += kept * plane + 3 * widest * _heap_overhead(widest, whole=whole)
    return int(max(total, peak * plane))


def _is_padded_by_copying(layer: Layer, workload: Workload) -> bool:
    return workload.encoder.architecture.padding_of(layer) != "zeros" and layer[:2] != (1, 1)


def _heap_overhead(size: int, *, whole: bool) -> float:
    """Return the ratio of a tensor's memory to its size; tensors of whole pictures have few shapes."""
    return 1.0 if whole or size >= HEAP_LIMIT else HEAP_OVERHEAD


_OUT_OF_MEMORY = ("out of memory", "allocate memory", "enough memory", "bad_alloc", "STATUS_ALLOC_FAILED")
"""Parts of the messages of PyTorch's allocators, whose errors have no class of their own."""


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn errors of the allocators into one sentence.

    Raises:
        PaintingError: the memory ran out within this context.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not (is_memory or any(words in str(error) for words in _OUT_OF_MEMORY)):
            raise
        raise PaintingError("The memory ran out while painting: choose a smaller size.") from error
