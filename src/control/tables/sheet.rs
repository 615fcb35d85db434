//! One table file, line by line: tab-separated cells under a first line of column names, `#` for
//! comments, `-` for what is not said. Nothing is quoted and nothing is escaped.
//!
//! A [`Form`] declares the columns; a [`Sheet`] gives one row after the other and collects all that
//! is wrong, each with its line, its column and a remedy. It knows no column by name, and reads no
//! file.

use std::fmt;
use std::hash::Hasher;
use std::ops::Range;

use xxhash_rust::xxh64::Xxh64;

use crate::control::configuration::{Diagnostics, did_you_mean};

/// What a file of one kind may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Form {
    /// The key under `[tables]` that names such a file.
    pub key: &'static str,
    /// Its columns; a file may have them in any order.
    pub columns: &'static [Column],
    /// Rows, at most.
    pub rows_max: usize,
}

/// One column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// In the first line.
    pub name: &'static str,
    /// What a cell holds, in words.
    pub takes: &'static str,
    /// Whether every row must say it.
    pub needed: Needed,
    /// What it means.
    pub meaning: &'static str,
}

/// Whether every row must say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needed {
    /// The column must be there, and no cell may be `-`.
    Always,
    /// The column may be missing and a cell may be `-`; then this follows.
    Else(&'static str),
}

/// Why a cell cannot be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What is wrong, without the cell and its column.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Wrong {
    /// Both in words.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// A file that is being read.
pub struct Sheet<'a> {
    form: &'static Form,
    text: &'a str,
    /// For each column of the form its place in the file.
    places: Vec<Option<usize>>,
    /// Cells of each row.
    width: usize,
    next: usize,
    line: usize,
    rows: usize,
    hash: Xxh64,
    diagnostics: Diagnostics,
}

/// One row whose cells are all there.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Where it stands in the file's text.
    span: Range<usize>,
    /// In the order of the file.
    cells: Vec<Range<usize>>,
}

/// What a good file amounts to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Rows.
    pub rows: usize,
    /// xxh64 of all cells, row by row, in the form's order of columns.
    pub hash: u64,
}

/// What a cell holds that says nothing.
const NOT_SAID: &str = "-";
/// What a spreadsheet may write before the first line.
const BYTE_ORDER_MARK: &str = "\u{feff}";

impl<'a> Sheet<'a> {
    /// Reads the first line; `name` is what diagnostics call the file.
    pub fn open(form: &'static Form, name: &str, text: &'a str) -> Self {
        let mut sheet = Self {
            form,
            text,
            places: vec![None; form.columns.len()],
            width: 0,
            next: text
                .strip_prefix(BYTE_ORDER_MARK)
                .map_or(0, |_| BYTE_ORDER_MARK.len()),
            line: 0,
            rows: 0,
            hash: Xxh64::new(0),
            diagnostics: Diagnostics::of_table(name, text),
        };
        match sheet.next_line() {
            Some(first) => sheet.header(&first),
            None => sheet.diagnostics.note(
                &(0..0),
                format!("the table `{}` has no line of column names", form.key),
                format!("begin with {}", sheet.names()),
            ),
        }
        sheet
    }

    /// The next row that has all its cells; none where the columns are wrong.
    pub fn next_row(&mut self) -> Option<Row> {
        while self.width > 0 {
            let row = self.next_line()?;
            self.rows += 1;
            if self.rows == self.form.rows_max + 1 {
                let problem = format!("more than {} rows", self.form.rows_max);
                self.note_row(&row, problem, "use fewer rows");
                return None;
            }
            if self.is_whole(&row) {
                self.take_in(&row);
                return Some(row);
            }
        }
        None
    }

    /// What `column` says in this row, made of by `parse`; `None` where that is noted as wrong, or
    /// not said.
    pub fn read<T>(
        &mut self,
        row: &Row,
        column: &str,
        parse: impl FnOnce(&'a str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let span = self.span(row, column)?;
        let text = self.at(&span);
        match parse(text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let problem = format!("`{column}`: {}", wrong.problem);
                self.diagnostics
                    .note_in_line(row.line, &span, problem, wrong.remedy);
                None
            }
        }
    }

    /// The same, and `otherwise` where it is not said.
    pub fn read_or<T>(
        &mut self,
        row: &Row,
        column: &str,
        otherwise: T,
        parse: impl FnOnce(&'a str) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.span(row, column).is_none() {
            return Some(otherwise);
        }
        self.read(row, column, parse)
    }

    /// Notes what is wrong with a cell that was read.
    pub fn note(&mut self, row: &Row, column: &str, wrong: Wrong) {
        let span = self.span(row, column).unwrap_or_else(|| row.span.clone());
        let problem = format!("`{column}`: {}", wrong.problem);
        self.diagnostics
            .note_in_line(row.line, &span, problem, wrong.remedy);
    }

    /// Notes what is wrong with a whole row.
    pub fn note_row(&mut self, row: &Row, problem: impl Into<String>, remedy: impl Into<String>) {
        self.diagnostics
            .note_in_line(row.line, &row.span, problem, remedy);
    }

    /// Rows and their hash, or all that is wrong: one bad line, and nothing is taken.
    pub fn finish(self) -> Result<Tally, Diagnostics> {
        if self.diagnostics.is_empty() {
            Ok(Tally {
                rows: self.rows,
                hash: self.hash.finish(),
            })
        } else {
            Err(self.diagnostics)
        }
    }

    /// The next line that is neither empty nor a comment, cut into cells.
    fn next_line(&mut self) -> Option<Row> {
        loop {
            let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
            let start = self.next;
            let length = rest.find('\n').unwrap_or(rest.len());
            self.next = self.text.len().min(start + length + 1);
            self.line += 1;
            let (line, _) = rest.split_at(length);
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let mut cells = Vec::new();
            let mut at = start;
            for cell in line.split('\t') {
                let lead = cell.len() - cell.trim_start_matches(' ').len();
                let inner = cell.trim_matches(' ');
                cells.push(at + lead..at + lead + inner.len());
                at += cell.len() + 1;
            }
            return Some(Row {
                line: self.line,
                span: start..start + line.len(),
                cells,
            });
        }
    }

    fn header(&mut self, first: &Row) {
        for (place, span) in first.cells.iter().enumerate() {
            let name = self.at(span);
            let columns = self.form.columns;
            let found = columns.iter().position(|column| column.name == name);
            let (problem, remedy) = match found {
                Some(column) if self.places[column].is_none() => {
                    self.places[column] = Some(place);
                    continue;
                }
                Some(_) => (
                    format!("the column `{name}` is there twice"),
                    "remove one of the two".to_owned(),
                ),
                None => (
                    format!("`{}` has no column `{name}`", self.form.key),
                    did_you_mean(name, columns.iter().map(|column| column.name)).unwrap_or_else(
                        || {
                            format!(
                                "the first line names the columns, with a tab between: {}",
                                self.names()
                            )
                        },
                    ),
                ),
            };
            self.diagnostics
                .note_in_line(first.line, span, problem, remedy);
        }
        for (column, place) in self.form.columns.iter().zip(&self.places) {
            if column.needed == Needed::Always && place.is_none() {
                let problem = format!("the column `{}` is missing", column.name);
                let remedy = format!("add it: {}", column.meaning);
                self.diagnostics
                    .note_in_line(first.line, &first.span, problem, remedy);
            }
        }
        if self.diagnostics.is_empty() {
            self.width = first.cells.len();
        }
    }

    /// Whether every cell is there that must be; notes what is not.
    fn is_whole(&mut self, row: &Row) -> bool {
        if row.cells.len() != self.width {
            let (found, width) = (row.cells.len(), self.width);
            self.note_row(
                row,
                format!("{found} cell(s) where the first line names {width} columns"),
                "write one cell for each column with one tab between them; `-` says nothing",
            );
            return false;
        }
        let mut whole = true;
        for (column, place) in self.form.columns.iter().zip(&self.places) {
            let Some(span) = place.and_then(|place| row.cells.get(place)) else {
                continue;
            };
            let text = self.at(span);
            let said = text != NOT_SAID;
            if text.is_empty() || (!said && column.needed == Needed::Always) {
                let problem = format!("`{}` is not said", column.name);
                let remedy = match column.needed {
                    Needed::Always => format!("say it: {}", column.takes),
                    Needed::Else(otherwise) => format!("write `-` for: {otherwise}"),
                };
                self.diagnostics
                    .note_in_line(row.line, span, problem, remedy);
                whole = false;
            }
        }
        whole
    }

    fn take_in(&mut self, row: &Row) {
        for place in &self.places {
            let span = place.and_then(|place| row.cells.get(place));
            let cell = span.map_or(NOT_SAID, |span| self.at(span));
            self.hash.update(cell.as_bytes());
            self.hash.update(b"\t");
        }
        self.hash.update(b"\n");
    }

    /// Where the cell stands, if it says anything.
    fn span(&self, row: &Row, column: &str) -> Option<Range<usize>> {
        let index = self
            .form
            .columns
            .iter()
            .position(|known| known.name == column)
            .expect("every column that is read is in the form");
        let span = row.cells.get(self.places[index]?)?;
        (self.at(span) != NOT_SAID).then(|| span.clone())
    }

    fn at(&self, span: &Range<usize>) -> &'a str {
        self.text
            .get(span.clone())
            .expect("cells end where characters end")
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.form.columns.iter().map(|it| it.name).collect();
        names.join(" ")
    }
}

impl fmt::Debug for Sheet<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sheet({} at line {})", self.form.key, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form {
        key: "fruit",
        columns: &[
            Column {
                name: "name",
                takes: "a word",
                needed: Needed::Always,
                meaning: "What it is called.",
            },
            Column {
                name: "pieces",
                takes: "a number",
                needed: Needed::Else("one"),
                meaning: "How many.",
            },
        ],
        rows_max: 150,
    };

    /// What a reader makes of `text`: rows as `line name pieces`, or errors.
    fn check(text: &str, expected: &str) {
        let mut sheet = Sheet::open(&FORM, "fruit.tsv", text);
        let mut rows = Vec::new();
        while let Some(row) = sheet.next_row() {
            let name = sheet.read(&row, "name", Ok);
            let pieces = sheet.read_or(&row, "pieces", 1, |text| {
                text.parse::<u8>()
                    .map_err(|_| Wrong::new(format!("\"{text}\" is no number"), "count them"))
            });
            if let (Some(name), Some(pieces)) = (name, pieces) {
                rows.push(format!("{} {name} {pieces}", row.line));
            }
        }
        let said = match sheet.finish() {
            Ok(tally) => {
                assert_eq!(tally.rows, rows.len());
                rows.join("\n")
            }
            Err(errors) => {
                let said = errors.errors().iter().map(|error| {
                    format!(
                        "{}:{}:{} {} | {}",
                        error.file, error.line, error.column, error.problem, error.remedy
                    )
                });
                said.collect::<Vec<_>>().join("\n")
            }
        };
        assert_eq!(said, expected, "for {text:?}");
    }

    #[test]
    fn rows_have_cells_by_the_names_of_their_columns() {
        check("name\tpieces\nfig\t3\n", "2 fig 3");
        check("pieces\tname\n3\tfig", "2 fig 3");
        check(
            "# Fruit\n\nname\r\n#\nfig\r\n  kiwi \n",
            "5 fig 1\n6 kiwi 1",
        );
        check("\u{feff}name\tpieces\nfig\t-\n", "2 fig 1");
        check("name\n", "");
    }

    #[test]
    fn every_bad_line_is_named_with_a_remedy() {
        check(
            "",
            "fruit.tsv:1:1 the table `fruit` has no line of column names | begin with name pieces",
        );
        check(
            "nam\tpieces\tpieces\nfig\t3\t3\n",
            "fruit.tsv:1:1 `fruit` has no column `nam` | did you mean `name`?\n\
             fruit.tsv:1:12 the column `pieces` is there twice | remove one of the two\n\
             fruit.tsv:1:1 the column `name` is missing | add it: What it is called.",
        );
        check(
            "name\tpieces\nfig 3\n-\t2\nkiwi\tx\t\nkiwi\t\nkiwi\tmany\n",
            "fruit.tsv:2:1 1 cell(s) where the first line names 2 columns | write one cell for \
             each column with one tab between them; `-` says nothing\n\
             fruit.tsv:3:1 `name` is not said | say it: a word\n\
             fruit.tsv:4:1 3 cell(s) where the first line names 2 columns | write one cell for \
             each column with one tab between them; `-` says nothing\n\
             fruit.tsv:5:6 `pieces` is not said | write `-` for: one\n\
             fruit.tsv:6:6 `pieces`: \"many\" is no number | count them",
        );
    }

    #[test]
    fn what_is_wrong_is_told_up_to_a_bound_and_counted_beyond() {
        let text = format!("name\tpieces\n{}", "fig\tmany\n".repeat(120));
        let mut sheet = Sheet::open(&FORM, "fruit.tsv", &text);
        while let Some(row) = sheet.next_row() {
            let none: Option<()> = sheet.read(&row, "pieces", |_| Err(Wrong::new("no", "yes")));
            assert_eq!(none, None);
        }
        let errors = sheet.finish().unwrap_err();
        assert_eq!((errors.errors().len(), errors.count()), (100, 120));
        assert!(errors.to_string().ends_with("fruit.tsv: 120 errors"));
        let full = format!("name\n{}", "fig\n".repeat(151));
        let mut sheet = Sheet::open(&FORM, "fruit.tsv", &full);
        while sheet.next_row().is_some() {}
        let errors = sheet.finish().unwrap_err();
        assert_eq!(errors.errors()[0].problem, "more than 150 rows");
    }

    #[test]
    fn comments_spaces_and_the_order_of_columns_do_not_change_the_hash() {
        let hash = |text: &str| {
            let mut sheet = Sheet::open(&FORM, "fruit.tsv", text);
            while sheet.next_row().is_some() {}
            sheet.finish().unwrap().hash
        };
        let first = hash("name\tpieces\nfig\t3\nkiwi\t-\n");
        assert_eq!(first, hash("# x\npieces\tname\n3\t fig\n-\tkiwi"));
        assert_ne!(first, hash("name\tpieces\nfig\t3\nkiwi\t1\n"));
        assert_ne!(first, hash("name\tpieces\nkiwi\t-\nfig\t3\n"));
    }
}
