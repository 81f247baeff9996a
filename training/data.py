"""Labelled pictures from tar shards in one tensor, with classes grouped into heads and a fixed held-out split."""

from __future__ import annotations

import csv
import io
import tarfile
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

CANVAS = 192
"""Side in pixels of the square canvas that holds one picture in its top-left corner."""

HEADS: dict[str, tuple[str, ...]] = {
    "objects": ("caltech101", "grocery", "clothing", "animals3"),
    "domains": ("pacs",),
    "materials": ("kth-tips", "kylberg", "leather", "cloth-patterns", "dtd"),
    "art": ("wikiart", "chinese-landscape", "monet", "kaokore"),
    "scenes": ("intel-scenes", "weather"),
}
"""Sources of each head. A head is one softmax over the classes of its sources, so unlike pictures never compete."""

PERMISSIVE_SOURCES = frozenset({"cloth-patterns", "leather", "kaokore", "grocery", "clothing", "intel-scenes"})
"""Sources whose repositories state MIT, Apache-2.0, CC0 or CC BY-SA."""


@dataclass(frozen=True)
class Originals:
    """Larger pictures in memory, at their own sizes. Each one is a class of its own.

    Attributes:
        pixels: pictures, each 3×H×W uint8.
    """

    pixels: list[Tensor]

    def __len__(self) -> int:
        return len(self.pixels)

    def to(self, device: torch.device) -> Originals:
        """Copy the pictures to another device."""
        return Originals([picture.to(device) for picture in self.pixels])

    def windows(self, chosen: Tensor, side: int, generator: torch.Generator) -> Tensor:
        """Cut a window at a random position out of each chosen picture, without resizing.

        Args:
            chosen: indices of the pictures, B.
            side: side of the windows in pixels, at most the shortest side of any picture.
            generator: source of the positions.

        Returns:
            B×3×side×side uint8.
        """
        windows = []
        for picture in (self.pixels[i] for i in chosen.tolist()):
            top, left = (
                int(torch.randint(n - side + 1, (), generator=generator, device=generator.device))
                for n in picture.shape[1:]
            )
            windows.append(picture[:, top : top + side, left : left + side])
        return torch.stack(windows)


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures in memory.

    Attributes:
        pixels: N×3×192×192 uint8, each picture in the top-left corner of its canvas.
        sizes: N×2 int64, height and width in pixels.
        labels: N int64, indices into ``classes``.
        heads: N int64, indices into ``HEADS`` in its order.
        classes: ``source/label`` of each class.
        class_heads: head of each class, as an index like those of ``heads``.
    """

    pixels: Tensor
    sizes: Tensor
    labels: Tensor
    heads: Tensor
    classes: list[str]
    class_heads: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Pictures:
        """Copy the pictures to another device."""
        pixels, sizes, labels, heads = (t.to(device) for t in (self.pixels, self.sizes, self.labels, self.heads))
        return Pictures(pixels, sizes, labels, heads, self.classes, self.class_heads.to(device))


def is_held_out(member: str, share: float = 0.05) -> bool:
    """Return whether a picture belongs to the held-out part; a hash of its name decides, so the split never changes."""
    return zlib.crc32(member.encode()) % 10_000 < share * 10_000


def load_pictures(root: Path, *, permissive: bool = False, min_class_size: int = 10) -> tuple[Pictures, Pictures]:
    """Read the shards that ``root/index.csv`` lists.

    Args:
        root: folder with ``index.csv`` (columns shard, member, source and label) and the tar shards.
        permissive: whether to read only sources with a permissive licence.
        min_class_size: number of pictures below which a class is left out.

    Returns:
        Training pictures and held-out pictures, with the same classes.

    Raises:
        FileNotFoundError: ``index.csv`` or a shard is missing.
    """
    with (root / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    head_of = {source: i for i, sources in enumerate(HEADS.values()) for source in sources}
    if permissive:
        head_of = {s: h for s, h in head_of.items() if s in PERMISSIVE_SOURCES}
    count = Counter(f"{r['source']}/{r['label']}" for r in rows if r["source"] in head_of)
    classes = sorted(c for c, n in count.items() if n >= min_class_size)
    index = {c: i for i, c in enumerate(classes)}
    class_heads = torch.tensor([head_of[c.split("/")[0]] for c in classes])

    wanted = {r["member"]: index[c] for r in rows if (c := f"{r['source']}/{r['label']}") in index}
    test = np.array([is_held_out(m) for m in wanted])
    parts = []
    stores = [np.zeros((int(n), 3, CANVAS, CANVAS), np.uint8) for n in (len(test) - test.sum(), test.sum())]
    meta: list[list[tuple[int, int, int]]] = [[], []]
    for shard in sorted({r["shard"] for r in rows}):
        with tarfile.open(root / shard) as tar:
            for info in tar:
                if info.name not in wanted:
                    continue
                part = int(is_held_out(info.name))
                image = read_image(tar, info)[:CANVAS, :CANVAS]
                height, width = image.shape[:2]
                stores[part][len(meta[part]), :, :height, :width] = image.transpose(2, 0, 1)
                meta[part].append((height, width, wanted[info.name]))
    for store, rows_of_part in zip(stores, meta, strict=True):
        table = torch.tensor(rows_of_part, dtype=torch.int64).reshape(-1, 3)
        labels = table[:, 2]
        pixels = torch.from_numpy(store[: len(table)])
        parts.append(Pictures(pixels, table[:, :2], labels, class_heads[labels], classes, class_heads))
    return parts[0], parts[1]


def load_originals(root: Path, shortest: int, kinds: Collection[str] | None = None) -> Originals:
    """Read all pictures of the shards that ``root/index.csv`` lists, in the order of their names.

    Args:
        root: folder with ``index.csv`` (column shard) and the tar shards.
        shortest: short side in pixels below which a picture is left out.
        kinds: first words of the labels to read, such as ``photo``; all of them by default.

    Raises:
        FileNotFoundError: ``index.csv`` or a shard is missing.
    """
    with (root / "index.csv").open(newline="") as file:
        shards = sorted({row["shard"] for row in csv.DictReader(file)})
    pictures = {}
    for shard in shards:
        with tarfile.open(root / shard) as tar:
            for info in tar:
                if info.isfile() and info.name.endswith(".jpg") and (kinds is None or kind_of(info.name) in kinds):
                    image = read_image(tar, info)
                    if min(image.shape[:2]) >= shortest:
                        pictures[info.name] = torch.from_numpy(image.transpose(2, 0, 1).copy())
    return Originals([pictures[name] for name in sorted(pictures)])


def kind_of(member: str) -> str:
    """Return the first word of the label in a member's name, ``source/label/number.jpg``."""
    return Path(member).parent.name.split("_")[0]


def read_image(tar: tarfile.TarFile, info: tarfile.TarInfo) -> np.ndarray:
    """Read one member of a shard as H×W×3 uint8."""
    file = tar.extractfile(info)
    assert file is not None, f"{info.name} is not a regular file"
    with Image.open(io.BytesIO(file.read())) as image:
        return np.asarray(image.convert("RGB"))
