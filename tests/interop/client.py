"""A wallet and an acquirer in another language, on a public ISO 8583 library (pyiso8583).

    python tests/interop/client.py READY_FILE

plays both against a switch on its sandbox: signs on, pays, repeats, contradicts itself, sends
rubbish, asks, reverses, signs off. Exits 0 only if every answer is the one that
`src/wire/PROTOCOL.md` names.
"""

import datetime
import json
import sys
import time

from links import Link, Mismatch, check, tags, untag

# Of the sandbox: weixin-pay-acceptance (ASCII) is paid by payers of alipayhk (binary).
ACQUIRER = "15600022"
WALLET = "34400001"
CODE = "281034" + "001122334455667788"
CODE_OF_NOBODY = "999999" + "001122334455667788"

LOCAL = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
KEY_CHANGE = {"t": "0800", "48": tags(("25", "1")), "70": "161"}
RUN = int(time.time()) % 10**8

# What the answer to a payment repeats from its request, and what a repeat's answer may differ in.
ECHOED = ("3", "4", "12", "13", "18", "22", "32", "37", "41", "42", "49")
MATCH_KEY = ("7", "11")


def payment(number, **more):
    return {
        "t": "0200", "3": "000000", "4": "000000012345", "12": LOCAL.strftime("%H%M%S"),
        "13": LOCAL.strftime("%m%d"), "18": "5411", "22": "030", "32": ACQUIRER,
        "37": f"IO{RUN:08}{number:02}", "41": "T0000001", "42": "MERCHANT 000001",
        "48": tags(("01", "C")), "49": "156", "62": CODE, **more,
    }  # fmt: skip


def about(mti, paid, **more):
    """A message about a payment: its key, and what names it."""
    return {"t": mti, "3": "000000", **{n: paid[n] for n in ("13", "32", "37")}, **more}


def business(message):
    return {number: value for number, value in message.items() if number not in MATCH_KEY}


def refused(what, answer, code, place=None):
    check(f"response code: {what}", answer.get("39"), code)
    if place is not None:
        check(f"place: {what}", answer.get("44", "")[: len(place)], place)


def pays(acquirer, wallet):
    """One payment, all the way."""
    paid = acquirer.send(acquirer.stamp(payment(1)))
    request = wallet.receive()
    check("MTI at the wallet", request["t"], "0200")
    for number in (*ECHOED, "62"):
        check(f"DE {number} at the wallet", request.get(number), paid[number])
    check("presentation and scenario at the wallet", untag(request["48"]), {"01": "C", "02": "2"})
    keep = {number: request[number] for number in (*ECHOED, *MATCH_KEY)}
    wallet.send({**keep, "t": "0210", "38": "A1B2C3", "39": "00", "48": tags(("01", "C"))})
    answer = acquirer.receive()
    check("answer", (answer["t"], answer["39"], answer["38"]), ("0210", "00", "A1B2C3"))
    for number in (*ECHOED, *MATCH_KEY):
        check(f"DE {number} of the answer", answer.get(number), paid[number])
    check("presentation of the answer", untag(answer["48"])["01"], "C")
    return paid, answer


def repeats(acquirer, wallet, paid, answer):
    again = acquirer.ask(paid)
    check("the answer to a repeat", business(again), business(answer))
    changed = acquirer.ask({**paid, "4": "000000012346"})
    refused("same key, another amount", changed, "94")
    wallet.nothing_waits()


def sends_rubbish(acquirer, wallet):
    acquirer.send_body(b"\x00\x01rubbish")
    acquirer.nothing_waits()
    message = acquirer.stamp(payment(2))
    body = acquirer.body(message)
    at = body.index(b"000000012345")
    for what, bad, code, place in (
        ("a letter in DE 4", body.replace(b"12345", b"1234E", 1), "30", f"F004R009O{at + 11:05}"),
        ("trailing bytes", body + b"123", "30", f"F000R002O{len(body):05}"),
        ("half a message", body[:-5], "30", "F062"),
    ):
        acquirer.send_body(bad)
        refused(what, acquirer.receive(), code, place)
    no_amount = payment(3)
    del no_amount["4"]
    refused("no amount", acquirer.ask(no_amount), "30", "F004R008")
    refused("another institution", acquirer.ask(payment(4, **{"32": WALLET})), "58")
    refused("nobody's code", acquirer.ask(payment(5, **{"62": CODE_OF_NOBODY})), "92")
    refused("not delivered yet", acquirer.ask(KEY_CHANGE), "40")
    wallet.nothing_waits()


def asks(acquirer, paid, state, outcome):
    answer = acquirer.ask(about("0100", paid, **{"48": tags(("14", "S"))}))
    found = untag(answer["48"])
    check("status", (answer["39"], found["08"], found["15"]), ("00", state, outcome))


def reverses(acquirer, wallet, paid):
    original = f"0200{paid['11']}{paid['7']}{ACQUIRER:0>11}{0:011}"
    advice = {"4": paid["4"], "49": paid["49"], "90": original}
    answer = acquirer.ask(about("0420", paid, **advice))
    check("reversal advice", answer["39"], "00")
    forwarded = wallet.receive()
    check("MTI of the reversal at the wallet", forwarded["t"][:3], "042")
    for number in ("3", "4", "13", "32", "37", "49"):
        check(f"DE {number} of the reversal", forwarded.get(number), paid[number])
    names = ("3", "4", "7", "11", "13", "32", "37", "49")
    wallet.send({**{n: forwarded[n] for n in names}, "t": "0430", "39": "00"})
    again = acquirer.ask(about("0421", paid, **advice))
    check("repeated reversal advice", again["39"], "00")


def play(ready):
    listeners = {listener["protocol"]: listener for listener in ready["listeners"]}
    acquirer = Link(listeners["iso8583-ascii"])
    wallet = Link(listeners["iso8583-binary"])
    refused("before sign-on", acquirer.ask(payment(0)), "58")
    acquirer.sign_on(ACQUIRER)
    wallet.sign_on(WALLET)
    wallet.nothing_waits()
    paid, answer = pays(acquirer, wallet)
    repeats(acquirer, wallet, paid, answer)
    sends_rubbish(acquirer, wallet)
    asks(acquirer, paid, "3", "1")
    unknown = acquirer.ask(about("0100", payment(9), **{"48": tags(("14", "S"))}))
    refused("inquiry about nothing", unknown, "25")
    reverses(acquirer, wallet, paid)
    asks(acquirer, paid, "3", "3")
    check("the payment's answer never changes", business(acquirer.ask(paid)), business(answer))
    acquirer.sign_off()
    wallet.sign_off()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        ready = json.load(file)
    try:
        play(ready)
    except Mismatch as mismatch:
        sys.exit(f"interop: {mismatch}")
    print("interop: a wallet and an acquirer did business through the switch on pyiso8583")


if __name__ == "__main__":
    main()
