"""Random codes of each scheme, made and read by libraries that are not ours, against the switch.

    compare.py SWITCH [--seed N] [--count N]

`generate.cjs` beside this file makes codes with libraries from npm, this file makes more with
libraries from PyPI: pyPayNowSg and konthaina-khqr write the codes of two countries, qriskit writes
and reads QRIS (it takes its checksum from binascii, over UTF-8), ber-tlv reads the tags of
consumers' codes. For each code `cpg-switch code inspect` must say that it is good, whose it is,
and that it holds what its maker was asked to write; and where another reader has read it, every
root field must be the same. The same codes with one character changed must be refused.

konthaina-khqr and pyPayNowSg are given ASCII alone: nobody has shown that they count characters.
Exit code 0: all agree.
"""

import argparse
import base64
import concurrent.futures
import json
import pathlib
import random
import string
import subprocess
import sys

import qriskit
from ber_tlv.tlv import Tag, Tlv
from konthaina_khqr import KHQRGenerator, MerchantType
from pyPayNowSg.PayNowConfigFactory import PayNowConfigFactory
from pyPayNowSg.PayNowSerializer import PayNowSerializer

HERE = pathlib.Path(__file__).parent


def word(draw, least, most):
    return "".join(draw.choices(string.ascii_uppercase, k=draw.randint(least, most)))


def digits(draw, count):
    return "".join(draw.choices(string.digits, k=count))


def paynow(draw):
    uen, shop, bill = digits(draw, 9) + word(draw, 1, 1), word(draw, 3, 20), word(draw, 3, 20)
    amount = f"{draw.randint(1, 99999) / 100:.2f}"
    account = PayNowConfigFactory.build_merchant_account_info(2, uen, False, "20301231")
    more = PayNowConfigFactory.build_additional_data(bill)
    payload = PayNowSerializer.serialize(shop, account, amount, more)
    holds = {"26.02": uen, "54": amount, "59": shop, "62.01": bill}
    return {"origin": "pyPayNowSg", "scheme": "paynow", "payload": payload, "holds": holds}


def khqr(draw):
    account = f"{word(draw, 3, 12).lower()}@{word(draw, 4, 4).lower()}"
    shop, merchant, bank = word(draw, 3, 20), digits(draw, 6), word(draw, 3, 10)
    maker = KHQRGenerator(MerchantType.MERCHANT).set_bakong_account_id(account)
    maker = maker.set_merchant_name(shop).set_merchant_id(merchant).set_acquiring_bank(bank)
    maker = maker.set_merchant_city(word(draw, 3, 12)).set_amount(draw.randint(1, 9999) * 100)
    holds = {"30.00": account, "30.01": merchant, "30.02": bank, "59": shop, "53": "116"}
    payload = maker.generate().qr
    return {"origin": "konthaina-khqr", "scheme": "khqr", "payload": payload, "holds": holds}


def qris(draw):
    criteria = draw.choice(["UMI", "UKE", "UME", "UBE"])
    nmid, shop, city = f"ID{digits(draw, 13)}", word(draw, 3, 20), word(draw, 3, 15)
    accounts = [qriskit.MerchantAccount.national(nmid=nmid, criteria=criteria)]
    amount = draw.choice([None, draw.randint(1000, 9999999)])
    more = {"05": word(draw, 3, 20), "07": word(draw, 3, 8)}
    made = qriskit.build(
        merchant_name=shop, merchant_city=city, mcc=digits(draw, 4), accounts=accounts,
        amount=amount, additional_data=more,
    )
    holds = {"51.02": nmid, "51.03": criteria, "59": shop, "60": city, "62.05": more["05"]}
    if amount is not None:
        holds["54"] = str(amount)
    tags = [[node.tag, node.value] for node in made.nodes]
    payload = made.dumps()
    return {"origin": "qriskit", "scheme": "qris", "payload": payload, "holds": holds, "tags": tags}


def made_here(seed, count):
    draw = random.Random(seed)
    return [make(draw) for _ in range(count) for make in (paynow, khqr, qris)]


def made_by_node(seed, count):
    command = ["node", str(HERE / "generate.cjs"), str(seed), str(count)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        sys.exit(f"codes: {' '.join(command)} failed:\n{ended.stderr}")
    return [json.loads(line) for line in ended.stdout.splitlines()]


def inspect(switch, payload):
    command = [switch, "code", "inspect", "-", "--json", "--unmask"]
    ended = subprocess.run(command, input=payload.encode(), capture_output=True, check=False)
    if ended.returncode not in (0, 1):
        sys.exit(f"codes: exit code {ended.returncode} for {payload}: {ended.stderr.decode()}")
    return ended.returncode, json.loads(ended.stdout)


def leaves(fields, outer=""):
    """Every field that is no template, by its path; several where a path comes several times."""
    found = []
    for field in fields:
        path = f"{outer}.{field['id']}" if outer else field["id"]
        inside = field.get("fields", [])
        found += leaves(inside, path) if inside else [(path, field["value"])]
    return found


def whole(field):
    """A root field's value as it stood in the code."""
    if not field.get("fields"):
        return field["value"]
    parts = ((inner["id"], whole(inner)) for inner in field["fields"])
    return "".join(f"{tag}{len(value):02}{value}" for tag, value in parts)


def tags_of(payload):
    """A consumer's code as ber-tlv reads it: leaves by their path, in order. It is asked level by
    level, because by itself it takes any value that could be tags for tags."""

    def walk(data, outer):
        found = []
        for tag, value in Tlv.parse(data, False):
            path = f"{outer}.{tag:02X}" if outer else f"{tag:02X}"
            inside = Tag.isConstructed(tag)
            found += walk(value, path) if inside else [(path, bytes(value).hex().upper())]
        return found

    return walk(base64.b64decode(payload), "")


def as_hexadecimal(found):
    """Text of consumers' codes is told as text."""
    shown = {"85", "50"}
    return [(p, v.encode().hex().upper() if p.split(".")[-1] in shown else v) for p, v in found]


def disagreements(switch, code):
    exit_code, said = inspect(switch, code["payload"])
    wrong = []
    if exit_code != 0 or not said["good"]:
        wrong.append(f"refused: {[fault['message'] for fault in said['faults']]}")
    owners = [owner["scheme"] for owner in said["owners"]]
    if owners[:1] != [code["scheme"]]:
        wrong.append(f"owners {owners}")
    found = leaves(said.get("fields", []))
    for path, value in code.get("holds", {}).items():
        if (path, value) not in found:
            wrong.append(f"{path} should be {value!r}")
    if "tags" in code:
        read = [[field["id"], whole(field)] for field in said["fields"]]
        if read != code["tags"]:
            wrong.append(f"root fields {read}, another reader: {code['tags']}")
    if "aids" in code:
        marks = [[owner["scheme"], owner["mark"]] for owner in said["owners"]]
        if marks != code["aids"]:
            wrong.append(f"applications {marks} for {code['aids']}")
        if as_hexadecimal(found) != tags_of(code["payload"]):
            wrong.append(f"tags {as_hexadecimal(found)}, ber-tlv: {tags_of(code['payload'])}")
    elif not wrong:
        wrong += damaged(switch, code["payload"])
    return [f"{code['origin']} {code['scheme']}: {what}: {code['payload']}" for what in wrong]


def damaged(switch, payload):
    """One digit changed, at a place that the code itself chooses."""
    places = [at for at, character in enumerate(payload) if character.isdigit()]
    at = places[len(payload) * 7919 % len(places)]
    other = str((int(payload[at]) + 1) % 10)
    exit_code, said = inspect(switch, payload[:at] + other + payload[at + 1 :])
    accepted = exit_code != 1 or said["good"] or not said["faults"]
    return [f"still good with another digit at {at}"] if accepted else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switch")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--count", type=int, default=20, help="codes of each kind")
    given = parser.parse_args()
    print(f"codes: seed {given.seed}, {given.count} of each kind")
    codes = made_by_node(given.seed, given.count) + made_here(given.seed, given.count)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [what for found in pool.map(lambda c: disagreements(given.switch, c), codes)
                 for what in found]
    for what in wrong[:20]:
        print(what)
    kinds = sorted({f"{code['origin']}: {code['scheme']}" for code in codes})
    print(f"codes: {len(codes)} of {len(kinds)} kinds, {len(wrong)} disagreements")
    for kind in kinds:
        print(f"  {kind}")
    sys.exit(1 if wrong or not codes else 0)


if __name__ == "__main__":
    main()
