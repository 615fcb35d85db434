//! Every row of the file of samples: what is in it, field by field, and what is said of it.

use super::*;

const SAMPLES: &str = include_str!("../../../tests/data/qr-samples.tsv");

/// Fields as the file writes them: `00=01 | 29={00=A0;01=00}`.
fn told(code: &Code<'_>, parent: Option<FieldIndex>, between: &str) -> String {
    let field = |(index, field): (FieldIndex, &Field)| {
        let value = if field.is_template() && !is_whole(code, index) {
            format!("{{{}}}", told(code, Some(index), ";"))
        } else if code.kind() == Kind::Consumer {
            code.value(field)
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect()
        } else {
            String::from_utf8(code.value(field).to_vec()).unwrap()
        };
        format!("{}={value}", field.id)
    };
    code.children(parent)
        .map(field)
        .collect::<Vec<_>>()
        .join(between)
}

/// The file writes VietQR's beneficiary as it stands.
fn is_whole(code: &Code<'_>, index: FieldIndex) -> bool {
    code.path(index).to_string() == "38.01"
}

/// The file's list of fields: sorted, because some rows are not in the order of their code.
fn sorted(fields: &str) -> Vec<String> {
    let mut fields: Vec<_> = fields
        .split(" | ")
        .map(|field| field.trim().to_owned())
        .collect();
    fields.sort();
    fields
}

fn expected_fields(expected: &str) -> Option<String> {
    let fields = expected.strip_prefix("VALID ")?;
    let fields = fields.split(" | NOTE:").next().unwrap();
    Some(fields.replace("(static)", "").replace("(dynamic)", ""))
}

#[test]
fn every_sample_is_read_as_it_is_written_down() {
    let rows = SAMPLES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1);
    let mut count = 0;
    for row in rows {
        let columns: Vec<_> = row.split('\t').collect();
        let [payload, name, expected, _, said, _] = columns[..] else {
            panic!("{row}")
        };
        let code = Code::read(payload.as_bytes());
        assert_eq!(outcome(&code), said, "{name}: {:?}", code.faults());
        assert_eq!(code.is_good(), !said.starts_with("fault"), "{name}");
        if let Some(fields) = expected_fields(expected) {
            assert_eq!(sorted(&told(&code, None, " | ")), sorted(&fields), "{name}");
        }
        if let Some(fields) = expected.strip_prefix("CPM {") {
            assert_eq!(
                told(&code, None, ";"),
                fields.trim_end_matches('}').to_owned() + "}",
                "{name}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 33, "rows");
}

/// Owners with what they are known by and the institution, and warnings with their place.
fn hints(payload: &str) -> (String, String) {
    let code = Code::read(payload.as_bytes());
    assert!(code.is_good(), "{:?}", code.faults());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let owners = code.owners().iter().map(|owner| {
        let institution = code.institution(owner).map(text).unwrap_or_default();
        format!(
            "{}:{}:{institution}",
            owner.by.word(),
            text(code.mark(owner))
        )
    });
    let warnings = code.warnings().iter().map(|warning| {
        format!(
            "{} {} {}",
            warning.path,
            warning.problem.name(),
            warning.byte
        )
    });
    (
        owners.collect::<Vec<_>>().join(" "),
        warnings.collect::<Vec<_>>().join(", "),
    )
}

fn sample(name: &str) -> &'static str {
    let row = SAMPLES
        .lines()
        .find(|row| row.split('\t').nth(1) == Some(name));
    row.and_then(|row| row.split('\t').next()).unwrap()
}

#[test]
fn owners_have_the_hints_that_a_route_needs_and_leniencies_are_warnings() {
    for (name, owners, warnings) in [
        (
            "EMVCo-spec-example(CN)",
            "guid:D15600000000: guid:D15600000001:",
            "29 unknown-scheme 20",
        ),
        (
            "EMVCo-all-fields",
            "network:02:0004ho",
            "62.09 form 195, 62.50 no-template 210",
        ),
        ("Pix (official manual example)", "guid:br.gov.bcb.pix:", ""),
        (
            "PromptPay static mobile",
            "guid:A000000677010111:",
            "52 missing 74, 59 missing 74, 60 missing 74",
        ),
        (
            "VietQR static",
            "guid:A000000727:970416",
            "52 missing 90, 59 missing 90, 60 missing 90",
        ),
        (
            "HK FPS with clearing code (upper-case GUID)",
            "guid:HK.COM.HKICL:004",
            "",
        ),
        (
            "QRIS static (synthetic)",
            "guid:ID.CO.QRIS.WWW: guid:ID.CO.BANKX.WWW:93600099",
            "",
        ),
        (
            "DuitNow with PFI 02 (synthetic)",
            "guid:A0000006150001:890000",
            "00 value 4",
        ),
        ("QR Ph P2M (synthetic)", "guid:ph.ppmi.p2m:TESTPHM1XXX", ""),
        ("KHQR merchant (30) (synthetic)", "guid:shop@devb:devb", ""),
        ("LAO QR (synthetic)", "guid:A005266284662577:27710418", ""),
        ("UZ qr-online.uz (synthetic)", "guid:qr-online.uz:", ""),
        (
            "BharatQR+UPI (synthetic)",
            "guid:A000000524:testbank network:02:400000 network:04:520000 network:06:610000",
            "",
        ),
        (
            "UnionPay 15 CN dynamic (synthetic)",
            "network:15:48000702",
            "",
        ),
        (
            "UnionPay MPM URL variant",
            "host:https://qr.95516.com:03095810",
            "",
        ),
        (
            "Alipay+ CGCP-like (synthetic)",
            "prefix:28:000 prefix:28:",
            "",
        ),
    ] {
        let (found_owners, found_warnings) = hints(sample(name));
        assert_eq!(found_owners, owners, "{name}");
        assert_eq!(found_warnings, warnings, "{name}");
    }
}

#[test]
fn what_a_route_and_a_payment_need_is_at_hand() {
    let payload = sample("EMVCo-spec-example(CN)");
    let code = Code::read(payload.as_bytes());
    assert_eq!(code.country(), Some(&b"CN"[..]));
    assert_eq!(code.currency(), Currency::new(156));
    assert_eq!(
        code.amount(),
        Some(Decimal {
            digits: 2_372,
            decimals: 2
        })
    );
    assert_eq!(code.category(), Some(&b"4111"[..]));
    assert_eq!(code.merchant_name(), Some(&b"BEST TRANSPORT"[..]));
    assert_eq!(code.merchant_city(), Some(&b"BEIJING"[..]));
    assert_eq!(code.value_at(&[64, 1]), Some("最佳运输".as_bytes()));
    assert_eq!(code.value_at(&[62, 9]), Some(&b"ME"[..]));
    assert_eq!(code.value_at(&[62, 10]), None);
    // Characters of three bytes come before: the offsets differ.
    let last = code
        .fields()
        .iter()
        .find(|field| field.id == Id::Object(63))
        .unwrap();
    assert_eq!(usize::from(last.start), payload.len() - 8);
    assert_eq!(usize::from(last.character), payload.chars().count() - 8);
}
