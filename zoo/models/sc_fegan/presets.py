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
            "14,000 steps of 4 faces, nearly always with hints, 40 minutes on one core, then 4,000 "
            "with half of them, 20 minutes beside other work; without the perceptual and style "
            "losses of the paper."
        ),
        "limits": (
            "Eyes and lips in a hole are soft without a sketch of them; hair without a colour is "
            "often dark. It has seen rendered faces only: what it makes of a photograph is a "
            "demonstration."
        ),
        "goals": [
            {
                "text": "PSNR in free-form holes of 20 % to 50 %, without hints, dB over Telea",
                "protocol": "free_form_synthfaces",
                "cases": ["20% to 30%", "30% to 40%", "40% to 50%"],
                "value": "psnr_hole",
                "over": "telea",
                "at_least": 3.0,
            },
            {
                "text": "distance of identity with free-form holes of 20 % to 50 %, under Telea's",
                "protocol": "free_form_synthfaces",
                "cases": ["20% to 30%", "30% to 40%", "40% to 50%"],
                "value": "identity_distance",
                "over": "telea",
                "lower_is_better": True,
                "at_least": 0.0,
            },
            {
                "text": "F-score of edges in the hole, with hints over without",
                "protocol": "sc_fegan_synthfaces",
                "cases": ["free form"],
                "value": "edge_f1",
                "over": "model without hints",
                "at_least": 0.0,
            },
            {
                "text": "error of colour in the hole, with hints under without",
                "protocol": "sc_fegan_synthfaces",
                "cases": ["free form"],
                "value": "color_error",
                "over": "model without hints",
                "lower_is_better": True,
                "at_least": 0.0,
            },
        ],
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
