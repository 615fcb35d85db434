//! Writes `sbe_gen.json`: the documented values, and their bytes as `sbe_gen` makes them.
//!
//! Usage: golden-sbe DIRECTORY

use std::{env, fs, path::PathBuf};

use serde_json::{Value, json};

#[allow(dead_code, unused_imports, unused_parens, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/driver.rs"));
}

fn main() {
    let directory = PathBuf::from(env::args_os().nth(1).expect("usage: golden-sbe DIRECTORY"));
    let values: Vec<Value> =
        serde_json::from_str(include_str!("../../sbe_values.json")).expect("JSON");
    let cases: Vec<Value> = values
        .into_iter()
        .zip(generated::cases())
        .map(|(mut case, (name, bytes))| {
            assert_eq!(case["name"], name);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            case["hex"] = hex.into();
            case
        })
        .collect();
    let document = json!({
        "tool": "sbe_gen",
        "version": "0.7.3 (crates.io)",
        "command": "tests/golden/make_sbe.sh DIRECTORY",
        "cases": cases,
    });
    let text = serde_json::to_string_pretty(&document).expect("JSON");
    fs::write(directory.join("sbe_gen.json"), text + "\n").expect("written");
}
