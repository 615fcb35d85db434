"""Golden bytes of the fixed parts (header and block), by the `sbe` package of PyPI.

That package knows no var data, so the <data> elements are taken out of the schema first. It also
decodes what the other tool wrote, where that is given, and compares the values.

Usage: sbe_fixed.py DIRECTORY
"""

import importlib.metadata
import io
import json
import pathlib
import sys

import lxml.etree
import sbe

HERE = pathlib.Path(__file__).parent
SCHEMA = HERE / "../../src/wire/sbe/schema.xml"


def fixed_schema():
    tree = lxml.etree.parse(str(SCHEMA), lxml.etree.XMLParser(remove_comments=True))
    for data in tree.findall(".//data"):
        data.getparent().remove(data)
    return sbe.Schema.parse(io.BytesIO(lxml.etree.tostring(tree)))


def null_of(kind):
    """What this package wants for null: None, but for composites and texts."""
    if isinstance(kind, sbe.Composite):
        return {part.name: part.nullValue for part in kind.types}
    if isinstance(kind, sbe.Type) and kind.primitiveType == sbe.PrimitiveType.CHAR:
        return ""
    return None


def for_tool(field, value):
    if value is None:
        return null_of(field.type)
    if isinstance(value, str) and isinstance(field.type, sbe.Type):
        return value.ljust(field.type.length)
    return value


def from_tool(field, value):
    if isinstance(value, dict):
        return None if all(part is None for part in value.values()) else value
    return None if value == "" else value


def main(directory):
    schema = fixed_schema()
    messages = {message.name: message for message in schema.messages.values()}
    other = directory / "sbe_gen.json"
    theirs = {}
    if other.exists():
        theirs = {case["name"]: case["hex"] for case in json.loads(other.read_text())["cases"]}
    cases = []
    for case in json.loads((HERE / "sbe_values.json").read_text()):
        message = messages[case["template"]]
        values = {
            field.name: for_tool(field, case["fields"].get(field.name)) for field in message.fields
        }
        encoded = schema.encode(message, values)
        for body in [encoded, bytes.fromhex(theirs.get(case["name"], encoded.hex()))]:
            decoded = schema.decode(body)
            assert decoded.message_name == case["template"], case["name"]
            for field in message.fields:
                value = from_tool(field, decoded.value[field.name])
                expected = case["fields"].get(field.name)
                assert value == expected, (case["name"], field.name, value, expected)
        cases.append({"name": case["name"], "hex": encoded.hex()})
    document = {
        "tool": "sbe",
        "version": importlib.metadata.version("sbe") + " (PyPI)",
        "command": "tests/golden/make_sbe.sh DIRECTORY",
        "cases": cases,
    }
    text = json.dumps(document, indent=2)
    (directory / "sbe_pypi.json").write_text(text + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
