"""Presets of the parsing network (data only)."""

PRESETS = {
    "parsing_network_synthfaces_128": {
        "description": "SynthFaces, 11 classes of Helen, 128 x 128, a quarter of the channels.",
        "arguments": {"image_size": 128},
        "licence": "Apache-2.0",
        "intended_use": "The parsing loss of GFC's training, and label maps of SynthFaces.",
        "training": (
            "7,000 steps of 8 faces, 33 minutes on one core. With the recipe's first values (rate "
            "1e-3, dropout 0.5, 2,500 steps) it told hair, skin and background and nothing else."
        ),
        "limits": (
            "It knows rendered faces only. Of an open mouth's inside, a few pixels wide, it finds "
            "little."
        ),
    },
    "parsing_network_helen_128": {
        "description": "The authors' release: Helen, 128 x 128.",
        "arguments": {"image_size": 128},
        "licence": "not stated by the authors",
        "obtain": (
            "Download Model_parsing.caffemodel from the authors' page "
            "(github.com/Yijunmaverick/GenerativeFaceCompletion) and run: "
            "zoo convert parsing_network Model_parsing.caffemodel -o parsing_network_helen_128"
        ),
    },
}
