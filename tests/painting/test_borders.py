"""Borders of whole paintings."""

import numpy as np
import pytest
import torch
from skimage import data

import impasto
from impasto.engine.borders import Mirrored, trimmed
from impasto.engine.objective import Objective
from impasto.engine.protection import Protected
from impasto.painting.painter import Painter
from impasto.settings.making import make_settings, make_texture_settings
from tests.engine.samples import picture_tensor
from tests.helpers import smooth_picture


@pytest.mark.parametrize(
    ("borders", "painted", "measured"),
    [("bleed", (80, 96), (80, 96)), ("mirrored", (53, 75), (64, 80)), ("cut", (53, 75), (53, 75))],
)
def test_odd_sizes_are_painted_exactly(tiny_encoder, borders, painted, measured):
    photo, style = smooth_picture(53, 75, 1), smooth_picture(64, 64, 2)
    options = {"encoder": str(tiny_encoder), "size": 75, "threads": 1, "borders": borders}
    deep = {"style": {"relu5_1": 1}}
    painter = Painter(photo, [style], make_settings(**options, losses=deep, optimization={"iterations": 2}))
    (octave,) = painter.octaves
    assert octave[:2] == (53, 75)
    assert painter.workload.painted(octave)[:2] == painted
    assert painter.workload.measured(octave)[:2] == measured
    events = list(painter)
    assert painter._run.best.shape[-2:] == painted
    assert events[2].image().shape == events[-1].painting.array.shape == (53, 75, 3)


def test_seamless_texture_does_not_bleed(tiny_encoder):
    options = {"encoder": str(tiny_encoder), "threads": 1, "seamless": True, "size": (64, 48)}
    assert make_texture_settings().borders == "bleed"
    style, optimization = smooth_picture(64, 64, 2), {"iterations": 2}
    painter = impasto.make_texture_painter(style, **options, optimization=optimization)
    assert painter.workload.painted(painter.octaves[-1]) == painter.octaves[-1]
    plain, cut = (
        impasto.texture(style, **options, optimization=optimization, borders=borders) for borders in ("bleed", "cut")
    )
    assert np.array_equal(plain.array, cut.array)


def frame_contrast(picture):
    """Compare the change across the outermost rows with that across inner rows, averaged over the four sides."""
    sides = (np.abs(np.diff(np.rot90(picture, turn), axis=0)).mean((1, 2)) for turn in range(4))
    return np.mean([change[:2].mean() / change[8:24].mean() for change in sides])


@pytest.mark.parametrize(("size", "smallest_octave"), [(96, 96), pytest.param(128, 64, marks=pytest.mark.slow)])
def test_bleed_leaves_no_frame(size, smallest_octave):
    photo = smooth_picture(size * 3 // 4, size, 1)
    options = {"size": size, "threads": 1, "device": "cpu", "precision": "float32",
           "losses": {"local_contrast": 0, "form_content": 0},  # with either the second bound is missed, though no frame appears
           "optimization": {"iterations": 20, "coarse_factor": 1, "smallest_octave": smallest_octave}}  # fmt: skip
    bleed, mirrored = (
        frame_contrast(impasto.paint(photo, data.coffee(), **options, borders=borders).array)
        for borders in ("bleed", "mirrored")
    )
    assert bleed < 1.15
    assert bleed < 0.9 * mirrored


def test_bleed_without_style_leaves_photo_unchanged(tiny_encoder):
    photo, style = smooth_picture(71, 99, 1), smooth_picture(64, 64, 2)
    options = {"encoder": str(tiny_encoder), "size": 99, "threads": 1, "precision": "float32", "style_weight": 0}
    optimization = {"iterations": 1, "coarse_factor": 1, "smallest_octave": 48}
    painting = impasto.paint(photo, style, **options, content_weight=1.0, optimization=optimization)
    assert len(painting.octaves) == 2
    np.testing.assert_allclose(painting.array, photo, atol=1e-6)


@pytest.mark.parametrize("borders", ["bleed", "mirrored"])
def test_protected_tiled_objective_equals_untiled(tiny_encoder, borders):
    photo, styles = smooth_picture(53, 75, 1), [smooth_picture(64, 64, seed) for seed in (2, 3)]
    left, protected = np.zeros((53, 75), np.float32), np.zeros((53, 75), np.float32)
    left[:, :40], protected[-9:, -20:] = 1, 1
    options = {"encoder": str(tiny_encoder), "size": 75, "threads": 1, "losses": {"style_distance": "gram"},
           "borders": borders}  # fmt: skip
    results = []
    for tile in (None, 64):
        painter = Painter(
            photo,
            styles,
            make_settings(**options, tile=tile),
            named={"masks.1": left, "masks.2": 1 - left, "protect": protected},
        )
        encoder = painter._objectives.tiled_encoder(painter.octaves[-1])
        targets = painter._objectives.measure_styles(painter.octaves[-1], encoder)
        objective = painter._objectives.objective(painter.octaves[-1], encoder, targets)
        assert isinstance(objective, Protected)
        assert isinstance(objective.objective, Mirrored if borders == "mirrored" else Objective)
        image = painter._scaled.continued(
            picture_tensor(53, 75, 4).float(), painter.workload.painted(painter.octaves[-1])[:2]
        )
        loss, gradient = objective.value_and_gradient(image)
        results.append((loss, trimmed(gradient, (53, 75))))
    (whole, gradient), (tiled, tiled_gradient) = results
    assert tiled.total == pytest.approx(whole.total, rel=1e-5)
    torch.testing.assert_close(tiled_gradient, gradient, rtol=1e-3, atol=1e-5 * gradient.abs().max().item())
    assert not gradient[..., torch.from_numpy(protected) == 1].any()
    assert gradient[..., torch.from_numpy(protected) == 0].abs().min() > 0


@pytest.mark.parametrize("preset", ["tutorial", "tutorial-core"])
def test_tutorial_presets_cut_borders(preset):
    assert make_settings(preset=preset).borders == "cut"
