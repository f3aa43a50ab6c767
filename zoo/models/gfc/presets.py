"""Presets of Generative Face Completion (data only)."""

PRESETS = {
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
