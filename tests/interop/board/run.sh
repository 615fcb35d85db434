#!/usr/bin/env bash
# The dashboard, used in a browser while a generator keeps a switch busy; then the generator is
# killed, and its participants turn red.
#
#   tests/interop/board/run.sh [SWITCH LOADGEN]   the binaries, the release build by default
#   PYTHON=...                                    an interpreter that has Playwright
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

switch=${1:-target/release/cpg-switch}
loadgen=${2:-target/release/cpg-loadgen}
python=${PYTHON:-python3}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $browser ]]; then
    echo "board: NOT RUN: no Chromium to open the page in"
    exit
fi
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
"$switch" run --data "$folder/data" --ready-file "$folder/ready" >"$folder/log" 2>&1 &
pids+=($!)
for _ in $(seq 600); do [[ -s $folder/ready ]] && break; sleep 0.1; done
[[ -s $folder/ready ]] || { cat "$folder/log" >&2; exit 1; }
"$loadgen" run --ready-file "$folder/ready" --rate "${RATE:-500}" --duration 300 --quiet \
    >"$folder/load" 2>&1 &
pids+=($!)
"$python" "$here/browser.py" "$browser" "$folder/ready" "${pids[1]}" "$switch"
