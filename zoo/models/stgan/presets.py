"""Presets of STGAN (data only)."""

PRESETS = {
    "stgan_synthfaces_128": {
        "description": "SynthFaces, 13 attributes, 128 x 128, three sixteenths of the channels.",
        "arguments": {"image_size": 128, "width": 0.1875},
        "licence": "Apache-2.0",
        "intended_use": (
            "Editing attributes of aligned faces; seeing what selective transfer units pass; "
            "trying out exports and serving of an editor."
        ),
        "training": (
            "7,500 steps of 2 x 8 faces for D and 8 for G in mixed bfloat16 (the first 1,728 of "
            "them with both rates at 4e-4), 105 minutes on one core that it shared."
        ),
        "limits": (
            "A short training: what is not edited is kept well, but a classifier sees only 40 % of "
            "the edits. Fringes, blond hair and glasses change best; baldness, moustaches and "
            "brown hair hardly. Edits of hair and sex tint the whole picture. It has seen "
            "rendered faces only: what it makes of a photograph is a demonstration."
        ),
        "goals": [
            {
                "text": "PSNR of reconstruction, dB",
                "protocol": "stgan_synthfaces",
                "cases": ["reconstruction"],
                "value": "psnr",
                "at_least": 30.0,
            },
            {
                "text": "share of single edits that the classifier sees",
                "protocol": "stgan_synthfaces",
                "cases": ["mean of edits"],
                "value": "generation",
                "at_least": 0.86,
            },
            {
                "text": "PSNR of single edits against the true ones, dB over the unedited picture",
                "protocol": "stgan_synthfaces",
                "cases": ["mean of edits"],
                "value": "psnr",
                "over": "copy",
                "at_least": 0.0,
            },
        ],
    },
    "stgan_celeba_128": {
        "description": "The authors' release: CelebA, 13 attributes, 128 x 128.",
        "arguments": {"image_size": 128},
        "licence": "MIT; trained on CelebA, which is for non-commercial research only",
        "obtain": (
            "Download the 128 model from the authors' page (github.com/csmliu/STGAN) and run: "
            "zoo convert stgan CHECKPOINT -o stgan_celeba_128"
        ),
    },
}
