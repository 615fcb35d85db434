"""The field table of cpg-switch as specifications for pyiso8583 (checked with 4.0.1).

`ASCII_SPEC` is the dialect `iso8583-ascii`, `BINARY_SPEC` the dialect `iso8583-binary`, both
without overrides. The golden bytes come from `iso8583.encode(document, SPEC)`.

How to write values into pyiso8583 documents:

* Fixed fields are not padded by pyiso8583: give all characters (DE 41 "T1      ", DE 4
  "000000012345").
* `b` fields are hex text in both forms. In the ASCII form that text is the wire, two characters
  a byte (upper case is what cpg-switch writes; it reads both), and the length of a variable field
  counts the characters. In the binary form the wire holds the bytes and the length counts bytes.
* `xn` fields are a sign and digits in the ASCII form ("C00000100"). In the binary form give hex
  text with the sign's ASCII code in front ("4300000100" for C00000100).
* `z` fields (DE 35) in the binary form write the separator as "D".
* Odd numbers of digits in the binary form: fixed fields get a zero nibble on the left, variable
  fields on the right. The BCD length counts digits, without the padding.
* DE 48, 62 and 63 are UTF-8 in both forms; lengths count bytes.
* A secondary bitmap is there exactly when a field above 64 is.
"""

# Number, name, class, size, greatest length in digits, characters (sign included) or bytes.
# The Rust table is compared with these lines by a test.
FIELDS = [
    (2, "PAN - primary account number", "n", "ll", 19),
    (3, "Processing code", "n", "fixed", 6),
    (4, "Amount, transaction", "n", "fixed", 12),
    (5, "Amount, settlement", "n", "fixed", 12),
    (6, "Amount, cardholder billing", "n", "fixed", 12),
    (7, "Transmission date and time", "n", "fixed", 10),
    (8, "Amount, cardholder billing fee", "n", "fixed", 8),
    (9, "Conversion rate, settlement", "n", "fixed", 8),
    (10, "Conversion rate, cardholder billing", "n", "fixed", 8),
    (11, "System trace audit number", "n", "fixed", 6),
    (12, "Time, local transaction", "n", "fixed", 6),
    (13, "Date, local transaction", "n", "fixed", 4),
    (14, "Date, expiration", "n", "fixed", 4),
    (15, "Date, settlement", "n", "fixed", 4),
    (16, "Date, conversion", "n", "fixed", 4),
    (17, "Date, capture", "n", "fixed", 4),
    (18, "Merchants type", "n", "fixed", 4),
    (19, "Acquiring institution country code", "n", "fixed", 3),
    (20, "PAN extended country code", "n", "fixed", 3),
    (21, "Forwarding institution country code", "n", "fixed", 3),
    (22, "Point of service entry mode", "n", "fixed", 3),
    (23, "Card sequence number", "n", "fixed", 3),
    (24, "Network international identifier", "n", "fixed", 3),
    (25, "Point of service condition code", "n", "fixed", 2),
    (26, "Point of service PIN capture code", "n", "fixed", 2),
    (27, "Authorization identification response length", "n", "fixed", 1),
    (28, "Amount, transaction fee", "xn", "fixed", 9),
    (29, "Amount, settlement fee", "xn", "fixed", 9),
    (30, "Amount, transaction processing fee", "xn", "fixed", 9),
    (31, "Amount, settlement processing fee", "xn", "fixed", 9),
    (32, "Acquiring institution identification code", "n", "ll", 11),
    (33, "Forwarding institution identification code", "n", "ll", 11),
    (34, "PAN extended", "ans", "ll", 28),
    (35, "Track 2 data", "z", "ll", 37),
    (36, "Track 3 data", "ans", "lll", 104),
    (37, "Retrieval reference number", "an", "fixed", 12),
    (38, "Authorization identification response", "ans", "fixed", 6),
    (39, "Response code", "an", "fixed", 2),
    (40, "Service restriction code", "an", "fixed", 3),
    (41, "Card acceptor terminal identification", "ans", "fixed", 8),
    (42, "Card acceptor identification code", "ans", "fixed", 15),
    (43, "Card acceptor name/location", "ans", "fixed", 40),
    (44, "Additional response data", "ans", "ll", 25),
    (45, "Track 1 data", "ans", "ll", 76),
    (46, "Additional data - ISO", "ans", "lll", 999),
    (47, "Additional data - national", "ans", "lll", 999),
    (48, "Additional data - private", "ans", "lll", 999),
    (49, "Currency code, transaction", "an", "fixed", 3),
    (50, "Currency code, settlement", "an", "fixed", 3),
    (51, "Currency code, cardholder billing", "an", "fixed", 3),
    (52, "PIN data", "b", "fixed", 8),
    (53, "Security related control information", "n", "fixed", 16),
    (54, "Additional amounts", "ans", "lll", 120),
    (55, "Integrated circuit card data", "b", "lll", 255),
    (56, "Reserved ISO", "ans", "lll", 999),
    (57, "Reserved national", "ans", "lll", 999),
    (58, "Reserved national", "ans", "lll", 999),
    (59, "Reserved national", "ans", "lll", 999),
    (60, "Reserved private", "ans", "lll", 999),
    (61, "Reserved private", "ans", "lll", 999),
    (62, "Reserved private", "ans", "lll", 999),
    (63, "Reserved private", "ans", "lll", 999),
    (64, "Message authentication code", "b", "fixed", 8),
    (66, "Settlement code", "n", "fixed", 1),
    (67, "Extended payment code", "n", "fixed", 2),
    (68, "Receiving institution country code", "n", "fixed", 3),
    (69, "Settlement institution country code", "n", "fixed", 3),
    (70, "Network management information code", "n", "fixed", 3),
    (71, "Message number", "n", "fixed", 4),
    (72, "Message number last", "n", "fixed", 4),
    (73, "Date action", "n", "fixed", 6),
    (74, "Credits number", "n", "fixed", 10),
    (75, "Credits reversal number", "n", "fixed", 10),
    (76, "Debits number", "n", "fixed", 10),
    (77, "Debits reversal number", "n", "fixed", 10),
    (78, "Transfer number", "n", "fixed", 10),
    (79, "Transfer reversal number", "n", "fixed", 10),
    (80, "Inquiries number", "n", "fixed", 10),
    (81, "Authorization number", "n", "fixed", 10),
    (82, "Credits, processing fee amount", "n", "fixed", 12),
    (83, "Credits, transaction fee amount", "n", "fixed", 12),
    (84, "Debits, processing fee amount", "n", "fixed", 12),
    (85, "Debits, transaction fee amount", "n", "fixed", 12),
    (86, "Credits, amount", "n", "fixed", 16),
    (87, "Credits, reversal amount", "n", "fixed", 16),
    (88, "Debits, amount", "n", "fixed", 16),
    (89, "Debits, reversal amount", "n", "fixed", 16),
    (90, "Original data elements", "n", "fixed", 42),
    (91, "File update code", "an", "fixed", 1),
    (92, "File security code", "an", "fixed", 2),
    (93, "Response indicator", "an", "fixed", 5),
    (94, "Service indicator", "an", "fixed", 7),
    (95, "Replacement amounts", "an", "fixed", 42),
    (96, "Message security code", "b", "fixed", 8),
    (97, "Amount, net settlement", "xn", "fixed", 17),
    (98, "Payee", "ans", "fixed", 25),
    (99, "Settlement institution identification code", "n", "ll", 11),
    (100, "Receiving institution identification code", "n", "ll", 11),
    (101, "File name", "ans", "ll", 17),
    (102, "Account identification 1", "ans", "ll", 28),
    (103, "Account identification 2", "ans", "ll", 28),
    (104, "Transaction description", "ans", "lll", 100),
    (105, "Reserved ISO use", "ans", "lll", 999),
    (106, "Reserved ISO use", "ans", "lll", 999),
    (107, "Reserved ISO use", "ans", "lll", 999),
    (108, "Reserved ISO use", "ans", "lll", 999),
    (109, "Reserved ISO use", "ans", "lll", 999),
    (110, "Reserved ISO use", "ans", "lll", 999),
    (111, "Reserved ISO use", "ans", "lll", 999),
    (112, "Reserved national use", "ans", "lll", 999),
    (113, "Reserved national use", "ans", "lll", 999),
    (114, "Reserved national use", "ans", "lll", 999),
    (115, "Reserved national use", "ans", "lll", 999),
    (116, "Reserved national use", "ans", "lll", 999),
    (117, "Reserved national use", "ans", "lll", 999),
    (118, "Reserved national use", "ans", "lll", 999),
    (119, "Reserved national use", "ans", "lll", 999),
    (120, "Reserved private use", "ans", "lll", 999),
    (121, "Reserved private use", "ans", "lll", 999),
    (122, "Reserved private use", "ans", "lll", 999),
    (123, "Reserved private use", "ans", "lll", 999),
    (124, "Reserved private use", "ans", "lll", 999),
    (125, "Reserved private use", "ans", "lll", 999),
    (126, "Reserved private use", "ans", "lll", 999),
    (127, "Reserved private use", "ans", "lll", 999),
    (128, "Message authentication code, secondary", "b", "fixed", 8),
]

UTF8_FIELDS = {48, 62, 63}


def _ascii(number, name, kind, size, count):
    width = {"fixed": 0, "ll": 2, "lll": 3}[size]
    text = "utf-8" if number in UTF8_FIELDS else "ascii"
    return {
        "data_enc": text,
        "len_enc": "ascii",
        "len_type": width,
        "max_len": count * 2 if kind == "b" else count,
        "desc": name,
    }


def _binary(number, name, kind, size, count):
    width = {"fixed": 0, "ll": 1, "lll": 2}[size]
    row = {"data_enc": "b", "len_enc": "bcd", "len_type": width, "max_len": count, "desc": name}
    if kind in ("n", "z"):
        row["len_count"] = "nibbles"
        row["left_pad" if size == "fixed" else "right_pad"] = "0"
    elif kind == "xn":
        row["max_len"] = 1 + (count - 1) // 2
    elif kind != "b":
        row["data_enc"] = "utf-8" if number in UTF8_FIELDS else "ascii"
    return row


def _fixed(data_enc, count, name):
    return {"data_enc": data_enc, "len_enc": "ascii", "len_type": 0, "max_len": count, "desc": name}


ASCII_SPEC = {
    "h": _fixed("ascii", 0, "Message header"),
    "t": _fixed("ascii", 4, "Message type indicator"),
    "p": _fixed("ascii", 16, "Bit map, primary"),
    "1": _fixed("ascii", 16, "Bit map, secondary"),
    **{str(row[0]): _ascii(*row) for row in FIELDS},
}

BINARY_SPEC = {
    "h": _fixed("ascii", 0, "Message header"),
    "t": _fixed("b", 2, "Message type indicator"),
    "p": _fixed("b", 8, "Bit map, primary"),
    "1": _fixed("b", 8, "Bit map, secondary"),
    **{str(row[0]): _binary(*row) for row in FIELDS},
}


def unionpay_like(spec):
    """The base of that name: GBK in texts, bitmaps in bytes, DE 62 of 512."""
    changed = {
        **spec,
        "p": _fixed("b", 8, "Bit map, primary"),
        "1": _fixed("b", 8, "Bit map, secondary"),
        "62": {**spec["62"], "max_len": 512},
    }
    for number in ("43", "44", "48"):
        changed[number] = {**spec[number], "data_enc": "gbk"}
    return changed
