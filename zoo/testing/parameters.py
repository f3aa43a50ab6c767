"""The table of docs/parameters.md: what every full-size network counts, beside the papers' code.

    python -m zoo.testing.parameters > docs/parameters.md

Exit code 1 if a count differs from the official one.
"""

from __future__ import annotations

import sys

import keras
import numpy as np

from zoo.registry import create

_NO_LOSS = {"generator": {"perceptual": 0.0, "style": 0.0}}

# model, arguments, network -> trainable parameters of the official network (`specs`: built from the
# released code or computed from its tables)
OFFICIAL: tuple[tuple[str, dict, dict[str, int]], ...] = (
    ("context_encoder", {}, {"generator": 71_130_531, "discriminator": 2_766_529}),
    (
        "context_encoder",
        {"region": "random"},
        {"generator": 71_196_259, "discriminator": 2_832_257},
    ),
    ("context_encoder", {"region": "random", "image_size": 64}, {"generator": 71_064_803}),
    (
        "gfc",
        {},
        {
            "generator": 137_071_331,
            "local_discriminator": 7_130_689,
            "global_discriminator": 7_164_705,
        },
    ),
    ("parsing_network", {}, {"parser": 23_954_571}),
    ("sc_fegan", {}, {"generator": 92_886_100 - 1_987}),  # without the dead `biases2`
    ("stgan", {}, {"generator": 74_998_771, "discriminator": 44_718_990}),
    (
        "stgan",
        {"image_size": 384, "dim": 48, "dense_units": 512},
        {"generator": 52_040_019, "discriminator": 119_526_574},
    ),
    ("attgan", {}, {"generator": 43_459_203, "discriminator": 44_718_990}),
    ("attgan", {"skips": "ed"}, {"generator": 39_264_899}),
    ("attgan", {"skips": 2}, {"generator": 44_507_779}),
    ("attgan", {"skips": "unet"}, {"generator": 44_772_995}),
    ("attribute_classifier", {}, {"classifier": 3_297_944}),
    ("tp_gan", {}, {"generator": 157_416_390, "discriminator": 13_357_441}),
    ("light_cnn", {}, {"extractor": 12_573_280}),
)


def weights_of(network: keras.Model) -> int:
    """Values of a network that its own training moves: all but running statistics and vectors."""
    moved_by_rule = ("moving_mean", "moving_variance", "u")
    kept = [v for v in network.variables if v.path.rsplit("/", 1)[-1] not in moved_by_rule]
    return int(sum(np.prod(v.shape) for v in kept))


def main() -> int:
    """Prints the table; returns the exit code."""
    print("# Parameters of the full-size networks\n")
    print("Made by `python -m zoo.testing.parameters`. Running statistics are not counted.\n")
    print("| model | arguments | network | here | official | |")
    print("|---|---|---|---:|---:|---|")
    wrong = 0
    for name, arguments, expected in OFFICIAL:
        networks = create(name, **arguments).networks
        for network, official in expected.items():
            count = weights_of(networks[network])
            wrong += count != official
            given = ", ".join(f"{k}={v!r}" for k, v in arguments.items()) or "-"
            verdict = "equal" if count == official else "DIFFERS"
            print(f"| {name} | {given} | {network} | {count:,} | {official:,} | {verdict} |")
        keras.backend.clear_session()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
