//! One field's plan: how its bytes are measured and checked, worked out once per dialect so that
//! the scan only looks it up. Never reads a message.

use crate::wire::iso8583::charset::Chinese;
use crate::wire::iso8583::dialect::{Charset, Coding};
use crate::wire::iso8583::fields::{Class, FIELDS_LEN, Size};

/// The length in front of a variable field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Prefix {
    /// There is no such field.
    Absent,
    /// The field is fixed.
    None,
    /// Two or three ASCII digits.
    Ascii2,
    Ascii3,
    /// One or two bytes of BCD.
    Bcd1,
    Bcd2,
}

impl Prefix {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Absent | Self::None => 0,
            Self::Bcd1 => 1,
            Self::Ascii2 | Self::Bcd2 => 2,
            Self::Ascii3 => 3,
        }
    }
}

/// What the bytes of a field must look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// ASCII digits.
    Digits,
    /// BCD; an odd number of digits has a zero nibble in front (fixed fields).
    BcdLeft,
    /// BCD; an odd number of digits has a zero nibble behind (variable fields).
    BcdRight,
    /// `C` or `D`, then ASCII digits.
    Signed,
    /// `C` or `D`, then BCD.
    SignedBcd,
    /// ASCII digits with `=` or `D`.
    Track,
    /// The same in nibbles, the separator as D.
    TrackBcd,
    /// Letters, digits and spaces.
    Letters,
    /// 0x20 to 0x7E.
    Printable,
    /// UTF-8 without control characters.
    Utf8,
    /// GBK or GB 18030 without control characters.
    Chinese(Chinese),
    /// No control characters. DE 62 and 63: a character may straddle the two, so that UTF-8 is
    /// checked where they are joined.
    Code,
    /// An even number of hexadecimal digits.
    Hex,
    /// Anything.
    Bytes,
}

/// How a field is measured and checked. `max` counts what the length in front of it counts: digits
/// (BCD), bytes, or characters (everything ASCII, hexadecimal included).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FieldPlan {
    pub(super) check: Check,
    pub(super) prefix: Prefix,
    pub(super) max: u16,
    /// The least count: a number has a digit.
    pub(super) least: u16,
    /// Bytes on the wire of `max`: all that there is to know of a fixed field.
    pub(super) max_bytes: u16,
}

/// The plans of DE 0 to 128; those of absent fields are never used.
pub(super) type Plans = [FieldPlan; FIELDS_LEN];

impl FieldPlan {
    /// Refuses everything: what an absent field has.
    pub(super) const ABSENT: Self = Self {
        check: Check::Digits,
        prefix: Prefix::Absent,
        max: 0,
        least: 0,
        max_bytes: 0,
    };

    /// Works out the plan of `field`.
    pub(super) const fn new(
        field: u8,
        class: Class,
        size: Size,
        coding: Coding,
        charset: Charset,
    ) -> Self {
        let fixed = matches!(size, Size::Fixed(_));
        let check = match (class, coding) {
            (Class::N, Coding::Ascii) => Check::Digits,
            (Class::N, Coding::Binary) if fixed => Check::BcdLeft,
            (Class::N, Coding::Binary) => Check::BcdRight,
            (Class::Xn, Coding::Ascii) => Check::Signed,
            (Class::Xn, Coding::Binary) => Check::SignedBcd,
            (Class::Z, Coding::Ascii) => Check::Track,
            (Class::Z, Coding::Binary) => Check::TrackBcd,
            (Class::B, Coding::Ascii) => Check::Hex,
            (Class::B, Coding::Binary) => Check::Bytes,
            (Class::An, _) => Check::Letters,
            (Class::Ans, _) => match (field, charset) {
                (62 | 63, _) => Check::Code,
                // Our tag list carries names: in UTF-8, or in the participant's own set.
                (48, Charset::Ascii | Charset::Utf8 | Charset::Ebcdic) => Check::Utf8,
                // Read into types that are ASCII in every encoding.
                (38 | 41 | 42, _) => Check::Printable,
                (_, Charset::Utf8) => Check::Utf8,
                (_, Charset::Gbk) => Check::Chinese(Chinese::Gbk),
                (_, Charset::Gb18030) => Check::Chinese(Chinese::Gb18030),
                (_, Charset::Ascii | Charset::Ebcdic) => Check::Printable,
            },
        };
        let prefix = match (size, coding) {
            (Size::Fixed(_), _) => Prefix::None,
            (Size::Ll(_), Coding::Ascii) => Prefix::Ascii2,
            (Size::Lll(_), Coding::Ascii) => Prefix::Ascii3,
            (Size::Ll(_), Coding::Binary) => Prefix::Bcd1,
            (Size::Lll(_), Coding::Binary) => Prefix::Bcd2,
        };
        let max = match check {
            Check::Hex => size.max() * 2,
            _ => size.max(),
        };
        let least = match class {
            Class::N | Class::Xn | Class::Z => 1,
            Class::An | Class::Ans | Class::B => 0,
        };
        Self {
            check,
            prefix,
            max,
            least,
            max_bytes: wire_bytes(check, max),
        }
    }

    /// Bytes on the wire of `count` digits, characters or bytes, without the length.
    #[inline]
    pub(super) const fn wire_bytes(&self, count: u16) -> u16 {
        if count == self.max {
            self.max_bytes
        } else {
            wire_bytes(self.check, count)
        }
    }
}

const fn wire_bytes(check: Check, count: u16) -> u16 {
    match check {
        Check::BcdLeft | Check::BcdRight | Check::TrackBcd => count.div_ceil(2),
        Check::SignedBcd => 1 + count / 2,
        _ => count,
    }
}
