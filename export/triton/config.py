"""Prints Triton's config.pbtxt for an exported ONNX file.

python config.py repository/sc_fegan/1/model.onnx > repository/sc_fegan/config.pbtxt
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import onnx

MAX_BATCH = 8
QUEUE_MICROSECONDS = 5000


def config(path: Path) -> str:
    """The configuration of the model in a repository folder `NAME/VERSION/model.onnx`."""
    proto = onnx.load(path, load_external_data=False)
    card = {entry.key: entry.value for entry in proto.metadata_props}
    lines = [
        f"# {card['model']}, {card['task']}; licence: {card['licence']}",
        f'name: "{path.absolute().parents[1].name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {MAX_BATCH}",
        f"dynamic_batching {{ max_queue_delay_microseconds: {QUEUE_MICROSECONDS} }}",
    ]
    for kind, values in (("input", proto.graph.input), ("output", proto.graph.output)):
        for value in values:
            axes = value.type.tensor_type.shape.dim[1:]  # Triton adds the batch axis
            dims = ", ".join(str(axis.dim_value or -1) for axis in axes)
            lines.append(
                f'{kind} [{{ name: "{value.name}", data_type: TYPE_FP32, dims: [ {dims} ] }}]'
            )
    if names := card.get("attribute_names"):
        shown = json.dumps(", ".join(json.loads(names)))
        lines.append(f'parameters {{ key: "attribute_names" value {{ string_value: {shown} }} }}')
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(config(Path(sys.argv[1])), end="")
