//! DIALECTS THAT EXIST, as tables: what a participant's own departures start from.
//!
//! Each is a name, a character set and the rows in which its field table differs from ours. Written
//! from what is public, in our own words: none claims to be anybody's specification. How frames
//! begin (length, TPDU, message header) is the listener's; `wire/PROTOCOL-iso8583.md` says what
//! goes with which.

use crate::wire::iso8583::dialect::{Charset, Coding, Dialect, FieldFormat, Form};
use crate::wire::iso8583::fields::{Class, Size};

/// A dialect by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base {
    /// As in a configuration.
    pub name: &'static str,
    /// What its texts are written in.
    pub charset: Charset,
    /// Whether its bitmaps are raw bytes in the ASCII form too.
    pub binary_bitmap: bool,
    /// Whether its hosts read a merchant's name in DE 48 tag 07 where DE 43 cannot carry it.
    pub name_tag: bool,
    /// Fields that differ from the standard's table.
    pub rows: &'static [Row],
}

/// One field's row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Number of the data element.
    pub field: u8,
    /// What it may hold.
    pub class: Class,
    /// How much.
    pub size: Size,
}

const fn row(field: u8, class: Class, size: Size) -> Row {
    Row { field, class, size }
}

/// Every base. The first is the plain dialect.
pub const BASES: [Base; 3] = [
    Base {
        name: "iso8583-1987",
        charset: Charset::Ascii,
        binary_bitmap: false,
        name_tag: true,
        rows: &[],
    },
    // Hosts of the mainland's domestic network: Chinese texts, raw bitmaps in either form, and a
    // code whole in DE 62, as long as EMV lets it be.
    Base {
        name: "unionpay-like",
        charset: Charset::Gbk,
        binary_bitmap: true,
        name_tag: true,
        rows: &[row(62, Class::Ans, Size::Lll(512))],
    },
    // Hosts built on the common open-source packagings, which nobody will teach our tags for
    // names: where those packagings leave the standard, this does.
    Base {
        name: "acquirer-generic",
        charset: Charset::Ascii,
        binary_bitmap: false,
        name_tag: false,
        rows: &[
            row(44, Class::Ans, Size::Ll(99)),
            row(55, Class::B, Size::Lll(499)),
            row(93, Class::An, Size::Fixed(6)),
            row(96, Class::B, Size::Fixed(16)),
        ],
    },
];

impl Base {
    /// The base of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        BASES.iter().find(|base| base.name == name)
    }

    /// The dialect itself, in one of the two forms.
    pub fn dialect(&self, form: Form) -> Dialect {
        const BUILT: &str = "a test builds every base in both forms";
        let (mut dialect, coding) = match form {
            Form::Ascii => (Dialect::ascii(), Coding::Ascii),
            Form::Binary => (Dialect::binary(), Coding::Binary),
        };
        if self.binary_bitmap && form == Form::Ascii {
            dialect = dialect.with_binary_bitmap().expect(BUILT);
        }
        for row in self.rows {
            let format = FieldFormat::Present {
                class: row.class,
                size: row.size,
                coding,
            };
            dialect = dialect.with_override(row.field, format).expect(BUILT);
        }
        dialect
            .with_charset(self.charset)
            .expect(BUILT)
            .with_name_tag(self.name_tag)
    }
}
