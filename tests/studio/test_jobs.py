"""Jobs of the studio: queue, steering, stages, restarts and downloads, over the API of a running server."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from PIL import Image

from impasto.pictures import read_picture, read_record
from impasto.studio import limits
from impasto.studio.job_settings import preview_settings
from tests.studio.client import Client
from tests.studio.conftest import LONG, TINY, mask_png, png, serving

pytestmark = pytest.mark.xdist_group("studio jobs")  # which makes the fixtures once

SWIRLS = [{"style": "swirls"}]


@pytest.fixture(scope="module")
def finished(client, photo_id):
    """Return a finished job, all events of it, and their stream's position before it."""
    after = client.call("GET", "/api/state")["event"]
    stream = client.events(after)
    job = client.call(
        "POST", "/api/jobs", {"photo": photo_id, "styles": SWIRLS, "settings": TINY, "title": "Lake"}, 201
    )
    events = stream.until("job", id=job["id"], state="finished")
    stream.close()
    return client.call("GET", f"/api/jobs/{job['id']}"), events, after


def _begin(client, photo_id, **settings):
    """Start a long job and return its id once it paints."""
    body = {"photo": photo_id, "styles": SWIRLS, "settings": LONG | settings}
    job = client.call("POST", "/api/jobs", body, 201)["id"]
    while not (client.wait(job, "painting")["progress"] or {}).get("iteration"):
        time.sleep(0.02)
    return job


def test_job_is_painted_with_events(finished):
    job, events, after = finished
    assert job["painting"] == job["painting"] | {"width": 96, "height": 72, "complete": True, "version": 1}
    ids = [number for number, _, _ in events]
    assert ids == list(range(after + 1, after + 1 + len(ids)))
    kinds = {kind for _, kind, _ in events}
    assert {"job", "progress", "preview"} <= kinds
    last = [data["progress"] for _, kind, data in events if kind == "progress"][-1]
    assert (last["share"], last["remaining"], last["octave"], last["iteration"]) == (1.0, 0.0, 2, 2)
    assert [stage["reason"] for stage in job["stages"]] == ["octave"]


def test_events_replay_after_last_id(client, finished):
    _, events, after = finished
    for headers in ({}, {"Last-Event-ID": str(after + 3)}):
        stream = client.events(after, headers)
        begun = 3 if headers else 0
        assert [stream.next() for _ in events[begun:]] == events[begun:]
        stream.close()


def test_events_before_log_give_reset(client, finished):
    stream = client.events(1)
    assert stream.next()[1:] == ("reset", {})
    stream.close()


def test_preview_and_stage_are_small_jpegs(client, finished):
    job = finished[0]
    for path in ("preview", "stages/1/image", "image?side=64"):
        answer = client.send("GET", f"/api/jobs/{job['id']}/{path}", client.own)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
        assert len(answer.body) <= limits.PREVIEW_BYTES
        assert Image.open(io.BytesIO(answer.body)).format == "JPEG"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("kind", "form", "depth"),
    [("png", "PNG", 8), ("png16", "PNG", 16), ("jpeg", "JPEG", 8), ("webp", "WEBP", 8), ("tiff16", "TIFF", 16)],
)
def test_download_has_format_and_record(client, finished, tmp_path, kind, form, depth):
    answer = client.send("GET", f"/api/jobs/{finished[0]['id']}/download?format={kind}", client.own)
    assert answer.status == 200
    assert 'filename="Lake.' in answer.headers["content-disposition"]
    (tmp_path / "file").write_bytes(answer.body)
    picture = read_picture(tmp_path / "file")
    assert (picture.size, picture.depth) == ((72, 96), depth)
    with Image.open(tmp_path / "file") as image:
        assert image.format == form
    record = json.loads(read_record(tmp_path / "file"))
    assert record["settings"]["depth"] == depth
    assert record["content"]["path"] == "lake.png"
    assert str(client.folder) not in json.dumps(record)
    deadline = time.monotonic() + 10  # the file is removed after its last byte was sent
    while list((client.folder / "temporary").iterdir()):
        assert time.monotonic() < deadline


def test_dropped_painting_brings_settings_back(client, finished, photo_id):
    painting = client.send("GET", f"/api/jobs/{finished[0]['id']}/download", client.own).body
    picture = client.upload(painting, "?kind=photo&name=Lake.png")
    painted = picture["painted"]
    assert (painted["photo"], painted["styles"]) == (photo_id, SWIRLS)
    assert painted["settings"]["optimization"]["iterations"] == 2
    again = {"photo": painted["photo"], "styles": painted["styles"], "settings": painted["settings"]}
    job = client.call("POST", "/api/jobs", again, 201)
    client.call("DELETE", f"/api/jobs/{job['id']}", status=204)


def test_steering_takes_effect_and_undo_goes_back(client, photo_id):
    mask = client.upload(mask_png(), "?kind=mask")["id"]
    stream = client.events()
    job = _begin(client, photo_id)
    client.call("PATCH", f"/api/jobs/{job}/settings", {"strength": 0.9}, 202)
    stream.until("steered", job=job)
    client.call("PATCH", f"/api/jobs/{job}/settings", {"protect": mask, "detail": 0.2}, 202)
    stream.until("steered", job=job)
    now = client.call("GET", f"/api/jobs/{job}")
    assert [change["settings"] for change in now["changes"]] == [{"strength": 0.9}, {"protect": mask, "detail": 0.2}]
    assert [stage["settings"].get("strength") for stage in now["stages"]] == [None, 0.9]
    assert client.send("DELETE", f"/api/pictures/{mask}", client.own).status == 409  # the job needs it
    client.call("POST", f"/api/jobs/{job}/undo", {"stage": 1}, 202)
    change = stream.until("steered", job=job)[-1][2]["change"]
    stream.close()
    assert change["stage"] == 1
    now = client.call("GET", f"/api/jobs/{job}")
    assert {"strength", "protect"} & set(now["settings"]) == set()
    client.call("POST", f"/api/jobs/{job}/stop", status=202)
    stopped = client.wait(job, "stopped")
    assert stopped["resumable"]
    assert not stopped["painting"]["complete"]
    record = client.call("GET", f"/api/jobs/{job}/record")
    assert [change["stage"] is None for change in record["changes"]] == [True, True, False]
    assert str(client.folder) not in json.dumps(record)
    client.call("DELETE", f"/api/jobs/{job}", status=204)
    client.call("DELETE", f"/api/pictures/{mask}", status=204)


def test_steering_refused_by_painter_restores_settings(client, photo_id):
    wrong = client.upload(mask_png(40, 96), "?kind=mask&name=wide.png")["id"]
    stream = client.events()
    job = _begin(client, photo_id)
    client.call("PATCH", f"/api/jobs/{job}/settings", {"protect": wrong}, 202)
    text = stream.until("note", job=job)[-1][2]["text"]
    stream.close()
    assert "wide.png is 96×40 px" in text
    now = client.call("GET", f"/api/jobs/{job}")
    assert "protect" not in now["settings"]
    assert now["state"] == "painting"
    client.call("DELETE", f"/api/jobs/{job}", status=204)


def test_stop_takes_effect_within_an_iteration(client, photo_id):
    job = _begin(client, photo_id)
    before = client.call("GET", f"/api/jobs/{job}/losses")["losses"]
    client.call("POST", f"/api/jobs/{job}/stop", status=202)
    client.wait(job, "stopped")
    after = client.call("GET", f"/api/jobs/{job}/losses")["losses"]
    assert len(after) - len(before) < 400  # of 800
    client.call("PATCH", f"/api/jobs/{job}/settings", {"strength": 0.8}, 202)  # counts from the next start
    stream = client.events()
    client.call("POST", f"/api/jobs/{job}/resume", status=202)
    assert stream.until("steered", job=job)[-1][2]["change"]["settings"] == {"strength": 0.8}
    stream.close()
    client.call("DELETE", f"/api/jobs/{job}", status=204)


def test_queue_has_order_and_commands(client, photo_id):
    first = _begin(client, photo_id)
    second, third, fourth = (
        client.call("POST", "/api/jobs", {"photo": photo_id, "styles": SWIRLS, "settings": TINY}, 201)["id"]
        for _ in range(3)
    )

    def order():
        jobs = client.call("GET", "/api/state")["jobs"]
        return [job["id"] for job in jobs if job["ended"] is None]

    assert order() == [first, second, third, fourth]
    client.call("POST", f"/api/jobs/{fourth}/move", {"before": second})
    client.call("POST", f"/api/jobs/{second}/move", {"before": None})
    assert order() == [first, fourth, third, second]
    client.call("POST", f"/api/jobs/{third}/stop", status=202)
    assert order() == [first, fourth, second]
    client.call("POST", f"/api/jobs/{third}/resume", status=202)
    assert order() == [first, third, fourth, second]
    client.call("POST", f"/api/jobs/{first}/move", {"before": None}, 409)
    client.call("POST", f"/api/jobs/{second}/retry", status=409)
    for job in (second, third, fourth, first):
        client.call("DELETE", f"/api/jobs/{job}", status=204)
    assert order() == []


def test_finished_job_goes_back_to_stage(client, finished):
    job = finished[0]["id"]
    assert client.call("POST", f"/api/jobs/{job}/undo", {"stage": 9}, 404)["error"]["code"] == "not_found"
    client.call("POST", f"/api/jobs/{job}/undo", {"stage": 1}, 202)
    again = client.wait(job, "finished")
    assert again["painting"]["version"] == 2
    assert again["changes"][-1]["stage"] == 1


def test_larger_painting_grows_from_finished_one(client, finished, photo_id):
    body = {"photo": photo_id, "styles": SWIRLS, "settings": {**TINY, "size": 192}, "grow_from": finished[0]["id"]}
    job = client.call("POST", "/api/jobs", body, 201)["id"]
    done = client.wait(job, "finished", "failed")
    assert (done["state"], done["painting"]["width"]) == ("finished", 192)
    assert done["progress"]["octaves"] == 1  # as the smaller ones are painted
    client.call("DELETE", f"/api/jobs/{job}", status=204)


def test_batch_gives_zip_and_history(client, photo_id):
    other = client.upload(png(64, 64, 3), "?name=face.png")["id"]
    body = {"photos": [photo_id, other], "styles": [SWIRLS], "settings": TINY, "title": "Holiday"}
    batch = client.call("POST", "/api/batches", body, 201)
    for job in batch["jobs"]:
        client.wait(job, "finished")
    assert client.call("GET", f"/api/batches/{batch['id']}")["finished"] == 2
    answer = client.send("GET", f"/api/batches/{batch['id']}/download?format=jpeg", client.own)
    names = zipfile.ZipFile(io.BytesIO(answer.body)).namelist()
    assert names == ["Holiday.jpg", "2-Holiday.jpg"]
    page = client.call("GET", "/api/history?query=FACE&limit=1")
    assert [job["id"] for job in page["jobs"]] == [batch["jobs"][1]]
    first = client.call("GET", "/api/history?limit=1")
    second = client.call("GET", f"/api/history?limit=1&before={first['next']}")
    assert first["jobs"][0]["ended"] >= second["jobs"][0]["ended"]
    assert client.call("GET", "/api/history?query=%25")["jobs"] == []  # no wildcards
    client.call("DELETE", f"/api/batches/{batch['id']}", status=204)
    assert client.send("GET", f"/api/jobs/{batch['jobs'][0]}", client.own).status == 404


def test_instant_preview_counts_newest(client, photo_id):
    body = {"photo": photo_id, "styles": SWIRLS, "settings": {**TINY, "preset": "fine", "strength": 0.7}}
    headers = {**client.own, "Content-Type": "application/json"}
    answer = client.send("POST", "/api/previews", headers, json.dumps(body).encode())
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert max(Image.open(io.BytesIO(answer.body)).size) == limits.PREVIEW_SIDE


@pytest.mark.parametrize(
    "settings",
    [{"detail": 0.9, "encoder": "builtin"}, {"init": "noise", "losses": {"tone": 0}}, {"content_weight": 2.0}],
)
def test_instant_preview_takes_any_settings(client, photo_id, settings):
    body = json.dumps({"photo": photo_id, "styles": SWIRLS, "settings": settings}).encode()
    answer = client.send("POST", "/api/previews", {**client.own, "Content-Type": "application/json"}, body)
    assert answer.status == 200, answer.body


def test_preview_of_texture_has_preset_that_paints_it(client):
    preview = preview_settings({"detail": 0.4, "preset": "fine"}, has_photo=False)
    checked = client.call("POST", "/api/settings/check", {"settings": preview, "texture": True})["settings"]
    assert (checked["preset"], checked["size"], checked["detail"]) == ("quick", limits.TEXTURE_PREVIEW_SIDE, 0.4)


@pytest.mark.slow
def test_texture_has_preview(client):
    body = json.dumps(
        {"photo": None, "styles": SWIRLS, "settings": {"encoder": "builtin-slim", "detail": 0.4}}
    ).encode()
    answer = client.send("POST", "/api/previews", {**client.own, "Content-Type": "application/json"}, body)
    assert Image.open(io.BytesIO(answer.body)).size == (limits.TEXTURE_PREVIEW_SIDE,) * 2


def test_killed_server_loses_nothing(tmp_path):
    process, client = _start(tmp_path)
    photo = client.upload(png(), "?name=lake.png")["id"]
    job = _begin(client, photo)
    deadline = time.monotonic() + 60
    while not (tmp_path / "jobs" / job / "checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    queued = client.call("POST", "/api/jobs", {"photo": photo, "styles": SWIRLS, "settings": TINY}, 201)["id"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process, again = _start(tmp_path)
    try:
        assert again.token == client.token
        jobs = again.call("GET", "/api/state")["jobs"]
        assert [(each["id"], each["ended"]) for each in jobs] == [(job, None), (queued, None)]
        now = again.wait(job, "painting")
        while not now["progress"] or not now["notes"]:
            now = again.wait(job, "painting")
        assert "Going on in octave" in now["notes"][0]
        again.call("DELETE", f"/api/jobs/{job}", status=204)
        again.wait(queued, "finished")
    finally:
        process.terminate()
        assert process.wait(60) == 0
        process.stdout.close()


def _start(folder):
    """Start a server in a process of its own, and return it with a client."""
    command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--port", "0", "--state", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    return process, Client(int(url.split(":")[2].split("/")[0]), url.partition("token=")[2], folder)


def test_second_studio_in_folder_is_refused(client):
    from impasto.errors import PictureError

    with pytest.raises(PictureError, match="Another studio uses the folder"), serving(client.folder):
        pass


def test_page_is_opened_by_token_and_then_cookie(client):
    answer = client.send("GET", f"/?token={client.token}")
    cookie = answer.headers["set-cookie"]
    assert answer.status == 200
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    page = client.send("GET", "/", {"Cookie": cookie.partition(";")[0]})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in page.headers
    same = client.send("GET", "/", {"Cookie": cookie.partition(";")[0], "If-None-Match": page.headers["etag"]})
    assert same.status == 304
