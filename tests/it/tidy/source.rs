//! Reading Rust just well enough: code without comments and literals, without tests, and the paths
//! that it names.

/// The same text, line for line, with comments and the inside of literals blanked out.
pub(crate) fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let skipped = match rest {
            [b'/', b'/', ..] => until(rest, 2, b"\n") - 1,
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => string(rest),
            [b'r', ..] if !after_word(&out) => raw_string(rest),
            [b'\'', b'\\', ..] => until(rest, 3, b"'"),
            [b'\'', ..] => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            out.push(bytes[at]);
            at += 1;
        } else {
            let gone = bytes.get(at..at + skipped).expect("within the text");
            out.extend(
                gone.iter()
                    .map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }),
            );
            at += skipped;
        }
    }
    String::from_utf8(out).expect("whole characters were kept or blanked")
}

/// Whether what was written last belongs to an identifier (so that an `r` continues it). `br"` is
/// one literal: its `b` does not count.
fn after_word(out: &[u8]) -> bool {
    match out {
        [.., before, b'b'] => is_word(*before),
        [b'b'] => false,
        [.., last] => is_word(*last),
        [] => false,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Length up to and with `end`, searched from `from`; all of it (plus one) where there is none.
fn until(rest: &[u8], from: usize, end: &[u8]) -> usize {
    rest.get(from..)
        .and_then(|tail| tail.windows(end.len()).position(|window| window == end))
        .map_or(rest.len() + usize::from(end == b"\n"), |found| {
            from + found + end.len()
        })
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest.get(at..) {
            Some([b'/', b'*', ..]) => (depth, at) = (depth + 1, at + 2),
            Some([b'*', b'/', ..]) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"..."`, `r#"..."#`; zero for anything else that starts with an `r`.
fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let mut end = vec![b'"'];
    end.extend(vec![b'#'; hashes]);
    until(rest, 2 + hashes, &end)
}

/// A character literal without a backslash; zero for a lifetime.
fn character(rest: &[u8]) -> usize {
    let longest = rest.len().min(6);
    (2..longest)
        .find(|end| rest[*end] == b'\'')
        .filter(|end| core::str::from_utf8(&rest[1..*end]).is_ok_and(|t| t.chars().count() == 1))
        .map_or(0, |end| end + 1)
}

/// Blanks every item under `#[cfg(test)]` that starts in the first column.
pub(crate) fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        kept.push('\n');
        for gone in lines.by_ref() {
            kept.push('\n');
            if gone == "}" || (!gone.starts_with([' ', '#']) && gone.ends_with([';', '}'])) {
                break;
            }
        }
    }
    kept
}

/// Every path in `code` that starts with `root` (such as `crate::`), without it, with its line;
/// `use` trees are spread out.
pub(crate) fn paths(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut before = String::new();
    for piece in code.split_inclusive(root) {
        if before.ends_with(root) && !before.trim_end_matches(root).ends_with(is_path) {
            for path in spread(piece) {
                found.push((line, path));
            }
        }
        line += piece.matches('\n').count();
        piece.clone_into(&mut before);
    }
    found
}

fn is_path(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | ':')
}

/// The paths at the head of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim_start();
    if let Some(inside) = tree.strip_prefix('{') {
        return branches(inside)
            .iter()
            .flat_map(|branch| spread(branch))
            .collect();
    }
    let head: String = tree.chars().take_while(|c| is_path(*c)).collect();
    match tree.strip_prefix(head.as_str()).map(str::trim_start) {
        Some(rest) if head.ends_with("::") && rest.starts_with('{') => spread(rest)
            .into_iter()
            .map(|path| format!("{head}{path}"))
            .collect(),
        _ => vec![head],
    }
}

/// What stands between commas, up to the brace that closes the one before `inside`.
fn branches(inside: &str) -> Vec<String> {
    let (mut depth, mut found) = (0_usize, vec![String::new()]);
    for character in inside.chars() {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => {
                found.push(String::new());
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if let Some(last) = found.last_mut() {
            last.push(character);
        }
    }
    found.retain(|branch| !branch.trim().is_empty());
    found
}

/// Whether `line` has `word` as a whole word.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|found| found == word)
}

#[test]
fn comments_and_literals_are_not_code() {
    for (text, expected) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("x \" y", 'z', '\'')"#, "f(        ,    ,     )"),
        (r##"r#"a"b"# + br"c""##, "         + b    "),
        ("var = 1 // it's", "var = 1        "),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
        ("'\u{e9}' b'x'", "     b   "),
    ] {
        assert_eq!(code_only(text), expected, "{text}");
    }
}

#[test]
fn tests_are_left_out() {
    let code = "use a;\n#[cfg(test)]\nmod tests {\n    use b;\n}\nuse c;\n";
    assert_eq!(without_tests(code), "use a;\n\n\n\n\nuse c;\n");
    assert_eq!(without_tests("#[cfg(test)]\nmod t;\nx\n"), "\n\nx\n");
}

#[test]
fn use_trees_are_spread_out() {
    let code = "use crate::a::{b, c::{d,\n e}};\nfn f(x: crate::g::H) { mycrate::no() }\n";
    let found: Vec<String> = paths(code, "crate::")
        .iter()
        .map(|(line, path)| format!("{line} {path}"))
        .collect();
    assert_eq!(found, ["1 a::b", "1 a::c::d", "1 a::c::e", "3 g::H"]);
    assert_eq!(paths("use std::{fs, io as i};", "std::").len(), 2);
}
