//! `[fx]` and `[quotes]`: which rates apply, and what a quote promises for how long.

use zeroize::Zeroizing;

use super::diagnostic::Diagnostics;
use super::participants::currency;
use super::section::{Found, Section};
use super::table_files::remedy;
use crate::control::tables::Reader;
use crate::fx::quotes::KEY_BYTES;
use crate::fx::{QuoteKey, QuoteKeys, Rates, Settings};
use crate::model::money::Currency;

/// At what rate.
#[derive(Clone, Debug)]
pub struct FxConfiguration {
    /// How pairs are crossed and rounded.
    pub settings: Settings,
    /// The currency in which participants settle, where it is another than the merchant's.
    pub settlement: Option<Currency>,
    /// What `tables.rates` states; where it names no file, nothing is converted.
    pub rates: Option<Rates>,
}

/// What a quote promises for how long.
#[derive(Clone, Debug)]
pub struct QuotesConfiguration {
    /// How long a quote may be paid under, in seconds.
    pub valid_s: u32,
    /// What seals and opens quotes; where there is none, a key is drawn at the start.
    pub keys: Option<QuoteKeys>,
}

/// `[fx]`, without rates.
pub(super) fn fx(section: &Section<'_>, diagnostics: &mut Diagnostics) -> Option<FxConfiguration> {
    let pivot = section
        .text("pivot")
        .and_then(|text| currency(&text, diagnostics));
    let settlement = section.text("settlement");
    let settles = settlement.is_some();
    let settlement = settlement.and_then(|text| currency(&text, diagnostics));
    if settles && settlement.is_none() {
        return None;
    }
    Some(FxConfiguration {
        settings: Settings {
            pivot: pivot?,
            significant_digits: section.number_u32("significant_digits")?,
        },
        settlement,
        rates: None,
    })
}

/// `[quotes]`; the key file's text is found by `reader`.
pub(super) fn quotes(
    section: &Section<'_>,
    reader: Reader<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<QuotesConfiguration> {
    let file = section.text("key_file");
    let named = file.is_some();
    let keys = file.and_then(|file| keys(&file, reader, diagnostics));
    if named && keys.is_none() {
        return None;
    }
    Some(QuotesConfiguration {
        valid_s: section.number_u32("valid_s")?,
        keys,
    })
}

fn keys(
    file: &Found<String>,
    reader: Reader<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<QuoteKeys> {
    let text = match reader(&file.value) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            let problem = format!("cannot read the key file \"{}\": {error}", file.value);
            diagnostics.note(&file.span, problem, remedy(error.kind()));
            return None;
        }
    };
    let keys: Option<Vec<QuoteKey>> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(key)
        .collect();
    let mut keys = keys.unwrap_or_default().into_iter();
    match (keys.next(), keys.next(), keys.next()) {
        (Some(current), previous, None) => Some(QuoteKeys::new(current, previous)),
        _ => {
            let problem = format!("the key file \"{}\" holds no keys", file.value);
            let remedy = "write 64 hexadecimal digits, such as `openssl rand -hex 32` prints, and \
                at most one line more: the key before it, which still opens quotes";
            diagnostics.note(&file.span, problem, remedy);
            None
        }
    }
}

/// A key from its hexadecimal digits.
fn key(line: &str) -> Option<QuoteKey> {
    let (digits, rest) = line.as_bytes().as_chunks::<2>();
    if digits.len() != KEY_BYTES || !rest.is_empty() {
        return None;
    }
    let mut secret = Zeroizing::new([0_u8; KEY_BYTES]);
    for (byte, [high, low]) in secret.iter_mut().zip(digits) {
        let digit = |digit: u8| {
            char::from(digit)
                .to_digit(16)
                .and_then(|it| u8::try_from(it).ok())
        };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(QuoteKey::new(&secret))
}
