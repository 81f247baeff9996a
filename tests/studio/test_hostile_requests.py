"""Hostile requests: each is refused with 4xx, and nothing is written. docs/security.md lists them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from impasto.studio import limits
from tests.studio.conftest import png

pytestmark = pytest.mark.xdist_group("studio hostile_requests")  # which makes the fixtures once

ID = "A" * 22


def _json(method, path, body, **headers):
    """Return a request with a JSON body from the studio's own page."""
    return lambda client: (
        client.send(
            method, path, {**client.own, "Content-Type": "application/json", **headers}, json.dumps(body).encode()
        ).status
    )


def _job(**fields):
    body = {"photo": None, "styles": [{"style": "swirls"}], "settings": {}} | fields
    return _json("POST", "/api/jobs", body)


def _upload(data, kind="application/octet-stream", query="", **headers):
    return lambda client: (
        client.send("POST", f"/api/pictures{query}", {**client.own, "Content-Type": kind, **headers}, data).status
    )


def _get(path, **headers):
    """Return a GET with a token; headers may contain {port} and {token}."""
    return lambda client: (
        client.send(
            "GET", path.format(port=client.port), _filled({"Authorization": "Bearer {token}", **headers}, client)
        ).status
    )


def _with(method, path, **headers):
    """Return a request with exactly these headers; they may contain {port} and {token}."""
    return lambda client: client.send(method, path, _filled(headers, client)).status


def _filled(headers, client):
    return {
        name.replace("_", "-"): value.format(port=client.port, token=client.token) for name, value in headers.items()
    }


def _raw(text, body=b""):
    """Return a request of exactly these bytes; the text may contain {port} and {token}."""
    return lambda client: client.raw(
        text.format(port=client.port, token=client.token).replace("\n", "\r\n").encode() + body
    )


def _png_bomb(width=60_000, height=60_000):
    """Return a PNG file whose header promises billions of pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def _zip_bomb():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(10_000_000))
    return buffer.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
AUTH = "Authorization: Bearer {token}"
UPGRADE = (
    "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
)
FORM = "application/x-www-form-urlencoded"

HOSTILE = {
    # Host: DNS rebinding and confusion
    "host of a rebound name": (421, _get("/api/state", Host="evil.example")),
    "host of a rebound name with the port": (421, _get("/api/state", Host="evil.example:{port}")),
    "host without port": (421, _get("/api/state", Host="127.0.0.1")),
    "host of another port": (421, _get("/api/state", Host="127.0.0.1:1")),
    "host that begins like ours": (421, _get("/api/state", Host="127.0.0.1:{port}.evil.example")),
    "host with user": (421, _get("/api/state", Host="127.0.0.1:{port}@evil.example")),
    "host of all interfaces": (421, _get("/api/state", Host="0.0.0.0:{port}")),
    "host of a rebound name for the page": (421, _get("/", Host="evil.example:{port}")),
    "host of a rebound name with the token": (421, _with("GET", "/?token={token}", Host="evil.example:{port}")),
    "host of a rebound name and the same origin": (421, _with("POST", "/api/jobs", Host="evil.example:{port}", Origin="http://evil.example:{port}", Authorization="Bearer {token}")),
    "no host": (421, _raw("GET /api/state HTTP/1.0\n" + AUTH + "\n\n")),
    "two hosts": (400, _raw("GET /api/state HTTP/1.1\nHost: 127.0.0.1:{port}\nHost: evil.example\n" + AUTH + "\n\n")),
    "forwarded host": (421, _get("/api/state", Host="evil.example", X_Forwarded_Host="127.0.0.1:{port}")),
    # Origin: cross-site requests
    "post without origin": (403, _with("POST", "/api/jobs", Authorization="Bearer {token}")),
    "post with origin null": (403, _with("POST", "/api/jobs", Authorization="Bearer {token}", Origin="null")),
    "post with empty origin": (403, _with("POST", "/api/jobs", Authorization="Bearer {token}", Origin="")),
    "post from another site": (403, _with("POST", "/api/jobs", Authorization="Bearer {token}", Origin="https://evil.example")),
    "post from another port": (403, _with("POST", "/api/jobs", Authorization="Bearer {token}", Origin="http://127.0.0.1:1")),
    "post from https": (403, _with("POST", "/api/jobs", Authorization="Bearer {token}", Origin="https://127.0.0.1:{port}")),
    "post from the other name": (403, _with("POST", "/api/jobs", Authorization="Bearer {token}", Origin="http://localhost:{port}")),
    "post with two origins": (403, _raw("POST /api/jobs HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}\nOrigin: null\n" + AUTH + "\nContent-Length: 0\n\n")),
    "delete without origin": (403, _with("DELETE", "/api/pictures", Authorization="Bearer {token}")),
    "patch from another site": (403, _with("PATCH", f"/api/jobs/{ID}/settings", Authorization="Bearer {token}", Origin="https://evil.example")),
    "preflight from another site": (403, _with("OPTIONS", "/api/jobs", Origin="https://evil.example", Access_Control_Request_Method="POST")),
    "events from another site": (403, _get("/api/events", Origin="https://evil.example")),
    "events from another port": (403, _get("/api/events", Origin="http://127.0.0.1:1")),
    "picture embedded by another site": (403, _get("/api/styles/swirls/image", Sec_Fetch_Site="cross-site")),
    "picture embedded by another port": (403, _get("/api/styles/swirls/image", Sec_Fetch_Site="same-site")),
    "websocket from another site": (400, _raw("GET /api/events HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: https://evil.example\n" + UPGRADE + AUTH + "\n\n")),
    "websocket from the page": (400, _raw("GET /api/events HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}\n" + UPGRADE + AUTH + "\n\n")),
    # Token
    "no token": (401, _with("GET", "/api/state")),
    "no token for the page": (401, _with("GET", "/")),
    "no token for a file of the page": (401, _with("GET", "/index.html")),
    "no token for events": (401, _with("GET", "/api/events")),
    "no token for the description": (401, _with("GET", "/api/openapi.json")),
    "wrong token": (401, _with("GET", "/api/state", Authorization="Bearer " + "A" * 43)),
    "wrong token in the address": (401, _with("GET", "/?token=" + "A" * 43)),
    "two tokens in the address": (401, _raw("GET /?token={token}&token=A HTTP/1.1\nHost: 127.0.0.1:{port}\n\n")),
    "empty token": (401, _with("GET", "/api/state", Authorization="Bearer ")),
    "token in the address of the API": (401, _raw("GET /api/state?token={token} HTTP/1.1\nHost: 127.0.0.1:{port}\n\n")),
    "token as basic password": (401, _with("GET", "/api/state", Authorization="Basic {token}")),
    "wrong token in the cookie": (401, _with("GET", "/api/state", Cookie="impasto-studio-{port}=" + "A" * 43)),
    "token in another cookie": (401, _with("GET", "/api/state", Cookie="token={token}")),
    "post without token": (401, _with("POST", "/api/jobs", Origin="http://127.0.0.1:{port}")),
    # Forms
    "form post from another site": (403, _with("POST", "/api/jobs", Cookie="impasto-studio-{port}={token}", Origin="https://evil.example", Content_Type=FORM)),
    "form post from the page": (415, _json("POST", "/api/jobs", {}, **{"Content-Type": FORM})),
    "form parts": (415, _upload(b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n' + png() + b"\r\n--b--", "multipart/form-data; boundary=b")),
    "a thousand form parts": (415, _upload(b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n' * 1000 + b"--b--", "multipart/form-data; boundary=b")),
    "JSON as plain text": (415, _json("POST", "/api/jobs", {}, **{"Content-Type": "text/plain"})),
    # Paths
    "traversal of the page": (404, _raw("GET /../../../../etc/passwd HTTP/1.1\nHost: 127.0.0.1:{port}\n" + AUTH + "\n\n")),
    "encoded traversal of the page": (404, _get("/..%2f..%2f..%2f..%2fetc%2fpasswd")),
    "traversal with backslashes": (404, _get("/..%5c..%5ctoken")),
    "traversal in a picture's id": (404, _get("/api/pictures/..%2f..%2ftoken/image")),
    "traversal in a job's id": (404, _get("/api/jobs/..%2f..%2ftoken/preview")),
    "traversal in a style's name": (404, _get("/api/styles/..%2f..%2ftoken/image")),
    "absolute path as a style's name": (404, _get("/api/styles/%2fetc%2fpasswd/image")),
    "long name of a style": (404, _get("/api/styles/" + "x" * 5000 + "/image")),
    "zero byte in a path": (404, _get("/api/styles/swirls%00.png/image")),
    "zero byte in the page's path": (404, _get("/index.html%00")),
    "path as photo": (422, _job(photo="/etc/passwd")),
    "traversal as photo": (422, _job(photo="../../token")),
    "address as photo": (422, _job(photo="http://169.254.169.254/")),
    "file address as photo": (422, _job(photo="file:///etc/passwd")),
    "path as style": (404, _job(styles=[{"style": "/etc/passwd"}])),
    "address as style": (404, _job(styles=[{"style": "http://127.0.0.1:22/"}])),
    "traversal as uploaded style": (422, _job(styles=[{"picture": "../../token"}])),
    "path as mask": (422, _job(settings={"masks": {"1": "/etc/passwd"}})),
    "traversal as a mask's number": (422, _job(settings={"masks": {"../1": ID}})),
    "path as mask of a style": (422, _job(settings={"style_masks": {"1": "../../token"}})),
    "path as protection": (422, _job(settings={"protect": "/etc/passwd"})),
    "path as first picture": (422, _job(settings={"init": "/etc/passwd"})),
    "path as source of colours": (422, _job(settings={"colours_from": "/etc/passwd"})),
    "path as style of colours": (404, _job(settings={"colours_from": {"style": "../../token"}})),
    "path as encoder": (422, _job(settings={"encoder": "/etc/passwd"})),
    "download as encoder": (422, _job(settings={"encoder": "vgg19"})),
    "download as preset": (422, _job(settings={"preset": "tutorial"})),
    "path as smaller painting": (422, _job(grow_from="../../token")),
    "smaller painting as setting": (422, _job(settings={"grow_from": "/etc/passwd"})),
    "path in a preview": (422, _json("POST", "/api/previews", {"photo": "/etc/passwd", "styles": [{"style": "swirls"}]})),
    "path as job to move before": (422, _json("POST", f"/api/jobs/{ID}/move", {"before": "../x"})),
    # Bombs
    "length of a terabyte": (413, _raw("POST /api/pictures HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}\n" + AUTH + "\nContent-Type: image/png\nContent-Length: 1000000000000\n\n")),
    "negative length": (400, _raw("POST /api/pictures HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}\n" + AUTH + "\nContent-Type: image/png\nContent-Length: -1\n\n")),
    "pixel bomb": (413, _upload(_png_bomb())),
    "pixel bomb in one row": (413, _upload(_png_bomb(2_000_000_000, 1))),
    "zip bomb": (415, _upload(_zip_bomb())),
    "JSON bomb": (413, _json("POST", "/api/jobs", {"title": "x" * limits.BODY_BYTES})),
    "nested JSON": (400, lambda client: client.send("POST", "/api/jobs", {**client.own, "Content-Type": "application/json"}, b"[" * 100_000).status),
    "nested settings": (400, _job(settings={"losses": json.loads("[" * 200 + "]" * 200)})),
    "batch of a million jobs": (429, _json("POST", "/api/batches", {"photos": [ID] * 100, "styles": [[{"style": "swirls"}]] * 100, "variants": [{}] * 100})),
    "a hundred styles": (422, _job(styles=[{"style": "swirls"}] * 100)),
    "size of a billion": (422, _job(settings={"size": 1_000_000_000})),
    "size beyond the limit": (422, _job(settings={"size": limits.SIDE + 1})),
    "a billion iterations": (422, _job(settings={"optimization": {"iterations": 1_000_000}})),
    "threads of the machine": (422, _job(settings={"threads": 4096})),
    "pixel limit lifted": (422, _job(settings={"max_pixels": 10**12})),
    "name bomb": (422, _upload(png(), query="?name=" + "x" * 10_000)),
    "long address": (400, _raw("GET /" + "x" * 200_000 + " HTTP/1.1\nHost: 127.0.0.1:{port}\n\n")),
    "ten thousand headers": (400, _raw("GET / HTTP/1.1\nHost: 127.0.0.1:{port}\n" + "X-A: b\n" * 20_000 + "\n")),
    "side of a billion": (422, _get("/api/styles/swirls/image?side=1000000000")),
    # Files that are not pictures
    "SVG": (415, _upload(SVG, "image/svg+xml")),
    "SVG as PNG": (415, _upload(SVG, "image/png")),
    "page as PNG": (415, _upload(b"<!doctype html><script>alert(1)</script>", "image/png")),
    "empty file": (415, _upload(b"")),
    "truncated PNG": (415, _upload(png()[:60])),
    "program as picture": (415, _upload(b"MZ" + bytes(500))),
    # Methods, fields and values
    "trace": (405, _json("TRACE", "/api/state", {})),
    "method that is unknown": (405, _json("BREW", "/api/state", {})),
    "unknown field": (422, _job(path="/etc/passwd")),
    "unknown parameter": (422, _get("/api/state?path=/etc/passwd")),
    "repeated parameter": (422, _get("/api/history?limit=1&limit=2")),
    "number that is not one": (422, lambda client: client.send("POST", "/api/settings/check", {**client.own, "Content-Type": "application/json"}, b'{"settings": {"strength": NaN}}').status),
    "text as number of a stage": (422, _json("POST", f"/api/jobs/{ID}/undo", {"stage": "../1"})),
    "SQL in the search": (404, _get("/api/history?before=" + ID + "&query=%27%3BDROP%20TABLE%20jobs--")),
    "smuggled second request": (400, _raw("POST /api/jobs HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}\n" + AUTH + "\nContent-Length: 4\nContent-Length: 5\n\nGET ")),
}  # fmt: skip


def _written(client):
    """Return the rows of the studio's state and all its files with their sizes, but for the database's own."""
    state = client.call("GET", "/api/state")
    rows = [state[name] for name in ("jobs", "batches", "pictures")]
    files = {p.relative_to(client.folder): p.stat().st_size for p in client.folder.rglob("*") if p.is_file()}
    return rows, {path: size for path, size in files.items() if not path.name.startswith("studio.db")}


@pytest.fixture(scope="module")
def before(client):
    """Return what is written before any hostile request."""
    return _written(client)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_request_is_refused(client, before, name):
    status, attack = HOSTILE[name]
    assert attack(client) == status
    assert _written(client) == before


def test_refused_body_is_not_stored_in_part(client, before, monkeypatch):
    monkeypatch.setattr(limits, "UPLOAD_BYTES", 1000)
    chunked = {**client.own, "Content-Type": "image/png", "Transfer-Encoding": "chunked"}
    blocks = b"".join(b"400\r\n" + bytes(1024) + b"\r\n" for _ in range(3)) + b"0\r\n\r\n"
    text = "".join(f"{key}: {value}\r\n" for key, value in {"Host": client.host, **chunked}.items())
    assert client.raw(f"POST /api/pictures HTTP/1.1\r\n{text}\r\n".encode() + blocks) == 413
    assert _written(client) == before


def test_table_of_security_notes_lists_every_request():
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    listed = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert [name for name in listed if name in HOSTILE] == list(HOSTILE)
    assert all(f"| {name} | {status} |" in text for name, (status, _) in HOSTILE.items())
