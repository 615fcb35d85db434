"""A wallet and an acquirer that speak FIX SBE, on a public library (PyPI sbe) and our schema.

    python tests/interop/client_sbe.py READY_FILE

The library reads headers and blocks by `src/wire/sbe/schema.xml`; it knows no var data, so those
few bytes are read and written here. Exits 0 only if every answer is what the protocol names.
"""

import datetime
import io
import itertools
import json
import pathlib
import socket
import struct
import sys
import time

import lxml.etree
import sbe

from links import WAIT_SECONDS, Mismatch, check

SCHEMA = pathlib.Path(__file__).parent.parent.parent / "src/wire/sbe/schema.xml"
SOFH_SBE_LITTLE_ENDIAN = 0xEB50

# Of the sandbox: alipay-acceptance is paid by payers of touch-n-go.
ACQUIRER = 15600021
WALLET = 45800001
CODE = b"281045" + b"001122334455667788"

LOCAL = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
RUN = int(time.time()) % 10**8


class Schema:
    """Whole messages: blocks by the library, then the var data in the order of the schema."""

    def __init__(self):
        tree = lxml.etree.parse(str(SCHEMA), lxml.etree.XMLParser(remove_comments=True))
        self.data = {}
        for data in tree.findall(".//data"):
            message = data.getparent()
            self.data.setdefault(message.get("name"), []).append(data.get("name"))
            message.remove(data)
        self.blocks = sbe.Schema.parse(io.BytesIO(lxml.etree.tostring(tree)))
        self.messages = {message.name: message for message in self.blocks.messages.values()}

    def encode(self, template, values):
        message = self.messages[template]
        known = {field.name for field in message.fields} | set(self.data.get(template, ()))
        check(f"fields that {template} does not have", set(values) - known, set())
        fields = {f.name: null_or(f.type, values.get(f.name)) for f in message.fields}
        body = self.blocks.encode(message, fields)
        for name in self.data.get(template, ()):
            data = values.get(name, b"")
            body += struct.pack("<H", len(data)) + data
        return body

    def decode(self, body):
        decoded = self.blocks.decode(body)
        values = dict(decoded.value)
        at = 8 + struct.unpack("<H", body[:2])[0]
        for name in self.data.get(decoded.message_name, ()):
            (length,) = struct.unpack("<H", body[at : at + 2])
            values[name] = body[at + 2 : at + 2 + length]
            at += 2 + length
        check(f"length of {decoded.message_name}", at, len(body))
        return decoded.message_name, values


def null_or(kind, value):
    """What the library wants for a null, and texts padded to their width."""
    if value is None and isinstance(kind, sbe.Composite):
        return {part.name: part.nullValue for part in kind.types}
    is_text = isinstance(kind, sbe.Type) and kind.primitiveType == sbe.PrimitiveType.CHAR
    if is_text and value is not None:
        return value.ljust(kind.length)
    return "" if is_text else value


class Link:
    """One connection to the SBE listener of a ready file."""

    def __init__(self, listener, schema):
        host, port = listener["address"].rsplit(":", 1)
        self.socket = socket.create_connection((host.strip("[]"), int(port)), WAIT_SECONDS)
        self.schema = schema
        self.references = itertools.count(1)

    def send(self, template, values):
        body = self.schema.encode(template, {"transmitTime": time.time_ns(), **values})
        self.socket.sendall(struct.pack(">IH", 6 + len(body), SOFH_SBE_LITTLE_ENDIAN) + body)

    def ask(self, template, values):
        """Sends with a fresh linkRef; the answer has the same."""
        reference = next(self.references)
        self.send(template, {**values, "linkRef": reference})
        name, answer = self.receive()
        check(f"linkRef of the answer to {template}", answer.pop("linkRef"), reference)
        return name, answer

    def receive(self):
        """The next message that is not the switch's own echo; those are answered."""
        while True:
            length, encoding = struct.unpack(">IH", self.exactly(6))
            check("encoding type", encoding, SOFH_SBE_LITTLE_ENDIAN)
            name, values = self.schema.decode(self.exactly(length - 6))
            if name != "Echo":
                return name, values
            self.send("EchoAck", {"linkRef": values["linkRef"], "responseCode": "00"})

    def exactly(self, count):
        found = b""
        while len(found) < count:
            more = self.socket.recv(count - len(found))
            if not more:
                raise Mismatch("the switch closed the link")
            found += more
        return found

    def expect(self, template, values, answer_name, **expected):
        name, answer = self.ask(template, values)
        found = {field: answer.get(field) for field in expected}
        check(f"answer to {template}", (name, found), (answer_name, expected))
        return answer


def business(answer):
    return {name: value for name, value in answer.items() if name != "transmitTime"}


def play(ready):
    listener = next(each for each in ready["listeners"] if each["protocol"] == "sbe")
    schema = Schema()
    acquirer, wallet = Link(listener, schema), Link(listener, schema)
    for link, institution in ((acquirer, ACQUIRER), (wallet, WALLET)):
        sign_on = {"institution": institution, "protocolVersion": 0}
        link.expect("SignOn", sign_on, "SignOnAck", responseCode="00", shards=1, shard=0)
        link.expect("Echo", {}, "EchoAck", responseCode="00")

    key = {
        "originator": ACQUIRER,
        "localDate": int(LOCAL.strftime("%Y%m%d")),
        "reference": f"SB{RUN:08}01",
    }
    paid = {
        **key, "presentation": "cpm", "amount": {"mantissa": 12345, "currency": 156},
        "mcc": 5411, "country": 156, "terminal": "T0000001", "merchantId": "MERCHANT 000001",
        "code": CODE, "merchantName": "\u8001\u738b".encode(),
    }  # fmt: skip
    acquirer.send("PaymentRequest", {**paid, "linkRef": 1001})
    name, request = wallet.receive()
    found = {field: request[field] for field in paid}
    check("request at the wallet", (name, found), ("PaymentRequest", paid))
    result = {"linkRef": request["linkRef"], **key, "amount": paid["amount"]}
    result |= {"responseCode": "00", "outcome": "approved", "approvalCode": "A1B2C3"}
    wallet.send("PaymentResult", result)
    name, answer = acquirer.receive()
    check("linkRef of the result", answer.pop("linkRef"), 1001)
    found = {field: answer[field] for field in result if field != "linkRef"}
    result.pop("linkRef")
    check("result at the acquirer", (name, found), ("PaymentResult", result))

    again = acquirer.expect("PaymentRequest", paid, "PaymentResult")
    check("the answer to a repeat", business(again), business(answer))
    changed = {**paid, "amount": {"mantissa": 12346, "currency": 156}}
    acquirer.expect("PaymentRequest", changed, "PaymentResult", responseCode="94")
    wallet.expect("Echo", {}, "EchoAck", responseCode="00")

    target = {**key, "targetClass": "payment"}
    names = {"originator": "rootOriginator", "localDate": "rootLocalDate"}
    names |= {"reference": "rootReference"}
    root = {names[name]: value for name, value in key.items()}
    status = {"responseCode": "00", "state": "answered", "outcome": "approved"}
    acquirer.expect("StatusInquiry", {**target, **root}, "StatusResult", **status)
    for link in (acquirer, wallet):
        link.expect("SignOff", {}, "SignOffAck", responseCode="00")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        ready = json.load(file)
    try:
        play(ready)
    except (Mismatch, TimeoutError) as mismatch:
        sys.exit(f"interop: {mismatch}")
    print("interop: a wallet and an acquirer did business through the switch on PyPI sbe")


if __name__ == "__main__":
    main()
