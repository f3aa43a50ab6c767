"""Presets of AttGAN (data only)."""

PRESETS = {
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
