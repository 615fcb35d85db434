//! Finding the one message in what was given: framed or bare, in bytes or hexadecimal.

use std::ops::Range;

use crate::cli::exit::{Exit, Failure};
use crate::model::limits::FRAME_BYTES_MAX;
use crate::model::participant::Protocol;
use crate::wire::frame::{Framing, LooksLike, Split, Tpdu};

/// Where the body is, and how it was framed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unframed {
    pub(super) framing: Option<Framing>,
    pub(super) tpdu: Option<Tpdu>,
    pub(super) body: Range<usize>,
}

/// Finds the body in `bytes`: in the framing that its first bytes look like, else all of it.
pub(super) fn unframe(protocol: Protocol, bytes: &[u8]) -> Result<Unframed, Failure> {
    let looks = LooksLike::of(bytes);
    let framing = match (protocol, looks) {
        (Protocol::Sbe, LooksLike::SofhSbe) => Framing::Sofh,
        (Protocol::Iso8583Ascii | Protocol::Iso8583Binary, LooksLike::Len2) => Framing::LEN2,
        (Protocol::Iso8583Ascii | Protocol::Iso8583Binary, LooksLike::Len2Tpdu) => {
            Framing::LEN2.with_tpdu()
        }
        (Protocol::Iso8583Ascii | Protocol::Iso8583Binary, LooksLike::Len4) => Framing::LEN4,
        (Protocol::Iso8583Ascii | Protocol::Iso8583Binary, LooksLike::Len4Tpdu) => {
            Framing::LEN4.with_tpdu()
        }
        _ => return Ok(bare(bytes)),
    };
    match framing.split(bytes, FRAME_BYTES_MAX) {
        Split::Frame { body, tpdu, total } if total == bytes.len() => Ok(Unframed {
            framing: Some(framing),
            tpdu,
            body,
        }),
        Split::Frame { total, .. } => {
            let after = bytes.len().saturating_sub(total);
            let problem = format!("{after} bytes follow the first message, of {total} bytes");
            Err(Failure::new(Exit::Failed, problem).hint("give one message at a time"))
        }
        // The first bytes of a bare message may look like a length by chance.
        Split::Partial { .. } | Split::KeepAlive { .. } | Split::Lost(_) => Ok(bare(bytes)),
    }
}

fn bare(bytes: &[u8]) -> Unframed {
    Unframed {
        framing: None,
        tpdu: None,
        body: 0..bytes.len(),
    }
}

/// What to try where a message cannot be read in this protocol.
pub(super) fn hint(protocol: Protocol, bytes: &[u8], hex: bool) -> String {
    let looks = LooksLike::of(bytes);
    let fits = match looks {
        LooksLike::SofhSbe | LooksLike::BareSbe => protocol == Protocol::Sbe,
        LooksLike::Len2
        | LooksLike::Len2Tpdu
        | LooksLike::Len4
        | LooksLike::Len4Tpdu
        | LooksLike::BareIso8583 => protocol != Protocol::Sbe,
        LooksLike::Unknown => true,
        LooksLike::SofhSbeBigEndian
        | LooksLike::SofhOther
        | LooksLike::Tls
        | LooksLike::Http
        | LooksLike::FixTagValue => false,
    };
    if !hex && from_hex(bytes).is_ok() {
        "the input looks like hexadecimal text: add --hex".to_owned()
    } else if fits {
        "src/wire/PROTOCOL.md says what each message must hold".to_owned()
    } else {
        format!(
            "the input looks like {}, not like {}",
            looks.name(),
            protocol.name()
        )
    }
}

/// Bytes from hexadecimal text; blanks may be anywhere.
pub(super) fn from_hex(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut digits = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if byte.is_ascii_whitespace() {
            continue;
        }
        let digit = char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok());
        digits.push(digit.ok_or_else(|| format!("byte {at} is not a hexadecimal digit"))?);
    }
    if !digits.len().is_multiple_of(2) {
        return Err("the number of hexadecimal digits is odd".to_owned());
    }
    Ok(digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4) | pair[1])
        .collect())
}

/// Hexadecimal text.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
