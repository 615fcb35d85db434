#!/usr/bin/env python3
"""Reads the files of a report folder with the public HdrHistogram library for Python, and compares
what it finds with report.json. Exit code 0: they say the same.

    tests/interop/reports/read.py DIR
"""

import json
import pathlib
import re
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

MINUTE_NS = 60_000_000_000


def check(what, found, expected):
    print(f"reports: {what}: {found}")
    if found != expected:
        sys.exit(f"reports: {what}: {found}, and report.json says {expected}")


def log(folder, report):
    """Each tag of the interval log, merged, against the quantiles of the report."""
    merged = {}
    intervals = {}
    reader = HistogramLogReader(str(folder / "latency.hlog"), HdrHistogram(1, MINUTE_NS, 3))
    while (histogram := reader.get_next_interval_histogram()) is not None:
        tag = histogram.get_tag()
        whole = merged.setdefault(tag, HdrHistogram(1, MINUTE_NS, 3))
        whole.add(histogram)
        intervals[tag] = intervals.get(tag, 0) + 1
    wanted = {None: report["latency"]["response"], "service": report["latency"]["service"]}
    for row in report["corridors"]:
        wanted[row["corridor"].replace(" ", "_")] = row["response"]
    check("tags in latency.hlog", set(merged), set(wanted))
    for tag, quantiles in wanted.items():
        name = tag or "everything"
        check(f"intervals of {name}", intervals[tag], len(report["series"]["intervals"]))
        check(f"payments of {name}", merged[tag].get_total_count(), quantiles["count"])
        for percentile, key in [(50, "p50_us"), (90, "p90_us"), (99, "p99_us")]:
            if quantiles[key] is None:
                continue
            # Libraries round the rank of a quantile differently: one payment to either side.
            one = 100 / quantiles["count"]
            low = merged[tag].get_value_at_percentile(percentile - one) / 1000
            high = merged[tag].get_value_at_percentile(min(percentile + one, 100)) / 1000
            if not low * 0.999 <= quantiles[key] <= high * 1.001:
                sys.exit(f"reports: {name} {key}: {low} to {high} us, not {quantiles[key]} us")


def distribution(path, quantiles):
    """A percentile distribution: rising, complete, and with the median of the report."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"\s*[0-9]", line):
            words = line.split()
            rows.append((float(words[0]), float(words[1]), int(words[2])))
    if rows != sorted(rows):
        sys.exit(f"reports: {path.name} does not rise")
    check(f"payments in {path.name}", rows[-1][2], quantiles["count"])
    check(f"the end of {path.name}", rows[-1][1], 1.0)
    median = min(rows, key=lambda row: abs(row[1] - 0.5))[0] * 1000
    if abs(median - quantiles["p50_us"]) > max(1.0, quantiles["p50_us"] * 0.02):
        sys.exit(f"reports: {path.name} says {median} us in the middle, not {quantiles['p50_us']}")


def page(folder, report):
    """The page embeds the same report, and loads nothing."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="report">(.*?)</script>', text, re.S)
    check("the embedded report is report.json", json.loads(data.group(1)) == report, True)
    without = text.replace(data.group(1), "")
    check("addresses that the page names", re.findall(r"https?:\S*|\bsrc=\S*", without), [])


def main():
    folder = pathlib.Path(sys.argv[1])
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    log(folder, report)
    distribution(folder / "response.hgrm", report["latency"]["response"])
    distribution(folder / "service.hgrm", report["latency"]["service"])
    page(folder, report)


main()
