#!/usr/bin/env python3
"""Opens the page of a report in a real browser, in both colours and two widths, through Playwright
with the system's Chromium, and uses it as people do. Exit code 0: it drew and answered.

    tests/interop/reports/browser.py CHROMIUM DIR
"""

import json
import pathlib
import sys

from playwright.sync_api import sync_playwright


def check(what, good, found=""):
    print(f"browser: {what}: {'good' if good else 'NOT GOOD'} {found}")
    if not good:
        sys.exit(1)


def colours(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def use(page, address, width, scheme, searched):
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("figure svg circle.dot", state="attached")
    name = f"{scheme}, {width} pixels"
    check(f"{name}: nothing but the file is loaded", asked == [address], asked)
    check(f"{name}: no error", not said, said)
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    check(f"{name}: nothing lies beside the page", wider <= 0, wider)
    first = page.locator("figure").first
    first.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    spoken = first.locator("[aria-live=polite]").inner_text()
    check(f"{name}: arrow keys read values aloud", spoken.startswith("at ") and "p50" in spoken)
    if searched:
        rows = page.locator("tbody tr")
    else:
        first.locator("summary").click()
        rows = first.locator("tbody tr")
    rows.first.wait_for()
    check(f"{name}: the table of a plot", rows.count() > 1, f"{rows.count()} rows")
    verdict = page.locator(".verdict").first.bounding_box()["y"]
    number = page.locator(".cards").first.bounding_box()["y"]
    check(f"{name}: verdicts stand before numbers", verdict < number)
    before = colours(page)
    page.get_by_role("button", name="Light" if scheme == "dark" else "Dark").click()
    check(f"{name}: the switch changes colours", colours(page) != before)


def main():
    chromium, folder = sys.argv[1:]
    folder = pathlib.Path(folder).resolve()
    address = (folder / "report.html").as_uri()
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    searched = report.get("kind") == "find-max"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width, scheme in [(1180, "light"), (1180, "dark"), (390, "light"), (390, "dark")]:
            size = {"width": width, "height": 900}
            context = browser.new_context(viewport=size, color_scheme=scheme)
            use(context.new_page(), address, width, scheme, searched)
            context.close()
        browser.close()


main()
