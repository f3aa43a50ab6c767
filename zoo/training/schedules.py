"""Learning rates over the steps of a run."""

from __future__ import annotations

import keras
from keras import ops

from zoo.config import OptimizerSection


def schedule(settings: OptimizerSection, updates_per_step: int = 1):
    """The rate of an optimizer: a number, or a Keras schedule.

    Args:
        settings: of the recipe; they count training steps.
        updates_per_step: how often this optimizer is applied in one training step.
    """
    if settings.schedule == "constant" and not settings.warmup:
        return settings.learning_rate
    return Decay(settings, updates_per_step)


class Decay(keras.optimizers.schedules.LearningRateSchedule):
    """Rate as a function of the optimizer's own count of updates; see `schedule`."""

    def __init__(self, settings: OptimizerSection, updates_per_step: int):
        self.settings = settings
        self.updates_per_step = updates_per_step

    def __call__(self, updates):
        s = self.settings
        step = ops.cast(updates // self.updates_per_step, "float32")
        rate = ops.cast(s.learning_rate, "float32")
        if s.schedule == "step":
            rate = s.learning_rate * s.decay_factor ** ops.floor(step / s.decay_every)
        elif s.schedule == "polynomial":
            progress = (step - s.decay_start) / (s.decay_end - s.decay_start)
            rate = s.learning_rate * (1.0 - ops.clip(progress, 0.0, 1.0)) ** s.decay_power
        return rate * ops.minimum(1.0, (step + 1.0) / s.warmup) if s.warmup else rate

    def get_config(self) -> dict:
        return {"settings": self.settings.model_dump(), "updates_per_step": self.updates_per_step}
