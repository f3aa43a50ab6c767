"""Many requests at once, good and hostile, to a model behind TensorFlow Serving's REST interface.

    python load.py http://127.0.0.1:8501 sc_fegan --file image=face.png --file mask=hole.png \\
        --file sketch= --file color= --value seed=0 [--count 200] [--rounds 3] [--pid SERVER]

A round sends `count` requests at the same time. Every other one is hostile: a picture that claims
60,000 x 60,000 pixels, a cut, a changed or an empty file, text, a mask of another size, the wrong
type, a missing input, broken JSON. The good ones must all be answered as the same request was
before, the hostile ones refused with an error of the client's kind (4xx), and the server must live.
With `--pid` its memory must not grow from the end of the first round on. Exit code 1 if any fails.
"""

from __future__ import annotations

import argparse
import base64
import json
import struct
import sys
import threading
import urllib.error
import urllib.request
import zlib
from collections import Counter
from pathlib import Path

TIMEOUT = 120.0  # seconds; a request waits for all that came before it


def png(width: int, height: int, grey: int = 255, claims: int | None = None) -> bytes:
    """A grey PNG file; its header claims another side where `claims` is given."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        sum_ = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", sum_)

    sides = (claims, claims) if claims else (width, height)
    header = struct.pack(">IIBBBBB", *sides, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([grey]) * width) * height
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def hostile_rows(good: dict) -> dict[str, dict]:
    """What is wrong -> a row that a server must refuse."""
    image = good["image_bytes"]
    files = {
        "bomb": png(64, 64, claims=60_000),
        "cut": image[: len(image) * 2 // 3],
        "begun": image[:10],
        "empty": b"",
        "text": b"<html>not found</html>",
        "zeros": bytes(1_000_000),
    }
    rows = {what: {**good, "image_bytes": data} for what, data in files.items()}
    rows["missing input"] = {key: good[key] for key in good if key != "image_bytes"}
    rows["wrong type"] = {**good, "image_bytes": 7}
    if "mask_bytes" in good:
        rows["huge mask"] = {**good, "mask_bytes": png(4000, 4000)}
        rows["mask bomb"] = {**good, "mask_bytes": png(64, 64, claims=60_000)}
        rows["mask of one pixel"] = {**good, "mask_bytes": png(1, 1)}
    return rows


def body(row: dict, signature: str) -> bytes:
    row = {
        key: {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for key, value in row.items()
    }
    return json.dumps({"signature_name": signature, "instances": [row]}).encode()


def hostile_bodies(good: dict) -> dict[str, bytes]:
    """What is wrong -> the body of a request."""
    bodies = {what: body(row, "predict_bytes") for what, row in hostile_rows(good).items()}
    whole = body(good, "predict_bytes")
    bodies["broken JSON"] = whole[: len(whole) // 2]
    bodies["no signature"] = body(good, "no_such_signature")
    bodies["floats of nothing"] = body({"image": []}, "serving_default")
    return bodies


def send(url: str, model: str, data: bytes) -> tuple[int, bytes]:
    """Status and body of the answer; status 0 for a connection that failed."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/models/{model}:predict", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def resident(pid: int) -> int:
    """Resident memory of a process, bytes (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has ended")


def attack(url: str, model: str, good: dict, count: int) -> tuple[Counter, list[str]]:
    """One round.

    Returns:
        How many requests ended how, and what should not have been.
    """
    bodies, normal = list(hostile_bodies(good).items()), body(good, "predict_bytes")
    status, expected = send(url, model, normal)
    if status != 200:
        return Counter(), [f"the good request is refused: {status} {expected[:300]!r}"]
    ends, wrong, start = Counter(), [], threading.Barrier(count)

    def one(i: int) -> None:
        what, data = ("good", normal) if i % 2 else bodies[i // 2 % len(bodies)]
        start.wait()
        status, answer = send(url, model, data)
        ends[f"{what}: {status}"] += 1
        legal = status == 200 and answer == expected if what == "good" else 400 <= status < 500
        if not legal:
            wrong.append(f"{what}: {status} {answer[:300]!r}")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if send(url, model, normal) != (200, expected):
        wrong.append("the server answers otherwise than before, or is gone")
    return ends, wrong


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("--file", action="append", required=True, metavar="INPUT=PATH")
    parser.add_argument("--value", action="append", default=[], metavar="INPUT=JSON")
    parser.add_argument("--count", type=int, default=200, help="requests at the same time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pid", type=int, help="process of the server, on this machine")
    parser.add_argument("--growth", type=float, default=32.0, help="memory that may be added, MB")
    options = parser.parse_args()
    good = {}
    for text in options.file:
        key, _, path = text.partition("=")
        good[f"{key}_bytes"] = Path(path).read_bytes() if path else b""
    for text in options.value:
        key, _, value = text.partition("=")
        good[key] = json.loads(value)
    failed, before = False, None
    for number in range(1, options.rounds + 1):
        ends, wrong = attack(options.url.rstrip("/"), options.model, good, options.count)
        print(f"round {number}: {', '.join(f'{n} x {end}' for end, n in sorted(ends.items()))}")
        for line in wrong[:10]:
            print(f"  WRONG {line}")
        failed |= bool(wrong)
        if options.pid:
            now = resident(options.pid)
            print(f"  memory of the server {now / 1e6:.0f} MB")
            before = before or now
            if now - before > options.growth * 1e6:
                print(f"  WRONG memory grew by more than {options.growth} MB since round 1")
                failed = True
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
