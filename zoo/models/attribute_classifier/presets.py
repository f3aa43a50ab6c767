"""Presets of the attribute classifier (data only)."""

PRESETS = {
    "attribute_classifier_synthfaces_128": {
        "description": "SynthFaces, 13 attributes, 128 x 128, half of the channels.",
        "arguments": {"image_size": 128},
        "licence": "Apache-2.0",
        "intended_use": (
            "Judging edits of SynthFaces: whether an edited face has the attribute that was asked "
            "for and kept the others."
        ),
        "training": "3,000 steps of 32 faces, 11 minutes on one core.",
        "limits": (
            "It knows rendered faces only; on photographs it has not been measured and must not "
            "be trusted. Pale_Skin is close to a guess. It says what a picture looks like, not "
            "what somebody is."
        ),
    },
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
