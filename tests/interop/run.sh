#!/usr/bin/env bash
# Interoperation: starts the switch on its sandbox in a fresh folder, lets clients in another
# language do business through it, stops it, and wants exit code 0 of everybody.
#
#   tests/interop/run.sh [SWITCH]      SWITCH: the binary, target/release/cpg-switch by default
#   PYTHON=...                         an interpreter that has tests/golden/requirements.txt
set -euo pipefail
cd "$(dirname "$0")/../.."

switch=${1:-target/release/cpg-switch}
python=${PYTHON:-python3}
if [[ ! -x $switch ]]; then
    cargo build --release --locked
fi
if ! "$python" -c 'import iso8583, lxml, sbe'; then
    echo "interop: $python lacks packages: pip install -r tests/golden/requirements.txt" >&2
    exit 1
fi

folder=$(mktemp -d)
pid=
finish() {
    if [[ -n $pid ]]; then kill -KILL "$pid" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap finish EXIT

"$switch" run --ready-file "$folder/ready.json" --data "$folder/data" 2>"$folder/log" &
pid=$!
for _ in $(seq 100); do
    [[ -s $folder/ready.json ]] && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
done
if [[ ! -s $folder/ready.json ]]; then
    echo "interop: the switch was not ready within 10 s:" >&2
    cat "$folder/log" >&2
    exit 1
fi

failed=0
"$python" tests/interop/client.py "$folder/ready.json" || failed=1
"$python" tests/interop/client_sbe.py "$folder/ready.json" || failed=1

kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=
if [[ $code -ne 0 ]]; then
    echo "interop: the switch ended with exit code $code after SIGTERM" >&2
    failed=1
fi
if [[ $failed -ne 0 ]]; then cat "$folder/log" >&2; fi
exit "$failed"
