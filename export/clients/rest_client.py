"""Asks a model behind TensorFlow Serving's REST interface. Needs Python 3.11 only; copy it freely.

    python rest_client.py http://127.0.0.1:8501 sc_fegan \\
        --file image=face.jpg --file mask=hole.png --file sketch= --file color= \\
        --value seed=0 -o out.png
    python rest_client.py http://127.0.0.1:8501 stgan --file image=face.jpg -o out.png \\
        --value attributes=[0,1,0] --value target_attributes=[1,1,0]

The inputs of each model, their order and meaning are in its `assets.extra/zoo.json`. Exit code 2
and one line if the server refuses.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


class Refused(Exception):
    """The server's answer to a request that it does not take; the message is the server's."""


def predict(
    url: str,
    model: str,
    rows: list[dict],
    *,
    signature: str = "predict_bytes",
    version: int | None = None,
    timeout: float = 60.0,
) -> list:
    """Sends pictures to a model.

    Args:
        url: of the server, such as http://127.0.0.1:8501.
        model: its name there.
        rows: for each picture a value for each input of the signature; bytes for a file.
        signature: name of the signature.
        version: of the model; None = the newest.
        timeout: for connecting and for each piece of the answer, seconds.

    Returns:
        What the model answers to each row: bytes for a file, else numbers in lists.

    Raises:
        Refused: the server answers with an error.
        OSError: there is no server, or it does not answer in time.
    """
    path = f"{url.rstrip('/')}/v1/models/{model}"
    if version is not None:
        path += f"/versions/{version}"
    rows = [{key: _to_json(value) for key, value in row.items()} for row in rows]
    body = json.dumps({"signature_name": signature, "instances": rows}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{path}:predict", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return [_from_json(row) for row in json.load(answer)["predictions"]]
    except urllib.error.HTTPError as error:
        raise Refused(f"{error.code}: {_message(error.read())}") from None


def _to_json(value):
    """Bytes as {"b64": ...}, the interface's way to send them."""
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _from_json(value):
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"])
    return value


def _message(body: bytes) -> str:
    try:
        return json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


def arguments(description: str, address: str) -> argparse.Namespace:
    """The command line of both clients: `address`, `model`, `row`, `signature`, `output`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help=address)
    parser.add_argument("model")
    parser.add_argument(
        "--file", action="append", default=[], metavar="INPUT=PATH", help="no path: an empty file"
    )
    parser.add_argument("--value", action="append", default=[], metavar="INPUT=JSON")
    parser.add_argument("--signature", default="predict_bytes")
    parser.add_argument("-o", "--output", type=Path, help="for a picture; numbers are printed")
    options = parser.parse_args()
    options.row = {}
    for text in options.file:
        key, _, path = text.partition("=")
        options.row[f"{key}_bytes"] = Path(path).read_bytes() if path else b""
    for text in options.value:
        key, _, value = text.partition("=")
        options.row[key] = json.loads(value)
    return options


def deliver(result, output: Path | None) -> None:
    """Writes a picture to a file; prints numbers."""
    if not isinstance(result, bytes):
        print(json.dumps(result))
    elif output is None:
        sys.exit("the answer is a picture: say where with -o")
    else:
        output.write_bytes(result)


def main() -> None:
    options = arguments(__doc__, "URL of the server, such as http://127.0.0.1:8501")
    try:
        (result,) = predict(
            options.address, options.model, [options.row], signature=options.signature
        )
    except (Refused, OSError) as error:
        print("error:", *str(error).split(), file=sys.stderr)
        sys.exit(2)
    deliver(result, options.output)


if __name__ == "__main__":
    main()
