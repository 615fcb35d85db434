//! Codes: any payload is read, its places are inside of it, and no word about it repeats it.
#![no_main]

use cpg_switch::qr::Code;
use libfuzzer_sys::fuzz_target;

/// A part of a payload of this many characters would tell it.
const TOLD: usize = 12;

fuzz_target!(|payload: &[u8]| {
    let code = Code::read(payload);
    let room = code.decoded().len().max(payload.len());
    for field in code.fields() {
        assert!(field.start < field.value && field.value <= field.end, "{field:?}");
        assert!(usize::from(field.end) <= room, "{field:?}");
        let parent = field.parent.and_then(|index| code.field(index));
        assert!(parent.is_none_or(|it| it.value <= field.start && field.end <= it.end));
    }
    for owner in code.owners() {
        assert!(code.mark(owner).len() <= room, "{owner:?}");
        assert!(code.institution(owner).is_none_or(|code| code.len() <= room), "{owner:?}");
    }
    for finding in code.faults().iter().chain(code.warnings()) {
        assert!(usize::from(finding.byte) <= payload.len(), "{finding:?}");
        assert!(finding.character <= finding.byte, "{finding:?}");
        let told = finding.to_string();
        assert!(!told.contains(char::is_control), "one line: {told:?}");
        let repeats = |part: &[u8]| {
            let is_digits = part.iter().all(u8::is_ascii_digit);
            is_digits && core::str::from_utf8(part).is_ok_and(|part| told.contains(part))
        };
        assert!(!payload.windows(TOLD).any(repeats), "{told}");
    }
    // Whoever finds nothing wrong has read all of it: what is read is what was written.
    if code.is_good() && code.fields().iter().any(|field| field.id.to_string() == "63") {
        let length = |(_, field): (_, &cpg_switch::qr::Field)| usize::from(field.end - field.start);
        assert_eq!(code.children(None).map(length).sum::<usize>(), room);
    }
});
