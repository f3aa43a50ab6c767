"""Presets of TP-GAN (data only). The authors released no weights."""

PRESETS: dict[str, dict] = {}
