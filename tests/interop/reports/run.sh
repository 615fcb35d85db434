#!/usr/bin/env bash
# Report folders against the public HdrHistogram library for Python; the page's script against node.
#
#   tests/interop/reports/run.sh [LOADGEN]     LOADGEN: the binary, the release build by default
#   PYTHON=...                                 an interpreter that has requirements.txt beside this
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

loadgen=${1:-target/release/cpg-loadgen}
python=${PYTHON:-python3}
if ! "$python" -c 'import hdrh.log'; then
    echo "reports: $python lacks packages: pip install -r $here/requirements.txt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$loadgen" demo --duration 3 --quiet --report "$folder/report" >"$folder/text"
"$python" "$here/read.py" "$folder/report"
sed -n '/^<script>$/,/^<\/script>$/p' "$folder/report/report.html" | sed '1d;$d' >"$folder/page.js"
node --check "$folder/page.js"
echo "reports: the page's script: $(wc -c <"$folder/page.js") bytes that node can read"
