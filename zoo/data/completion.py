"""Training batches for completion models: faces with holes, sketch and colour in them."""

from __future__ import annotations

import numpy as np

from zoo import masks
from zoo.config import HintSection
from zoo.data import hints
from zoo.errors import ZooError

_MASK_LIMITS = ("max_draw", "max_line", "max_angle", "max_length", "brush_width")


def split(identities: np.ndarray, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices for training and for validation; no identity is in both.

    Args:
        identities: identity of each image.
        held_out: every `held_out`-th identity is for validation.

    Raises:
        ZooError: one side would be empty.
    """
    validation = identities % held_out == held_out - 1
    if validation.all() or not validation.any():
        raise ZooError(
            f"{len(np.unique(identities))} identities cannot be split with held_out={held_out}; "
            "make more images or lower held_out"
        )
    return np.flatnonzero(~validation), np.flatnonzero(validation)


class CompletionBatches:
    """Batch number n as a pure function of (seed, n): any step can be made again on its own.

    Args:
        dataset: sequence of examples with image, sketch, color, parsing and landmarks.
        indices: examples to draw from; each is used once before any is used again.
        batch_size: examples per batch.
        seed: of order, masks, strokes and noise.
        settings: limits of masks and hints.
        flip: mirror half of the examples.

    A batch has `image`, `mask`, `sketch`, `color` and `noise`, all `(B, H, W, C)` float32.
    """

    def __init__(
        self,
        dataset,
        indices: np.ndarray,
        batch_size: int,
        seed: int,
        settings: HintSection,
        flip: bool = True,
    ):
        self.dataset = dataset
        self.indices = np.asarray(indices)
        self.batch_size = batch_size
        self.seed = seed
        self.settings = settings
        self.flip = flip

    def __call__(self, step: int) -> dict[str, np.ndarray]:
        """Makes the batch of one step."""
        examples = [
            self.example(self._index(position), np.random.default_rng((self.seed, 1, position)))
            for position in range(step * self.batch_size, (step + 1) * self.batch_size)
        ]
        return {key: np.stack([example[key] for example in examples]) for key in examples[0]}

    def _index(self, position: int) -> int:
        epoch, place = divmod(position, len(self.indices))
        order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.indices))
        return int(self.indices[order[place]])

    def example(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Example `index` with a random hole and random hints."""
        face = self.dataset[index]
        image, sketch, color = face["image"], face["sketch"], face["color"]
        parsing, landmarks = face["parsing"], face["landmarks"]
        if self.flip and rng.random() < 0.5:
            image, sketch, color = image[:, ::-1], sketch[:, ::-1], color[:, ::-1]
            parsing = np.ascontiguousarray(parsing[:, ::-1])
            landmarks = landmarks * (-1, 1) + (image.shape[1] - 1, 0)
        height, width = image.shape[:2]
        settings = self.settings
        limits = {name: getattr(settings, name) for name in _MASK_LIMITS}
        mask = masks.sc_fegan(
            height, width, rng, landmarks, parsing, settings.hair_probability, **limits
        )
        if rng.random() >= settings.sketch_probability:
            sketch = np.zeros_like(sketch)
        if rng.random() < settings.color_probability:
            color = hints.color_strokes(np.ascontiguousarray(color), rng)
        else:
            color = np.zeros_like(color)
        return {
            "image": image.astype(np.float32) / 127.5 - 1.0,
            "mask": mask,
            "sketch": sketch[..., None].astype(np.float32),
            "color": color.astype(np.float32) / 127.5 - 1.0,
            "noise": hints.noise((height, width), rng, settings.noise),
        }

    def as_dataset(self, start: int, stop: int):
        """A `tf.data.Dataset` of the batches of steps `start` to `stop - 1`, made ahead of use."""
        import tensorflow as tf

        first = self(start)
        keys = list(first)

        def make(step):
            batch = tf.numpy_function(
                lambda n: [self(int(n))[key] for key in keys], [step], [tf.float32] * len(keys)
            )
            return {
                key: tf.ensure_shape(value, first[key].shape)
                for key, value in zip(keys, batch, strict=True)
            }

        return tf.data.Dataset.range(start, stop).map(make, num_parallel_calls=2).prefetch(4)
