#!/usr/bin/env python3
"""Uses the dashboard of a busy switch in a real browser, through Playwright with the system's
Chromium: what it shows is what the interface says, a payment is found, and participants whose
process is killed turn red. Exit code 0: it is so.

    tests/interop/board/browser.py CHROMIUM READY-FILE PID-OF-LOADGEN SWITCH
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

UP = "#participant-table tbody tr:not(.bad)"
ROWS = "#participant-table tbody tr"


def check(what, good, found=""):
    print(f"board: {what}: {'good' if good else 'NOT GOOD'} {found}", flush=True)
    if not good:
        sys.exit(1)


def until(page, condition, seconds):
    """Waits from outside: the page's policy lets nobody wait inside with a text of their own."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        if time.monotonic() > end:
            check(f"{condition} within {seconds} s", False)
        time.sleep(0.05)


def board(page):
    return page.evaluate("""async () => {
        const headers = {};
        const token = sessionStorage.getItem("token");
        if (token) headers.Authorization = `Bearer ${token}`;
        return (await fetch("/v1/board", { headers })).json();
    }""")


def a_payment(switch, data):
    """The key of a payment with an answer, from the journal itself."""
    dump = subprocess.run([switch, "journal", "dump", data], capture_output=True, text=True)
    answered, key = set(), {}
    for line in dump.stdout.splitlines():
        record = json.loads(line)
        if record["record"] == "payment":
            key[record["number"]] = record["key"]
        elif record["record"] == "answer":
            answered.add(record["number"])
    return key[min(answered & set(key))]


def same_as_interface(page):
    """The slow numbers of the page are those of the interface."""
    rows = page.evaluate("""() => [...document.querySelectorAll("#participant-table tbody tr")]
        .map((row) => [row.dataset.name, Number(row.cells[2].textContent)])""")
    said = [[one["name"], one["links"]] for one in board(page)["participants"]]
    check("participants and links as the interface says", rows == said, rows)
    codes = page.evaluate("""() => [...document.querySelectorAll("#bars-declines li span")]
        .map((one) => one.textContent)""")
    known = board(page)["declines"]
    check("response codes as the interface says", set(codes) <= set(known), codes)
    flows = page.evaluate("""() => [...document.querySelectorAll("#corridor-table tbody tr")]
        .map((row) => [row.cells[0].textContent, row.cells[1].textContent])""")
    known = [[one["from"], one["to"]] for one in board(page)["corridors"]]
    check("corridors as the interface says", flows and all(flow in known for flow in flows))


def find(page, key, state):
    text = f"{key['originator']}/{key['local_date'].replace('-', '')}/{key['reference']}"
    for wanted in (key["reference"], text):
        page.keyboard.press("/")
        page.locator("#reference").fill(wanted)
        page.keyboard.press("Enter")
        story = page.locator("#stories .story").first
        story.wait_for(timeout=30_000)
        title = story.locator("h3").inner_text()
        check(f"{wanted} is found", title == f"payment {text}", title)
        check("with its steps", story.locator("li").count() >= 2, story.locator("li").count())
        end = story.locator(".end").inner_text()
        check("and its end", end in state, end)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        check("Escape closes it", page.locator("#found").is_hidden())


def use(page, address, said, asked):
    page.goto(address)
    until(page, "document.querySelector('#t-rate').textContent > '0'", 60)
    until(page, f"document.querySelectorAll('{UP}').length === 7", 60)
    until(page, "document.querySelectorAll('#bars-declines .bar').length > 0", 60)
    outside = [url for url in asked if not url.startswith((address.split("#")[0], "data:"))]
    check("nothing is loaded from elsewhere", not outside, outside)
    check("no error", not said, said)
    unnamed = page.evaluate("""() => [...document.querySelectorAll("button, input, canvas, svg")]
        .filter((one) => !one.textContent.trim() && !one.ariaLabel && !one.labels?.length)
        .length""")
    check("everything has a name to be read aloud", unnamed == 0, unnamed)
    empty = page.evaluate("""() => [...document.querySelectorAll("[data-word]")]
        .filter((one) => !one.textContent).map((one) => one.dataset.word)""")
    check("every word is there", not empty, empty)
    same_as_interface(page)
    for key in "jj":
        page.keyboard.press(key)
    check("j goes through participants",
          page.locator("#participant-table tr[aria-selected=true]").count() == 1)
    page.keyboard.press("?")
    check("? shows the keys", page.locator("#keys").is_visible())
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    check("l turns to Chinese", page.locator("#participants-title").inner_text() == "参与机构")
    page.keyboard.press("l")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    check("t turns light into dark", before != after, f"{before} {after}")
    for width in (390, 800, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        check(f"{width} pixels: nothing lies beside the page", wider <= 0, wider)


def close_and_open(page, switch, ready):
    """What an operator closes is shown within seconds, in words, and gone once it is open."""
    ctl = [switch, "ctl", "--socket", ready["socket"]]
    why = ["--reason", "a test of the board"]

    def do(*words):
        subprocess.run([*ctl, *words, *why], check=True, capture_output=True)

    check("nothing is closed at first", page.locator("#desk").is_hidden())
    do("participants", "suspend", "kakao-pay")
    do("corridors", "stop", "HK->SG")
    until(page, "document.querySelectorAll('#closed li').length === 2", 20)
    closed = page.locator("#closed").inner_text()
    check("what is closed is named", "kakao-pay" in closed and "HK->SG" in closed, repr(closed))
    pill = page.locator("#participant-table tr[data-name=kakao-pay] .pill")
    check("who is suspended is shown so", pill.inner_text() == "Suspended", pill.inner_text())
    do("participants", "resume", "kakao-pay")
    do("corridors", "start", "HK->SG")
    until(page, "document.querySelector('#desk').hidden", 20)
    check("and is gone once it is open", True)


def main():
    browser_path, ready_path, loadgen, switch = sys.argv[1:]
    ready = json.loads(pathlib.Path(ready_path).read_text(encoding="utf-8"))
    address = f"http://{ready['admin']}/"
    token = pathlib.Path(ready["data"]) / "admin.token"
    if token.exists():
        address += f"#token={token.read_text(encoding='utf-8').strip()}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        context = browser.new_context(color_scheme="light", locale="en-US")
        page = context.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        use(page, address, said, asked)
        close_and_open(page, switch, ready)
        key = a_payment(switch, ready["data"])
        find(page, key, ("It is approved.", "It is declined.", "It is reversed."))
        os.kill(int(loadgen), signal.SIGKILL)
        killed = time.monotonic()
        until(page, f"document.querySelectorAll('{UP}').length === 0 "
                    f"&& document.querySelectorAll('{ROWS}').length === 7", 30)
        check("all turn red when their process is killed", True,
              f"{time.monotonic() - killed:.1f} s after it")
        check("no error in all that time", not said, said)
        browser.close()


if __name__ == "__main__":
    main()
