//! Random codes of each scheme, with what they hold. For tests alone: it writes by itself what the
//! specification says, and asks nothing of the reader that it tests.

use proptest::prelude::*;

use super::*;

/// A code, and what a reader must find in it.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) scheme: Scheme,
    pub(super) payload: String,
    pub(super) amount: Option<String>,
    pub(super) name: Option<String>,
    /// Every field that is no template, by its path.
    pub(super) leaves: Vec<(String, String)>,
}

/// A code that is being written.
#[derive(Clone, Debug, Default)]
struct Writer {
    body: String,
    leaves: Vec<(String, String)>,
}

impl Writer {
    /// Lengths count characters.
    fn put(&mut self, id: u16, value: &str) {
        self.body += &format!("{id:02}{:02}{value}", value.chars().count());
        self.leaves.push((format!("{id:02}"), value.to_owned()));
    }

    fn put_template(&mut self, id: u16, inside: Self) {
        self.body += &format!("{id:02}{:02}{}", inside.body.chars().count(), inside.body);
        let leaves = inside.leaves.into_iter();
        self.leaves
            .extend(leaves.map(|(path, value)| (format!("{id:02}.{path}"), value)));
    }

    fn of(fields: &[(u16, &str)]) -> Self {
        let mut writer = Self::default();
        for (id, value) in fields {
            writer.put(*id, value);
        }
        writer
    }
}

/// How a scheme's account is written: its root field, and a regular expression for each field.
struct Form {
    scheme: Scheme,
    root: u16,
    fields: &'static [(u16, &'static str)],
    /// Currency and country.
    money: (&'static str, &'static str),
    /// Whether 52, 59 and 60 are left out.
    is_short: bool,
}

const fn form(
    scheme: Scheme,
    root: u16,
    fields: &'static [(u16, &'static str)],
    money: (&'static str, &'static str),
) -> Form {
    Form {
        scheme,
        root,
        fields,
        money,
        is_short: false,
    }
}

const FORMS: &[Form] = &[
    form(
        Scheme::Qris,
        51,
        &[
            (0, "ID\\.CO\\.QRIS\\.WWW"),
            (2, "ID[0-9]{13}"),
            (3, "U(MI|KE|ME|BE)"),
        ],
        ("360", "ID"),
    ),
    Form {
        is_short: true,
        ..form(
            Scheme::PromptPayTransfer,
            29,
            &[(0, "A000000677010111"), (1, "0066[0-9]{9}")],
            ("764", "TH"),
        )
    },
    Form {
        is_short: true,
        ..form(
            Scheme::PromptPayBill,
            30,
            &[
                (0, "A000000677010112"),
                (1, "[0-9]{15}"),
                (2, "[A-Z0-9]{1,20}"),
            ],
            ("764", "TH"),
        )
    },
    form(
        Scheme::DuitNow,
        26,
        &[
            (0, "A0000006150001"),
            (1, "[0-9]{6}"),
            (2, "[A-Z0-9]{1,30}"),
        ],
        ("458", "MY"),
    ),
    form(
        Scheme::PayNow,
        26,
        &[
            (0, "SG\\.PAYNOW"),
            (1, "[02]"),
            (2, "[0-9]{9}[A-Z]"),
            (3, "[01]"),
            (4, "20[0-9]{6}"),
        ],
        ("702", "SG"),
    ),
    form(
        Scheme::Khqr,
        30,
        &[
            (0, "[a-z]{2,10}@[a-z]{4}"),
            (1, "[0-9]{6}"),
            (2, "[A-Z][a-z]{2,9} Bank"),
        ],
        ("116", "KH"),
    ),
    form(
        Scheme::LaoQr,
        38,
        &[
            (0, "A005266284662577"),
            (1, "[0-9]{8}"),
            (2, "00[1-3]"),
            (3, "[A-Z0-9]{1,20}"),
        ],
        ("418", "LA"),
    ),
    form(
        Scheme::VnPay,
        26,
        &[(0, "A000000775"), (1, "[0-9]{8,12}")],
        ("704", "VN"),
    ),
    form(
        Scheme::QrPh,
        28,
        &[
            (0, "ph\\.ppmi\\.p2m"),
            (1, "[A-Z0-9]{11}"),
            (3, "[0-9]{12}"),
            (5, "[0-9]{4}"),
        ],
        ("608", "PH"),
    ),
    form(
        Scheme::Upi,
        26,
        &[(0, "A000000524"), (1, "[a-z0-9.]{3,20}@[a-z]{3,8}")],
        ("356", "IN"),
    ),
    form(
        Scheme::Fps,
        26,
        &[(0, "(hk\\.com\\.hkicl|HK\\.COM\\.HKICL)"), (2, "[0-9]{7}")],
        ("344", "HK"),
    ),
    form(
        Scheme::MongoliaQr,
        27,
        &[(0, "A0000008430001"), (1, "[A-Z]{8}"), (2, "[0-9]{20}")],
        ("496", "MN"),
    ),
    form(
        Scheme::UzbekistanQr,
        40,
        &[(0, "qr-online\\.uz"), (1, "[a-z0-9]{18}"), (2, "11")],
        ("860", "UZ"),
    ),
    form(
        Scheme::Pix,
        26,
        &[(0, "br\\.gov\\.bcb\\.pix"), (1, "[0-9a-f]{8}-[0-9a-f]{4}")],
        ("986", "BR"),
    ),
    form(
        Scheme::WeChatPay,
        27,
        &[(0, "COM\\.QQ\\.WEIXIN\\.PAY"), (1, "[0-9]{9}")],
        ("702", "SG"),
    ),
    form(
        Scheme::AlipayPlus,
        33,
        &[(0, "A1112783000000[0-9]{2}\\.alipayplus"), (1, "[a-z]{5}")],
        ("496", "MN"),
    ),
];

/// A code of one of the forms, of VietQR or of UnionPay.
pub(super) fn sample() -> impl Strategy<Value = Sample> {
    (0..FORMS.len() + 2).prop_flat_map(|which| match FORMS.get(which) {
        Some(form) => account(form),
        None if which == FORMS.len() => vietqr(),
        None => unionpay(),
    })
}

/// An account, before the rest of the code is written.
type Account = (Scheme, Writer, (&'static str, &'static str), bool);

fn account(form: &'static Form) -> BoxedStrategy<Sample> {
    let values: Vec<_> = form.fields.iter().map(|(_, pattern)| *pattern).collect();
    let written = values.prop_map(|values: Vec<String>| {
        let mut inside = Writer::default();
        for ((id, _), value) in form.fields.iter().zip(&values) {
            inside.put(*id, value);
        }
        let mut writer = Writer::default();
        writer.put_template(form.root, inside);
        (form.scheme, writer, form.money, form.is_short)
    });
    whole(written.boxed())
}

fn vietqr() -> BoxedStrategy<Sample> {
    let written =
        ("9704[0-9]{2}", "[0-9]{6,19}", "QRIBFTT[AC]").prop_map(|(bank, account, service)| {
            let mut inside = Writer::of(&[(0, "A000000727")]);
            inside.put_template(1, Writer::of(&[(0, &bank), (1, &account)]));
            inside.put(2, &service);
            let mut writer = Writer::default();
            writer.put_template(38, inside);
            (Scheme::VietQr, writer, ("704", "VN"), true)
        });
    whole(written.boxed())
}

fn unionpay() -> BoxedStrategy<Sample> {
    let written = "[0-9]{16}[A-Z0-9]{15}".prop_map(|account| {
        (
            Scheme::UnionPay,
            Writer::of(&[(15, &account)]),
            ("156", "CN"),
            false,
        )
    });
    whole(written.boxed())
}

fn whole(account: BoxedStrategy<Account>) -> BoxedStrategy<Sample> {
    let amount = proptest::option::of("[1-9][0-9]{0,5}(\\.[0-9]{2})?");
    let text = (
        "[A-Z][A-Z &']{0,20}[A-Z]",
        "[A-Z]{3,15}",
        "[\u{4e00}-\u{4e20}a-z]{1,8}",
    );
    let more = (
        proptest::option::of("[A-Z0-9]{1,20}"),
        any::<bool>(),
        any::<bool>(),
    );
    (account, amount, text, more)
        .prop_map(
            |((scheme, account, (currency, country), is_short), amount, text, more)| {
                let (name, city, foreign) = text;
                let (bill, is_last, has_language) = more;
                let initiation = if amount.is_some() { "12" } else { "11" };
                let mut writer = Writer::of(&[(0, "01"), (1, initiation)]);
                let append = |writer: &mut Writer, account: &Writer| {
                    writer.body += &account.body;
                    writer.leaves.extend(account.leaves.iter().cloned());
                };
                if !is_last {
                    append(&mut writer, &account);
                }
                if !is_short {
                    writer.put(52, "5411");
                }
                writer.put(53, currency);
                if let Some(amount) = &amount {
                    writer.put(54, amount);
                }
                writer.put(58, country);
                if !is_short {
                    writer.put(59, &name);
                    writer.put(60, &city);
                }
                if let Some(bill) = &bill {
                    writer.put_template(62, Writer::of(&[(1, bill)]));
                }
                if has_language {
                    writer.put_template(64, Writer::of(&[(0, "zh"), (1, &foreign)]));
                }
                if is_last {
                    append(&mut writer, &account);
                }
                let payload = with_checksum(&writer.body);
                let crc = payload.chars().skip(payload.chars().count() - 4).collect();
                writer.leaves.push(("63".to_owned(), crc));
                let name = (!is_short).then_some(name);
                Sample {
                    scheme,
                    payload,
                    amount,
                    name,
                    leaves: writer.leaves,
                }
            },
        )
        .boxed()
}

/// A consumer-presented code: its base64, its AIDs, and its leaves in hexadecimal.
pub(super) fn consumer() -> impl Strategy<Value = (String, Vec<Vec<u8>>)> {
    let application = (
        prop_oneof![
            Just(vec![0xa0, 0, 0, 3, 0x33, 1, 1, 1]),
            Just(vec![0xa0, 0, 0, 6, 2, 0x20, 0x20]),
            proptest::collection::vec(any::<u8>(), 5..=16),
        ],
        proptest::collection::vec(0_u8..10, 16..19),
        proptest::option::of("[ -~]{1,16}"),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 1..=32)),
    );
    proptest::collection::vec(application, 1..=3).prop_map(|applications| {
        let mut bytes = b"\x85\x05CPV01".to_vec();
        for (aid, digits, label, data) in &applications {
            let mut inside = tlv(&[0x4f], aid);
            let halves: Vec<u8> = digits
                .iter()
                .copied()
                .chain([0xd, 2, 9, 1, 2, 0xf])
                .collect();
            let packed: Vec<u8> = halves
                .chunks(2)
                .map(|two| two[0] << 4 | two.get(1).unwrap_or(&0xf))
                .collect();
            inside.extend(tlv(&[0x57], &packed));
            if let Some(label) = label {
                inside.extend(tlv(&[0x50], label.as_bytes()));
            }
            if let Some(data) = data {
                inside.extend(tlv(&[0x63], &tlv(&[0x9f, 0x10], data)));
            }
            bytes.extend(tlv(&[0x61], &inside));
        }
        let aids = applications.into_iter().map(|(aid, ..)| aid).collect();
        (faults::base64(&bytes), aids)
    })
}

fn tlv(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    let length = if length < 0x80 {
        vec![length]
    } else {
        vec![0x81, length]
    };
    [tag, &length, value].concat()
}
