"""Execution of the walk-through notebook: run ``python notebooks/execute.py`` after changing its cells."""

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
"""Metadata key of the fingerprint of the sources that the outputs come from."""

CELL_TIMEOUT = 900
"""Seconds after which a cell is interrupted."""


def read(path: Path = NOTEBOOK) -> NotebookNode:
    """Read and validate a notebook in nbformat 4.

    Raises:
        nbformat.ValidationError: the notebook is not valid.
    """
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def execute(notebook: NotebookNode, folder: Path = NOTEBOOK.parent) -> NotebookNode:
    """Execute a notebook with this Python interpreter, whatever kernels are installed.

    Args:
        notebook: notebook whose outputs are replaced.
        folder: working folder of the kernel.

    Returns:
        The same notebook.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    with TemporaryDirectory() as kernels:
        # This kernel runs sys.executable, and the manager finds no other.
        write_kernel_spec(str(Path(kernels, "this")))
        specs = KernelSpecManager(kernel_dirs=[kernels], ensure_native_kernel=False)
        manager = AsyncKernelManager(kernel_name="this", kernel_spec_manager=specs)
        resources = {"metadata": {"path": str(folder)}}
        client = NotebookClient(notebook, km=manager, timeout=CELL_TIMEOUT, record_timing=False, resources=resources)
        done: NotebookNode = client.execute(cleanup_kc=True)
    return done


def fingerprint(notebook: NotebookNode) -> str:
    """Return a hash of the sources of all code cells."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def main() -> None:
    """Execute the notebook and write it without machine-dependent metadata."""
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
