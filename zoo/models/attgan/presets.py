"""Presets of AttGAN (data only)."""

PRESETS = {
    "attgan_synthfaces_128": {
        "description": "SynthFaces, 13 attributes, 128 x 128, a quarter of the channels.",
        "arguments": {"image_size": 128, "width": 0.25},
        "licence": "Apache-2.0",
        "intended_use": (
            "Editing attributes of aligned faces; comparing a network that is told the attributes "
            "with STGAN, which is told their changes."
        ),
        "training": (
            "5,000 steps of 2 x 8 faces for D and 8 for G in mixed bfloat16, 55 minutes on one "
            "core, beside another training."
        ),
        "limits": (
            "A short training: pictures come back soft. Fringes, glasses, hair colours, mouths and "
            "brows change, though coarsely; baldness, beards, age and sex hardly. It has seen "
            "rendered faces only: what it makes of a photograph is a demonstration."
        ),
        "goals": [
            {
                "text": "PSNR of reconstruction, dB (STGAN's paper has 24.07 for it, on CelebA)",
                "protocol": "stgan_synthfaces",
                "cases": ["reconstruction"],
                "value": "psnr",
                "at_least": 24.07,
            },
            {
                "text": "share of single edits that the classifier sees",
                "protocol": "stgan_synthfaces",
                "cases": ["mean of edits"],
                "value": "generation",
                "at_least": 0.86,
            },
        ],
    },
    "attgan_celeba_128": {
        "description": "The author's release: CelebA, 13 attributes, 128 x 128.",
        "arguments": {"image_size": 128},
        "licence": "MIT; trained on CelebA, which is for non-commercial research only",
        "obtain": (
            "Download AttGAN_128 from the author's page (github.com/LynnHo/AttGAN-Tensorflow) "
            "and run: zoo convert attgan CHECKPOINT -o attgan_celeba_128"
        ),
    },
}
