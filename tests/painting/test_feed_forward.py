from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import impasto
from impasto.encoders.decoder_files import load_decoder
from impasto.encoders.loading import load_encoder
from impasto.errors import EncoderError, SettingsError
from impasto.painting import feed_forward
from impasto.painting.events import Iteration
from impasto.painting.painter import Painter
from impasto.painting.record import Record
from impasto.pictures import resize

OPTIONS = {"preset": "instant", "size": 192, "threads": 1, "precision": "float32"}


def photo(height=128, width=192):
    return resize(data.chelsea().astype(np.float32) / 255, height, width)


def psnr(one, other):
    return -10 * np.log10(np.square(one - other).mean())


@pytest.fixture(scope="module")
def painted():
    return impasto.paint(photo(), "swirls", **OPTIONS)


def test_instant_paints_in_one_pass(painted):
    assert [octave.iterations for octave in painted.octaves] == [1]
    assert (painted.history, painted.complete, painted.encoder.name) == ((), True, "builtin-slim")
    assert psnr(painted.array, photo()) < 20
    np.testing.assert_array_equal(painted.array, impasto.paint(photo(), "swirls", **OPTIONS).array)


def test_strength_moves_from_photo_to_painting(painted):
    arrays = [impasto.paint(photo(), "swirls", **OPTIONS, strength=s).array for s in (0, 0.25, 1)]
    distances = [-psnr(array, photo()) for array in (*arrays[:2], painted.array, arrays[2])]
    assert distances == sorted(distances)
    assert psnr(arrays[0], photo()) > 20


def test_record_repeats_the_painting(painted, tmp_path):
    record = Record.model_validate(painted.record(tmp_path))
    again = impasto.paint(photo(), "swirls", settings=record.make_settings())
    np.testing.assert_array_equal(again.array, painted.array)


def test_regions_take_their_own_styles(painted):
    left = np.zeros((128, 192), np.uint8)
    left[:, :96] = 255
    both = impasto.paint(photo(), ["swirls", "woodcut"], **OPTIONS, masks={2: left}).array
    woodcut = impasto.paint(photo(), "woodcut", **OPTIONS).array
    colours = [array[:, 110:].mean((0, 1)) for array in (both, painted.array, woodcut)]
    assert np.abs(colours[0] - colours[1]).sum() < 0.5 * np.abs(colours[0] - colours[2]).sum()


def test_weights_mix_styles(painted):
    woodcut = impasto.paint(photo(), "woodcut", **OPTIONS).array
    mixed = impasto.paint(photo(), ["swirls", "woodcut"], **OPTIONS, style_weights=[3, 1]).array
    assert np.abs(mixed - painted.array).mean() < np.abs(mixed - woodcut).mean()


def test_protected_part_stays(painted):
    mask = np.zeros((128, 192), np.uint8)
    mask[32:96, 64:128] = 255
    kept = impasto.paint(photo(), "swirls", **OPTIONS, protect=mask).array
    np.testing.assert_allclose(kept[40:88, 72:120], photo()[40:88, 72:120], atol=1e-5)
    assert np.abs(kept - photo())[:, :56].mean() > 0.05


@pytest.mark.parametrize("colour", ["keep", "match", "palette"])
def test_colour_modes_change_colours(painted, colour):
    other = impasto.paint(photo(), "swirls", **OPTIONS, colour=colour).array
    assert np.abs(other - painted.array).mean() > 0.02
    if colour != "palette":
        chroma = [np.ptp(array.mean((0, 1))) for array in (other, photo(), painted.array)]
        assert abs(chroma[0] - chroma[1]) < abs(chroma[2] - chroma[1])


def test_stroke_size_changes_the_painting(painted):
    assert np.abs(impasto.paint(photo(), "swirls", **OPTIONS, stroke_size=2).array - painted.array).mean() > 0.01


@pytest.mark.parametrize(
    ("size", "large", "strength"),
    [(320, 352, 0.5), (320, 352, 0.8), pytest.param(560, 592, 0.5, marks=pytest.mark.slow)],
)
def test_large_painting_has_no_seams(monkeypatch, size, large, strength):
    monkeypatch.setattr(feed_forward, "MEASURED_SIDE", 192)
    options = OPTIONS | {"size": size, "strength": strength}
    whole, tiled = (impasto.paint(photo(160, 240), "swirls", **options, tile=tile).array for tile in (large, 128))
    assert np.abs(whole - tiled).max() < 1 / 255


@pytest.mark.parametrize(
    ("size", "shift"),
    [(512, 1), (512, 7), (512, 15), (256, 1), (256, 7), (256, 15)],
)
def test_shifted_photo_gives_shifted_painting(size, shift):
    wide = photo(2 * size // 3, size + 15)
    options = OPTIONS | {"size": size}
    one, other = (impasto.paint(wide[:, start : start + size], "swirls", **options).array for start in (0, shift))
    overlap = np.abs(one[:, shift + 24 : -24] - other[:, 24 : -shift - 24])
    assert 255 * overlap.mean() <= 4


def instant_start(**changes):
    settings = impasto.make_settings(
        **OPTIONS | {"preset": "default", "init": "instant", "optimization": {"iterations": 1, "smallest_octave": 192}},
        **changes,
    )
    painter = Painter(photo(), ["swirls"], settings)
    return next(event.image() for event in painter if isinstance(event, Iteration))


def test_other_presets_can_start_from_instant(painted):
    np.testing.assert_allclose(instant_start(), painted.array, atol=1e-5)


def test_instant_start_keeps_protected_part(tmp_path):
    mask = np.zeros((128, 192), np.uint8)
    mask[32:96, 64:128] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    found = instant_start(protect=str(tmp_path / "mask.png"))
    np.testing.assert_allclose(found[40:88, 72:120], photo()[40:88, 72:120], atol=1e-5)
    assert np.abs(found - photo())[:, :56].mean() > 0.05


def test_texture_cannot_start_from_instant():
    with pytest.raises(SettingsError, match="no photograph to begin from"):
        impasto.texture("swirls", init="instant")


def test_other_encoder_is_refused():
    with pytest.raises(SettingsError, match="so encoder cannot be set: leave it out"):
        impasto.paint(photo(), "swirls", **OPTIONS, encoder="builtin")
    with pytest.raises(
        EncoderError, match=r"with the encoder builtin-slim alone.*not with builtin: leave out encoder="
    ):
        load_decoder(load_encoder("builtin"))


def test_texture_is_refused():
    with pytest.raises(SettingsError, match="a texture has none: choose the preset quick"):
        impasto.texture("swirls", preset="instant")


def test_decoder_is_small():
    folder = Path(impasto.__file__).parent / "encoders"
    assert (folder / "instant.safetensors").stat().st_size <= 4_000_000
