//! The configuration: any text is taken, or refused with a place in it.
#![no_main]

use cpg_switch::control::configuration::Configuration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Err(diagnostics) = Configuration::from_text("switch.toml", text) else {
        return;
    };
    assert!(!diagnostics.errors().is_empty(), "a refusal says why");
    for error in diagnostics.errors() {
        let own = error.file == "switch.toml";
        assert!(!own || error.line <= text.lines().count() + 1, "{error:?}");
        assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{error:?}");
    }
    assert!(diagnostics.to_string().contains("switch.toml"));
});
