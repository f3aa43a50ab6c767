"""Presets of the Context Encoder (data only)."""

_LICENCE = "UC Berkeley, educational, research and not-for-profit purposes only"


def _release(file: str, data: str) -> dict:
    return {
        "model": "context_encoder",  # of the two models in this folder
        "description": f"The authors' release: {data}, 128 x 128, centre hole, generator only.",
        "arguments": {"image_size": 128, "region": "center", "variant": "official"},
        "licence": _LICENCE,
        "obtain": (
            "Download inpaintCenterModels.tar.gz (504 MB, MD5 632b1cfcc9bc59212c77ca138235d125) "
            "from the authors' page (github.com/pathak22/context-encoder), unpack it and run: "
            f"zoo convert context_encoder {file} -o DIRECTORY"
        ),
    }


PRESETS = {
    "context_encoder_synthfaces_128": {
        "model": "context_encoder",
        "description": "SynthFaces, 128 x 128, centre hole, half of the channels, 400 between.",
        "arguments": {"image_size": 128, "width": 0.5, "n_bottleneck": 400},
        "licence": "Apache-2.0",
        "intended_use": (
            "Filling the centre of an aligned face; seeing what a bottleneck without any skip "
            "knows of faces."
        ),
        "training": "3,500 steps of 32 faces, 30 minutes on one core that it shared.",
        "limits": (
            "Eyes, nose and mouth are in place but soft, and the seam of the hole shows. It fills "
            "the centre only. It has seen rendered faces only: what it makes of a photograph is a "
            "demonstration."
        ),
        "goals": [
            {
                "text": "PSNR in the centre hole, dB over Telea",
                "protocol": "context_encoder_center_synthfaces",
                "cases": ["center"],
                "value": "psnr_hole",
                "over": "telea",
                "at_least": 3.0,
            },
            {
                "text": "distance of identity with a centre hole, under Telea's",
                "protocol": "context_encoder_center_synthfaces",
                "cases": ["center"],
                "value": "identity_distance",
                "over": "telea",
                "lower_is_better": True,
                "at_least": 0.0,
            },
        ],
    },
    "context_encoder_paris_128": _release("paris_inpaintCenter.t7", "Paris StreetView"),
    "context_encoder_imagenet_128": _release("imagenet_inpaintCenter.t7", "ImageNet"),
}
