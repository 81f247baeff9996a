"""The penalty on blurred luminance."""

import torch

from impasto.engine.tone import CELLS, Tone, tone_target
from tests.engine.samples import random_features


def test_gradient_equals_central_difference():
    image = random_features(1, 3, 40, 56).clamp(0, 1)
    tone = Tone(0.7, tone_target(1 - image, [image], [1.0]))
    gradient, step = torch.zeros_like(image), 1e-5 * random_features(2, 3, 40, 56)
    tone.add_gradient(image, gradient)
    values = [0.7 * tone.add_gradient(moved, torch.zeros_like(image)) for moved in (image + step, image - step)]
    torch.testing.assert_close(
        torch.tensor(values[0] - values[1]).double(), 2 * (gradient * step).sum(), rtol=1e-5, atol=0
    )


def test_target_has_ranks_of_photo_and_values_of_style():
    generator = torch.Generator().manual_seed(0)
    photo, style = torch.rand(2, 1, 3, 80, 120, generator=generator, dtype=torch.float64)
    target = tone_target(photo, [style * 0.5], [1.0])
    of_photo, of_style = (tone_target(x, [x], [1.0]).flatten() for x in (photo, style * 0.5))
    torch.testing.assert_close(target.flatten().argsort(), of_photo.argsort())
    torch.testing.assert_close(target.flatten().sort().values, of_style.sort().values)


def test_narrow_picture_has_one_window_across():
    photo = torch.rand(1, 3, 20, 4000, generator=torch.Generator().manual_seed(0))
    assert tone_target(photo, [photo], [1.0]).shape == (1, 1, 1, 200)


def test_target_has_about_as_many_cells_at_any_size():
    for side in (128, 500, 1024):
        assert abs(max(tone_target(torch.rand(1, 3, side, 64), [torch.rand(1, 3, 64, 64)], [1.0]).shape) - CELLS) <= 4
