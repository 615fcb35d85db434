#!/usr/bin/env bash
# Report folders against the public HdrHistogram library for Python; the page against node and,
# where there is one, a browser.
#
#   tests/interop/reports/run.sh [LOADGEN]     LOADGEN: the binary, the release build by default
#   PYTHON=...                                 an interpreter that has requirements.txt beside this
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

loadgen=${1:-target/release/cpg-loadgen}
python=${PYTHON:-python3}
if ! "$python" -c 'import hdrh.log, playwright'; then
    echo "reports: $python lacks packages: pip install -r $here/requirements.txt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$loadgen" demo --duration 3 --quiet --report "$folder/report" >"$folder/text"
"$python" "$here/read.py" "$folder/report"
sed -n '/^<script>$/,/^<\/script>$/p' "$folder/report/report.html" | sed '1d;$d' >"$folder/page.js"
node --check "$folder/page.js"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -n $browser ]]; then
    "$python" "$here/browser.py" "$browser" "$folder/report"
else
    echo "reports: NOT RUN: no Chromium to open the page in"
fi
echo "reports: the page's script: $(wc -c <"$folder/page.js") bytes that node can read"
