"""Presets of the attribute classifier (data only)."""

PRESETS = {
    "attribute_classifier_celeba_128": {
        "description": "STGAN's scoring classifier: CelebA, 40 attributes, 128 x 128.",
        "arguments": {"image_size": 128},
        "licence": "MIT; trained on CelebA, which is for non-commercial research only",
        "obtain": (
            "Download the att_classification checkpoint from github.com/csmliu/STGAN and run: "
            "zoo convert attribute_classifier CHECKPOINT -o attribute_classifier_celeba_128"
        ),
    },
}
