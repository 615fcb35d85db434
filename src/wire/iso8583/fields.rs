//! THE FIELD TABLE: the data elements of ISO 8583:1987, and sets of them.
//!
//! Says what a field is. Never how a participant writes it (`dialect.rs`) nor what it means to us
//! (`decode.rs`, `encode.rs`). `tests/golden/iso8583_spec.py` holds the same table for the Python
//! library that checks us; a test below keeps the two alike.

use Class::{An, Ans, B, N, Xn, Z};
use Size::{Fixed, Ll, Lll};

/// Characters that a field may hold. ISO 8583:1987 section 4.2 (representation of attributes).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Digits.
    N,
    /// A sign, `C` or `D`, and digits.
    Xn,
    /// Letters, digits, and the spaces that pad them.
    An,
    /// Printable characters.
    Ans,
    /// Track data: digits and a separator, `=` or `D`.
    Z,
    /// Bytes.
    B,
}

/// How long a field is, in digits (`N`, `Z`), characters with the sign (`Xn`, `An`, `Ans`) or
/// bytes (`B`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// Always this long.
    Fixed(u16),
    /// Up to this long, behind a length of two digits.
    Ll(u16),
    /// Up to this long, behind a length of three digits.
    Lll(u16),
}

impl Size {
    /// The greatest length.
    pub const fn max(self) -> u16 {
        match self {
            Fixed(count) | Ll(count) | Lll(count) => count,
        }
    }
}

/// One data element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// The standard's name.
    pub name: &'static str,
    /// What it may hold.
    pub class: Class,
    /// How much.
    pub size: Size,
}

const fn field(name: &'static str, class: Class, size: Size) -> Field {
    Field { name, class, size }
}

/// Highest data element number.
pub const FIELD_MAX: u8 = 128;
/// Entries of a table that is indexed by data element number.
pub(super) const FIELDS_LEN: usize = 129;

/// Some of DE 1 to 128. DE 1 is the highest bit, as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct FieldSet(pub(super) u128);

impl FieldSet {
    /// DE 2 to 128 but for 65: all that a dialect may know.
    pub(super) const ALL: Self = Self::of(&[1, 65]).complement();

    /// These fields.
    pub(super) const fn of(fields: &[u8]) -> Self {
        let mut set = Self(0);
        let mut rest = fields;
        while let Some((field, others)) = rest.split_first() {
            set = set.with(*field);
            rest = others;
        }
        set
    }

    const fn bit(field: u8) -> u128 {
        assert!(field >= 1 && field <= FIELD_MAX);
        1 << (FIELD_MAX - field)
    }

    #[must_use]
    pub(super) const fn with(self, field: u8) -> Self {
        Self(self.0 | Self::bit(field))
    }

    #[must_use]
    pub(super) const fn without(self, field: u8) -> Self {
        Self(self.0 & !Self::bit(field))
    }

    #[must_use]
    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub(super) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of `self` that are not in `other`.
    #[must_use]
    pub(super) const fn except(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those with a lower number than `field`.
    #[must_use]
    pub(super) const fn below(self, field: u8) -> Self {
        Self(self.0 & !(Self::bit(field) << 1).wrapping_sub(1))
    }

    /// Those with a higher number than `field`.
    #[must_use]
    pub(super) const fn above(self, field: u8) -> Self {
        Self(self.0 & (Self::bit(field) - 1))
    }

    /// The two bitmaps, each with the number of its first bit.
    pub(super) fn halves(self) -> [(u8, u64); 2] {
        const LOW: u128 = u64::MAX as u128;
        let half = |bits: u128| u64::try_from(bits & LOW).expect("sixty-four bits are left");
        [(1, half(self.0 >> 64)), (65, half(self.0))]
    }

    const fn complement(self) -> Self {
        Self(!self.0)
    }

    pub(super) const fn contains(self, field: u8) -> bool {
        self.0 & Self::bit(field) != 0
    }

    /// The lowest field number.
    pub(super) fn first(self) -> Option<u8> {
        let field = self.0.leading_zeros() + 1;
        u8::try_from(field).ok().filter(|field| *field <= FIELD_MAX)
    }

    /// Whether a secondary bitmap is needed.
    pub(super) const fn needs_secondary(self) -> bool {
        self.0 << 64 != 0
    }
}

/// DE 0 to 128. Departures from the two common packagings: DE 35 is track data (`z`), DE 55 is
/// chip data in bytes, DE 93 has five characters, DE 65 and 96 have eight bytes, as the standard
/// says. DE 38 is `ans` where the standard says `an`: an approval must not lose its code.
#[rustfmt::skip]
pub const FIELDS: [Field; FIELDS_LEN] = [
    field("Message type indicator", N, Fixed(4)),
    field("Bit map", B, Fixed(16)),
    field("PAN - primary account number", N, Ll(19)),
    field("Processing code", N, Fixed(6)),
    field("Amount, transaction", N, Fixed(12)),
    field("Amount, settlement", N, Fixed(12)),
    field("Amount, cardholder billing", N, Fixed(12)),
    field("Transmission date and time", N, Fixed(10)),
    field("Amount, cardholder billing fee", N, Fixed(8)),
    field("Conversion rate, settlement", N, Fixed(8)),
    field("Conversion rate, cardholder billing", N, Fixed(8)),
    field("System trace audit number", N, Fixed(6)),
    field("Time, local transaction", N, Fixed(6)),
    field("Date, local transaction", N, Fixed(4)),
    field("Date, expiration", N, Fixed(4)),
    field("Date, settlement", N, Fixed(4)),
    field("Date, conversion", N, Fixed(4)),
    field("Date, capture", N, Fixed(4)),
    field("Merchants type", N, Fixed(4)),
    field("Acquiring institution country code", N, Fixed(3)),
    field("PAN extended country code", N, Fixed(3)),
    field("Forwarding institution country code", N, Fixed(3)),
    field("Point of service entry mode", N, Fixed(3)),
    field("Card sequence number", N, Fixed(3)),
    field("Network international identifier", N, Fixed(3)),
    field("Point of service condition code", N, Fixed(2)),
    field("Point of service PIN capture code", N, Fixed(2)),
    field("Authorization identification response length", N, Fixed(1)),
    field("Amount, transaction fee", Xn, Fixed(9)),
    field("Amount, settlement fee", Xn, Fixed(9)),
    field("Amount, transaction processing fee", Xn, Fixed(9)),
    field("Amount, settlement processing fee", Xn, Fixed(9)),
    field("Acquiring institution identification code", N, Ll(11)),
    field("Forwarding institution identification code", N, Ll(11)),
    field("PAN extended", Ans, Ll(28)),
    field("Track 2 data", Z, Ll(37)),
    field("Track 3 data", Ans, Lll(104)),
    field("Retrieval reference number", An, Fixed(12)),
    field("Authorization identification response", Ans, Fixed(6)),
    field("Response code", An, Fixed(2)),
    field("Service restriction code", An, Fixed(3)),
    field("Card acceptor terminal identification", Ans, Fixed(8)),
    field("Card acceptor identification code", Ans, Fixed(15)),
    field("Card acceptor name/location", Ans, Fixed(40)),
    field("Additional response data", Ans, Ll(25)),
    field("Track 1 data", Ans, Ll(76)),
    field("Additional data - ISO", Ans, Lll(999)),
    field("Additional data - national", Ans, Lll(999)),
    field("Additional data - private", Ans, Lll(999)),
    field("Currency code, transaction", An, Fixed(3)),
    field("Currency code, settlement", An, Fixed(3)),
    field("Currency code, cardholder billing", An, Fixed(3)),
    field("PIN data", B, Fixed(8)),
    field("Security related control information", N, Fixed(16)),
    field("Additional amounts", Ans, Lll(120)),
    field("Integrated circuit card data", B, Lll(255)),
    field("Reserved ISO", Ans, Lll(999)),
    field("Reserved national", Ans, Lll(999)),
    field("Reserved national", Ans, Lll(999)),
    field("Reserved national", Ans, Lll(999)),
    field("Reserved private", Ans, Lll(999)),
    field("Reserved private", Ans, Lll(999)),
    field("Reserved private", Ans, Lll(999)),
    field("Reserved private", Ans, Lll(999)),
    field("Message authentication code", B, Fixed(8)),
    field("Bitmap, third", B, Fixed(8)),
    field("Settlement code", N, Fixed(1)),
    field("Extended payment code", N, Fixed(2)),
    field("Receiving institution country code", N, Fixed(3)),
    field("Settlement institution country code", N, Fixed(3)),
    field("Network management information code", N, Fixed(3)),
    field("Message number", N, Fixed(4)),
    field("Message number last", N, Fixed(4)),
    field("Date action", N, Fixed(6)),
    field("Credits number", N, Fixed(10)),
    field("Credits reversal number", N, Fixed(10)),
    field("Debits number", N, Fixed(10)),
    field("Debits reversal number", N, Fixed(10)),
    field("Transfer number", N, Fixed(10)),
    field("Transfer reversal number", N, Fixed(10)),
    field("Inquiries number", N, Fixed(10)),
    field("Authorization number", N, Fixed(10)),
    field("Credits, processing fee amount", N, Fixed(12)),
    field("Credits, transaction fee amount", N, Fixed(12)),
    field("Debits, processing fee amount", N, Fixed(12)),
    field("Debits, transaction fee amount", N, Fixed(12)),
    field("Credits, amount", N, Fixed(16)),
    field("Credits, reversal amount", N, Fixed(16)),
    field("Debits, amount", N, Fixed(16)),
    field("Debits, reversal amount", N, Fixed(16)),
    field("Original data elements", N, Fixed(42)),
    field("File update code", An, Fixed(1)),
    field("File security code", An, Fixed(2)),
    field("Response indicator", An, Fixed(5)),
    field("Service indicator", An, Fixed(7)),
    field("Replacement amounts", An, Fixed(42)),
    field("Message security code", B, Fixed(8)),
    field("Amount, net settlement", Xn, Fixed(17)),
    field("Payee", Ans, Fixed(25)),
    field("Settlement institution identification code", N, Ll(11)),
    field("Receiving institution identification code", N, Ll(11)),
    field("File name", Ans, Ll(17)),
    field("Account identification 1", Ans, Ll(28)),
    field("Account identification 2", Ans, Ll(28)),
    field("Transaction description", Ans, Lll(100)),
    field("Reserved ISO use", Ans, Lll(999)),
    field("Reserved ISO use", Ans, Lll(999)),
    field("Reserved ISO use", Ans, Lll(999)),
    field("Reserved ISO use", Ans, Lll(999)),
    field("Reserved ISO use", Ans, Lll(999)),
    field("Reserved ISO use", Ans, Lll(999)),
    field("Reserved ISO use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved national use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Reserved private use", Ans, Lll(999)),
    field("Message authentication code, secondary", B, Fixed(8)),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines `(11, "System trace audit number", "n", "fixed", 6),` of the Python table.
    fn python_rows() -> Vec<(usize, Field)> {
        include_str!("../../../tests/golden/iso8583_spec.py")
            .lines()
            .filter_map(|line| line.trim().strip_prefix('(')?.strip_suffix("),"))
            .map(|row| {
                let (number, rest) = row.split_once(", \"").unwrap();
                let (name, rest) = rest.split_once("\", \"").unwrap();
                let (class, rest) = rest.split_once("\", \"").unwrap();
                let (size, count) = rest.split_once("\", ").unwrap();
                let class = [
                    ("n", N),
                    ("xn", Xn),
                    ("an", An),
                    ("ans", Ans),
                    ("z", Z),
                    ("b", B),
                ]
                .into_iter()
                .find_map(|(word, value)| (word == class).then_some(value))
                .unwrap();
                let count = count.parse().unwrap();
                let size = match size {
                    "fixed" => Fixed(count),
                    "ll" => Ll(count),
                    "lll" => Lll(count),
                    other => panic!("no such size: {other}"),
                };
                let name = Box::leak(name.to_owned().into_boxed_str());
                (number.parse().unwrap(), field(name, class, size))
            })
            .collect()
    }

    #[test]
    fn the_python_table_is_the_same() {
        let rows = python_rows();
        assert_eq!(rows.len(), 126);
        for (number, row) in rows {
            assert_eq!(FIELDS[number], row, "DE {number}");
        }
    }

    #[test]
    fn sets_hold_the_fields_they_are_given() {
        let set = FieldSet::of(&[2, 64, 128]);
        assert_eq!(set.first(), Some(2));
        assert_eq!(set.without(2).first(), Some(64));
        assert_eq!(FieldSet::of(&[128]).first(), Some(128));
        assert_eq!(FieldSet::default().first(), None);
        assert!(set.contains(64) && !set.contains(65));
        assert!(!FieldSet::of(&[64]).needs_secondary());
        assert!(FieldSet::of(&[65]).needs_secondary());
        assert_eq!(set.except(FieldSet::of(&[64])), FieldSet::of(&[2, 128]));
        assert_eq!(set.below(64), FieldSet::of(&[2]));
        assert_eq!(set.above(64), FieldSet::of(&[128]));
        assert_eq!(set.below(1), FieldSet::default());
        assert_eq!(set.above(128), FieldSet::default());
        assert_eq!(set.halves(), [(1, 1 << 62 | 1), (65, 1)]);
        assert!(!FieldSet::ALL.contains(1) && !FieldSet::ALL.contains(65));
    }
}
