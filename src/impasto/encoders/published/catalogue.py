"""Catalogue of the published weights that impasto can download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from impasto.errors import EncoderError

Origin = Literal["caffe", "torchvision"]
"""Framework whose preprocessing the weights expect: Caffe's (BGR, 0 to 255) or torchvision's (RGB, 0 to 1)."""


@dataclass(frozen=True)
class KnownWeights:
    """A published file of VGG-19 weights.

    Attributes:
        name: name of the encoder in settings.
        about: source of the weights, in a few words.
        url: address of the file, ending in the file's name.
        size: size of the file in bytes.
        algorithm: algorithm of the published hash, with the name that :mod:`hashlib` uses.
        digest: published hash, in hexadecimal.
        origin: framework whose preprocessing the weights expect.
    """

    name: str
    about: str
    url: str
    size: int
    algorithm: Literal["md5", "sha256"]
    digest: str
    origin: Origin

    @property
    def file(self) -> str:
        """Name of the published file."""
        return self.url.rsplit("/", 1)[1]

    @property
    def hash(self) -> str:
        """Published hash preceded by its algorithm."""
        return f"{self.algorithm} {self.digest}"


# The publishers give these hashes: Keras an MD5 in its source, PyTorch the start of a SHA-256 in the file name.
_ALL = (
    KnownWeights(
        name="vgg19",
        about="the network of Simonyan and Zisserman, as Keras publishes it",
        url="https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        size=80_134_624,
        algorithm="md5",
        digest="253f8cb515780f3b799900260a226db6",
        origin="caffe",
    ),
    KnownWeights(
        name="vgg19-torchvision",
        about="retrained by torchvision",
        url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        size=574_673_361,
        algorithm="sha256",
        digest="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        origin="torchvision",
    ),
)

KNOWN: dict[str, KnownWeights] = {known.name: known for known in _ALL}
"""Published weights by name."""


def known_weights(name: str) -> KnownWeights:
    """Look up published weights by name.

    Raises:
        EncoderError: no published weights have that name.
    """
    if name not in KNOWN:
        raise EncoderError(f"There are no published weights {name!r}: choose one of {', '.join(KNOWN)}.")
    return KNOWN[name]
