//! What is wrong with a configuration, where, and what to do: for people and for programs.
//!
//! A line is shown up to the end of what is marked, and not at all where its key is a secret.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// Shown to people in one go; programs get all.
const SHOWN_MAX: usize = 20;
/// Kept of one table file, which may have a million lines; the others are counted.
const TABLE_MAX: usize = 100;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Diagnostic {
    /// The file: the configuration, or a table that it names.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters that are marked, at least one.
    pub marked: usize,
    /// The line up to the end of what is marked; `None` where it may hold a secret.
    pub text: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

/// All that is wrong with one file, and with the tables that it names.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Diagnostics {
    file: String,
    #[serde(skip)]
    text: String,
    errors: Vec<Diagnostic>,
    /// Errors beyond those that are kept.
    untold: usize,
    #[serde(skip)]
    kept_max: usize,
}

impl Diagnostics {
    /// Of `file`, which holds `text`; nothing is wrong yet.
    pub fn new(file: &str, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            errors: Vec::new(),
            untold: 0,
            kept_max: usize::MAX,
        }
    }

    /// Of a table file, which may have a million bad lines.
    pub(in crate::control) fn of_table(file: &str, text: &str) -> Self {
        Self {
            kept_max: TABLE_MAX,
            ..Self::new(file, text)
        }
    }

    /// What is wrong, in the order of the file; what is wrong with tables after that.
    pub fn errors(&self) -> &[Diagnostic] {
        &self.errors
    }

    /// How many errors there are, those included that are not kept.
    pub fn count(&self) -> usize {
        self.errors.len().saturating_add(self.untold)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The same without the lines that they are on: of a file that may hold what nobody may see.
    #[must_use]
    pub(in crate::control) fn withheld(mut self) -> Self {
        self.text.clear();
        for error in &mut self.errors {
            error.text = None;
        }
        self
    }

    /// Takes over what is wrong with a table.
    pub(in crate::control) fn absorb(&mut self, table: Self) {
        self.errors.extend(table.errors);
        self.untold = self.untold.saturating_add(table.untold);
    }

    /// The line on which `span` begins.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        let start = floor(&self.text, span.start.min(self.text.len()));
        self.text.split_at(start).0.matches('\n').count() + 1
    }

    /// Notes that `problem` lies at `span`.
    pub fn note(
        &mut self,
        span: &Range<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.note_in_line(self.line(span), span, problem, remedy);
    }

    /// The same where it is known on which line the span begins.
    pub(in crate::control) fn note_in_line(
        &mut self,
        line: usize,
        span: &Range<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.errors.len() >= self.kept_max {
            self.untold = self.untold.saturating_add(1);
            return;
        }
        let place = Place::of(&self.text, span);
        self.errors.push(Diagnostic {
            file: self.file.clone(),
            line,
            column: place.column,
            marked: place.marked,
            text: place.text,
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    /// Notes what the TOML grammar does not allow.
    pub fn grammar(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let problem = format!("this is not TOML: {}", error.message());
        let remedy =
            "quote texts with \"...\", write lists as [a, b], put each key on its own line";
        self.note(&span, problem, remedy);
    }

    /// In the order of the file, each once; then its tables, one after the other.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let own = self.file.clone();
        self.errors.sort_by(|left, right| {
            let file = |error: &Diagnostic| (error.file != own).then(|| error.file.clone());
            let place = |error: &Diagnostic| (error.line, error.column);
            file(left)
                .cmp(&file(right))
                .then_with(|| place(left).cmp(&place(right)))
        });
        self.errors.dedup();
        self
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in self.errors.iter().take(SHOWN_MAX) {
            writeln!(formatter, "error: {}", error.problem)?;
            writeln!(
                formatter,
                "  --> {}:{}:{}",
                error.file, error.line, error.column
            )?;
            let margin = error.line.to_string().len().max(3);
            writeln!(formatter, "{:margin$} |", "")?;
            if let Some(text) = &error.text {
                let before = " ".repeat(error.column.saturating_sub(1));
                let carets = "^".repeat(error.marked);
                writeln!(formatter, "{:margin$} | {text}", error.line)?;
                writeln!(formatter, "{:margin$} | {before}{carets}", "")?;
            } else {
                writeln!(
                    formatter,
                    "{:margin$} | (withheld: it may hold a secret)",
                    error.line
                )?;
            }
            writeln!(formatter, "{:margin$} = remedy: {}\n", "", error.remedy)?;
        }
        let more = self.count().saturating_sub(SHOWN_MAX);
        if more > 0 {
            let all = if self.untold == 0 { "all" } else { "more" };
            writeln!(formatter, "and {more} more (--json shows {all})")?;
        }
        write!(
            formatter,
            "{}: {} error{}",
            self.file,
            self.count(),
            if self.count() == 1 { "" } else { "s" }
        )
    }
}

/// A span in the words of people.
struct Place {
    column: usize,
    marked: usize,
    text: Option<String>,
}

impl Place {
    fn of(text: &str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start.min(text.len()));
        let (before, rest) = text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let (_, lead) = before.split_at(line_start);
        let line_end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let marked_end = floor(rest, span.end.saturating_sub(start).min(line_end));
        let (marked, after) = rest.split_at(marked_end);
        // A tab would shift the carets.
        let mut shown = format!("{lead}{marked}").replace('\t', " ");
        if after
            .chars()
            .next()
            .is_some_and(|next| next != '\n' && next != '\r')
        {
            shown.push_str(" ...");
        }
        Self {
            column: lead.chars().count() + 1,
            marked: marked.chars().count().max(1),
            text: (!is_secret(lead, marked)).then_some(shown),
        }
    }
}

/// The largest character boundary that is not after `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Whether what is to be shown holds a value, and the key before it sounds like a secret.
fn is_secret(lead: &str, marked: &str) -> bool {
    let shown = format!("{lead}{marked}").to_ascii_lowercase();
    let Some((key, _)) = shown.split_once('=') else {
        return false;
    };
    ["key", "secret", "password", "token", "pin"]
        .iter()
        .any(|word| key.contains(word))
}
