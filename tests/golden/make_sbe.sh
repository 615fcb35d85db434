#!/bin/sh
# Makes the golden SBE files afresh in the given directory; to be compared with tests/golden/data.
# Needs cargo, and Python 3 with `pip install sbe==0.4.3` (PYTHON names another interpreter).
set -eu
test $# -eq 1 || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
directory=$(cd "$1" && pwd)
cd "$(dirname "$0")"
cargo run --quiet --locked --manifest-path sbe/Cargo.toml -- "$directory"
"${PYTHON:-python3}" sbe_fixed.py "$directory"
