"""Store TensorFlow's results: ``.venv-keras/bin/python -m tests.keras.store``, in the repository's root."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from tests.keras.measuring import measure
from tests.keras.references import FOLDER
from tests.keras.samples import picture, write_vgg19
from tests.keras.tutorials import TUTORIALS, load_vgg19, resized


def main() -> None:
    """Write the files of :data:`tests.keras.references.FOLDER`."""
    with tempfile.TemporaryDirectory() as folder:
        model = load_vgg19(write_vgg19(Path(folder) / "vgg19_seeded_notop.h5"))
    for name in TUTORIALS:
        measure(name, model, 64).save(FOLDER / f"{name}.npz")
    pixels = picture(75, 100, seed=5)
    np.savez_compressed(FOLDER / "resized.npz", pixels=pixels, resized=resized(pixels, 48, 64))


if __name__ == "__main__":
    main()
