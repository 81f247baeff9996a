"""TensorFlow's two tutorials, reimplemented with Keras 3 for comparison with impasto's presets.

``Tutorial``: Raymond Yuan, Neural Style Transfer: Creating Art with Deep Learning using tf.keras and eager execution,
2018. ``TutorialCore``: the current form on tensorflow.org. Both run eagerly and record their states.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

CONTENT_LAYERS = ["block5_conv2"]
STYLE_LAYERS = ["block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1"]
CAFFE_MEANS = np.array([103.939, 116.779, 123.68])


class Terms(NamedTuple):
    """The losses at an image: content and each style layer unweighted, and the total."""

    content: tf.Tensor
    styles: list[tf.Tensor]
    total: tf.Tensor


class State(NamedTuple):
    """The image and Adam's moments, 1×H×W×3 each."""

    image: np.ndarray
    m: np.ndarray
    v: np.ndarray


class Run(NamedTuple):
    """A run of several steps.

    Attributes:
        losses: total loss before each step.
        states: states before each step and after the last one.
        kept: after each step, the number of the step that made the image which the tutorial would return.
    """

    losses: list[float]
    states: list[State]
    kept: list[int]


def load_vgg19(path: Path) -> keras.Model:
    """Load Keras's VGG-19 with the weights of a notop file and the tutorial's layers as outputs."""
    vgg = keras.applications.VGG19(weights=str(path), include_top=False)
    vgg.trainable = False
    return keras.Model(vgg.input, [vgg.get_layer(name).output for name in STYLE_LAYERS + CONTENT_LAYERS])


def in_float64(model: keras.Model) -> keras.Model:
    """Copy the network in float64; a tutorial with it computes in float64 throughout."""
    double = keras.models.clone_model(
        model,
        input_tensors=keras.Input(model.input.shape[1:], dtype="float64"),
        clone_function=lambda layer: layer.__class__.from_config({**layer.get_config(), "dtype": "float64"}),
    )
    double.set_weights(model.get_weights())
    return double


class Tutorial:
    """The tutorial of 2018, whose image is VGG-19's input: BGR minus Caffe's means.

    Args:
        model: from :func:`load_vgg19`; determines the floating-point type.
        content: H×W×3 uint8.
        style: h×w×3 uint8.
    """

    content_weight = 1e3
    style_weight = 1e-2

    def __init__(self, model: keras.Model, content: np.ndarray, style: np.ndarray) -> None:
        self.model, self.dtype = model, model.input.dtype
        self.content_image = self.to_image(content)
        self.content_targets = self.features(self.content_image)[len(STYLE_LAYERS) :]
        self.style_targets = [self.gram_matrix(f) for f in self.features(self.to_image(style))[: len(STYLE_LAYERS)]]

    def to_image(self, pixels: np.ndarray) -> tf.Tensor:
        """Convert pixels to the image that is optimised."""
        return tf.constant(keras.applications.vgg19.preprocess_input(pixels.astype(self.dtype)[None]))

    def features(self, image: tf.Tensor) -> list[tf.Tensor]:
        """Compute the features of the style layers, then of the content layer."""
        return self.model(image)

    def gram_matrix(self, features: tf.Tensor) -> tf.Tensor:
        """Compute the Gram matrix, divided by the number of positions."""
        a = tf.reshape(features, [-1, features.shape[-1]])
        return tf.matmul(a, a, transpose_a=True) / tf.cast(tf.shape(a)[0], a.dtype)

    def terms(self, image: tf.Tensor) -> Terms:
        """Compute the losses at an image."""
        outputs = self.features(image)
        styles = [
            tf.reduce_mean(tf.square(self.gram_matrix(features) - target))
            for features, target in zip(outputs[: len(STYLE_LAYERS)], self.style_targets, strict=True)
        ]
        contents = [
            tf.reduce_mean(tf.square(features - target))
            for features, target in zip(outputs[len(STYLE_LAYERS) :], self.content_targets, strict=True)
        ]
        style = tf.add_n(styles) * (1.0 / len(STYLE_LAYERS))
        content = tf.add_n(contents) * (1.0 / len(CONTENT_LAYERS))
        return Terms(content, styles, self.style_weight * style + self.content_weight * content)

    def terms_and_gradient(self, image: tf.Tensor) -> tuple[Terms, tf.Tensor]:
        """Compute the losses, and the gradient of their total with respect to the image."""
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = self.terms(image)
        return terms, tape.gradient(terms.total, image)

    def optimizer(self) -> keras.optimizers.Adam:
        """Make Adam with the tutorial's parameters."""
        return keras.optimizers.Adam(learning_rate=5.0, beta_1=0.99, beta_2=0.999, epsilon=1e-1)

    def clip(self, image: tf.Tensor) -> tf.Tensor:
        """Clip to the range of a picture."""
        return tf.clip_by_value(image, -CAFFE_MEANS.astype(self.dtype), (255 - CAFFE_MEANS).astype(self.dtype))

    def next_kept(self, kept: int, step: int, loss: float, losses: list[float]) -> int:
        """Return the number of the image to keep after a step: this step if the loss before it was the lowest."""
        return step if loss < min(losses, default=np.inf) else kept

    def run(self, steps: int) -> Run:
        """Take steps from the content."""
        image, optimizer = tf.Variable(self.content_image), self.optimizer()
        optimizer.build([image])
        losses: list[float] = []
        kept: list[int] = []

        def state() -> State:
            moments = optimizer._momentums[0], optimizer._velocities[0]
            return State(image.numpy(), *(moment.value.numpy() for moment in moments))

        states = [state()]
        for step in range(1, steps + 1):
            loss = self._move(image, optimizer)
            kept.append(self.next_kept(kept[-1] if kept else 0, step, loss, losses))
            losses.append(loss)
            states.append(state())
        return Run(losses, states, kept)

    def step_from(self, state: State, number: int) -> np.ndarray:
        """Return the image, 1×H×W×3, after a numbered step from the state before it."""
        image, optimizer = tf.Variable(state.image.astype(self.dtype)), self.optimizer()
        optimizer.build([image])
        optimizer.iterations.assign(number - 1)
        optimizer._momentums[0].assign(state.m)
        optimizer._velocities[0].assign(state.v)
        self._move(image, optimizer)
        return image.numpy()

    def _move(self, image: tf.Variable, optimizer: keras.optimizers.Adam) -> float:
        """Take one step, and return the total loss before it."""
        with tf.GradientTape() as tape:
            total = self.terms(image).total
        optimizer.apply_gradients([(tape.gradient(total, image), image)])
        image.assign(self.clip(image))
        return float(np.squeeze(total.numpy()))


class TutorialCore(Tutorial):
    """The current tutorial, whose image is RGB in [0, 1] and whose loss includes total variation."""

    content_weight = 1e4
    style_weight = 1e-2
    total_variation_weight = 30

    def to_image(self, pixels: np.ndarray) -> tf.Tensor:
        """Convert pixels to the image that is optimised."""
        return tf.image.convert_image_dtype(pixels, self.dtype)[tf.newaxis]

    def features(self, image: tf.Tensor) -> list[tf.Tensor]:
        """Compute the features of the style layers, then of the content layer."""
        return self.model(keras.applications.vgg19.preprocess_input(image * 255.0))

    def gram_matrix(self, features: tf.Tensor) -> tf.Tensor:
        """Compute the Gram matrix, divided by the number of positions."""
        shape = tf.shape(features)
        return tf.linalg.einsum("bijc,bijd->bcd", features, features) / tf.cast(shape[1] * shape[2], features.dtype)

    def terms(self, image: tf.Tensor) -> Terms:
        """Compute the losses at an image."""
        content, styles, total = super().terms(image)
        return Terms(content, styles, total + self.total_variation_weight * tf.image.total_variation(image)[0])

    def optimizer(self) -> keras.optimizers.Adam:
        """Make Adam with the tutorial's parameters."""
        return keras.optimizers.Adam(learning_rate=0.02, beta_1=0.99, epsilon=1e-1)

    def clip(self, image: tf.Tensor) -> tf.Tensor:
        """Clip to the range of a picture."""
        return tf.clip_by_value(image, 0.0, 1.0)

    def next_kept(self, kept: int, step: int, loss: float, losses: list[float]) -> int:
        """Return the last step."""
        return step


TUTORIALS = {"tutorial": Tutorial, "tutorial-core": TutorialCore}


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a picture like the current tutorial, H×W×3 float32 in [0, 1]."""
    return tf.image.resize(tf.image.convert_image_dtype(pixels, tf.float32), (height, width)).numpy()
