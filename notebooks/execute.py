"""Run the walk-through and put its pictures into it: ``python notebooks/execute.py``, after a change of its cells."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from ipykernel.kernelspec import write_kernel_spec
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOK = Path(__file__).with_name("style_transfer.ipynb")
STAMP = "executed_sources"
"""The notebook's metadata hold the hash of the sources that its outputs came from under this name."""

CELL_TIMEOUT = 900
"""Seconds that one cell may take."""


def read(path: Path = NOTEBOOK) -> NotebookNode:
    """A notebook, as nbformat 4.

    Raises:
        nbformat.ValidationError: it is not valid.
    """
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def execute(notebook: NotebookNode, folder: Path = NOTEBOOK.parent) -> NotebookNode:
    """Run a notebook's cells in this very interpreter's kind of kernel, whatever kernels are installed.

    Args:
        notebook: its outputs are replaced.
        folder: that the kernel runs in.

    Returns:
        The same notebook.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    with TemporaryDirectory() as kernels:
        # It names sys.executable, and is the only kernel that is looked for.
        write_kernel_spec(str(Path(kernels, "this")))
        specs = KernelSpecManager(kernel_dirs=[kernels], ensure_native_kernel=False)
        manager = AsyncKernelManager(kernel_name="this", kernel_spec_manager=specs)
        resources = {"metadata": {"path": str(folder)}}
        client = NotebookClient(notebook, km=manager, timeout=CELL_TIMEOUT, record_timing=False, resources=resources)
        done: NotebookNode = client.execute(cleanup_kc=True)
    return done


def fingerprint(notebook: NotebookNode) -> str:
    """Hash of the sources of all code cells."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def main() -> None:
    """Run the notebook and write it, with nothing in it that differs from machine to machine."""
    notebook = execute(read())
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(display_name="Python 3", language="python", name="python3"),
        language_info=NotebookNode(name="python"),
        impasto=NotebookNode({STAMP: fingerprint(notebook)}),
    )
    nbformat.validate(notebook)
    nbformat.write(notebook, NOTEBOOK)
    print(f"{NOTEBOOK}: {NOTEBOOK.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
