"""The results of impasto in the comparison, and the table of its errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike

import impasto
from impasto.encoders.network import Encoder
from impasto.engine.adam import Adam
from impasto.engine.objective import Objective, make_objective
from impasto.engine.statistics import statistics
from impasto.painting.events import Finished, Iteration
from impasto.painting.method import make_optimizer
from impasto.settings.making import change_settings, make_settings
from impasto.settings.model import Settings
from tests.keras.references import CONTENT_LAYER, KEPT_AFTER, LAYERS, STEPS, STYLE_LAYERS, Reference, relative_error

THREADS = 1
"""CPU threads: the suite runs its tests in two processes, and small pictures gain little from more."""

CAFFE_MEANS = np.array([103.939, 116.779, 123.68])


AFTER_1 = "running free, image after step 1"
AFTER_10 = "running free, image after step 10"
LOSS_50 = "running free, loss at step 50"
LOSSES = "running free, losses at steps 1 to 50"
LARGEST = "range, largest"
KEPT = f"running free, the picture kept, stopped after step {KEPT_AFTER}"


class Row(NamedTuple):
    """A row of the table: the quantity, its error, the largest error allowed, and the unit of both."""

    quantity: str
    error: float
    limit: float
    unit: str


class Units(NamedTuple):
    """The units of a tutorial's image, H×W×3, relative to impasto's, which is RGB in [0, 1].

    Attributes:
        bgr: whether the tutorial's channels are in reverse order.
        scale: difference of its values for white and black.
        black: its values for black.
    """

    bgr: bool
    scale: float
    black: np.ndarray

    def image(self, theirs: np.ndarray) -> np.ndarray:
        """Convert their image to impasto's units, H×W×3 float64."""
        return self._rgb((theirs.astype(np.float64) - self.black) / self.scale)

    def move(self, theirs: np.ndarray) -> np.ndarray:
        """Convert their change of an image to impasto's units."""
        return self._rgb(theirs.astype(np.float64) / self.scale)

    def gradient(self, theirs: np.ndarray, power: int = 1) -> np.ndarray:
        """Convert their gradient, or a power of it, to impasto's units: the larger the unit, the larger the gradient."""
        return self._rgb(theirs.astype(np.float64) * self.scale**power)

    def _rgb(self, array: np.ndarray) -> np.ndarray:
        return array[..., ::-1] if self.bgr else array


UNITS = {
    "tutorial": Units(True, 255.0, -CAFFE_MEANS),
    "tutorial-core": Units(False, 1.0, np.zeros(3)),
}


class FreeLimits(NamedTuple):
    """The largest differences allowed between two free runs."""

    after_1: float
    after_10: float
    loss_50: float
    losses: float
    kept: float


# The second recipe is chaotic from its first steps, in which its loss rises fivefold: rounding errors grow a hundredfold
# in steps 2 and 3. PyTorch in float32 differs as much from PyTorch in float64 as from TensorFlow (`precision` measures
# it), so smaller limits would not be fair.
FREE_LIMITS = {
    "tutorial": FreeLimits(1e-4, 1e-2, 1e-2, 1e-2, 1e-4),
    "tutorial-core": FreeLimits(1e-4, 5e-2, 2e-2, 5e-2, 1e-2),
}


def tensor(array: np.ndarray) -> torch.Tensor:
    """Convert H×W×3 to 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None]


def array(image: torch.Tensor) -> np.ndarray:
    """Convert 1×C×H×W to H×W×C."""
    return image[0].permute(1, 2, 0).numpy()


def unit_range(pixels: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Convert pixels of 8 bits to [0, 1]."""
    return pixels.astype(dtype) / np.array(255, dtype)


class Impasto:
    """A preset, applied to the pictures of a reference.

    Args:
        preset: ``tutorial`` or ``tutorial-core``.
        encoder: encoder from ``path``.
        path: the Keras file.
        reference: TensorFlow's results.
        changes: settings that differ from the preset; the comparison should detect them.
    """

    def __init__(self, preset: str, encoder: Encoder, path: Path, reference: Reference, **changes: object) -> None:
        self.units, self.limits = UNITS[preset], FREE_LIMITS[preset]
        self.encoder, self.reference = encoder, reference
        size = max(reference.content.shape)
        settings = make_settings(preset=preset, encoder=str(path), size=size, device="cpu", threads=THREADS)
        self.settings: Settings = change_settings(settings, **changes)
        # TensorFlow's own photograph: ours may differ in the last bit (÷ 255 instead of × 1/255). In the first step,
        # in which the content's gradient is exactly 0 in both, Adam would amplify the difference.
        self.objective = make_objective(
            encoder,
            tensor(self.units.image(reference.before["image1"])).float(),
            [tensor(unit_range(reference.style))],
            (1.0,),
            self.settings.losses,
            *self.settings.weights,
        )

    def objective_in(self, dtype: torch.dtype) -> Objective:
        """Make the objective of the pictures in a floating-point type."""
        content, style = (
            tensor(unit_range(pixels, np.float64)).to(dtype)
            for pixels in (self.reference.content, self.reference.style)
        )
        encoder = deepcopy(self.encoder).to(dtype)
        return make_objective(encoder, content, [style], (1.0,), self.settings.losses, *self.settings.weights)

    def probe(self) -> Iterator[Row]:
        """Compare features, losses and gradient at one picture."""
        image, theirs = tensor(unit_range(self.reference.probe)), self.reference
        with torch.no_grad():
            features = self.encoder(image, LAYERS)
        for name in LAYERS:
            yield Row(f"features {name}", relative_error(array(features[name]), theirs.features[name]), 1e-4, "L2")
        loss, gradient = self.objective.value_and_gradient(image)
        yield Row(f"content loss {CONTENT_LAYER}", relative_error(loss.content, theirs.content_loss), 1e-4, "relative")
        names = [term.layer for term in self.objective.style_terms]
        assert names == [name.replace("block", "relu").replace("_conv", "_") for name in STYLE_LAYERS]
        for name, expected, (_, share, distance, _) in zip(
            STYLE_LAYERS, theirs.style_losses, self.objective.style_terms, strict=True
        ):
            assert share == 1 / 5
            error = relative_error(float(distance(statistics(features[name]))), expected)
            yield Row(f"style loss {name}", error, 1e-4, "relative")
        yield Row("total", relative_error(loss.total, theirs.total), 1e-4, "relative")
        expected_gradient = self.units.gradient(theirs.gradient)
        yield Row("gradient at the image", relative_error(array(gradient), expected_gradient), 1e-4, "L2")

    def step_from(self, step: int, objective: Objective, dtype: torch.dtype) -> np.ndarray:
        """Return the image after one step from TensorFlow's image and moments, H×W×3."""
        how = self.settings.optimization
        before = {part: self.reference.before[f"{part}{step}"] for part in ("image", "m", "v")}
        image = tensor(self.units.image(before["image"])).to(dtype)
        optimizer = make_optimizer(how)
        assert isinstance(optimizer, Adam)
        optimizer.t = step - 1
        optimizer.m = tensor(self.units.gradient(before["m"])).to(dtype)
        optimizer.v = tensor(self.units.gradient(before["v"], power=2)).to(dtype)
        loss, gradient = objective.value_and_gradient(image)
        optimizer.step(image, loss.total, gradient)
        assert how.clamp == "step"
        return array(image.clamp_(0, 1))

    def steps(self) -> Iterator[Row]:
        """Compare one step from each of TensorFlow's states, in float32: the resulting image, and its change.

        The comparison of changes is stricter, because epsilon outweighs the gradients and the steps are short. It is
        meant for stored states: in other states features may be equal or nearly 0, so that the last bit of a float32
        determines the direction of the gradient.
        """
        for step in STEPS:
            before = self.units.image(self.reference.before[f"image{step}"])
            expected = self.units.image(self.reference.after[f"image{step}"])
            found = self.step_from(step, self.objective, torch.float32)
            yield Row(f"step {step} from TensorFlow's state", float(np.abs(found - expected).max()), 1e-4, LARGEST)
            yield Row(f"the move in step {step}", relative_error(found - before, expected - before), 3e-3, "L2")

    def exact_steps(self) -> Iterator[Row]:
        """Compare the same steps with both programs in float64.

        The remaining difference is 5.5·10⁻⁶ of each move, because Keras rounds its decays to float32.
        """
        objective = self.objective_in(torch.float64)
        for step in STEPS:
            before = self.units.image(self.reference.before[f"image{step}"])
            found = self.step_from(step, objective, torch.float64) - before
            expected = self.units.move(self.reference.moves[f"image{step}"])
            error = float(np.abs(found - expected).max())
            yield Row(f"step {step} from TensorFlow's state, both in float64", error, 1e-6, LARGEST)
            yield Row(f"the move in step {step}, both in float64", relative_error(found, expected), 2e-5, "L2")

    def free(self) -> Iterator[Row]:
        """Compare a free run of the painter from the photograph."""
        losses, images = [], {}
        for event in self._paint(max(STEPS)):
            if isinstance(event, Iteration):
                losses.append(event.loss.total)
                if event.iteration - 1 in STEPS:
                    images[event.iteration - 1] = event.image()
        after = {step: self.units.image(self.reference.after[f"image{step}"]) for step in STEPS}
        yield Row(AFTER_1, float(np.abs(images[1] - after[1]).max()), self.limits.after_1, LARGEST)
        yield Row(AFTER_10, rms(images[10] - after[10]), self.limits.after_10, "range, RMS")
        yield from loss_rows(np.array(losses), self.reference.losses, self.limits)
        yield self.kept()

    def kept(self) -> Row:
        """Compare the painting after :data:`KEPT_AFTER` iterations."""
        *_, last = self._paint(KEPT_AFTER)
        assert isinstance(last, Finished)
        expected = self.units.image(self.reference.kept)
        return Row(KEPT, rms(last.painting.array - expected), self.limits.kept, "range, RMS")

    def _paint(self, iterations: int) -> Iterable[object]:
        return impasto.make_painter(
            self.reference.content,
            self.reference.style,
            change_settings(self.settings, optimization={"iterations": iterations}),
        )

    def rows(self) -> list[Row]:
        """Return the whole table."""
        return [*self.probe(), *self.exact_steps(), *self.free()]


def loss_rows(losses: np.ndarray, expected: np.ndarray, limits: FreeLimits) -> list[Row]:
    """Compare the losses of two runs of 50 steps."""
    differences = np.abs(losses[:50] / expected[:50] - 1)
    assert differences.shape == (50,)
    return [
        Row(LOSS_50, float(differences[49]), limits.loss_50, "relative"),
        Row(LOSSES, float(differences.max()), limits.losses, "relative, largest"),
    ]


def precision(ours: Impasto, steps: int) -> list[Row]:
    """Compare free runs of a preset in float32 and in float64, of at least ten steps.

    Two programs in float32 cannot be expected to differ less.
    """
    losses, images = zip(*(_run(ours, dtype, steps) for dtype in (torch.float32, torch.float64)), strict=True)
    single, double = images
    rows = [
        Row(AFTER_1, float(np.abs(single[1] - double[1]).max()), ours.limits.after_1, LARGEST),
        Row(AFTER_10, rms(single[10] - double[10]), ours.limits.after_10, "range, RMS"),
    ]
    return rows if steps < 50 else [*rows, *loss_rows(np.array(losses[0]), np.array(losses[1]), ours.limits)]


def _run(ours: Impasto, dtype: torch.dtype, steps: int) -> tuple[list[float], dict[int, np.ndarray]]:
    """Return the losses before each step from the photograph, and the images after it."""
    objective = ours.objective_in(dtype)
    image = tensor(unit_range(ours.reference.content, np.float64)).to(dtype)
    optimizer = make_optimizer(ours.settings.optimization)
    losses, images = [], {}
    for step in range(1, steps + 1):
        loss, gradient = objective.value_and_gradient(image)
        optimizer.step(image, loss.total, gradient)
        image.clamp_(0, 1)
        losses.append(loss.total)
        images[step] = array(image).copy()
    return losses, images


def rms(difference: np.ndarray) -> float:
    """Compute the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def table(columns: dict[str, list[Row]]) -> str:
    """Format rows of several comparisons as a Markdown table; the first comparison has every quantity."""
    lines = [["quantity", *columns, "allowed", "measured as"], ["---", *("---:" for _ in columns), "---:", "---"]]
    by_name = [{row.quantity: f"{row.error:.1e}" for row in rows} for rows in columns.values()]
    for row in next(iter(columns.values())):
        errors = [column.get(row.quantity, "") for column in by_name]
        lines.append([row.quantity, *errors, f"{row.limit:.0e}", row.unit])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
