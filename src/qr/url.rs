//! Addresses as codes: China's merchants' and receivers' codes that are not EMV.
//!
//! Only compared, never opened. What comes after the host is a token that is as good as the code.

use super::finding::{Problem, Unit};
use super::owner::{By, Owner, Span, insert};
use super::rule::Secrecy;
use super::schemes::Scheme;
use super::text::CharKind;
use super::{Code, Path};
use crate::model::limits::URL_BYTES_MAX;

/// One kind of address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct UrlRow {
    scheme: Scheme,
    /// How it begins, whatever the case: scheme and host, or more where that alone says too little.
    start: &'static str,
    /// What comes after that.
    rest: Rest,
}

/// What comes after the beginning of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rest {
    /// A token, and perhaps parameters.
    Token,
    /// An institution of eight digits, a slash, and an order or a request.
    Institution,
}

/// THE TABLE OF ADDRESSES.
const URLS: &[UrlRow] = &[
    UrlRow {
        scheme: Scheme::Alipay,
        start: "https://qr.alipay.com/",
        rest: Rest::Token,
    },
    UrlRow {
        scheme: Scheme::UnionPay,
        start: "https://qr.95516.com/",
        rest: Rest::Institution,
    },
    UrlRow {
        scheme: Scheme::WeChatPay,
        start: "weixin://wxpay/bizpayurl?pr=",
        rest: Rest::Token,
    },
    UrlRow {
        scheme: Scheme::WeChatPay,
        start: "wxp://f2f",
        rest: Rest::Token,
    },
    UrlRow {
        scheme: Scheme::WeChatPay,
        start: "wxp://wbf2f",
        rest: Rest::Token,
    },
];

/// Digits of an institution in an address.
const INSTITUTION_DIGITS: usize = 8;

/// Whether a payload is an address: a scheme (RFC 3986, section 3.1) and two slashes.
pub(super) fn begins(payload: &[u8]) -> bool {
    if !payload.first().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let letters = payload
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    payload
        .get(letters..)
        .is_some_and(|rest| rest.starts_with(b"://"))
}

/// Reads an address.
pub(super) fn read(code: &mut Code<'_>) {
    let address = code.payload;
    if address.len() > URL_BYTES_MAX {
        return code.too_long(address.len(), URL_BYTES_MAX, Unit::Bytes);
    }
    let host_end = host_end(address);
    let known = (0..).zip(URLS).find(|(_, row)| {
        let start = address.get(..row.start.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(row.start.as_bytes()))
    });
    let Some((rank, row)) = known else {
        code.push_piece("scheme and host", Secrecy::Free, 0, host_end);
        code.push_piece("rest", Secrecy::Withheld, host_end, address.len());
        return code.fault(Path::default(), differs_at(address), Problem::Host);
    };
    let rest = row.start.len();
    let institution = match row.rest {
        Rest::Token => token(code, rest),
        Rest::Institution => institution(code, rest),
    };
    code.pieces.sort_unstable_by_key(super::Piece::start);
    let owner = Owner {
        scheme: row.scheme,
        by: By::Host,
        field: None,
        row: None,
        mark: Span::new(0, host_end.min(rest)),
        institution,
        rank,
    };
    insert(&mut code.owners, owner);
}

/// Where scheme and host end: at the first slash, question mark or number sign after `://`.
fn host_end(address: &[u8]) -> usize {
    let authority = address
        .windows(3)
        .position(|three| three == b"://")
        .map_or(0, |at| at + 3);
    address
        .iter()
        .skip(authority)
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .map_or(address.len(), |length| authority + length)
}

/// Where an address first differs from the row that it is most like.
fn differs_at(address: &[u8]) -> usize {
    let common = |row: &UrlRow| {
        let pairs = address.iter().zip(row.start.as_bytes());
        pairs
            .take_while(|(found, known)| found.eq_ignore_ascii_case(known))
            .count()
    };
    URLS.iter().map(common).max().unwrap_or_default()
}

fn token(code: &mut Code<'_>, start: usize) -> Span {
    let address = code.payload;
    code.push_piece("address", Secrecy::Open, 0, start);
    code.push_piece("token", Secrecy::Withheld, start, address.len());
    let token = address.get(start..).unwrap_or_default();
    let length = token.iter().take_while(|byte| is_of_token(**byte)).count();
    let more = token.get(length..).unwrap_or_default();
    let is_cut = !matches!(more.first(), None | Some(b'?' | b'&'));
    if length == 0 || is_cut {
        part(
            code,
            "token",
            "a token of letters, digits, - and _",
            start + length,
        );
    } else if let Some(bad) = more.iter().position(|byte| !is_of_order(*byte)) {
        part(
            code,
            "parameters",
            "characters of a URL",
            start + length + bad,
        );
    }
    Span::default()
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn institution(code: &mut Code<'_>, start: usize) -> Span {
    let address = code.payload;
    code.push_piece("address", Secrecy::Open, 0, start);
    let rest = address.get(start..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = start + digits;
    if digits != INSTITUTION_DIGITS || rest.get(digits) != Some(&b'/') {
        let place = start + digits.min(INSTITUTION_DIGITS);
        part(code, "institution", "eight digits and a slash", place);
        code.push_piece("rest", Secrecy::Withheld, start, address.len());
        return Span::default();
    }
    code.push_piece("institution", Secrecy::Open, start, end);
    let order = end + 1;
    code.push_piece("order", Secrecy::Withheld, order, address.len());
    let rest = address.get(order..).unwrap_or_default();
    let bad = rest.iter().position(|byte| !is_of_order(*byte));
    if rest.is_empty() || bad.is_some() {
        let place = order + bad.unwrap_or_default();
        part(
            code,
            "order",
            "an order's characters, or a request with its parameters",
            place,
        );
    }
    Span::new(start, end)
}

/// What may stand in a path or a query without being escaped (RFC 3986), and what escapes.
fn is_of_order(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

fn part(code: &mut Code<'_>, part: &'static str, expected: &'static str, place: usize) {
    let found = CharKind::of(code.payload.get(place).copied());
    code.fault(
        Path::default(),
        place,
        Problem::UrlPart {
            part,
            expected,
            found,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(address: &str) -> String {
        let code = Code::read(address.as_bytes());
        if let [fault] = code.faults() {
            return format!("{} at {}", fault.problem.name(), fault.byte);
        }
        let [owner] = code.owners() else {
            panic!("{code:?}")
        };
        let institution = code.institution(owner).unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{} {} {}",
            owner.scheme.word(),
            text(code.mark(owner)),
            text(institution)
        )
    }

    #[test]
    fn scheme_host_and_form_name_the_owner() {
        for (address, expected) in [
            (
                "https://qr.alipay.com/bax03",
                "alipay https://qr.alipay.com ",
            ),
            (
                "HTTPS://QR.ALIPAY.COM/FKX09",
                "alipay HTTPS://QR.ALIPAY.COM ",
            ),
            (
                "https://qr.95516.com/00010000/622",
                "unionpay https://qr.95516.com 00010000",
            ),
            (
                "https://qr.95516.com/03095810/unifiedNative?mchNo=1&token=0",
                "unionpay https://qr.95516.com 03095810",
            ),
            (
                "weixin://wxpay/bizpayurl?pr=siTOb",
                "wechat-pay weixin://wxpay ",
            ),
            ("wxp://f2f0TEST", "wechat-pay wxp://f2f "),
            ("wxp://wbf2fTEST", "wechat-pay wxp://wbf2f "),
            (
                "https://qr.alipay.com/tsx1?t=16",
                "alipay https://qr.alipay.com ",
            ),
            ("https://qr.alipay.com/tsx1?t= 6", "url-part at 29"),
            ("http://qr.alipay.com/bax03", "host at 4"),
            ("https://qr.alipay.com.evil.example/bax03", "host at 21"),
            ("https://qr.alipay.com@evil.example/", "host at 21"),
            ("https://qr.alipay.com:444/bax03", "host at 21"),
            ("https://qr.alipay.com/", "url-part at 22"),
            ("https://qr.alipay.com/a b", "url-part at 23"),
            ("https://qr.alipay.com/北", "url-part at 22"),
            ("https://qr.95516.com/0001000/622", "url-part at 28"),
            ("https://qr.95516.com/000100000/622", "url-part at 29"),
            ("https://qr.95516.com/00010000/", "url-part at 30"),
            ("https://qr.95516.com/00010000/a\"", "url-part at 31"),
            ("weixin://wxpay/bizpayurl?sr=siTOb", "host at 25"),
            ("wxp://x", "host at 6"),
            ("ftp://x", "host at 0"),
        ] {
            assert_eq!(told(address), expected, "{address}");
        }
        let long = format!("https://qr.alipay.com/{:a<1100}", "");
        assert_eq!(told(&long), "too-long at 1024");
    }

    #[test]
    fn who_is_refused_hears_of_every_address_of_the_table() {
        let told = Problem::Host.expected().to_string();
        for row in URLS {
            let start = row.start.trim_end_matches('/').trim_end_matches("?pr=");
            assert!(told.contains(start), "{start} in {told}");
        }
    }
}
