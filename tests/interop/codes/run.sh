#!/usr/bin/env bash
# Codes made and read by libraries from npm and PyPI against `cpg-switch code inspect`.
#
#   tests/interop/codes/run.sh [SWITCH] [compare.py's options]
#   PYTHON=...     an interpreter that has tests/interop/codes/requirements.txt
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

switch=${1:-target/release/cpg-switch}
python=${PYTHON:-python3}
if ! "$python" -c 'import ber_tlv, konthaina_khqr, pyPayNowSg, qriskit'; then
    echo "codes: $python lacks packages: pip install -r tests/interop/codes/requirements.txt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here"/package.json "$here"/package-lock.json "$folder"
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
NODE_PATH=$folder/node_modules "$python" "$here/compare.py" "$switch" "${@:2}"
