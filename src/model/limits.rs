//! Every bound of the switch that is not configuration, with the reason and the relations between
//! them.

/// Largest institution code: eleven digits (ISO 8583 DE 32 `n..11`).
pub const INSTITUTION_MAX: u64 = 99_999_999_999;

/// Largest frame that a listener may be configured to accept, length header included.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Largest frame by default.
pub const FRAME_BYTES_DEFAULT: usize = 8 * 1024;
/// Time from a frame's first byte to its last.
pub const FRAME_DEADLINE_MS: u64 = 5_000;
/// Time from connection to sign-on.
pub const SIGN_ON_DEADLINE_MS: u64 = 10_000;

/// Largest payment code on the wire (EMV codes have 512 characters at most, of up to 4 bytes).
pub const CODE_BYTES_MAX: usize = 1_998;
/// What a decoder may need beside a frame: a code in two places, and two texts of 999 bytes in a
/// character set of which each byte may become three in UTF-8.
pub const SCRATCH_BYTES: usize = CODE_BYTES_MAX + 2 * 3_072;
/// Characters of an EMV code, merchant- or consumer-presented (EMVCo: "should not exceed 512").
pub const EMV_CHARACTERS_MAX: usize = 512;
/// Fields of an EMV code: every one has a header of its own, of four characters, or of two bytes in
/// what 512 characters of base64 hold.
pub const EMV_FIELDS_MAX: usize = EMV_CHARACTERS_MAX / 4 * 3 / 2;
/// Bytes of a code that is a URL: beyond that no reader of codes at a till is sure of it.
pub const URL_BYTES_MAX: usize = 1_024;
/// Digits of a numeric payment code, whoever made it (Alipay+ reserves up to 32).
pub const NUMBER_DIGITS_MAX: usize = 32;
/// Owners that one code may have: EMV root fields 02 to 51 can hold an account, and a
/// consumer-presented code has room for fewer applications.
pub const MARKS_MAX: usize = 50;
/// Longest prefix of a payment code that rules may name, in digits: no more of a code is told to
/// who chooses by it.
pub const PREFIX_DIGITS_MAX: usize = 12;
/// Longest identifier, host or application identifier that rules may name, in bytes.
pub const MARK_BYTES_MAX: usize = 64;
/// Rules of one table of routes, prefixes of participants included.
pub const RULES_MAX: usize = 1 << 20;
/// Rules that may name the same mark: each look-up walks all of them.
pub const RULES_PER_MARK_MAX: usize = 64;
/// Longest free text kept in a journal and carried by ISO 8583 DE 44 (`ans..25`).
pub const TEXT_BYTES_MAX: usize = 25;

/// Participants in one table snapshot.
pub const PARTICIPANTS_MAX: usize = 60_000;
/// Rows of a file of limits: every corridor of two hundred countries could have one.
pub const LIMIT_ROWS_MAX: usize = 50_000;
/// Rows of a standing: every participant, and every corridor that could be stopped by itself.
pub const STANDING_ROWS_MAX: usize = 100_000;
/// Lists of who and what is blocked.
pub const LISTS_MAX: usize = 64;
/// Entries of all lists together. Each takes some 40 bytes in the table snapshot.
pub const LISTED_MAX: usize = 4_000_000;

/// Shards of one switch; STAN blocks are an equal share each.
pub const SHARDS_MAX: u16 = 64;
/// System trace audit numbers: 000001 to 999999.
pub const STAN_MAX: u32 = 999_999;

/// Requests that wait for one answer: the first, and its repeats. More get A1.
pub const WAITERS_MAX: usize = 5;

/// Refunds of one payment that go on to a destination; more are declined with 65. Each refund walks
/// those before it.
pub const REFUNDS_MAX: usize = 99;

/// Days between a new key's local date and ours.
pub const KEY_DAYS_MAX: i64 = 2;
/// Days from today within which a refund's key is claimed on its own shard: one more, because no
/// two shards' days begin in the same instant.
pub const CLAIM_DAYS_MAX: i64 = KEY_DAYS_MAX + 1;
/// Days for which keys are remembered, at least.
pub const KEY_RETENTION_DAYS: i64 = 5;

/// A journal block: the unit of direct writes, and of padding.
pub const BLOCK_BYTES: usize = 4_096;
/// Largest journal record, header included. Never straddles a batch.
pub const RECORD_BYTES_MAX: usize = 1_024;

const _: () = assert!(FRAME_BYTES_DEFAULT <= FRAME_BYTES_MAX);
const _: () = assert!(CODE_BYTES_MAX < FRAME_BYTES_DEFAULT);
const _: () = assert!(URL_BYTES_MAX < CODE_BYTES_MAX);
const _: () = assert!(PREFIX_DIGITS_MAX < 16 && PREFIX_DIGITS_MAX < MARK_BYTES_MAX);
const _: () = assert!(EMV_FIELDS_MAX >= EMV_CHARACTERS_MAX / 4 && EMV_FIELDS_MAX < 255);
const _: () = assert!(RECORD_BYTES_MAX < BLOCK_BYTES);
const _: () = assert!(STAN_MAX / SHARDS_MAX as u32 > 10_000);
const _: () = assert!(KEY_RETENTION_DAYS > 2 * KEY_DAYS_MAX);
