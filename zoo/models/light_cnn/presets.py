"""Presets of Light CNN (data only)."""

PRESETS = {
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
