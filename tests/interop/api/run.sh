#!/usr/bin/env bash
# The admin API of a busy switch, tried by a public fuzzer from its own document: no answer says
# that the switch failed, each is of a kind that the document names, bad requests are refused, no
# answer holds a token or a payment code, and the switch goes on as before.
#
#   tests/interop/api/run.sh [SWITCH LOADGEN]   the binaries, the release build by default
#   PYTHON=...                                  an interpreter that has schemathesis
#   EXAMPLES=...  SEED=...                      how many of each door; which
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

switch=$(realpath "${1:-target/release/cpg-switch}")
loadgen=$(realpath "${2:-target/release/cpg-loadgen}")
python=${PYTHON:-python3}
fuzzer=$(dirname "$(command -v "$python")")/schemathesis
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
"$switch" run --data "$folder/data" --ready-file "$folder/ready" >"$folder/out" 2>"$folder/log" &
pids+=($!)
for _ in $(seq 600); do [[ -s $folder/ready ]] && break; sleep 0.1; done
[[ -s $folder/ready ]] || { cat "$folder/log" >&2; exit 1; }
"$loadgen" run --ready-file "$folder/ready" --rate "${RATE:-200}" --duration 600 --quiet \
    >"$folder/load" 2>&1 &
pids+=($!)
admin='import json, sys; print(json.load(open(sys.argv[1]))["admin"])'
address=$("$python" -c "$admin" "$folder/ready")
token=$(<"$folder/data/admin.token")
export CPG_TOKEN=$token
# What ends the switch is left to its own tests; a stream never ends. That a text is a string does
# not make it a table, nor any name a participant's: those refusals are right.
cd "$folder"
SCHEMATHESIS_HOOKS=checks PYTHONPATH=$here "$fuzzer" run "http://$address/v1/openapi.json" \
    --url "http://$address" -H "Authorization: Bearer $token" \
    --exclude-path /v1/switch/drain --exclude-path /v1/board/stream \
    --exclude-checks positive_data_acceptance \
    --max-examples "${EXAMPLES:-40}" --seed "${SEED:-7}" --request-timeout 30 --no-color \
    >"$folder/fuzz" 2>&1 || { cat "$folder/fuzz"; exit 1; }
tail -25 "$folder/fuzz"
# It lives, takes payments, and has said nothing of a panic.
"$switch" ctl --socket "$folder/data/admin.socket" status
[[ $(curl -s -o /dev/null -w '%{http_code}' "http://$address/readyz") == 200 ]]
! grep -i panick "$folder/log"
grep -q 'without a token' < <(curl -s "http://$address/v1/status")
