"""Measurement of TensorFlow's results for the comparison."""

from __future__ import annotations

import keras
import numpy as np

from tests.keras.references import KEPT_AFTER, LAYERS, STEPS, Reference
from tests.keras.samples import picture
from tests.keras.tutorials import CONTENT_LAYERS, STYLE_LAYERS, TUTORIALS, State, in_float64


def measure(name: str, model: keras.Model, size: int) -> Reference:
    """Run a tutorial on pictures of a size.

    Args:
        name: ``tutorial`` or ``tutorial-core``.
        model: from :func:`tests.keras.tutorials.load_vgg19`.
        size: long side in pixels, a multiple of 16.
    """
    content, style, probe = (
        picture(height, width, seed)
        for seed, (height, width) in enumerate([(size * 3 // 4, size), (size, size * 7 // 8), (size * 3 // 4, size)], 1)
    )
    tutorial = TUTORIALS[name](model, content, style)
    image = tutorial.to_image(probe)
    features = dict(zip(STYLE_LAYERS + CONTENT_LAYERS, tutorial.features(image), strict=True))
    terms, gradient = tutorial.terms_and_gradient(image)
    run = tutorial.run(max(STEPS))
    return Reference(
        content=content,
        style=style,
        probe=probe,
        features={layer: features[layer].numpy()[0] for layer in LAYERS},
        content_loss=terms.content.numpy(),
        style_losses=np.array([loss.numpy() for loss in terms.styles]),
        total=terms.total.numpy(),
        gradient=gradient.numpy()[0],
        losses=np.array(run.losses),
        before={
            f"{part}{step}": getattr(run.states[step - 1], part)[0] for step in STEPS for part in ("image", "m", "v")
        },
        after={f"image{step}": run.states[step].image[0] for step in STEPS},
        moves=moves(name, model, content, style, {step: run.states[step - 1] for step in STEPS}),
        kept=run.states[run.kept[KEPT_AFTER - 1]].image[0],
    )


def moves(
    name: str, model: keras.Model, content: np.ndarray, style: np.ndarray, states: dict[int, State]
) -> dict[str, np.ndarray]:
    """Compute the changes of the image in float64 by steps from numbered states, as :attr:`Reference.moves`."""
    tutorial = TUTORIALS[name](in_float64(model), content, style)
    return {
        f"image{step}": (tutorial.step_from(state, step) - state.image)[0].astype(np.float32)
        for step, state in states.items()
    }
