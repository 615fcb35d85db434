"""A participant's side of one ISO 8583 link: framing, match keys, echoes."""

import datetime
import itertools
import pathlib
import socket
import struct
import sys

import iso8583

sys.path.append(str(pathlib.Path(__file__).parent.parent / "golden"))
from iso8583_spec import ASCII_SPEC, BINARY_SPEC  # noqa: E402

SPECS = {"iso8583-ascii": ASCII_SPEC, "iso8583-binary": BINARY_SPEC}
WAIT_SECONDS = 5.0


class Mismatch(Exception):
    """The switch did something else than the protocol says."""


def check(what, found, expected):
    if found != expected:
        raise Mismatch(f"{what}: found {found!r}, expected {expected!r}")


def tags(*pairs):
    """DE 48: tag, length in bytes, value."""
    return "".join(f"{tag}{len(value.encode()):03}{value}" for tag, value in pairs)


def untag(text):
    """DE 48 as a dictionary."""
    found, rest = {}, text.encode()
    while rest:
        tag, length = rest[:2].decode(), int(rest[2:5])
        found[tag] = rest[5 : 5 + length].decode()
        rest = rest[5 + length :]
    return found


class Link:
    """One connection to the listener of a ready file."""

    def __init__(self, listener):
        self.spec = SPECS[listener["protocol"]]
        self.framing = listener["framing"]
        check("framing that this client speaks", self.framing in ("len2", "len4"), True)
        host, port = listener["address"].rsplit(":", 1)
        self.socket = socket.create_connection((host.strip("[]"), int(port)), WAIT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stans = itertools.count(1)

    def stamp(self, message):
        """The message with a fresh match key: DE 7 and DE 11."""
        now = datetime.datetime.now(datetime.timezone.utc)
        return {**message, "7": now.strftime("%m%d%H%M%S"), "11": f"{next(self.stans):06}"}

    def body(self, message):
        return bytes(iso8583.encode(dict(message), self.spec)[0])

    def send_body(self, body):
        length = struct.pack(">H", len(body)) if self.framing == "len2" else b"%04d" % len(body)
        self.socket.sendall(length + body)

    def send(self, message):
        self.send_body(self.body(message))
        return message

    def ask(self, message):
        """Sends with a fresh match key and waits for the answer to just that."""
        sent = self.send(self.stamp(message))
        answer = self.receive()
        for number in ("7", "11"):
            check(f"DE {number} of the answer to {sent['t']}", answer.get(number), sent[number])
        check("MTI of the answer", answer["t"], f"{int(sent['t']) // 10 * 10 + 10:04}")
        return answer

    def receive(self):
        """The next message that is not the switch's own echo; those are answered."""
        while True:
            size = 2 if self.framing == "len2" else 4
            header = self.exactly(size)
            length = struct.unpack(">H", header)[0] if size == 2 else int(header)
            message, _ = iso8583.decode(self.exactly(length), self.spec)
            if (message["t"], message.get("70")) != ("0800", "301"):
                return message
            echo = {number: message[number] for number in ("7", "11", "70")}
            self.send({**echo, "t": "0810", "39": "00"})

    def exactly(self, count):
        found = b""
        while len(found) < count:
            try:
                more = self.socket.recv(count - len(found))
            except TimeoutError:
                raise Mismatch(f"nothing came within {WAIT_SECONDS} s") from None
            if not more:
                raise Mismatch("the switch closed the link")
            found += more
        return found

    def nothing_waits(self):
        """An echo overtakes nothing: its answer being next shows that nothing was sent before."""
        answer = self.ask({"t": "0800", "70": "301"})
        check("the next message", (answer["t"], answer["70"], answer["39"]), ("0810", "301", "00"))

    def sign_on(self, institution):
        answer = self.ask({"t": "0800", "32": institution, "70": "001"})
        check("sign-on", (answer["70"], answer["39"]), ("001", "00"))

    def sign_off(self):
        answer = self.ask({"t": "0800", "70": "002"})
        check("sign-off", (answer["70"], answer["39"]), ("002", "00"))
