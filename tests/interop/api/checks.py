"""One check more than the fuzzer's own: no answer holds a secret."""

import os

import schemathesis

TOKEN = os.environ["CPG_TOKEN"]


@schemathesis.check
def no_secret(ctx, response, case):
    text = response.text
    assert TOKEN not in text, "the answer holds the token"
    # Where the sandbox's payers' codes begin, and 16 digits more.
    assert not any(word.isdigit() and len(word) >= 18 for word in text.replace('"', " ").split()), (
        "the answer holds what looks like a payment code"
    )
