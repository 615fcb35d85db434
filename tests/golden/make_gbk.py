"""The characters of GBK, by Python's own codec: a table that is not from the library we use.

    python tests/golden/make_gbk.py OUTDIR

writes `gbk.txt`: for each first byte a line of it in hexadecimal, and the characters of its second
bytes 40 to FE in order, U+FFFD where there is none. The Rust test `iso8583::charset` compares.
"""

import pathlib
import sys


def character(first, second):
    try:
        return bytes([first, second]).decode("gbk")
    except UnicodeDecodeError:
        return "\ufffd"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{first:02X} " + "".join(character(first, second) for second in range(0x40, 0xFF))
        for first in range(0x81, 0xFF)
    ]
    (folder / "gbk.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
