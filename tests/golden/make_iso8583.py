"""Golden ISO 8583 messages, made by pyiso8583: bytes that are not from our own encoder.

    python tests/golden/make_iso8583.py OUTDIR

writes one JSON file for each message below: its data elements and its bytes in both forms. The
files in `tests/golden/data` are checked in; CI makes them afresh and compares. The Rust test
`golden_iso8583` decodes them, compares every value, and encodes to the same bytes.
"""

import importlib.metadata
import json
import pathlib
import sys

import iso8583

from iso8583_spec import ASCII_SPEC, BINARY_SPEC, unionpay_like

FORMS = {"iso8583-ascii": ASCII_SPEC, "iso8583-binary": BINARY_SPEC}

# Golden messages of another base than the plain one, and what precedes their bodies: two bytes of
# length, TPDU, message header.
DIALECTS = {"unionpay-like": {form: unionpay_like(spec) for form, spec in FORMS.items()}}
TPDU = bytes.fromhex("6000030001")
MESSAGE_HEADER = bytes.fromhex("603100311000")

# The date of receipt (UTC): ISO 8583 dates have no year.
RECEIVED = 20261121

ACQUIRER = "48000702"
WALLET = "2840156"
FRONTED = "10000000007"

MPM_CODE = (
    "00020101021226310014EXAMPLE.SCHEME0109000000001520454115303156540512.345802CN"
    "5908LAO WANG6007BEIJING6304ABCD"
)


def tags(*pairs, charset="utf-8"):
    """DE 48: tag, length in bytes, value."""
    return "".join(f"{tag}{len(value.encode(charset)):03}{value}" for tag, value in pairs)


def padded(text, count, charset):
    """A text of `count` bytes."""
    return text + " " * (count - len(text.encode(charset)))


def network(mti, code, stan, **more):
    return {"t": mti, "7": "1121220505", "11": f"{stan:06}", "70": code, **more}


# What may be left out is: an outcome that DE 39 tells, for one. What may be there is there: the
# root, which only some targets need. So they are the bytes that our own encoder writes, too.


def payment(mti, stan, **more):
    """What a payment and its answer have in common."""
    return {
        "t": mti, "3": "000000", "4": "000000012345", "7": "1121220505", "11": f"{stan:06}",
        "12": "060504", "13": "1122", "18": "5411", "22": "030", "41": "T0000001",
        "42": "MERCHANT 000001", "49": "156", **more,
    }  # fmt: skip


def about(mti, stan, **more):
    """A message about the payment CPM000000001 of the acquirer."""
    return {
        "t": mti, "3": "000000", "7": "1121220507", "11": f"{stan:06}", "13": "1122",
        "32": ACQUIRER, "37": "CPM000000001", **more,
    }  # fmt: skip


CONVERTED = {
    "5": "000000001737", "6": "000000013456", "9": "71407000", "10": "61090000",
    "50": "840", "51": "344",
}  # fmt: skip

CPM = {"32": ACQUIRER, "37": "CPM000000001"}
MPM = {"32": WALLET, "37": "MPMabc00002Z", "4": "000000001234", "100": ACQUIRER}
ROOT = ("06", f"CPM00000000120261122{ACQUIRER:0>11}")
ORIGINAL = f"0200000101{'1121220505'}{ACQUIRER:0>11}{0:011}"

MESSAGES = {
    "sign-on": network("0800", "001", 1, **{"32": ACQUIRER}),
    "sign-on-answer": network("0810", "001", 1, **{"39": "00"}),
    "sign-off": network("0800", "002", 2),
    "sign-off-answer": network("0810", "002", 2, **{"39": "00"}),
    "echo": network("0800", "301", 3),
    "echo-answer": network("0810", "301", 3, **{"39": "00"}),
    "payment-cpm": payment("0200", 101, **CPM, **{
        "48": tags(("01", "C")), "62": "281012345678901234567890",
    }),
    "payment-cpm-converted": payment("0200", 102, **CPM, **CONVERTED, **{
        "19": "156", "33": FRONTED, "48": tags(("01", "C"), ("02", "2"), ("03", "2")),
        "62": "281012345678901234567890", "64": "0123456789ABCDEF",
    }),
    "payment-cpm-answer": payment("0210", 101, **CPM, **{
        "15": "1122", "38": "A1B2C3", "39": "00", "48": tags(("01", "C")),
    }),
    "payment-cpm-declined": payment("0210", 101, **CPM, **{
        "39": "51", "44": "insufficient funds", "48": tags(("01", "C")),
    }),
    "payment-mpm": {**payment("0200", 201), **MPM, **{
        "48": tags(("01", "M"), ("05", "cXVvdGU_LQ"), ("07", "\u8001\u738b\u9910\u5385")),
        "62": MPM_CODE,
    }},
    "payment-mpm-answer": payment("0210", 201, **{
        "4": "000000001234", "32": MPM["32"], "37": MPM["37"], "38": "654321", "39": "00",
        "48": tags(("01", "M")),
    }),
    "payment-advice": about("0220", 301, **{
        "4": "000000012345", "39": "68", "48": tags(ROOT, ("15", "3")), "49": "156",
    }),
    "payment-advice-repeat": about("0221", 301, **{
        "4": "000000012345", "38": "A1B2C3", "39": "00", "48": tags(ROOT), "49": "156",
    }),
    "payment-advice-answer": about("0230", 301, **{"39": "00", "48": tags(ROOT)}),
    "reversal": about("0400", 401, **{
        "4": "000000012345", "48": tags(ROOT, ("12", "1")), "49": "156", "90": ORIGINAL,
    }),
    "reversal-advice": about("0420", 402, **{
        "4": "000000012345", "48": tags(ROOT, ("12", "2")), "49": "156", "90": ORIGINAL,
    }),
    "reversal-advice-answer": about("0430", 402, **{
        "4": "000000012345", "39": "00", "48": tags(ROOT), "49": "156",
    }),
    "status-inquiry": about("0100", 501, **{"48": tags(ROOT, ("14", "S"))}),
    "status-answer": about("0110", 501, **{
        "4": "000000012345", "38": "A1B2C3", "39": "00",
        "48": tags(ROOT, ("08", "3"), ("15", "3")), "49": "156",
    }),
}  # fmt: skip

# Of each: its dialect, and its data elements.
NAME = "\u5170\u5dde\u62c9\u9762\uff08\u5357\u4eac\u8def\u5e97\uff09"
IN_DIALECTS = {
    "unionpay-like-payment": ("unionpay-like", payment("0200", 601, **CPM, **{
        "43": padded(NAME, 40, "gbk"), "48": tags(("01", "C")), "62": "281012345678901234567890",
    })),
    # Too long for DE 43: tag 07 carries it, in the same character set.
    "unionpay-like-payment-long-name": ("unionpay-like", payment("0200", 602, **CPM, **{
        "48": tags(("01", "C"), ("07", NAME + " Lanzhou Noodle House \u2161"), charset="gbk"),
        "62": "281012345678901234567890",
    })),
    "unionpay-like-payment-declined": ("unionpay-like", payment("0210", 601, **CPM, **{
        "39": "51", "44": "\u4f59\u989d\u4e0d\u8db3", "48": tags(("01", "C")),
    })),
}  # fmt: skip


def in_order(element):
    number, _ = element
    return 0 if number == "t" else int(number)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: ("", values) for name, values in MESSAGES.items()}
    for name, (dialect, values) in {**plain, **IN_DIALECTS}.items():
        golden = {
            "tool": "pyiso8583",
            "version": importlib.metadata.version("pyiso8583"),
            "command": "python tests/golden/make_iso8583.py OUTDIR",
            "received": RECEIVED,
            "values": dict(sorted(values.items(), key=in_order)),
            "hex": {},
        }
        if dialect:
            golden["dialect"] = dialect
        for form, spec in DIALECTS.get(dialect, FORMS).items():
            body, _ = iso8583.encode(dict(values), spec)
            golden["hex"][form] = body.hex()
            if dialect:
                follows = TPDU + MESSAGE_HEADER + body
                frame = len(follows).to_bytes(2, "big") + follows
                golden.setdefault("frames", {})[form] = frame.hex()
        text = json.dumps(golden, indent=2, ensure_ascii=False)
        (folder / f"iso8583-{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
