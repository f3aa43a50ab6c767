"""Presets of STGAN (data only)."""

PRESETS = {
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
