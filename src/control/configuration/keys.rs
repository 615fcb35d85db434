//! THE TABLE OF KEYS: every key of a configuration, what it takes, its default and what it means.
//!
//! The shape check, the defaults and `CONFIGURATION.md` come from this table; nothing else names a
//! default. `[]` after a name stands for each table of an array.

use crate::model::limits::{FRAME_BYTES_MAX, INSTITUTION_MAX, SHARDS_MAX};

/// What a key takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number between these.
    Whole(u64, u64),
    /// A whole number, or text such as `"64 MiB"`, between these.
    Bytes(u64, u64),
    /// A number between these, or text with the same digits, where leading zeros mean nothing.
    Digits(u64, u64),
    /// true or false.
    Flag,
    /// A list of texts.
    Texts,
    /// A list of whole numbers between these.
    Wholes(u64, u64),
    /// A list of [`Kind::Digits`].
    ManyDigits(u64, u64),
    /// A table with keys of its own.
    Table,
    /// An array of tables.
    Tables,
    /// A table whose keys are numbers of ISO 8583 fields.
    FieldTable,
    /// Whatever: the key is refused anyway.
    Any,
}

/// Whether a key must be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It must.
    Required,
    /// This TOML value stands for an absent key.
    Default(&'static str),
    /// It may be absent, and this is what follows.
    Optional(&'static str),
    /// The format has a place for it, and this switch refuses it.
    NotYet,
}

/// One key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// From the root, parts joined by dots.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be there.
    pub presence: Presence,
    /// What it means.
    pub meaning: &'static str,
}

impl Key {
    /// The table that holds it, and its own name there.
    pub fn split(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }

    /// Its own name.
    pub fn name(&self) -> &'static str {
        self.split().1.trim_end_matches("[]")
    }
}

const fn key(path: &'static str, kind: Kind, presence: Presence, meaning: &'static str) -> Key {
    Key {
        path,
        kind,
        presence,
        meaning,
    }
}

const RESOLUTIONS: &[&str] = &["reverse", "inquire", "inquire-only"];
const MIB: u64 = 1024 * 1024;
const U32: u64 = u32::MAX as u64;

use Kind::{
    Any, Bytes, Digits, FieldTable, Flag, ManyDigits, Table, Tables, Text, Texts, Whole, Wholes,
    Word,
};
use Presence::{Default, NotYet, Optional, Required};

/// Every key.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("table_version", Whole(1, U32), Default("1"),
        "Names this generation of participants and routes in the journal; raise it with each \
        change."),

    key("tables", Table, Optional("no table files"),
        "Files with many rows: a line each, cells with a tab between them."),
    key("tables.rates", Text, Optional("no rates"),
        "The file of exchange rates: its path, from the folder of this file, or `sandbox:rates` \
        for the made-up rates of the sandbox."),
    key("tables.routes", Text, Optional("participants' `code_prefixes` alone"),
        "The file of routes: whose codes are whose. Its path, from the folder of this file, or \
        `sandbox:routes` for those of the sandbox."),
    key("tables.limits", Text, Optional("no limits"),
        "The file of limits on single payments: its path, or `sandbox:limits` for the illustrative \
        limits of the sandbox."),
    key("tables.lists", Texts, Default("[]"),
        "Files of who and what is blocked, as keyed hashes: their paths. Payments of, to or \
        between those on one of them are refused with 62."),
    key("tables.list_key_file", Text, Optional("no lists"),
        "The file with the key under which all lists are hashed, in 64 hexadecimal digits or more; \
        `cpg-switch list hash` takes the same."),

    key("tables.standing", Text, Optional("nobody is suspended and nothing is stopped by it"),
        "The file of who is suspended and which corridors are stopped for now: its path. Without \
        one the table `switch:standing` stands in, empty until something is published."),

    key("shard", Table, Optional("all its defaults"), "The threads that do the work."),
    key("shard.count", Whole(1, SHARDS_MAX as u64), Default("1"),
        "How many shards share the transactions. A journal belongs to as many as it was made for; \
        `cpg-switch journal reshard` makes one for another number, as long as no segment \
        was given up to the archive alone."),
    key("shard.cores", Wholes(0, 4_095), Default("[]"),
        "The CPU core of each shard, as many as there are shards. Empty: not pinned."),
    key("shard.idle", Word(&["spin", "park", "adaptive"]), Default("\"adaptive\""),
        "What a shard does while it has nothing to do: `spin` polls (lowest latency, a whole \
        core), `park` sleeps at once, `adaptive` polls for a short while and then sleeps."),
    key("shard.spin_us", Whole(1, 1_000_000), Default("50"),
        "How long `adaptive` polls after the last thing that happened, in microseconds."),
    key("shard.forward", Word(&["committed", "written"]), Default("\"committed\""),
        "When a request goes on to its destination. `written`, before it is committed, is not \
        supported yet."),

    key("journal", Table, Optional("all its defaults"), "What must not be forgotten."),
    key("journal.data", Text, Default("\"data\""),
        "Directory of the journal; a relative one starts at the working directory. `run --data` \
        overrides it."),
    key("journal.commit", Word(&["disk", "memory"]), Default("\"disk\""),
        "When a record counts as committed: `disk` survives the loss of power, `memory` survives \
        kill -9."),
    key("journal.tail_bytes", Bytes(MIB, 16 * 1024 * MIB), Default("\"64 MiB\""),
        "Size of the mapped tail, the ring between a shard and its disk: a multiple of 4096. When \
        it is full, requests are shed."),
    key("journal.segment_bytes", Bytes(MIB, 16 * 1024 * MIB), Default("\"64 MiB\""),
        "Size of one preallocated segment file: a multiple of 4096."),
    key("journal.bytes_max", Bytes(2 * MIB, 1024 * 1024 * 1024 * MIB), Default("\"16 GiB\""),
        "Space that the segments of one shard may take: at least two segments. When it is short, \
        the oldest segments that are archived, and needed by no start, are given up: it should \
        hold what is written in five days and four segments more."),
    key("journal.tail_dir", Text, Optional("chosen by the journal"),
        "Directory in memory for the mapped tail, such as `/dev/shm`."),
    key("journal.archive", Table, Optional("all its defaults"),
        "Where sealed segments are kept, packed and indexed, for ever."),
    key("journal.archive.path", Text, Optional("`archive` in `journal.data`"),
        "Directory of the archive, which may be on another disk: each payment takes some 170 bytes \
        in it, and nothing is ever removed from it. A relative one starts at the working \
        directory."),
    key("journal.replicas", Any, NotYet, "Other centres that confirm a commit."),

    key("limits", Table, Optional("all its defaults"),
        "What each shard reserves memory for at start. Nothing grows past it."),
    key("limits.links_max", Whole(1, 65_536), Default("1024"),
        "Links at once. More are closed at once, and counted."),
    key("limits.unsigned_links_max", Whole(1, 65_536), Default("128"),
        "Links at once that have not signed on yet, part of `links_max`."),
    key("limits.in_flight_max", Whole(16, 16_777_216), Default("65536"),
        "Transactions at once that wait for an answer or an acknowledgement. More are shed with \
        A1."),
    key("limits.remembered_keys_max", Whole(1_024, 1_000_000_000), Default("1000000"),
        "Business keys that a shard remembers, to tell repeats from new requests: at least the \
        payments of five days, and more than two segments hold, because what is forgotten is \
        archived first. Each takes some 340 bytes of memory from the start. With several shards \
        there is room for as many refund keys, 64 bytes each once they are used."),

    key("admin", Table, Optional("all its defaults"),
        "The office: health, readiness, metrics, admin API."),
    key("admin.address", Text, Default("\"127.0.0.1:9464\""),
        "Where `/healthz`, `/readyz` and `/metrics` are served, and the admin API to those with a \
        token. Port 0 takes any free port; see the ready file. Another address than a loopback \
        one needs `admin.tokens`."),
    key("admin.socket", Text, Optional("`admin.socket` in `journal.data`"),
        "The Unix socket of the admin API: its path, 107 bytes at most. The user that the switch \
        runs as, and root, have all roles there."),
    key("admin.tokens", Text, Optional("a token is drawn at each start"),
        "The file that says who comes with which token: lines `role name sha256`, roles `view`, \
        `operate` and `keys`; several lines give several roles. Without it a token with all roles \
        is drawn and written to `admin.token` in the data directory, for its owner alone."),
    key("admin.view_users", Wholes(0, U32), Default("[]"),
        "Numbers of users of this machine who may look over the Unix socket. Where others than \
        the switch's own user have roles, all may connect to it, and the kernel says who they \
        are."),
    key("admin.operate_users", Wholes(0, U32), Default("[]"),
        "Users who may change what is served."),
    key("admin.keys_users", Wholes(0, U32), Default("[]"), "Users who may change keys."),
    key("admin.two_people", Flag, Optional("true where two people have the role `operate`"),
        "Whether what moves money, and what opens something that was closed, takes a second \
        person's approval. To stop, suspend and drain takes one."),

    key("listeners[]", Tables, Required, "Where participants dial; at least one."),
    key("listeners[].name", Text, Required,
        "Lower-case letters, digits and hyphens; 32 at most."),
    key("listeners[].protocol", Word(&["sbe", "iso8583-ascii", "iso8583-binary"]), Required,
        "What its links speak."),
    key("listeners[].framing", Word(&["sofh", "len2", "len4"]), Optional("`sofh` for `sbe`, else \
    `len2`"),
        "How frames are delimited: `sofh` (SBE, always), `len2` (two bytes of length) or `len4` \
        (four digits)."),
    key("listeners[].tpdu", Flag, Default("false"),
        "Whether five bytes of TPDU follow the length (ISO 8583 only)."),
    key("listeners[].message_header", Text, Optional("no header"),
        "1 to 7 bytes, in hexadecimal, that precede each message, after the TPDU if there is one \
        (ISO 8583 only). They are in every frame that is sent; in those that come any bytes may \
        stand there."),
    key("listeners[].address", Text, Required,
        "IP address and port, such as `\"0.0.0.0:7100\"`. Port 0 takes any free port; see the \
        ready file."),
    key("listeners[].frame_bytes_max", Bytes(4_096, FRAME_BYTES_MAX as u64), Default("8192"),
        "Largest frame, header included. A longer one cuts its link."),
    key("listeners[].tls", Any, NotYet, "TLS 1.3 with client certificates."),

    key("participants[]", Tables, Required, "Who may sign on; at least one."),
    key("participants[].name", Text, Required,
        "Lower-case letters, digits and hyphens; 32 at most. Metrics and logs use it."),
    key("participants[].institution", Digits(1, INSTITUTION_MAX), Required,
        "The institution code that it signs on with: 1 to 11 digits."),
    key("participants[].fronts", ManyDigits(1, INSTITUTION_MAX), Default("[]"),
        "Other institutions that it speaks for."),
    key("participants[].role", Word(&["wallet", "acquirer", "infrastructure"]), Required,
        "`wallet` holds payers, `acquirer` holds merchants, `infrastructure` fronts both."),
    key("participants[].status", Word(&["open", "suspended"]), Default("\"open\""),
        "`suspended`: its new payments are refused with 58, and those to it, or to an institution \
        that it fronts, with 91. It may sign on, and what exists is answered, reversed and \
        refunded as before."),
    key("participants[].totals", Word(&["kept-here", "kept-by-wallet"]), Default("\"kept-here\""),
        "Who keeps limits over time (`year_most`, `day_count_most`) for the payers of this wallet, \
        and of the institutions that it fronts: the switch, to which each payment then names its \
        payer, or the wallet itself. Where the payer shows the code, the wallet always does."),
    key("participants[].country", Text, Required,
        "ISO 3166-1: two letters, or three digits as text."),
    key("participants[].currency", Text, Required,
        "ISO 4217: three letters, or three digits as text. What it settles in."),
    key("participants[].protocol", Word(&["sbe", "iso8583-ascii", "iso8583-binary"]), Required,
        "What its links speak. A listener with this protocol must exist."),
    key("participants[].code_prefixes", Texts, Default("[]"),
        "Payment codes that begin with one of these digits belong to its payers; the longest \
        prefix wins. Not for acquirers."),
    key("participants[].window_in", Whole(1, 1_000_000), Default("1024"),
        "Requests of its own in flight at once. More are shed with A1. On several shards each \
        gives an equal share of what it owns, and some more against chance: together twice this \
        at most, unless a share is less than 16."),
    key("participants[].window_out", Whole(1, 1_000_000), Default("1024"),
        "Requests that the switch may have in flight to it at once. More are shed with A1. Shared \
        by several shards as `window_in` is."),
    key("participants[].rate_per_second", Whole(0, 100_000_000), Default("0"),
        "Requests per second that it may send. More are shed with A1. 0: no bound but the window. \
        Shared equally by the shards on which it has links."),
    key("participants[].answer_timeout_ms", Whole(20, 600_000), Default("5000"),
        "As originator: its payments are answered within this time, with 68 at the latest."),
    key("participants[].answers_within_ms", Whole(0, 600_000), Default("0"),
        "As destination: the time that it has agreed to answer within, which `check` compares \
        with the `answer_timeout_ms` of those who pay through it. 0: not agreed, not compared."),
    key("participants[].repeat_ms", Whole(20, 3_600_000), Default("2000"),
        "As destination: a reversal or advice without acknowledgement is repeated after this \
        time."),
    key("participants[].echo_idle_ms", Whole(0, 86_400_000), Default("30000"),
        "Idle time after which the switch asks for an echo. 0: never."),
    key("participants[].echo_missed_max", Whole(1, 255), Default("3"),
        "Echoes in a row that may go unanswered before the link is cut."),
    key("participants[].limits", Any, NotYet, "Limits on amounts and counts."),

    key("participants[].resolver", Table, Optional("all its defaults"),
        "How what it has not answered or acknowledged is settled."),
    key("participants[].resolver.mpm", Word(RESOLUTIONS), Default("\"inquire\""),
        "As destination of MPM payments, whose goods may be gone: an unknown outcome is resolved \
        by a reversal advice (`reverse`), by status inquiries and then a reversal advice \
        (`inquire`), or by status inquiries and then an operator (`inquire-only`)."),
    key("participants[].resolver.cpm", Word(RESOLUTIONS), Default("\"reverse\""),
        "The same for CPM payments."),
    key("participants[].resolver.refund", Word(RESOLUTIONS), Default("\"inquire-only\""),
        "The same for refunds. By default a refund is never reversed blindly."),
    key("participants[].resolver.inquiry_first_ms", Whole(0, 3_600_000), Default("1000"),
        "From the unknown outcome to the first status inquiry."),
    key("participants[].resolver.inquiry_every_ms", Whole(20, 3_600_000), Default("3000"),
        "From a status inquiry to the next, and a quarter more at most."),
    key("participants[].resolver.inquiries_max", Whole(1, 255), Default("10"),
        "Status inquiries about one transaction while the participant is up."),
    key("participants[].resolver.reversal_after_ms", Whole(0, 3_600_000), Default("0"),
        "From the unknown outcome to a reversal advice, at least."),
    key("participants[].resolver.reversal_within_s", Whole(0, 31_536_000), Default("0"),
        "From the request to a reversal advice, at most; later, an operator decides. 0: no bound."),
    key("participants[].resolver.sends_max", Whole(1, 255), Default("7"),
        "How often a reversal or payment advice is sent while the participant is up; then an \
        operator hears of it. Each sign-on gives it as many again."),
    key("participants[].resolver.window", Whole(1, 65_536), Default("256"),
        "Inquiries, reversals and advices to it that may wait for an answer at once."),
    key("participants[].resolver.per_second", Whole(1, 1_000_000), Default("500"),
        "Inquiries, reversals and advices per second to it, so that an outage is not followed by \
        a storm."),
    key("participants[].resolver.down_s", Whole(1, 31_536_000), Default("3600"),
        "How long something waits for it while it is down before an operator hears of it, in \
        seconds."),
    key("participants[].resolver.pending_timeout_s", Whole(1, 2_592_000), Default("300"),
        "As destination: how long a payment that it answered with 09 waits for its payment \
        advice, in seconds. Then it is asked."),

    key("participants[].credentials", Table, Optional("all its defaults"),
        "What a link must show to sign on."),
    key("participants[].credentials.addresses", Texts, Default("[\"127.0.0.0/8\", \"::1/128\"]"),
        "Networks that its links come from, as address/prefix length; a single address is itself."),
    key("participants[].credentials.tls_subject", Any, NotYet, "Subject of its client \
    certificate."),
    key("participants[].credentials.mac_key", Any, NotYet, "Key of its MAC over the sign-on."),

    key("participants[].dialect", Table, Optional("the plain dialect"),
        "How its ISO 8583 departs from the plain one."),
    key("participants[].dialect.base", Word(&["iso8583-1987", "unionpay-like",
    "acquirer-generic"]), Default("\"iso8583-1987\""),
        "The table that it starts from: see `src/wire/PROTOCOL-iso8583.md`. What the keys below \
        say departs from it."),
    key("participants[].dialect.bitmap", Word(&["hex", "binary"]), Optional("that of the base"),
        "How its bitmaps are written; the binary form knows `binary` alone."),
    key("participants[].dialect.character_set", Word(&["ascii", "utf-8", "gbk", "gb18030",
    "ebcdic"]), Optional("that of the base"),
        "Of texts; payment codes are UTF-8 anyway, and so is DE 48 unless this is `gbk` or its \
        superset `gb18030`. `ebcdic` is not supported yet."),
    key("participants[].dialect.name_tag", Flag, Optional("that of the base"),
        "Whether DE 48 tag 07 carries a merchant's name that DE 43 cannot carry exactly. Without \
        it DE 43 carries as much of the name as it can."),
    key("participants[].dialect.fields", FieldTable, Optional("no override"),
        "A table for each data element (2 to 128) whose row in the field table differs."),
    key("participants[].dialect.fields[].absent", Flag, Default("false"),
        "Whether it does not carry this field at all."),
    key("participants[].dialect.fields[].format", Word(&["n", "x+n", "an", "ans", "z", "b"]),
        Optional("that of the plain table"),
        "What the field holds: digits, a sign and digits, letters and digits, text, track data, \
        bytes."),
    key("participants[].dialect.fields[].length", Text, Optional("that of the plain table"),
        "Its length: `6` is fixed, `..19` has two digits of length, `...999` has three."),

    key("participants[].dialect.fields[].coding", Word(&["ascii", "binary"]),
        Optional("that of the plain table"),
        "How it writes digits, its length and bytes: as characters, or BCD and raw."),

    key("fx", Table, Optional("all its defaults"), "How amounts are converted."),
    key("fx.pivot", Text, Default("\"CNY\""),
        "ISO 4217. A pair that `tables.rates` does not state is crossed through this currency, \
        where both legs are stated and valid."),
    key("fx.significant_digits", Whole(4, 15), Default("7"),
        "To how many digits a rate with a margin, or a crossed one, is rounded, half up; from then \
        on it is the rate. Seven is what ISO 8583 DE 9 and 10 can say. A stated rate without a \
        margin is used as it is written."),
    key("fx.settlement", Text, Optional("the merchant's currency"),
        "ISO 4217: the currency in which participants settle."),
    key("quotes", Table, Optional("all its defaults"), "What a code inquiry's answer promises."),
    key("quotes.valid_s", Whole(1, 86_400), Default("60"),
        "How long may be paid under a quote, in seconds; never longer than its rate is valid."),
    key("quotes.key_file", Text, Optional("a key is drawn at the start"),
        "A file with the key that seals quotes, as 64 hexadecimal digits, and on a second line, if \
        there is one, the key before it, which still opens quotes. Its path starts at this file's \
        folder. Without it, quotes of an earlier start are refused."),
    key("schemes", Any, NotYet, "QR schemes and the leniency that each needs."),
];

/// The key with this path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter()
        .find(|key| key.path.trim_end_matches("[]") == path.trim_end_matches("[]"))
}

/// The keys of the table with this path, `""` for the root.
pub fn within(table: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.split().0 == table)
}
