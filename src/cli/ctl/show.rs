//! An answer of the admin API for people: lists as tables, everything else a line each. It knows no
//! member by name, so that what an answer has is shown, whatever it is.

use serde_json::{Map, Value};

/// Columns of a table stay readable up to here; what is longer is cut.
const CELL_MAX: usize = 60;

/// All of it, as text.
pub(super) fn text(answer: &Value) -> String {
    let mut out = String::new();
    match answer {
        Value::Object(members) => object(members, "", &mut out),
        Value::Array(rows) => table(rows, &mut out),
        other => out.push_str(&format!("{}\n", cell(other))),
    }
    out
}

fn object(members: &Map<String, Value>, prefix: &str, out: &mut String) {
    for (name, value) in members {
        let name = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Object(inner) if !inner.is_empty() => object(inner, &name, out),
            Value::Array(rows) if rows.iter().any(Value::is_object) => {
                out.push_str(&format!("\n{name}:\n"));
                table(rows, out);
            }
            other => out.push_str(&format!("{name:16} {}\n", cell(other))),
        }
    }
}

/// Objects as rows; a column for each member that any of them has, in the order in which they come.
fn table(rows: &[Value], out: &mut String) {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        for name in row.as_object().into_iter().flat_map(Map::keys) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| names.iter().map(|name| cut(&cell(&row[*name]))).collect())
        .collect();
    let width = |place: usize| {
        let cells = lines.iter().map(|line| line[place].chars().count());
        cells.max().unwrap_or(0).max(names[place].len())
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let mut line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let text = padded.collect::<Vec<_>>().join("  ");
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(
        &names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
    );
    for cells in &lines {
        line(cells);
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(char::is_control, " "),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) if !values.iter().any(Value::is_object) => {
            let cells: Vec<String> = values.iter().map(cell).collect();
            cells.join(" ")
        }
        Value::Object(members) if members.is_empty() => "-".to_owned(),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CELL_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(CELL_MAX - 3).collect();
    format!("{kept}...")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_tables_and_all_else_is_a_line() {
        let answer = json!({
            "outcome": "published",
            "after": { "version": 7 },
            "shards_behind": [],
            "rows": [
                { "name": "a", "links": 2 },
                { "name": "much longer", "state": null, "links": 10 },
            ],
        });
        assert_eq!(
            text(&answer),
            "\
after.version    7
outcome          published

rows:
links  name         state
2      a            -
10     much longer  -
shards_behind    -
"
        );
        assert_eq!(text(&json!("a\u{1b}[31m")), "a [31m\n");
        let long = "x".repeat(100);
        assert!(text(&json!([{ "it": long }])).contains("xxx...\n"));
    }
}
