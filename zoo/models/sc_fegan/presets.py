"""Presets of SC-FEGAN (data only)."""

PRESETS = {
    "sc_fegan_synthfaces_128": {
        "description": "SynthFaces, 128 x 128, a quarter of the channels.",
        "arguments": {"image_size": 128, "variant": "paper"},
        "licence": "Apache-2.0",
        "intended_use": (
            "Filling free-form holes in faces along a sketch and colour strokes; trying out the "
            "paper's editing, its exports and its browser page."
        ),
        "training": (
            "14,000 steps of 4 faces, 40 minutes on one core, without the perceptual and style "
            "losses of the paper."
        ),
        "limits": (
            "Eyes and lips in a hole are soft without a sketch of them; hair without a colour is "
            "often dark. It has seen rendered faces only: what it makes of a photograph is a "
            "demonstration."
        ),
    },
    "sc_fegan_celebahq_512": {
        "description": "The authors' release: CelebA-HQ, 512 x 512, generator only.",
        "arguments": {"image_size": 512, "variant": "official"},
        "licence": "CC BY-NC 4.0",
        "obtain": (
            "Download SC-FEGAN.ckpt from the authors' page "
            "(github.com/run-youngjoo/SC-FEGAN) and run: "
            "zoo convert sc_fegan SC-FEGAN.ckpt -o sc_fegan_celebahq_512"
        ),
    },
}
