"""Presets of the parsing network (data only)."""

PRESETS = {
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
