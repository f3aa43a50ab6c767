"""The average of a network's weights over its training."""

from __future__ import annotations

import keras
import tensorflow as tf

from zoo.errors import ZooError


class MovingAverage:
    """Exponential moving average of variables: `average += (1 - decay) * (variable - average)`.

    During the first steps the decay is held below `(1 + n) / (10 + n)`, so that the average
    forgets the random start. A plain object: Keras neither trains nor saves it by itself.
    """

    def __init__(self, variables: list[keras.Variable], decay: float):
        if not 0.0 < decay < 1.0:
            raise ZooError(f"ema_decay is {decay}; legal is 0 (none) or between 0 and 1")
        self.variables = variables
        self.decay = decay
        self.count = keras.Variable(0.0, trainable=False, name="ema_updates")
        self.averages = [
            keras.Variable(
                v,
                trainable=False,
                dtype=v.dtype,
                name=v.path.replace("/", "."),
            )
            for v in variables
        ]

    def update(self) -> None:
        self.count.assign_add(1.0)
        decay = tf.minimum(self.decay, (1.0 + self.count) / (10.0 + self.count))
        for average, variable in zip(self.averages, self.variables, strict=True):
            average.assign_add((1.0 - decay) * (variable.value - average.value))

    def swap(self) -> None:
        """Exchanges averages and variables; a second call undoes it."""
        for average, variable in zip(self.averages, self.variables, strict=True):
            held = keras.ops.convert_to_numpy(variable)
            variable.assign(average)
            average.assign(held)
