"""Presets of TP-GAN (data only). The authors released no weights."""

PRESETS = {
    "tp_gan_synthfaces_128": {
        "description": "SynthFaces, 128 x 128, an eighth of the channels.",
        "arguments": {"image_size": 128, "width": 0.125},
        "licence": "Apache-2.0",
        "intended_use": (
            "Turning faces to the camera, from up to 60 degrees; seeing how the two pathways work "
            "together."
        ),
        "training": (
            "1,600 steps of 4 faces, each with two updates of G, 85 minutes on one core, beside "
            "another training."
        ),
        "limits": (
            "A very short training: faces are turned, with their light and beard, but soft, and "
            "who it is fades: Light CNN recognises fewer people in turned faces than in the views "
            "as they are. Views of more than 60 degrees were not in its training. It has seen "
            "rendered faces in a studio only: what it makes of a photograph is a demonstration."
        ),
        "goals": [
            {
                "text": "rank-1 at 60, 75 and 90 degrees, over the same views not turned",
                "protocol": "tp_gan_setting2_synthfaces",
                "cases": ["60", "75", "90"],
                "value": "rank1",
                "over": "copy",
                "at_least": 0.05,
            },
        ],
    },
}
