"""``impasto demo``."""

from __future__ import annotations

import pytest
from PIL import Image

from impasto.runs.repeating import stored_record
from impasto.samples import STYLE_NAMES, photo_path


def test_demo_replaces_its_own_files(tmp_path, tiny_encoder, impasto_command):
    folder = tmp_path / "new" / "demo"
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", folder]
    for _ in range(2):
        result = impasto_command("demo", "--style", "mosaic", *small)
        assert result.code == 0
    painted = folder / "chelsea-as-mosaic.png"
    assert result.out == f"{painted}\n"
    names = ["chelsea-as-mosaic-sheet.png", "chelsea-as-mosaic.png", "chelsea.jpg"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "chelsea.jpg").read_bytes() == photo_path().read_bytes()
    assert stored_record(painted).styles[0].name == "mosaic"
    assert impasto_command("again", painted).code == 0


@pytest.mark.parametrize("name", ["chelsea.jpg", "chelsea-as-mosaic.png", "chelsea-as-mosaic-sheet.png"])
def test_demo_refuses_to_replace_other_files(tmp_path, tiny_encoder, impasto_command, name):
    Image.new("RGB", (60, 50), "red").save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path]
    result = impasto_command("demo", "--style", "mosaic", *small)
    assert (result.code, result.out) == (2, "")
    assert "is none of the demonstration's: name another folder" in result.err
    assert (tmp_path / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_demo_paints_all_styles(tmp_path, tiny_encoder, impasto_command):
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path, "--quiet"]
    assert impasto_command("demo", "--style", "all", *small).code == 0
    for style in STYLE_NAMES:
        assert (tmp_path / f"chelsea-as-{style}.png").exists()
        assert (tmp_path / f"chelsea-as-{style}-sheet.png").exists()


def test_demo_refuses_mistakes(tmp_path, impasto_command):
    assert "swirls" in impasto_command("demo", "--style", "cubism").err
    (tmp_path / "file").touch()
    result = impasto_command("demo", "--out", tmp_path / "file")
    assert result.code == 2
    assert "--out" in result.err


def test_demo_needs_neither_network_nor_extras(tmp_path, process):
    script = """
import socket, sys
for name in ("skimage", "scipy", "matplotlib", "cv2", "pillow_heif"):
    sys.modules[name] = None
class Offline(socket.socket):
    def connect(self, address):
        raise SystemExit(f"connected to {address}")
socket.socket = Offline
from impasto.cli import main
sys.exit(main(["demo", "--out", sys.argv[1], "--size", "48", "--iterations", "1", "--quiet"]))
"""
    child = process("-c", script, tmp_path)
    _, err = child.communicate(timeout=120)
    assert (child.returncode, err) == (0, "")
    assert stored_record(tmp_path / "chelsea-as-swirls.png").encoder.name == "builtin-slim"
