//! Where one message ends and the next begins: SOFH, two- and four-byte length headers, TPDU.
//!
//! Never reads a body.
//!
//! ```text
//! Sofh   u32 BE length, these six bytes included | EB 50 | body
//! Len2   u16 BE length of what follows      | TPDU (5) | message header (1 to 7) | body
//! Len4   four ASCII digits, of what follows | TPDU (5) | message header (1 to 7) | body
//! ```
//!
//! TPDU and message header only where they are configured.

use core::ops::Range;

use crate::model::refusal::Fault;

/// How frames are delimited on a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// FIX SOFH 1.0: u32 big-endian length *including* these six bytes, then 0xEB50 (SBE 1.0,
    /// little-endian).
    Sofh,
    /// u16 big-endian length, excluding itself; with `tpdu`, five bytes of TPDU count as body
    /// length.
    Len2 {
        /// Whether a five-byte TPDU follows the length.
        tpdu: bool,
        /// What precedes the body.
        lead: MessageHeader,
    },
    /// Four ASCII digits, excluding themselves; `0000` is a keep-alive and is echoed.
    Len4 {
        /// Whether a five-byte TPDU follows the length.
        tpdu: bool,
        /// What precedes the body.
        lead: MessageHeader,
    },
}

/// Bytes between length, or TPDU, and body: the same in every frame that is written. Those of a
/// frame that is read are skipped, whatever they say: terminals and hosts put versions and flags
/// there, which mean nothing to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageHeader {
    bytes: [u8; MESSAGE_HEADER_BYTES_MAX],
    length: u8,
}

impl MessageHeader {
    /// There is none.
    pub const NONE: Self = Self {
        bytes: [0; MESSAGE_HEADER_BYTES_MAX],
        length: 0,
    };

    /// These bytes; `None` for more than [`MESSAGE_HEADER_BYTES_MAX`].
    pub fn new(given: &[u8]) -> Option<Self> {
        let mut bytes = [0; MESSAGE_HEADER_BYTES_MAX];
        bytes.get_mut(..given.len())?.copy_from_slice(given);
        let length = u8::try_from(given.len()).ok()?;
        Some(Self { bytes, length })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    const fn len(self) -> usize {
        self.length as usize
    }

    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.length == 0
    }
}

/// Transport protocol data unit: id, destination, source; carried and answered, never understood.
pub type Tpdu = [u8; TPDU_BYTES];

/// The longest message header.
pub const MESSAGE_HEADER_BYTES_MAX: usize = 7;
/// The longest header: four digits, a TPDU and a message header.
pub const HEADER_BYTES_MAX: usize = 4 + TPDU_BYTES + MESSAGE_HEADER_BYTES_MAX;

/// What the next bytes of a stream are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Split {
    /// Not a whole frame yet. `total` is its length where the header is complete.
    Partial {
        /// Length of the whole frame, if known.
        total: Option<usize>,
    },
    /// A whole frame.
    Frame {
        /// Where its body is.
        body: Range<usize>,
        /// Its TPDU, if the framing has one.
        tpdu: Option<Tpdu>,
        /// Its length with header.
        total: usize,
    },
    /// A keep-alive of `total` bytes: send the same bytes back.
    KeepAlive {
        /// Its length.
        total: usize,
    },
    /// The header makes no sense (`FramingLost`) or announces more than the listener allows
    /// (`Oversize`): the stream cannot be followed any more.
    Lost(Fault),
}

impl Framing {
    /// A two-byte length and nothing else before the body.
    pub const LEN2: Self = Self::Len2 {
        tpdu: false,
        lead: MessageHeader::NONE,
    };
    /// Four digits and nothing else before the body.
    pub const LEN4: Self = Self::Len4 {
        tpdu: false,
        lead: MessageHeader::NONE,
    };

    /// With a TPDU after the length; SOFH has none.
    #[must_use]
    pub const fn with_tpdu(self) -> Self {
        match self {
            Self::Sofh => Self::Sofh,
            Self::Len2 { lead, .. } => Self::Len2 { tpdu: true, lead },
            Self::Len4 { lead, .. } => Self::Len4 { tpdu: true, lead },
        }
    }

    /// With a message header before the body; SOFH has none.
    #[must_use]
    pub const fn with_message_header(self, lead: MessageHeader) -> Self {
        match self {
            Self::Sofh => Self::Sofh,
            Self::Len2 { tpdu, .. } => Self::Len2 { tpdu, lead },
            Self::Len4 { tpdu, .. } => Self::Len4 { tpdu, lead },
        }
    }

    /// What precedes the body.
    pub const fn message_header(self) -> MessageHeader {
        match self {
            Self::Sofh => MessageHeader::NONE,
            Self::Len2 { lead, .. } | Self::Len4 { lead, .. } => lead,
        }
    }

    /// Bytes before the body, TPDU and message header included.
    pub const fn header_bytes(self) -> usize {
        self.length_bytes() + self.tpdu_bytes() + self.message_header().len()
    }

    /// Finds the first frame of `bytes`, which may be of any length. A frame longer than
    /// `frame_bytes_max`, header included, is lost as soon as it is announced.
    ///
    /// A body may be empty where a length can say so; a two-byte length of zero cannot be told
    /// from a stream out of step and is lost.
    pub fn split(self, bytes: &[u8], frame_bytes_max: usize) -> Split {
        let announced = match self {
            Self::Sofh => bytes.first_chunk().map(sofh_total),
            Self::Len2 { .. } => bytes.first_chunk().map(len2_total),
            Self::Len4 { .. } => bytes.first_chunk().map(len4_total),
        };
        let total = match announced {
            None => return Split::Partial { total: None },
            Some(None) => return Split::Lost(Fault::FramingLost),
            Some(Some(total)) => total,
        };
        let header_bytes = self.header_bytes();
        if matches!(self, Self::Len4 { .. }) && total == self.length_bytes() {
            return Split::KeepAlive { total };
        }
        if total < header_bytes {
            return Split::Lost(Fault::FramingLost);
        }
        if total > frame_bytes_max {
            return Split::Lost(Fault::Oversize);
        }
        let Some((frame, _)) = bytes.split_at_checked(total) else {
            return Split::Partial { total: Some(total) };
        };
        let tpdu = match self.tpdu_bytes() {
            0 => None,
            _ => frame
                .split_at_checked(self.length_bytes())
                .and_then(|(_, rest)| rest.first_chunk().copied()),
        };
        Split::Frame {
            body: header_bytes..total,
            tpdu,
            total,
        }
    }

    /// Writes the header of a body of `body_bytes` to the start of `out` and returns its length.
    /// `None` where `out` is too short for header and body, or the length cannot be said. `tpdu`
    /// is written as it is; without one, a framing that has TPDUs gets [`TPDU_DEFAULT`].
    pub fn write_header(
        self,
        out: &mut [u8],
        body_bytes: usize,
        tpdu: Option<Tpdu>,
    ) -> Option<usize> {
        let (header, bytes) = self.header(body_bytes, tpdu)?;
        if bytes.checked_add(body_bytes)? > out.len() {
            return None;
        }
        out.get_mut(..bytes)?.copy_from_slice(header.get(..bytes)?);
        Some(bytes)
    }

    /// The header of a body of `body_bytes` bytes, and its length. `None` where the length cannot
    /// be said. `tpdu` as in [`Framing::write_header`].
    #[inline]
    pub fn header(
        self,
        body_bytes: usize,
        tpdu: Option<Tpdu>,
    ) -> Option<([u8; HEADER_BYTES_MAX], usize)> {
        let header_bytes = self.header_bytes();
        let total = header_bytes.checked_add(body_bytes)?;
        let follows = total.checked_sub(self.length_bytes())?;
        let mut out = [0; HEADER_BYTES_MAX];
        match self {
            Self::Sofh => {
                let [l0, l1, l2, l3] = u32::try_from(total).ok()?.to_be_bytes();
                let [e0, e1] = SOFH_SBE_LITTLE_ENDIAN;
                // As one value: written in pieces, it would stall whoever copies it next.
                out = [l0, l1, l2, l3, e0, e1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            }
            Self::Len2 { .. } => {
                *out.first_chunk_mut()? = u16::try_from(follows).ok()?.to_be_bytes();
            }
            Self::Len4 { .. } => *out.first_chunk_mut()? = four_digits(follows)?,
        }
        if self.tpdu_bytes() > 0 {
            let (_, rest) = out.split_at_mut_checked(self.length_bytes())?;
            *rest.first_chunk_mut()? = tpdu.unwrap_or(TPDU_DEFAULT);
        }
        let lead = self.message_header();
        if !lead.is_none() {
            let before = self.length_bytes() + self.tpdu_bytes();
            out.get_mut(before..before + lead.len())?
                .copy_from_slice(lead.bytes());
        }
        Some((out, header_bytes))
    }

    /// Bytes that say how long the frame is.
    const fn length_bytes(self) -> usize {
        match self {
            Self::Sofh => 6,
            Self::Len2 { .. } => 2,
            Self::Len4 { .. } => 4,
        }
    }

    const fn tpdu_bytes(self) -> usize {
        match self {
            Self::Len2 { tpdu: true, .. } | Self::Len4 { tpdu: true, .. } => TPDU_BYTES,
            Self::Sofh | Self::Len2 { tpdu: false, .. } | Self::Len4 { tpdu: false, .. } => 0,
        }
    }
}

/// The TPDU of an answer: source and destination change places.
#[must_use]
pub const fn answer_tpdu(tpdu: Tpdu) -> Tpdu {
    let [id, destination0, destination1, source0, source1] = tpdu;
    [id, source0, source1, destination0, destination1]
}

fn sofh_total(header: &[u8; 6]) -> Option<usize> {
    let [l0, l1, l2, l3, encoding @ ..] = *header;
    let total = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).ok()?;
    (encoding == SOFH_SBE_LITTLE_ENDIAN).then_some(total)
}

fn len2_total(header: &[u8; 2]) -> Option<usize> {
    let follows = usize::from(u16::from_be_bytes(*header));
    (follows > 0).then(|| follows + header.len())
}

fn len4_total(header: &[u8; 4]) -> Option<usize> {
    header
        .iter()
        .try_fold(0, |number, digit| {
            let value = usize::from(*digit).checked_sub(usize::from(b'0'))?;
            (value <= 9).then_some(number * 10 + value)
        })
        .map(|follows| follows + header.len())
}

fn four_digits(number: usize) -> Option<[u8; 4]> {
    let mut left = u16::try_from(number)
        .ok()
        .filter(|number| *number <= 9_999)?;
    let mut digits = [b'0'; 4];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(left % 10).ok()?;
        left /= 10;
    }
    Some(digits)
}

/// What the first bytes of a stream look like: for the log line that tells a participant's engineer
/// that the wrong protocol was dialled. Never decides anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LooksLike {
    /// SOFH with SBE 1.0, little-endian.
    SofhSbe,
    /// SOFH with SBE 1.0, big-endian.
    SofhSbeBigEndian,
    /// SOFH with an encoding that is not SBE.
    SofhOther,
    /// ISO 8583 behind a two-byte length.
    Len2,
    /// ISO 8583 behind a two-byte length and a TPDU.
    Len2Tpdu,
    /// ISO 8583 behind four digits.
    Len4,
    /// ISO 8583 behind four digits and a TPDU.
    Len4Tpdu,
    /// An SBE message header without any framing.
    BareSbe,
    /// ISO 8583 without any framing.
    BareIso8583,
    /// A TLS handshake.
    Tls,
    /// HTTP.
    Http,
    /// FIX tag=value.
    FixTagValue,
    /// None of these, or too few bytes.
    Unknown,
}

impl LooksLike {
    /// Looks at the first sixteen bytes at most.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x16, 0x03, 0x00..=0x04, ..] => Self::Tls,
            [b'G', b'E', b'T', b' ', ..]
            | [b'P', b'O', b'S', b'T', ..]
            | [b'P', b'R', b'I', b' ', ..] => Self::Http,
            [b'8', b'=', b'F', b'I', b'X', ..] => Self::FixTagValue,
            [0, _, _, _, 0xeb, 0x50, ..] => Self::SofhSbe,
            [0, _, _, _, 0x5b, 0xe0, ..] => Self::SofhSbeBigEndian,
            [0, _, _, _, 0x47, 0x00, ..]
            | [0, _, _, _, 0xa5, 0x00..=0x02, ..]
            | [0, _, _, _, 0xf0 | 0xf1 | 0xf5 | 0xfb, 0x00, ..] => Self::SofhOther,
            [_, _, _, 0, 0x50, 0x43, _, _, ..] => Self::BareSbe,
            [
                b'0'..=b'9',
                b'0'..=b'9',
                b'0'..=b'9',
                b'0'..=b'9',
                rest @ ..,
            ] if is_mti(rest) => Self::Len4,
            [
                b'0'..=b'9',
                b'0'..=b'9',
                b'0'..=b'9',
                b'0'..=b'9',
                0x60,
                _,
                _,
                _,
                _,
                rest @ ..,
            ] if is_mti(rest) => Self::Len4Tpdu,
            [_, _, rest @ ..] if is_mti(rest) => Self::Len2,
            [_, _, 0x60, _, _, _, _, rest @ ..] if is_mti(rest) => Self::Len2Tpdu,
            _ if is_mti(bytes) => Self::BareIso8583,
            _ => Self::Unknown,
        }
    }

    /// The words of the log line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SofhSbe => "SBE (little-endian) behind SOFH",
            Self::SofhSbeBigEndian => "SBE (big-endian) behind SOFH",
            Self::SofhOther => "SOFH with an encoding that is not SBE",
            Self::Len2 => "ISO 8583 behind len2",
            Self::Len2Tpdu => "ISO 8583 behind len2 and a TPDU",
            Self::Len4 => "ISO 8583 behind len4",
            Self::Len4Tpdu => "ISO 8583 behind len4 and a TPDU",
            Self::BareSbe => "SBE without framing",
            Self::BareIso8583 => "ISO 8583 without framing",
            Self::Tls => "TLS",
            Self::Http => "HTTP",
            Self::FixTagValue => "FIX tag=value",
            Self::Unknown => "none of the known protocols",
        }
    }
}

/// A message type of version 1987, classes 1 to 8, as ASCII digits or in BCD.
fn is_mti(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [b'0', b'1'..=b'8', b'0'..=b'4', b'0'..=b'5', ..] | [0x01..=0x08, 0x00..=0x45, ..]
    )
}

/// Encoding type of SBE 1.0, little-endian, in SOFH 1.0.
const SOFH_SBE_LITTLE_ENDIAN: [u8; 2] = [0xeb, 0x50];

/// Bytes of a TPDU.
const TPDU_BYTES: usize = 5;
/// The TPDU of those who have nothing to say with it.
pub const TPDU_DEFAULT: Tpdu = [0x60, 0, 0, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::FRAME_BYTES_MAX;

    const LEN2: Framing = Framing::LEN2;
    const LEN2_TPDU: Framing = Framing::LEN2.with_tpdu();
    const LEN4: Framing = Framing::LEN4;
    const LEN4_TPDU: Framing = Framing::LEN4.with_tpdu();
    const ALL: [Framing; 5] = [Framing::Sofh, LEN2, LEN2_TPDU, LEN4, LEN4_TPDU];

    fn frame(body: Range<usize>, tpdu: Option<Tpdu>) -> Split {
        let total = body.end;
        Split::Frame { body, tpdu, total }
    }

    #[test]
    fn headers_are_read_as_specified() {
        use Fault::{FramingLost, Oversize};
        let partial = |total| Split::Partial { total };
        let tpdu = Some([0x60, 0, 1, 0, 2]);
        for (framing, bytes, expected) in [
            (Framing::Sofh, &b""[..], partial(None)),
            (Framing::Sofh, b"\0\0\0\x08\xeb", partial(None)),
            (Framing::Sofh, b"\0\0\0\x08\xeb\x50a", partial(Some(8))),
            (Framing::Sofh, b"\0\0\0\x08\xeb\x50ab", frame(6..8, None)),
            (Framing::Sofh, b"\0\0\0\x08\xeb\x50abc", frame(6..8, None)),
            (Framing::Sofh, b"\0\0\0\x06\xeb\x50", frame(6..6, None)),
            (
                Framing::Sofh,
                b"\0\0\0\x05\xeb\x50",
                Split::Lost(FramingLost),
            ),
            (
                Framing::Sofh,
                b"\0\0\0\x08\x5b\xe0ab",
                Split::Lost(FramingLost),
            ),
            (Framing::Sofh, b"\0\0\0\x65\xeb\x50", Split::Lost(Oversize)),
            (
                Framing::Sofh,
                b"\xff\xff\xff\xff\xeb\x50",
                Split::Lost(Oversize),
            ),
            (LEN2, b"\0", partial(None)),
            (LEN2, b"\0\x02a", partial(Some(4))),
            (LEN2, b"\0\x02abc", frame(2..4, None)),
            (LEN2, b"\0\0", Split::Lost(FramingLost)),
            (LEN2, b"\0\x63", Split::Lost(Oversize)),
            (LEN2_TPDU, b"\0\x07\x60\0\x01\0\x02ab", frame(7..9, tpdu)),
            (LEN2_TPDU, b"\0\x05\x60\0\x01\0\x02", frame(7..7, tpdu)),
            (LEN2_TPDU, b"\0\x04\x60\0\x01\0", Split::Lost(FramingLost)),
            (LEN4, b"000", partial(None)),
            (LEN4, b"0000", Split::KeepAlive { total: 4 }),
            (LEN4, b"0002ab", frame(4..6, None)),
            (LEN4, b"00 2ab", Split::Lost(FramingLost)),
            (LEN4, b"00:2ab", Split::Lost(FramingLost)),
            (LEN4, b"9999", Split::Lost(Oversize)),
            (LEN4_TPDU, b"0000", Split::KeepAlive { total: 4 }),
            (LEN4_TPDU, b"0004\x60\0\x01\0", Split::Lost(FramingLost)),
            (LEN4_TPDU, b"0006\x60\0\x01\0\x02a", frame(9..10, tpdu)),
        ] {
            assert_eq!(
                framing.split(bytes, 100),
                expected,
                "{framing:?} {bytes:x?}"
            );
        }
    }

    #[test]
    fn a_message_header_is_skipped_and_written() {
        let header = MessageHeader::new(b"\x60\x31\x00\x31\x10\x00").unwrap();
        assert_eq!(MessageHeader::new(&[0; 8]), None);
        assert_eq!(Framing::Sofh.with_message_header(header), Framing::Sofh);
        for framing in [LEN2, LEN2_TPDU, LEN4, LEN4_TPDU] {
            let framing = framing.with_message_header(header);
            let tpdu = (framing.tpdu_bytes() > 0).then_some([0x60, 1, 2, 3, 4]);
            let mut out = [0xff; 32];
            let bytes = framing.write_header(&mut out, 2, tpdu).unwrap();
            assert_eq!(bytes, framing.header_bytes());
            assert_eq!(&out[bytes - 6..bytes], header.bytes());
            // Whatever stands in its place.
            out[bytes - 1] ^= 0x55;
            assert_eq!(framing.split(&out, 100), frame(bytes..bytes + 2, tpdu));
            let cut = framing.split(&out[..bytes + 1], 100);
            assert_eq!(
                cut,
                Split::Partial {
                    total: Some(bytes + 2)
                }
            );
        }
        let framing = LEN2_TPDU.with_message_header(header);
        assert_eq!(
            framing.split(b"\0\x0a", 100),
            Split::Lost(Fault::FramingLost)
        );
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let tpdu = [0x60, 1, 2, 3, 4];
        for framing in ALL {
            for body_bytes in [1, 2, 99, 255, 256, 4_095, 9_990] {
                let mut out = vec![0xaa; FRAME_BYTES_MAX];
                let header = framing
                    .write_header(&mut out, body_bytes, Some(tpdu))
                    .unwrap();
                assert_eq!(header, framing.header_bytes());
                let tpdu = (framing.tpdu_bytes() > 0).then_some(tpdu);
                let total = header + body_bytes;
                assert_eq!(
                    framing.split(&out, total),
                    frame(header..total, tpdu),
                    "{framing:?}"
                );
                assert_eq!(framing.split(&out, total - 1), Split::Lost(Fault::Oversize));
                for cut in 0..total {
                    let split = framing.split(&out[..cut], total);
                    assert!(matches!(split, Split::Partial { .. }), "{framing:?} {cut}");
                }
            }
        }
    }

    #[test]
    fn a_header_is_written_only_where_it_is_true() {
        let mut out = vec![0; 70_000];
        assert_eq!(LEN4.write_header(&mut out, 9_999, None), Some(4));
        assert_eq!(LEN4.write_header(&mut out, 10_000, None), None);
        assert_eq!(LEN4_TPDU.write_header(&mut out, 9_995, None), None);
        assert_eq!(LEN2.write_header(&mut out, 65_535, None), Some(2));
        assert_eq!(LEN2.write_header(&mut out, 65_536, None), None);
        assert_eq!(LEN2_TPDU.write_header(&mut out, 65_531, None), None);
        assert_eq!(Framing::Sofh.write_header(&mut out[..10], 5, None), None);
        assert_eq!(Framing::Sofh.write_header(&mut out, usize::MAX, None), None);
        assert_eq!(LEN2_TPDU.write_header(&mut out, 1, None), Some(7));
        assert_eq!(out[2..7], TPDU_DEFAULT);
        assert_eq!(answer_tpdu([0x60, 1, 2, 3, 4]), [0x60, 3, 4, 1, 2]);
    }

    #[test]
    fn a_wrong_protocol_is_recognised() {
        use LooksLike as L;
        for (bytes, expected) in [
            (&b"\0\0\x01\0\xeb\x50"[..], L::SofhSbe),
            (b"\0\0\x01\0\x5b\xe0", L::SofhSbeBigEndian),
            (b"\0\0\x01\0\xf5\0", L::SofhOther),
            (b"\x26\0\x01\0\x50\x43\0\0", L::BareSbe),
            (b"\0\x490800\x82", L::Len2),
            (b"\0\x49\x08\x00\x82", L::Len2),
            (b"\0\x49\x60\0\x01\0\0\x08\0", L::Len2Tpdu),
            (b"00490800", L::Len4),
            (b"0054\x60\0\x01\0\x000800", L::Len4Tpdu),
            (b"0800822", L::BareIso8583),
            (b"\x16\x03\x01\x02\0", L::Tls),
            (b"GET / HTTP/1.1", L::Http),
            (b"8=FIX.4.4", L::FixTagValue),
            (b"hello", L::Unknown),
            (b"", L::Unknown),
        ] {
            assert_eq!(L::of(bytes), expected, "{bytes:x?}");
        }
    }
}
