"""SC-FEGAN's fixture."""

from __future__ import annotations

import numpy as np

import zoo.convert
from zoo.testing.golden import recorded_outputs


def generator(weights: dict, inputs: dict) -> dict:
    """Official variables (BGR) and inputs -> outputs of the fixture."""
    model = zoo.convert.official("sc_fegan", weights)
    generator = model.generator
    image, color = inputs["real_images"][..., ::-1], inputs["color"][..., ::-1]  # fixture is BGR
    mask = inputs["masks"]
    erased = image * (1 - mask)
    x = np.concatenate([erased, inputs["sketches"], color, mask, inputs["noises"]], axis=-1)
    watched = [generator.down[2], generator.dilated[3], generator.merge[4]]
    with recorded_outputs(watched) as record:
        raw = np.asarray(generator(x))
    return {
        "raw": raw[..., ::-1],
        "composite": (raw * mask + erased)[..., ::-1],
        "bottleneck": record["co_conv4_dlt"],
        "gconv3_ds": record["gconv3_ds"],
        "gconv12": record["gconv12"],
    }
