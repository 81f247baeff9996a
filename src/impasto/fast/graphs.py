"""ONNX models of the instant preset's encoder and of the blocks of its decoder, built from the package's weights.

They are built with the package ``onnx`` alone. So neither exporting nor the first painting imports PyTorch, and no
exporter's dependencies are needed. A test compares the models with the PyTorch modules that they repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from impasto.encoders.layers import all_convolutions

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Weights = Mapping[str, npt.NDArray[np.float16]]

LEVELS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")
"""Layers of the encoder whose features the decoder reproduces, in its order; those of the PyTorch decoder."""

PHOTO_LEVEL = "relu3_1"
"""Level at which the photograph's own features are added, which the caller of the models does."""

OPSET = 18
"""Version of the ONNX operators."""

IR_VERSION = 9
"""Version of the ONNX file format; old enough for every ONNX Runtime since 1.16."""

_PADDINGS = {"reflect": "reflect", "replicate": "edge", "zeros": "constant"}
_POOLINGS = {"average": "AveragePool", "max": "MaxPool"}


def encoder_model(weights: Weights, architecture: Mapping[str, Any]) -> ModelProto:
    """Build the encoder: from ``image``, 1×3×H×W in [0, 1], to the features of :data:`LEVELS` by their names.

    Args:
        weights: convolutions by name, as in ``conv1_1.weight``.
        architecture: description of the encoder from its file's metadata.
    """
    graph = _Graph()
    x, kept = graph.preprocessed("image", architecture["preprocessing"]), {}
    padding, scope = (_PADDINGS[architecture["padding"]], architecture["padding_scope"])
    for layer in all_convolutions(architecture["convolutions"]):
        if layer.number == 1 and layer.block > 1:
            x = graph.add(_POOLINGS[architecture["pooling"]], x, kernel_shape=[2, 2], strides=[2, 2])
        mode = padding if scope == "all" or layer[:2] == (1, 1) else "constant"
        x = graph.add("Relu", graph.convolution(x, weights, str(layer), mode))
        name = str(layer._replace(after_relu=True))
        if name in LEVELS:
            kept[name] = x
        if name == LEVELS[0]:
            break
    channels = {name: weights[f"{name.replace('relu', 'conv')}.bias"].shape[0] for name in LEVELS}
    return graph.model("encoder", {"image": (1, 3, "height", "width")}, {
        name: (kept[name], (1, channels[name], f"{name}_height", f"{name}_width")) for name in LEVELS
    })  # fmt: skip


def decoder_models(weights: Weights) -> dict[str, ModelProto]:
    """Build the blocks of the decoder, by the names of their levels.

    Each block has the inputs ``features``, 1×C×h×w; ``matrix``, C×C, and ``bias``, C, of the map that is applied to
    them; and ``strength`` in [0, 1], of one value. Its output is ``next``: the features of the next level, 1×D×2h×2w,
    corrections of the photograph's features for :data:`PHOTO_LEVEL`, and of the last level the picture, 1×3×h×w.

    Args:
        weights: parameters of the PyTorch decoder by name, as in ``blocks.0.1.weight``.
    """
    return {name: _block_model(number, weights) for number, name in enumerate(LEVELS)}


def _block_model(number: int, weights: Weights) -> ModelProto:
    graph, is_last = _Graph(), number == len(LEVELS) - 1
    kernel = graph.add("Unsqueeze", "matrix", graph.integers([2, 3]))
    x = graph.add("Conv", "features", kernel, "bias")
    powers = graph.add("Concat", "strength", graph.add("Mul", "strength", "strength"), axis=0)
    change = graph.add(
        "MatMul", graph.add("Unsqueeze", powers, graph.integers([0])), graph.weight(weights[f"strength.{number}"])
    )
    change = graph.add("Unsqueeze", change, graph.integers([2, 3]))
    count = sum(name.startswith(f"blocks.{number}.") and name.endswith(".bias") for name in weights)
    names = [f"blocks.{number}.{layer}" for layer in range(count)]

    def layer(name: str, x: str, change: str | None = None) -> str:
        y = graph.convolution(x, weights, name, "reflect")
        return graph.add("Relu", y if change is None else graph.add("Add", y, change))

    if is_last:
        x = layer(names[0], x, change)
        x = graph.add("Add", x, layer(names[1], x))
        x = graph.convolution(x, weights, names[2], "reflect")
    else:
        for name in names[:-2]:
            x = graph.add("Add", x, layer(name, x, change))
        x = layer(names[-2], x)
        x = graph.add(
            "Resize", x, "", graph.constant(np.array([1, 1, 2, 2], np.float32)), mode="linear",
            coordinate_transformation_mode="half_pixel",
        )  # fmt: skip
        is_correction = LEVELS[number + 1] == PHOTO_LEVEL
        x = graph.convolution(x, weights, names[-1], "reflect") if is_correction else layer(names[-1], x)
    channels, after = weights[f"{names[0]}.weight"].shape[1], weights[f"{names[-1]}.bias"].shape[0]
    inputs: dict[str, tuple[int | str, ...]] = {
        "features": (1, channels, "height", "width"),
        "matrix": (channels, channels),
        "bias": (channels,),
        "strength": (1,),
    }
    return graph.model(f"decoder_{LEVELS[number]}", inputs, {"next": (x, (1, after, "next_height", "next_width"))})


class _Graph:
    """A graph under construction, whose weights are stored in float16 and used in float32."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._make_node: Callable[..., NodeProto] = helper.make_node
        self._from_array = numpy_helper.from_array
        self._nodes: list[NodeProto] = []
        self._tensors: list[Any] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        name = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(self._make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, values: npt.NDArray[Any]) -> str:
        """Add a constant, and return its name."""
        name = f"constant_{len(self._tensors)}"
        self._tensors.append(self._from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, values: list[int]) -> str:
        """Add a constant of integers, such as axes, and return its name."""
        return self.constant(np.array(values, np.int64))

    def weight(self, values: npt.NDArray[np.float16]) -> str:
        """Add a weight, and return the name of its float32 form."""
        return self.add("Cast", self.constant(values.astype(np.float16)), to=1)  # 1 is float32

    def convolution(self, x: str, weights: Weights, name: str, mode: str) -> str:
        """Add a 3×3 convolution with a padding mode of ONNX, and return the name of its output."""
        weight, bias = (self.weight(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        if mode == "constant":
            return self.add("Conv", x, weight, bias, pads=[1, 1, 1, 1])
        padded = self.add("Pad", x, self.integers([0, 0, 1, 1, 0, 0, 1, 1]), mode=mode)
        return self.add("Conv", padded, weight, bias)

    def preprocessed(self, image: str, values: Mapping[str, Any]) -> str:
        """Add the conversion of an RGB picture to the encoder's input, and return its name."""
        if values["channels"] == "bgr":
            image = self.add("Gather", image, self.integers([2, 1, 0]), axis=1)
        mean, std = (np.array(values[name], np.float32).reshape(1, 3, 1, 1) for name in ("mean", "std"))
        scaled = self.add("Mul", image, self.constant(np.float32(values["scale"]) / std))
        return self.add("Sub", scaled, self.constant(mean / std))

    def model(
        self,
        name: str,
        inputs: Mapping[str, tuple[int | str, ...]],
        outputs: Mapping[str, tuple[str, tuple[int | str, ...]]],
    ) -> ModelProto:
        """Return the finished model.

        Args:
            name: name of the graph.
            inputs: shapes by name.
            outputs: for each name the node output that it stands for, and its shape.
        """
        from onnx import TensorProto, helper

        nodes = [*self._nodes, *(helper.make_node("Identity", [x], [key]) for key, (x, _) in outputs.items())]
        made = [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in inputs.items()]
        found = [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, (_, shape) in outputs.items()]
        graph = helper.make_graph(nodes, name, made, found, self._tensors)
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="impasto")
