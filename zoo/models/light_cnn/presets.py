"""Presets of Light CNN (data only)."""

PRESETS = {
    "light_cnn_synthfaces_128": {
        "description": "SynthFaces in Multi-PIE's poses, 128 x 128, a quarter of the channels.",
        "arguments": {"image_size": 128, "width": 0.25},
        "licence": "Apache-2.0",
        "intended_use": (
            "Judging whether rendered faces are of one person: in TP-GAN's identity loss, in "
            "protocols with an embedding, in tests of other face models."
        ),
        "training": (
            "7,000 steps of 32 faces of 480 people in mixed bfloat16, 55 minutes on one core that "
            "it shared, as a classifier of people."
        ),
        "limits": (
            "It has learnt 480 rendered people in the lab's narrow frame, from -90 to 90 degrees; "
            "on portraits, framed wider, it tells people apart less well. It knows no photograph: "
            "as a recogniser of real people it is worthless, and must not be used as one."
        ),
    },
    "light_cnn_29_msceleb_128": {
        "description": "The authors' release: MS-Celeb-1M, 128 x 128, 256 features.",
        "arguments": {"image_size": 128},
        "licence": "code MIT; weights under their authors' terms",
        "obtain": (
            "Download LightCNN_29Layers_checkpoint.pth.tar from the authors' page "
            "(github.com/AlfredXiangWu/LightCNN), write its state_dict to a .safetensors file as "
            "zoo/models/light_cnn/README.md shows, and run: "
            "zoo convert light_cnn light_cnn_29.safetensors -o light_cnn_29_msceleb_128"
        ),
    },
}
