"""Uploaded pictures, styles and settings over the API of a running server."""

from __future__ import annotations

import io
import shutil

import jsonschema
import numpy as np
import pytest
from PIL import Image

from impasto.settings.model import Settings
from impasto.studio import limits
from impasto.studio.job_settings import REFUSED
from tests.studio.conftest import TINY, mask_png, png

pytestmark = pytest.mark.xdist_group("studio pictures")  # which makes the fixtures once


def _image(client, path):
    answer = client.send("GET", path, client.own)
    assert answer.status == 200, answer.body
    return Image.open(io.BytesIO(answer.body))


def test_upload_is_stored_reencoded(client):
    marked = png() + b"<script>after the end of the file</script>"
    picture = client.upload(marked, "?kind=style&name=../..%5Cevil%00/oil.png")
    assert (picture["name"], picture["width"], picture["height"], picture["kind"]) == ("oil.png", 96, 72, "style")
    stored = b"".join(path.read_bytes() for path in (client.folder / "pictures").iterdir())
    assert b"script" not in stored
    file = client.folder / "pictures" / f"{picture['id']}.tif"
    with Image.open(file) as image:
        assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(png()))))
    assert _image(client, f"/api/pictures/{picture['id']}/image").format == "JPEG"
    tiles = client.call("GET", "/api/styles")["styles"]
    assert tiles[-1]["ref"] == {"picture": picture["id"]}
    assert [tile["name"] for tile in tiles][:4] == ["swirls", "woodcut", "mosaic", "pointillism"]


def test_large_upload_has_reduced_copy(client):
    picture = client.upload(png(300, 1500))
    assert _image(client, f"/api/pictures/{picture['id']}/image?side=256").size == (256, 51)
    assert _image(client, f"/api/pictures/{picture['id']}/image?side=1200").size == (1200, 240)
    assert (client.folder / "pictures" / f"{picture['id']}.small.png").is_file()


def test_mask_stays_exact(client):
    mask = client.upload(mask_png(), "?kind=mask")
    image = _image(client, f"/api/pictures/{mask['id']}/image")
    assert image.format == "PNG"
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(mask_png()))))


def test_crop_turns_and_cuts(client):
    gradient = np.tile(np.linspace(0, 255, 200, dtype=np.uint8), (100, 1))
    buffer = io.BytesIO()
    Image.fromarray(gradient).save(buffer, "PNG")
    picture = client.upload(buffer.getvalue())
    half = client.call("POST", f"/api/pictures/{picture['id']}/crop", {"box": [0.5, 0, 0.5, 1]}, 201)
    assert (half["width"], half["height"]) == (100, 100)
    assert abs(np.asarray(_image(client, f"/api/pictures/{half['id']}/image"))[50, 0, 0] - 128) < 4
    turned = client.call("POST", f"/api/pictures/{picture['id']}/crop", {"angle": 10}, 201)
    image = np.asarray(_image(client, f"/api/pictures/{turned['id']}/image"), np.float32)[..., 0]
    assert image.shape == (100, 200)
    assert image[0, 100] > image[99, 100] + 5  # counter-clockwise, so the bright right side moves up
    client.call("POST", f"/api/pictures/{picture['id']}/crop", {"box": [0.5, 0, 0.01, 1]}, 422)


def test_faces_are_found_or_refused(client, photo_id):
    from impasto.samples.photos import load_photo

    buffer = io.BytesIO()
    Image.fromarray((load_photo("astronaut") * 255).astype(np.uint8)).save(buffer, "JPEG")
    picture = client.upload(buffer.getvalue(), "?name=astronaut.jpg", "image/jpeg")
    mask = client.call("POST", f"/api/pictures/{picture['id']}/faces", status=201)
    assert (mask["kind"], mask["name"]) == ("mask", "faces of astronaut.jpg")
    assert "No face" in client.call("POST", f"/api/pictures/{photo_id}/faces", status=422)["error"]["message"]


def test_delete_pictures_removes_files(client):
    picture = client.upload(png(300, 1500))
    client.call("DELETE", f"/api/pictures/{picture['id']}", status=204)
    assert not list((client.folder / "pictures").glob(f"{picture['id']}*"))
    assert client.send("GET", f"/api/pictures/{picture['id']}/image", client.own).status == 404
    client.upload(png())
    assert client.call("DELETE", "/api/pictures")["deleted"] >= 1
    assert client.call("GET", "/api/pictures") == {"pictures": []}
    assert not list((client.folder / "pictures").iterdir())


def test_full_disk_refuses_uploads_in_words(client, monkeypatch):
    monkeypatch.setattr("impasto.studio.library.disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    answer = client.upload(png(), status=507)
    assert answer["error"]["code"] == "disk_full"
    assert not list((client.folder / "temporary").iterdir())


def test_settings_schema_comes_from_model(client):
    guide = client.call("GET", "/api/settings")
    schema = guide["schema"]
    assert set(schema["properties"]) == set(Settings.model_fields) - set(REFUSED)
    assert schema["properties"]["strength"]["description"].startswith("Strength of the style")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(TINY)
    assert not validator.is_valid({"masks": {"1": "/etc/passwd"}})
    assert "tutorial" not in guide["presets"]
    assert guide["presets"]["quick"]["optimization"]["iterations"] == 13


def test_settings_check_returns_values_or_sentence(client):
    checked = client.call("POST", "/api/settings/check", {"settings": {"preset": "quick", "strength": 0.3}})
    assert checked["settings"]["optimization"]["iterations"] == 13
    body = {"settings": {"style_weights": [1, 2]}, "styles": 1}
    assert "style_weights are 2" in client.call("POST", "/api/settings/check", body, 422)["error"]["message"]
    texture = {"settings": {"size": "64x32"}, "texture": True}
    assert client.call("POST", "/api/settings/check", texture)["settings"]["content_weight"] == 0


@pytest.mark.parametrize("path", ["/api/nothing", "/nothing.js", "/api/pictures/short"])
def test_missing_address_gives_json_error(client, path):
    answer = client.send("GET", path, client.own)
    assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


def test_state_names_limits(client):
    state = client.call("GET", "/api/state")
    assert state["limits"]["pixels"] == limits.PIXELS
    assert state["features"]["faces"] is True
