# /// script
# dependencies = ["pillow==12.3.0"]
# ///
"""Writes pillow-bilinear.txt: what Pillow's Image.resize(..., BILINEAR) makes of 8-bit images.

Run with `uv run pillow_bilinear.py` or in any Python that has Pillow. One case per line:

    name inWidth inHeight outWidth outHeight source(hex) result(hex, or sha256:digest when large)
"""

import hashlib
import pathlib
import random

import PIL
from PIL import Image

LARGEST_IN_FULL = 4096  # bytes of result


def noise(width, height, seed):
    return random.Random(seed).randbytes(width * height)


def steps(width, height):
    """Full-range edges: the largest differences between neighbours."""
    return bytes(255 * ((x // 3 + y // 2) % 2) for y in range(height) for x in range(width))


CASES = [
    ("noise", (7, 5), (13, 9), noise(7, 5, 1)),
    ("noise", (13, 9), (7, 5), noise(13, 9, 2)),
    ("noise", (1, 1), (5, 4), noise(1, 1, 3)),
    ("noise", (5, 4), (1, 1), noise(5, 4, 4)),
    ("noise", (2, 3), (64, 3), noise(2, 3, 5)),
    ("noise", (6, 6), (6, 17), noise(6, 6, 6)),
    ("noise", (9, 11), (9, 11), noise(9, 11, 7)),
    ("noise", (32, 32), (20, 20), noise(32, 32, 8)),
    ("noise", (28, 28), (27, 29), noise(28, 28, 9)),
    ("noise", (31, 17), (8, 40), noise(31, 17, 10)),
    ("noise", (64, 64), (3, 3), noise(64, 64, 11)),
    ("noise", (28, 28), (32, 32), noise(28, 28, 12)),
    ("noise", (28, 28), (56, 56), noise(28, 28, 13)),
    ("noise", (28, 28), (67, 67), noise(28, 28, 14)),
    ("noise", (28, 28), (96, 96), noise(28, 28, 15)),
    ("noise", (28, 28), (224, 224), noise(28, 28, 16)),
    ("noise", (28, 28), (448, 448), noise(28, 28, 17)),
    ("noise", (96, 96), (224, 224), noise(96, 96, 18)),
    ("noise", (100, 75), (61, 224), noise(100, 75, 19)),
    ("steps", (28, 28), (61, 53), steps(28, 28)),
    ("steps", (28, 28), (224, 224), steps(28, 28)),
    ("white", (28, 28), (45, 19), bytes([255]) * 784),
]


def main():
    target = pathlib.Path(__file__).with_name("pillow-bilinear.txt")
    with target.open("w", newline="\n") as out:
        out.write(f"# Pillow {PIL.__version__}, Image.resize(size, BILINEAR), mode L;")
        out.write(" made by pillow_bilinear.py\n")
        for name, size_in, size_out, source in CASES:
            image = Image.frombytes("L", size_in, source)
            result = image.resize(size_out, Image.Resampling.BILINEAR).tobytes()
            shown = result.hex()
            if len(result) > LARGEST_IN_FULL:
                shown = "sha256:" + hashlib.sha256(result).hexdigest()
            out.write(" ".join([name, *map(str, size_in + size_out), source.hex(), shown]) + "\n")


if __name__ == "__main__":
    main()
