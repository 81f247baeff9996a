"""The walk-through: its cells run from first to last, and what is committed came from them."""

from __future__ import annotations

import base64
import io
import re

import pytest
from PIL import Image

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from notebooks.execute import NOTEBOOK, STAMP, execute, fingerprint, read  # noqa: E402

SMALL = """
SIZE, TEXTURE, STEPS = 64, 48, 4
import impasto.painting.painter  # other tests run beside this one
import torch
impasto.painting.painter.physical_cores = lambda: 1
torch.set_num_threads(1)
from functools import partial
impasto.paint = partial(impasto.paint, optimization={"iterations": 4})
"""
PICTURES = ("image/jpeg", "image/png")
"""What a picture is called among a cell's outputs."""


@pytest.fixture(scope="module")
def committed():
    return read()


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def pictures(notebook):
    """Cell's name and opened picture, for every picture among the outputs."""
    data = [
        (cell.id, output.data[kind])
        for cell in code(notebook)
        for output in cell.outputs
        for kind in PICTURES
        if kind in output.get("data", {})
    ]
    return [(name, Image.open(io.BytesIO(base64.b64decode(content)))) for name, content in data]


def assert_clean(notebook):
    """Every cell ran, in order, without an error or a word on stderr."""
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    for cell in code(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", (cell.id, output.text)


def test_small_notebook_runs(committed, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # nobody's own start-up files
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.from_dict(committed)
    at = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(SMALL))
    for cell in code(notebook):
        cell.update(outputs=[], execution_count=None)
    assert_clean(execute(notebook, tmp_path))
    assert [name for name, _ in pictures(notebook)] == [name for name, _ in pictures(committed)]


def test_committed_outputs_match_committed_cells(committed):
    assert_clean(committed)
    assert committed.metadata.impasto[STAMP] == fingerprint(committed), "run: python notebooks/execute.py"


def test_committed_pictures_are_not_blank(committed):
    shown = pictures(committed)
    assert {"see", "maps", "inversion", "gram", "texture", "run", "beside", "engine"} <= {name for name, _ in shown}
    for name, picture in shown:
        assert min(picture.size) >= 150, name
        spread = [high - low for low, high in picture.convert("RGB").getextrema()]
        assert min(spread) > 100, name


def test_notebook_is_small_and_names_no_machine(committed):
    assert NOTEBOOK.stat().st_size <= 3_000_000
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert text == nbformat.writes(committed) + "\n"
    without_pictures = re.sub(r'"image/\w+": "[^"]*"', "", text)
    assert not re.search(r"/(home|work|root|tmp|Users)/|[A-Z]:\\\\", without_pictures)
    assert all("execution" not in cell.metadata for cell in committed.cells)
