//! Participants: who may sign on, what their links speak, which payment codes are their payers'.

use std::ops::Range;

use super::build::checked_name;
use super::cross::{self, Claims};
use super::diagnostic::Diagnostics;
use super::section::{Found, Section};
use super::shape::did_you_mean;
use super::{Network, ParticipantEntry, codes, dialect};
use crate::model::ids::Institution;
use crate::model::limits::{PARTICIPANTS_MAX, PREFIX_DIGITS_MAX};
use crate::model::money::Currency;
use crate::model::outcome::Resolution;
use crate::model::participant::{Participant, Protocol, ResolverProfile, Role};

/// A destination that has agreed to answer within some time.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) within_ms: u64,
    pub(super) span: Range<usize>,
}

/// What only one participant may have.
struct Unique {
    names: Claims,
    institutions: Claims,
    code_prefixes: Claims,
}

/// All participants of the file and the hash of the tables; `spoken` is what the listeners speak.
pub(super) fn read(
    sections: &[Section<'_>],
    spoken: &[Protocol],
    diagnostics: &mut Diagnostics,
) -> (Vec<ParticipantEntry>, u64) {
    if let Some(section) = sections.get(PARTICIPANTS_MAX) {
        let problem = format!("more than {PARTICIPANTS_MAX} participants");
        diagnostics.note(
            &section.span,
            problem,
            "remove some: a table has no room for more",
        );
    }
    let mut unique = Unique {
        names: Claims::new("participant name"),
        institutions: Claims::new("institution"),
        code_prefixes: Claims::new("code prefix"),
    };
    let mut agreed = Vec::new();
    let mut entries = Vec::new();
    let mut dialects = Vec::new();
    for section in sections {
        let Some((entry, dialect)) = entry(section, &mut unique, spoken, diagnostics) else {
            continue;
        };
        if let Some(within) = section.number("answers_within_ms")
            && within.value > 0
        {
            agreed.push(Agreed {
                name: entry.participant.name.clone(),
                role: entry.participant.role,
                within_ms: within.value,
                span: within.span,
            });
        }
        entries.push(entry);
        dialects.push(dialect);
    }
    cross::timeouts(&entries, &agreed, diagnostics);
    let hash = cross::table_hash(&entries, &dialects);
    (entries, hash)
}

fn entry(
    section: &Section<'_>,
    unique: &mut Unique,
    spoken: &[Protocol],
    diagnostics: &mut Diagnostics,
) -> Option<(ParticipantEntry, String)> {
    // Every part is read before any is required, so that one report names all that is wrong.
    let name = section
        .text("name")
        .filter(|name| checked_name(name, diagnostics));
    if let Some(name) = &name {
        unique.names.claim(&name.value, &name.span, diagnostics);
    }
    let institution = section
        .number("institution")
        .and_then(|found| institution(&found, &mut unique.institutions, diagnostics));
    let mut fronted: Vec<Institution> = section
        .numbers("fronts")
        .iter()
        .filter_map(|found| self::institution(found, &mut unique.institutions, diagnostics))
        .collect();
    fronted.sort();
    let role = section
        .text("role")
        .and_then(|role| match role.value.as_str() {
            "wallet" => Some(Role::Wallet),
            "acquirer" => Some(Role::Acquirer),
            "infrastructure" => Some(Role::Infrastructure),
            _ => None,
        });
    let country = section
        .text("country")
        .and_then(|text| country(&text, diagnostics));
    let currency = section
        .text("currency")
        .and_then(|text| currency(&text, diagnostics));
    let protocol = protocol(section, spoken, diagnostics);
    let dialect = dialect::read(&section.section("dialect"), protocol?, diagnostics);
    let addresses = addresses(&section.section("credentials"), diagnostics);
    let code_prefixes = code_prefixes(section, role?, unique, diagnostics);
    let dialect = dialect?;
    let entry = ParticipantEntry {
        participant: Participant {
            institution: institution?,
            name: name?.value,
            role: role?,
            protocol: protocol?,
            country: country?,
            currency: currency?,
            fronted,
            window_in: section.number_u32("window_in")?,
            window_out: section.number_u32("window_out")?,
            rate_per_second: section.number_u32("rate_per_second")?,
            answer_timeout_ms: section.number_u32("answer_timeout_ms")?,
            repeat_ms: section.number_u32("repeat_ms")?,
            echo_idle_ms: section.number_u32("echo_idle_ms")?,
            echo_missed_max: u8::try_from(section.number_u32("echo_missed_max")?)
                .expect("the key's bounds fit in 8 bits"),
            resolver: resolver(&section.section("resolver"))?,
        },
        dialect: dialect.dialect,
        addresses,
        code_prefixes,
        suspended: section.text("status")?.value == "suspended",
        self_counting: section.text("totals")?.value == "kept-by-wallet",
    };
    Some((entry, dialect.canonical))
}

fn resolver(section: &Section<'_>) -> Option<ResolverProfile> {
    let resolution = |name: &str| {
        let word = section.text(name)?.value;
        Resolution::ALL
            .iter()
            .copied()
            .find(|resolution| resolution.name() == word)
    };
    let small = |name: &str| {
        let number = section.number_u32(name)?;
        Some(u8::try_from(number).expect("the key's bounds fit in 8 bits"))
    };
    Some(ResolverProfile {
        mpm: resolution("mpm")?,
        cpm: resolution("cpm")?,
        refund: resolution("refund")?,
        inquiry_first_ms: section.number_u32("inquiry_first_ms")?,
        inquiry_every_ms: section.number_u32("inquiry_every_ms")?,
        inquiries_max: small("inquiries_max")?,
        reversal_after_ms: section.number_u32("reversal_after_ms")?,
        reversal_within_s: section.number_u32("reversal_within_s")?,
        sends_max: small("sends_max")?,
        window: section.number_u32("window")?,
        per_second: section.number_u32("per_second")?,
        down_s: section.number_u32("down_s")?,
        pending_timeout_s: section.number_u32("pending_timeout_s")?,
    })
}

fn institution(
    found: &Found<u64>,
    institutions: &mut Claims,
    diagnostics: &mut Diagnostics,
) -> Option<Institution> {
    institutions.claim(&found.value.to_string(), &found.span, diagnostics);
    Institution::new(found.value)
}

fn country(text: &Found<String>, diagnostics: &mut Diagnostics) -> Option<u16> {
    let number = codes::country(&text.value);
    if number.is_none() {
        let remedy = did_you_mean(&text.value, codes::known_countries());
        diagnostics.note(
            &text.span,
            format!("\"{}\" is not a country that is known here", text.value),
            remedy.unwrap_or_else(|| "use its three digits of ISO 3166-1, such as \"458\"".into()),
        );
    }
    number
}

/// ISO 4217, three letters or three digits.
pub(super) fn currency(text: &Found<String>, diagnostics: &mut Diagnostics) -> Option<Currency> {
    let currency = codes::currency(&text.value).and_then(Currency::new);
    if currency.is_none() {
        let remedy = did_you_mean(&text.value, codes::known_currencies());
        diagnostics.note(
            &text.span,
            format!("\"{}\" is not a currency that is known here", text.value),
            remedy.unwrap_or_else(|| "use its three digits of ISO 4217, such as \"458\"".into()),
        );
    }
    currency
}

fn protocol(
    section: &Section<'_>,
    spoken: &[Protocol],
    diagnostics: &mut Diagnostics,
) -> Option<Protocol> {
    let word = section.text("protocol")?;
    let protocol = Protocol::from_name(&word.value)?;
    if !spoken.contains(&protocol) {
        diagnostics.note(
            &word.span,
            format!("no listener speaks {}", protocol.name()),
            format!("add [[listeners]] with protocol = \"{}\"", protocol.name()),
        );
    }
    Some(protocol)
}

fn addresses(section: &Section<'_>, diagnostics: &mut Diagnostics) -> Vec<Network> {
    let texts = section.texts("addresses");
    if texts.is_empty() && section.has("addresses") {
        diagnostics.note(
            &section.span,
            "`credentials.addresses` is empty: nobody could sign on",
            "name at least one network, such as \"10.1.0.0/16\"",
        );
    }
    let mut networks = Vec::new();
    for text in texts {
        match text.value.parse() {
            Ok(network) => networks.push(network),
            Err(error) => diagnostics.note(
                &text.span,
                format!("\"{}\" is not a network: {error}", text.value),
                "write it as \"10.1.0.0/16\", \"2001:db8::/32\" or a single address",
            ),
        }
    }
    networks
}

fn code_prefixes(
    section: &Section<'_>,
    role: Role,
    unique: &mut Unique,
    diagnostics: &mut Diagnostics,
) -> Vec<String> {
    let prefixes = section.texts("code_prefixes");
    if let (Role::Acquirer, Some(first)) = (role, prefixes.first()) {
        diagnostics.note(
            &first.span,
            "an acquirer has no payers, and so no payment codes",
            "remove `code_prefixes`, or make the role \"wallet\"",
        );
    }
    for prefix in &prefixes {
        let digits = prefix.value.len();
        let is_number = prefix.value.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !(1..=PREFIX_DIGITS_MAX).contains(&digits) {
            diagnostics.note(
                &prefix.span,
                format!(
                    "\"{}\" is not the beginning of a payment code",
                    prefix.value
                ),
                format!("use 1 to {PREFIX_DIGITS_MAX} digits"),
            );
        }
        unique
            .code_prefixes
            .claim(&prefix.value, &prefix.span, diagnostics);
    }
    prefixes.into_iter().map(|prefix| prefix.value).collect()
}
