"""Presets of SC-FEGAN (data only)."""

PRESETS = {
    "sc_fegan_celebahq_512": {
        "description": "The authors' release: CelebA-HQ, 512 x 512, generator only.",
        "arguments": {"image_size": 512, "variant": "official"},
        "licence": "CC BY-NC 4.0",
        "obtain": (
            "Download SC-FEGAN.ckpt from the authors' page "
            "(github.com/run-youngjoo/SC-FEGAN) and run: "
            "zoo convert sc_fegan SC-FEGAN.ckpt -o sc_fegan_celebahq_512"
        ),
    },
}
