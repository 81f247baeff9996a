"""Held-out accuracy of a training run by source, the least important measure of an encoder.

python -m training.evaluate runs/encoder DATASET

``python -m benchmarks.encoder`` judges its paintings.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import torch

from training.data import load_pictures
from training.model import Classifier
from training.train import accuracy, add_exemplar_classes, load_recipe


def evaluate(run: Path, dataset: Path) -> dict[str, tuple[float, int]]:
    """Compute the held-out accuracy within each picture's head.

    Args:
        run: output folder of :func:`training.train.train`.
        dataset: folder of the pictures.

    Returns:
        Accuracy and number of pictures, by source and for ``all``.
    """
    recipe = load_recipe(run)
    _, test = load_pictures(dataset, permissive=recipe.permissive)
    state = torch.load(run / "checkpoint.pt", weights_only=True, map_location="cpu")["model"]
    class_heads = add_exemplar_classes(test.class_heads, len(state["head.bias"]) - len(test.classes))
    model = Classifier(len(class_heads), recipe.stack)
    model.load_state_dict(state)
    counts = Counter(test.classes[label].split("/")[0] for label in test.labels.tolist())
    counts["all"] = len(test)
    return {source: (share, counts[source]) for source, share in accuracy(model, test, class_heads).items()}


def main() -> None:
    """Print a Markdown table of the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("dataset", type=Path)
    given = parser.parse_args()
    print("| source | held-out accuracy | pictures |\n|---|---|---|")
    for source, (share, count) in evaluate(given.run, given.dataset).items():
        print(f"| {source} | {share:.1%} | {count:,} |")


if __name__ == "__main__":
    main()
