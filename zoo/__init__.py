"""The classic face-completion and face-editing GANs on TensorFlow 2 / Keras 3.

Importing this package, listing models and showing presets import neither TensorFlow nor Keras.
"""

from importlib import import_module

__version__ = "0.1.0"

_LAZY = {
    "list_models": "zoo.registry",
    "create": "zoo.registry",
    "list_presets": "zoo.presets",
    "load": "zoo.presets",
    "ZooError": "zoo.errors",
}
_MODULES = (
    *("attributes", "convert", "data", "evaluation", "export", "layers", "losses", "masks"),
    *("metrics", "models", "presets", "testing"),
)

__all__ = sorted([*_LAZY, *_MODULES])


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _MODULES:
        return import_module(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__():
    return [*globals(), *__all__]
