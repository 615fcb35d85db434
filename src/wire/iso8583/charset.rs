//! TEXTS IN THE PARTICIPANT'S CHARACTER SET: our own are UTF-8, whatever its is.
//!
//! Whole characters only: nothing is ever cut inside one. Never allocates, and never knows which
//! field a text is from. The tables are those of `encoding_rs`, of the WHATWG's Encoding Standard.
//!
//! ```text
//! 00-7F                       ASCII
//! 80                          the euro sign, as some write it: read, written as A2 E3
//! 81-FE 40-7E, 80-FE          two bytes: all that GBK has
//! 81-FE 30-39 81-FE 30-39     four bytes: GB 18030 alone, and with them all of Unicode
//! ```

use encoding_rs::{DecoderResult, EncoderResult, GB18030};

use crate::wire::iso8583::dialect::Charset;

/// A character set whose bytes are not ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Chinese {
    /// Two bytes at most.
    Gbk,
    /// Its superset, up to four bytes.
    Gb18030,
}

/// What became of a text that had to fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Fitted {
    /// Bytes that it takes in its new set.
    pub(super) bytes: usize,
    /// Characters that are written otherwise or left out.
    pub(super) replaced: u32,
}

impl Charset {
    /// The set, where its bytes are not UTF-8 anyway.
    pub(super) const fn chinese(self) -> Option<Chinese> {
        match self {
            Self::Ascii | Self::Utf8 | Self::Ebcdic => None,
            Self::Gbk => Some(Chinese::Gbk),
            Self::Gb18030 => Some(Chinese::Gb18030),
        }
    }

    /// The bytes of one character, in `out`; `None` where the set has none.
    fn encode(self, letter: char, out: &mut [u8; 8]) -> Option<usize> {
        if letter.is_control() && letter.is_ascii() {
            return None;
        }
        match self.chinese() {
            Some(set) => set.encode(letter, out),
            None if letter.is_ascii() || self == Self::Utf8 => Some(letter.encode_utf8(out).len()),
            None => None,
        }
    }

    /// Hands `text` over in this set, character by character, in `most` bytes. A letter that the
    /// set lacks is written as [`plain`] has it, or else left out with the spaces that would then
    /// begin the text; so is all that there is no room for, from the first character on.
    pub(super) fn fit(self, text: &str, most: usize, mut put: impl FnMut(&[u8])) -> Fitted {
        let mut fitted = Fitted::default();
        let mut full = false;
        for letter in text.chars() {
            let mut own = [0; 8];
            let exact = self.encode(letter, &mut own);
            let bytes = match exact {
                Some(length) => own.get(..length).unwrap_or_default(),
                None => plain(letter).as_bytes(),
            };
            full |= fitted.bytes + bytes.len() > most;
            fitted.replaced += u32::from(full || exact.is_none());
            let leading = letter == ' ' && fitted.bytes == 0 && fitted.replaced > 0;
            if !(full || leading) {
                put(bytes);
                fitted.bytes += bytes.len();
            }
        }
        fitted
    }
}

impl Chinese {
    /// The bytes that `text` takes in this set; `None` where the set lacks one of its characters.
    pub(super) fn length(self, text: &[u8]) -> Option<usize> {
        let text = core::str::from_utf8(text).ok()?;
        let mut bytes = 0;
        for letter in text.chars() {
            bytes += self.as_charset().encode(letter, &mut [0; 8])?;
        }
        Some(bytes)
    }

    pub(super) const fn as_charset(self) -> Charset {
        match self {
            Self::Gbk => Charset::Gbk,
            Self::Gb18030 => Charset::Gb18030,
        }
    }

    fn encode(self, letter: char, out: &mut [u8; 8]) -> Option<usize> {
        if letter.is_ascii() {
            return Some(letter.encode_utf8(out).len());
        }
        let mut utf8 = [0; 4];
        let (result, _, written) = GB18030.new_encoder().encode_from_utf8_without_replacement(
            letter.encode_utf8(&mut utf8),
            out,
            true,
        );
        let most = match self {
            Self::Gbk => 2,
            Self::Gb18030 => 4,
        };
        match result {
            EncoderResult::InputEmpty if written <= most => Some(written),
            EncoderResult::InputEmpty
            | EncoderResult::OutputFull
            | EncoderResult::Unmappable(_) => None,
        }
    }

    /// Whether these bytes are characters of the set, all of them whole.
    pub(super) fn passes(self, value: &[u8]) -> bool {
        value.is_ascii() || (self.fault_in_shape(value).is_none() && is_mapped(value))
    }

    /// Where the first character starts that is cut, or none of the set.
    #[cold]
    pub(super) fn fault_in(self, value: &[u8]) -> usize {
        let mut at = 0;
        while let Some(character) = self.first(value.get(at..).unwrap_or_default()) {
            if !is_mapped(character) {
                break;
            }
            at += character.len();
        }
        at
    }

    fn fault_in_shape(self, value: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < value.len() {
            let Some(character) = self.first(value.get(at..).unwrap_or_default()) else {
                return Some(at);
            };
            at += character.len();
        }
        None
    }

    /// The bytes of the first character, as far as their ranges tell; `None` where they are none.
    fn first(self, value: &[u8]) -> Option<&[u8]> {
        let length = match (value, self) {
            ([0..=0x80, ..], _) => 1,
            ([0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe, ..], _) => 2,
            ([0x81..=0xfe, 0x30..=0x39, 0x81..=0xfe, 0x30..=0x39, ..], Self::Gb18030) => 4,
            _ => return None,
        };
        value.get(..length)
    }
}

/// Writes characters of either set to `out` in UTF-8 and returns how many bytes there are; `None`
/// where they are none, or do not fit in `out`.
pub(super) fn to_utf8(value: &[u8], out: &mut [u8]) -> Option<usize> {
    let (result, _, written) = GB18030
        .new_decoder_without_bom_handling()
        .decode_to_utf8_without_replacement(value, out, true);
    match result {
        DecoderResult::InputEmpty => Some(written),
        DecoderResult::OutputFull | DecoderResult::Malformed(..) => None,
    }
}

/// Whether every character has a meaning.
fn is_mapped(value: &[u8]) -> bool {
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut sink = [0; 128];
    let mut rest = value;
    loop {
        let (result, read, _) = decoder.decode_to_utf8_without_replacement(rest, &mut sink, true);
        match result {
            DecoderResult::InputEmpty => return true,
            DecoderResult::Malformed(..) => return false,
            DecoderResult::OutputFull => rest = rest.get(read..).unwrap_or_default(),
        }
    }
}

/// What stands for a letter in a set without it: a Latin letter without its mark, a sign of
/// typesetting as a typewriter has it; nothing for all others.
fn plain(letter: char) -> &'static str {
    PLAIN
        .iter()
        .find_map(|(letters, plain)| letters.contains(letter).then_some(*plain))
        .unwrap_or("")
}

/// Letters of Unicode's Latin-1 Supplement and Latin Extended-A, and signs.
#[rustfmt::skip]
const PLAIN: &[(&str, &str)] = &[
    ("ÀÁÂÃÄÅĀĂĄ", "A"), ("àáâãäåāăąª", "a"), ("Æ", "AE"), ("æ", "ae"),
    ("ÇĆĈĊČ", "C"), ("çćĉċč", "c"), ("ÐĎĐ", "D"), ("ðďđ", "d"),
    ("ÈÉÊËĒĔĖĘĚ", "E"), ("èéêëēĕėęě", "e"), ("ĜĞĠĢ", "G"), ("ĝğġģ", "g"),
    ("ĤĦ", "H"), ("ĥħ", "h"), ("ÌÍÎÏĨĪĬĮİ", "I"), ("ìíîïĩīĭįı", "i"),
    ("Ĳ", "IJ"), ("ĳ", "ij"), ("Ĵ", "J"), ("ĵ", "j"), ("Ķ", "K"), ("ķĸ", "k"),
    ("ĹĻĽĿŁ", "L"), ("ĺļľŀł", "l"), ("ÑŃŅŇŊ", "N"), ("ñńņňŋŉ", "n"),
    ("ÒÓÔÕÖØŌŎŐ", "O"), ("òóôõöøōŏőº", "o"), ("Œ", "OE"), ("œ", "oe"),
    ("ŔŖŘ", "R"), ("ŕŗř", "r"), ("ŚŜŞŠ", "S"), ("śŝşšſ", "s"), ("ẞ", "SS"), ("ß", "ss"),
    ("ŢŤŦ", "T"), ("ţťŧ", "t"), ("Þ", "TH"), ("þ", "th"),
    ("ÙÚÛÜŨŪŬŮŰŲ", "U"), ("ùúûüũūŭůűų", "u"), ("Ŵ", "W"), ("ŵ", "w"),
    ("ÝŶŸ", "Y"), ("ýÿŷ", "y"), ("ŹŻŽ", "Z"), ("źżž", "z"),
    ("\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}", "-"),
    ("\u{2018}\u{2019}\u{201a}\u{2032}", "'"), ("\u{201c}\u{201d}\u{201e}\u{2033}", "\""),
    ("\u{2026}", "..."), ("\u{a0}\u{2009}\u{202f}\u{3000}", " "), ("\u{20ac}", "EUR"),
    ("\u{b7}\u{2022}\u{30fb}", "."),
];
