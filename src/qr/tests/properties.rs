//! What holds for every code: what was written is read, what was changed is refused, nothing panics
//! and nothing is told that must not be.

use proptest::prelude::*;
use proptest::sample::Index;

use super::generator::{Sample, consumer, sample};
use super::*;

/// Every field that is no template, by its path.
fn leaves(code: &Code<'_>) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    let mut waiting: Vec<_> = code.children(None).map(|(index, _)| index).collect();
    waiting.reverse();
    while let Some(index) = waiting.pop() {
        let field = code.field(index).unwrap();
        let inside: Vec<_> = code.children(Some(index)).map(|(index, _)| index).collect();
        if inside.is_empty() {
            let value = String::from_utf8(code.value(field).to_vec()).unwrap();
            leaves.push((code.path(index).to_string(), value));
        }
        waiting.extend(inside.into_iter().rev());
    }
    leaves
}

/// Whatever was read, its places are inside of the payload, and its words say nothing of it.
fn assert_sound(payload: &[u8]) {
    let code = Code::read(payload);
    let room = code.decoded().len().max(payload.len());
    for field in code.fields() {
        assert!(
            field.start < field.value && field.value <= field.end,
            "{field:?}"
        );
        assert!(usize::from(field.end) <= room, "{field:?}");
        assert!(
            field.character <= field.start || code.kind() == Kind::Consumer,
            "{field:?}"
        );
    }
    for finding in code.faults().iter().chain(code.warnings()) {
        assert!(
            usize::from(finding.byte) <= payload.len().max(CODE_BYTES_MAX),
            "{finding:?}"
        );
        assert!(finding.character <= finding.byte, "{finding:?}");
        assert!(!finding.to_string().contains(char::is_control), "{finding}");
    }
    for owner in code.owners() {
        assert!(
            !code.mark(owner).is_empty() || owner.by == By::Guid,
            "{owner:?}"
        );
    }
    assert_eq!(code.is_good(), code.faults().is_empty());
}

/// One character of a payload replaced.
fn replaced(payload: &str, place: &Index, by: char) -> String {
    let place = place.index(payload.chars().count());
    let one = |(at, old)| if at == place { by } else { old };
    payload.chars().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_written_is_read(sample in sample()) {
        let Sample { scheme, payload, amount, name, leaves: written } = &sample;
        let code = Code::read(payload.as_bytes());
        prop_assert!(code.is_good(), "{payload}: {:?}", code.faults());
        prop_assert_eq!(code.owners()[0].scheme, *scheme);
        prop_assert_eq!(&leaves(&code), written);
        let read = code.amount().map(|amount| amount.minor_units(2).unwrap());
        let expected = amount.as_ref().map(|amount| {
            let (major, minor) = amount.split_once('.').unwrap_or((amount, "00"));
            format!("{major}{minor}").parse::<u64>().unwrap()
        });
        prop_assert_eq!(read, expected);
        prop_assert_eq!(code.merchant_name(), name.as_ref().map(|name| name.as_bytes()));
        let is_dynamic = code.kind() == Kind::Merchant(Initiation::Dynamic);
        prop_assert_eq!(is_dynamic, amount.is_some());
        assert_sound(payload.as_bytes());
    }

    #[test]
    fn a_changed_character_is_refused_or_changes_nothing(
        sample in sample(),
        place in any::<Index>(),
        by in prop_oneof![proptest::char::range(' ', '~'), any::<char>()],
    ) {
        let changed = replaced(&sample.payload, &place, by);
        let code = Code::read(changed.as_bytes());
        if code.is_good() {
            // The checksum finds every change of one character but that of a letter of its own.
            prop_assert!(changed.eq_ignore_ascii_case(&sample.payload));
            let mut read = leaves(&code);
            read.last_mut().unwrap().1.make_ascii_uppercase();
            prop_assert_eq!(read, sample.leaves);
        }
        assert_sound(changed.as_bytes());
    }

    #[test]
    fn what_is_cut_out_or_put_in_is_refused(
        sample in sample(),
        place in any::<Index>(),
        by in "[ -~]{0,3}",
    ) {
        let place = place.index(sample.payload.chars().count());
        let (start, end): (Vec<_>, Vec<_>) =
            sample.payload.chars().enumerate().partition(|(at, _)| *at < place);
        let text = |part: Vec<(usize, char)>| part.into_iter().map(|(_, c)| c).collect::<String>();
        let changed = format!("{}{by}{}", text(start), text(end.into_iter().skip(1).collect()));
        let is_good = Code::read(changed.as_bytes()).is_good();
        let is_same = changed.eq_ignore_ascii_case(&sample.payload);
        // Sixteen bits of checksum let one in 65,536 pass, and that one must still be a code.
        prop_assert!(!is_good || is_same || crc_agrees(&changed), "{changed}");
        assert_sound(changed.as_bytes());
    }

    #[test]
    fn consumers_codes_are_read_as_they_were_written((payload, aids) in consumer()) {
        let code = Code::read(payload.as_bytes());
        if payload.len() > EMV_CHARACTERS_MAX {
            prop_assert_eq!(code.faults()[0].problem.name(), "too-long");
            return Ok(());
        }
        prop_assert!(code.is_good(), "{payload}: {:?}", code.faults());
        let read: Vec<_> = code.owners().iter().map(|owner| code.mark(owner).to_vec()).collect();
        prop_assert_eq!(read, aids);
        assert_sound(payload.as_bytes());
    }

    #[test]
    fn a_changed_consumers_code_is_read_without_a_panic(
        (payload, _) in consumer(),
        place in any::<Index>(),
        by in any::<char>(),
    ) {
        assert_sound(replaced(&payload, &place, by).as_bytes());
    }

    #[test]
    fn any_bytes_and_any_text_are_read_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        text in "(0002|hQVDUFYwMW|https://qr|[0-9]{0,40})?\\PC{0,300}",
        digits in "0002[0-9]{0,600}",
    ) {
        assert_sound(&bytes);
        assert_sound(text.as_bytes());
        assert_sound(digits.as_bytes());
    }

    #[test]
    fn no_word_about_a_code_repeats_a_part_of_it(digits in "[1-9]{13,40}", token in "[g-z]{6,30}") {
        let address = format!("https://qr.alipay.com/{token}");
        let wrong = format!("{address} {token}");
        let unknown = format!("https://{token}.example/{token}");
        let long = format!("weixin://wxpay/bizpayurl?pr={}", token.repeat(40));
        for payload in [&digits, &address, &wrong, &unknown, &long, &format!("0002{digits}")] {
            let code = Code::read(payload.as_bytes());
            let findings = code.faults().iter().chain(code.warnings());
            let said: String = findings.map(|it| format!("{it} {it:?}")).collect();
            let said = format!("{said} {code:?}");
            for secret in [&digits, &token] {
                for part in secret.as_bytes().windows(6) {
                    let part = core::str::from_utf8(part).unwrap();
                    prop_assert!(!said.contains(part), "{part} in {said}");
                }
            }
        }
    }
}

fn crc_agrees(payload: &str) -> bool {
    let Some((start, crc)) = payload.as_bytes().split_last_chunk::<4>() else {
        return false;
    };
    format!("{:04X}", crc::crc16(start))
        .as_bytes()
        .eq_ignore_ascii_case(crc)
}
