"""Presets of Generative Face Completion (data only)."""

PRESETS = {
    "gfc_synthfaces_128": {
        "description": "SynthFaces, 128 x 128, a quarter of the channels, 512 in the bottleneck.",
        "arguments": {"image_size": 128, "width": 0.25, "n_bottleneck": 512},
        "licence": "Apache-2.0",
        "intended_use": (
            "Filling a square hole or a part of an aligned face; seeing how un-pooling, two "
            "discriminators and a parser work together."
        ),
        "training": (
            "28,000 steps of 4 faces of reconstruction alone, then 500 with the local "
            "discriminator and 1,100 with both and the parser, in mixed bfloat16; 51 minutes on "
            "one core, beside other work."
        ),
        "limits": (
            "A short training of a network that learns slowly: a hole gets the colours of face, "
            "hair and background, better than Telea by PSNR, but eyes are smudges, mouths are "
            "missing, and the seam shows. It has seen rendered faces only: what it makes of a "
            "photograph is a demonstration."
        ),
        "goals": [
            {
                "text": "PSNR in the holes O1 to O6, dB over Telea",
                "protocol": "gfc_parts_synthfaces",
                "cases": ["O1", "O2", "O3", "O4", "O5", "O6"],
                "value": "psnr_hole",
                "over": "telea",
                "at_least": 3.0,
            },
            {
                "text": "distance of identity with the holes O1 to O6, under Telea's",
                "protocol": "gfc_parts_synthfaces",
                "cases": ["O1", "O2", "O3", "O4", "O5", "O6"],
                "value": "identity_distance",
                "over": "telea",
                "lower_is_better": True,
                "at_least": 0.0,
            },
        ],
    },
    "gfc_celeba_128": {
        "description": "The authors' release: CelebA, 128 x 128, generator only.",
        "arguments": {"image_size": 128, "variant": "official"},
        "licence": "not stated by the authors",
        "obtain": (
            "Download Model_G.caffemodel from the authors' page "
            "(github.com/Yijunmaverick/GenerativeFaceCompletion) and run: "
            "zoo convert gfc Model_G.caffemodel -o gfc_celeba_128"
        ),
    },
}
