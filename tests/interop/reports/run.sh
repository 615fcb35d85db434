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
echo "reports: the page's script: $(wc -c <"$folder/page.js") bytes that node can read"

# One run of each side can show nothing, and says so; another machine's is refused.
"$loadgen" compare "$folder/report" --with "$folder/report" --anyway | grep "TOO FEW RUNS"
mkdir "$folder/other"
sed 's/"kernel": "/"kernel": "another /' "$folder/report/report.json" >"$folder/other/report.json"
code=0
"$loadgen" compare "$folder/report" --with "$folder/other" 2>"$folder/refused" || code=$?
grep "environment.kernel" "$folder/refused"
[[ $code -eq 4 ]] || { echo "reports: compare ended with $code, not 4" >&2; exit 1; }

# A search that is too short to confirm anything still says what it saw.
code=0
"$loadgen" find-max --rate-start 1500 --rate-max 3000 --trial 1 --trials-max 5 --p99-ms 1000 \
    --report "$folder/knee" || code=$?
[[ $code -eq 0 || $code -eq 1 || $code -eq 3 ]] || exit 1

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -n $browser ]]; then
    "$python" "$here/browser.py" "$browser" "$folder/report"
    "$python" "$here/browser.py" "$browser" "$folder/knee"
else
    echo "reports: NOT RUN: no Chromium to open the pages in"
fi
