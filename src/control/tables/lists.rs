//! A list file: who and what is blocked, as keyed hashes. `cpg-switch list` makes its lines.

use zeroize::Zeroizing;

use super::Taken;
use super::sheet::{Column, Form, Needed, Row, Sheet, Wrong};
use crate::control::configuration::{Diagnostics, did_you_mean};
use crate::guard::{KeyedHash, LIST_KEY_BYTES_MIN, List, ListKey, ListRow, Listed};
use crate::model::limits::LISTED_MAX;

/// The columns of a list file.
pub const FORM: Form = Form {
    key: "lists",
    columns: &[
        Column {
            name: "kind",
            takes: "`name`, `version`, `key`, `payer`, `merchant` or `institution`",
            needed: Needed::Always,
            meaning: "What `value` is. `name`, `version` and `key` stand once each, before all \
                entries.",
        },
        Column {
            name: "value",
            takes: "a text for `name` and `version`, else 32 hexadecimal digits",
            needed: Needed::Always,
            meaning: "The list's name, its edition, and the check value of the key under which its \
                entries are hashed; then an entry a line. `cpg-switch list` prints keys and \
                entries.",
        },
    ],
    rows_max: LISTED_MAX + HEADINGS.len(),
};

/// Characters of a name and of a version.
const WORD_MAX: usize = 64;
/// The words of `kind` that are no entry.
const HEADINGS: [&str; 3] = ["name", "version", "key"];

/// The key that a key file holds: hexadecimal digits, with blanks and line ends anywhere. What is
/// wrong is told without what the file holds.
pub fn key_of(text: &str) -> Result<ListKey, String> {
    let none = || "it is not hexadecimal digits, two for each byte".to_owned();
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut high = None;
    for digit in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = char::from(digit).to_digit(16).ok_or_else(none)?;
        let digit = u8::try_from(digit).map_err(|_| none())?;
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => bytes.push(high | digit),
        }
    }
    if high.is_some() {
        return Err(none());
    }
    let short = || {
        let found = bytes.len();
        format!("{found} bytes, where a key has {LIST_KEY_BYTES_MIN} at least")
    };
    ListKey::new(&bytes).ok_or_else(short)
}

/// The list in a file, which must have been made under `key`; `name` is what diagnostics call the
/// file.
pub(in crate::control) fn read(name: &str, text: &str, key: &ListKey) -> Taken<List> {
    let mut sheet = Sheet::open(&FORM, name, text);
    let mut reading = Reading {
        key,
        list: List::default(),
        headings: [false; HEADINGS.len()],
    };
    let mut first = None;
    while let Some(row) = sheet.next_row() {
        reading.take(&mut sheet, &row);
        first.get_or_insert(row);
    }
    if let Some(row) = &first {
        for (word, there) in HEADINGS.iter().zip(reading.headings) {
            if !there {
                let remedy = "`name`, `version` and `key` stand once each, before all entries";
                sheet.note_row(row, format!("the list has no `{word}`"), remedy);
            }
        }
    }
    // A line may hold a value that somebody forgot to hash: no line is shown.
    let tally = sheet.finish().map_err(Diagnostics::withheld)?;
    Ok((reading.list, tally))
}

/// A list as far as it is read.
struct Reading<'k> {
    key: &'k ListKey,
    list: List,
    /// Which of [`HEADINGS`] were there.
    headings: [bool; HEADINGS.len()],
}

impl Reading<'_> {
    /// Takes one row in; `None` where something was noted.
    fn take(&mut self, sheet: &mut Sheet<'_>, row: &Row) -> Option<()> {
        let word = sheet.read(row, "kind", Ok)?;
        if let Some(kind) = Listed::from_name(word) {
            let hash = sheet.read(row, "value", hash)?;
            let line = u32::try_from(row.line).expect("a table file is not that long");
            self.list.rows.push(ListRow { line, kind, hash });
            return Some(());
        }
        let Some(place) = HEADINGS.iter().position(|known| *known == word) else {
            let kinds = Listed::ALL.map(Listed::name);
            let known = HEADINGS.into_iter().chain(kinds);
            let remedy = did_you_mean(word, known).unwrap_or_else(|| FORM.columns[0].takes.into());
            sheet.note(
                row,
                "kind",
                Wrong::new(format!("\"{word}\" is none"), remedy),
            );
            return None;
        };
        if self.headings[place] || !self.list.rows.is_empty() {
            let problem = format!("`{word}` is there twice, or after an entry");
            sheet.note(
                row,
                "kind",
                Wrong::new(problem, "say it once, before all entries"),
            );
            return None;
        }
        self.headings[place] = true;
        match word {
            "name" => self.list.name = sheet.read(row, "value", self::word)?,
            "version" => self.list.version = sheet.read(row, "value", self::word)?,
            _ => {
                let stated = sheet.read(row, "value", hash)?;
                if stated != self.key.check_value() {
                    let wrong = Wrong::new(
                        "the list was made under another key: none of its entries would be found",
                        "make it under the key of `tables.list_key_file`",
                    );
                    sheet.note(row, "value", wrong);
                }
            }
        }
        Some(())
    }
}

fn word(text: &str) -> Result<String, Wrong> {
    if text.chars().count() > WORD_MAX {
        return Err(Wrong::new(
            format!("it has more than {WORD_MAX} characters"),
            "use fewer",
        ));
    }
    Ok(text.to_owned())
}

fn hash(text: &str) -> Result<KeyedHash, Wrong> {
    // Somebody may have written a value instead: it is not repeated.
    KeyedHash::from_hex(text).ok_or_else(|| {
        Wrong::new(
            "it is not 32 hexadecimal digits",
            "never write a value itself: `cpg-switch list hash` prints what stands for it",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Institution;

    fn key() -> ListKey {
        key_of(&"5a".repeat(32)).unwrap()
    }

    /// A whole list with these entries.
    fn text(rows: &str) -> String {
        let key = key().check_value();
        format!("kind\tvalue\nname\tcouncil\nversion\t2026-11-22\nkey\t{key}\n{rows}")
    }

    fn wrong(text: &str) -> String {
        let errors = read("list.tsv", text, &key()).unwrap_err();
        let said = errors.errors().iter().map(|error| {
            format!(
                "{}:{} {} | {}",
                error.line, error.column, error.problem, error.remedy
            )
        });
        said.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_list_has_a_name_a_version_and_entries() {
        let wallet = Institution::new(45_800_001).unwrap();
        let hash = key().hash(Listed::Payer, wallet, b"TOKEN-0001");
        let (list, tally) = read("list.tsv", &text(&format!("payer\t{hash}\n")), &key()).unwrap();
        assert_eq!(
            (list.name.as_str(), list.version.as_str()),
            ("council", "2026-11-22")
        );
        let (line, kind) = (5, Listed::Payer);
        assert_eq!(list.rows, [ListRow { line, kind, hash }]);
        assert_eq!(tally.rows, 4);
        let (empty, _) = read("list.tsv", &text(""), &key()).unwrap();
        assert!(empty.rows.is_empty());
    }

    #[test]
    fn every_bad_line_is_named_and_no_value_repeated() {
        let entry = "0".repeat(32);
        assert_eq!(
            wrong(&text("payer\tTOKEN-0001\nmerchants\t0\nname\tcouncil\n")),
            "5:7 `value`: it is not 32 hexadecimal digits | never write a value itself: \
             `cpg-switch list hash` prints what stands for it\n\
             6:1 `kind`: \"merchants\" is none | did you mean `merchant`?\n\
             7:1 `kind`: `name` is there twice, or after an entry | say it once, before all entries"
        );
        assert_eq!(
            wrong(&text(&format!("payer\t{entry}\nversion\t2\n"))),
            "6:1 `kind`: `version` is there twice, or after an entry | say it once, before all \
             entries"
        );
        assert_eq!(
            wrong(&format!("kind\tvalue\nname\tcouncil\npayer\t{entry}\n")),
            "2:1 the list has no `version` | `name`, `version` and `key` stand once each, before \
             all entries\n\
             2:1 the list has no `key` | `name`, `version` and `key` stand once each, before all \
             entries"
        );
        assert_eq!(
            wrong(&format!("kind\tvalue\nname\ta\nversion\t1\nkey\t{entry}\n")),
            "4:5 `value`: the list was made under another key: none of its entries would be found \
             | make it under the key of `tables.list_key_file`"
        );
        let told = read("list.tsv", &text("payer\tTOKEN-0001\n"), &key()).unwrap_err();
        assert!(!told.to_string().contains("TOKEN"), "{told}");
    }

    #[test]
    fn a_key_file_holds_hexadecimal_digits_with_blanks_anywhere() {
        let spaced = "5a ".repeat(32) + "\n";
        assert_eq!(key_of(&spaced).unwrap().check_value(), key().check_value());
        for (text, expected) in [
            ("5a".repeat(31), "31 bytes, where a key has 32 at least"),
            (
                "5a".repeat(32) + "5",
                "it is not hexadecimal digits, two for each byte",
            ),
            (
                "5x".repeat(32),
                "it is not hexadecimal digits, two for each byte",
            ),
            (String::new(), "0 bytes, where a key has 32 at least"),
        ] {
            assert_eq!(key_of(&text).unwrap_err(), expected);
        }
    }
}
