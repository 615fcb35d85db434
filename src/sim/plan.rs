//! What a seed decides before the world begins: who takes part, how large tables are, how long
//! things take.

use crate::engine::Pricing;
use crate::fx::quotes::KEY_BYTES;
use crate::fx::{QuoteKey, QuoteKeys, Rates, Rounding, Settings, StatedRate};
use crate::guard::{Corridor, Guard, LimitRow, ListKey, Rule, Rules};
use crate::journal::layout::BLOCK;
use crate::journal::{CommitMode, Pace};
use crate::model::chars::Chars;
use crate::model::ids::{Institution, ParticipantIndex};
use crate::model::keys::Key;
use crate::model::money::Currency;
use crate::model::outcome::{KycLevel, Resolution};
use crate::model::participant::{Participant, Protocol, ResolverProfile, Role};
use crate::model::time::Wall;
use crate::route::CodePrefixes;
use crate::sim::draw::Draw;
use crate::wire::frame::Framing;

/// The world of one seed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Shards of the switch, all in one process.
    pub(super) shards: u16,
    pub(super) mode: CommitMode,
    pub(super) participants: Vec<Participant>,
    /// Links that each participant keeps open.
    pub(super) links: Vec<usize>,
    pub(super) framings: Vec<Framing>,
    pub(super) payments: u64,
    /// How long payments are begun.
    pub(super) duration_ms: u64,
    pub(super) ring_bytes: u64,
    pub(super) segment_bytes: u64,
    pub(super) segments_max: u64,
    pub(super) reserve_bytes: u64,
    pub(super) pace: Pace,
    pub(super) in_flight_max: u32,
    pub(super) remembered_keys_max: u32,
    pub(super) links_max: u32,
    pub(super) latency_us: u64,
    pub(super) write_us: u64,
    /// Bytes that a socket takes before its reader has read.
    pub(super) socket_bytes: usize,
    /// Size of each ring between two shards.
    pub(super) crossing_bytes: usize,
    pub(super) keys_seed: u64,
    /// Whether the switch converts amounts; otherwise participants state them all.
    pub(super) converts: bool,
    /// Whether payers' totals are limited, and, where it converts, some quotes are for an order.
    pub(super) counts: bool,
    pub(super) uuid: [u8; 16],
}

/// What the codes of wallet `index` begin with.
pub(super) fn prefix(index: ParticipantIndex) -> String {
    format!("28{:02}", index.0)
}

impl Plan {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let mode = if draw.chance(600) {
            CommitMode::Disk
        } else {
            CommitMode::Memory
        };
        let (acquirers, wallets) = (draw.between(1, 2), draw.between(1, 2));
        let roles = (0..acquirers).map(|_| Role::Acquirer);
        let roles = roles.chain((0..wallets).map(|_| Role::Wallet));
        let participants: Vec<Participant> = (0..)
            .zip(roles)
            .map(|(index, role)| participant(index, role, draw))
            .collect();
        let ring_blocks = draw.pick(&[40, 64, 128, 256]);
        let ring_bytes = ring_blocks * BLOCK;
        let in_flight_max = draw.between_u32(4, 48);
        let wanted = u64::from(in_flight_max) * 8 * 192;
        let mut plan = Self {
            shards: draw.pick(&[1, 1, 2, 3]),
            mode,
            links: participants.iter().map(|_| draw.index(3) + 1).collect(),
            framings: participants
                .iter()
                .map(|known| match known.protocol {
                    Protocol::Sbe => Framing::Sofh,
                    Protocol::Iso8583Ascii | Protocol::Iso8583Binary => Framing::LEN2,
                })
                .collect(),
            participants,
            payments: draw.between(10, 70),
            duration_ms: draw.between(1_000, 12_000),
            ring_bytes,
            segment_bytes: draw.pick(&[16, 24, 48]) * BLOCK,
            segments_max: 2_000,
            reserve_bytes: wanted.min(ring_bytes / 2),
            pace: Pace {
                spacing_us: draw.pick(&[0, 200, 2_000, 10_000]),
                batch_bytes: draw.between(1, 16) * BLOCK,
                write_bytes_max: draw.between(1, 12) * BLOCK,
                writes_in_flight_max: draw.index(4) + 1,
                idle_ms: draw.between(5, 80),
            },
            in_flight_max,
            remembered_keys_max: draw.pick(&[64, 256, 256, 1_024]),
            links_max: 12,
            latency_us: draw.between(20, 5_000),
            write_us: draw.between(50, 3_000),
            socket_bytes: draw.pick(&[700, 4_096, 65_536]),
            crossing_bytes: draw.pick(&[1 << 13, 1 << 15, 1 << 18]),
            keys_seed: draw.bits(),
            converts: false,
            counts: false,
            uuid: u128::from(draw.bits()).to_le_bytes(),
        };
        // Not a draw of its own: the others of a seed stay what they were.
        plan.converts = plan.keys_seed.is_multiple_of(2);
        plan.counts = plan.keys_seed % 3 == 1;
        plan
    }

    /// The rates that make of a payment what its three amounts are; none where participants state
    /// them all.
    pub(super) fn pricing(&self) -> Option<Pricing> {
        let currency = |numeric| Currency::new(numeric).expect("three digits");
        let row = |quote, rate| StatedRate {
            base: currency(156),
            quote: currency(quote),
            rate: rust_decimal::Decimal::new(rate, 0),
            margin_bp: 0,
            rounding: Rounding::HalfUp,
            valid_from: Wall(0),
            valid_until: Wall(u64::MAX),
            source: "sim".to_owned(),
        };
        let settings = Settings {
            pivot: currency(156),
            significant_digits: 7,
        };
        let rows = [row(458, BILLING_RATE), row(840, SETTLEMENT_RATE)];
        self.converts.then(|| Pricing {
            rates: Rates::build(&rows, &settings).expect("two good rows"),
            keys: QuoteKeys::new(QuoteKey::new(&[7; KEY_BYTES]), None),
            quote_valid_s: 60,
            settlement: Some(currency(840)),
        })
    }

    /// The limits over time.
    pub(super) fn guard(&self) -> Guard {
        let rule = Rule::Total {
            up_to: KycLevel::Verified,
            year_most_minor: YEAR_MOST,
            day_count_most: u32::MAX,
        };
        let row = LimitRow {
            line: 1,
            corridor: Corridor::default(),
            presentation: None,
            rule,
        };
        let rules = Rules {
            currency: Currency::new(156),
            limits: if self.counts { vec![row] } else { Vec::new() },
            list_key: ListKey::new(&[7; 32]),
            ..Rules::default()
        };
        Guard::new(rules).expect("one good row")
    }

    /// The order that a payment is for, where a quote says so. Few, so that they are contested.
    pub(super) fn order_of(&self, key: &Key) -> Option<u8> {
        let chosen = self.counts && self.converts && key.hash(2).is_multiple_of(3);
        chosen.then(|| u8::try_from(key.hash(3) % 8).expect("small"))
    }

    /// Codes lead to the wallets.
    pub(super) fn prefixes(&self) -> CodePrefixes {
        let mut prefixes = CodePrefixes::default();
        for (index, known) in (0_u16..).zip(&self.participants) {
            if known.role == Role::Wallet {
                let index = ParticipantIndex(index);
                prefixes
                    .insert(&prefix(index), index)
                    .expect("four digits each");
            }
        }
        prefixes
    }
}

/// What a payer may pay in a year, in minor units of the yuan.
pub(super) const YEAR_MOST: i64 = 3_000_000;

/// Which of its wallet's payers pays: few, so that they come to their limits.
pub(super) fn payer_of(key: &Key) -> u8 {
    u8::try_from(key.hash(1) % 4).expect("small")
}

/// What a payer is called by its wallet.
pub(super) fn token_of(payer: u8) -> Option<Chars<32>> {
    Chars::padded(format!("token-0123456789abcde{payer}").as_bytes())
}

/// Ringgit and dollars for a yuan, in the fake world.
pub(super) const BILLING_RATE: i64 = 2;
pub(super) const SETTLEMENT_RATE: i64 = 3;

fn participant(index: u64, role: Role, draw: &mut Draw) -> Participant {
    let code = 10_000_000 + index * 1_000_000;
    let institution = |code| Institution::new(code).expect("eight digits");
    let protocol = draw.pick(&Protocol::ALL);
    let (country, currency) = match role {
        Role::Acquirer => (156, 156),
        Role::Wallet | Role::Infrastructure => (458, 458),
    };
    Participant {
        institution: institution(code),
        name: format!("participant-{index}"),
        role,
        protocol,
        country,
        currency: Currency::new(currency).expect("three digits"),
        fronted: vec![institution(code + 1)],
        window_in: draw.between_u32(2, 40),
        window_out: draw.between_u32(2, 40),
        rate_per_second: draw.pick(&[0, 0, 0, 30, 200]),
        answer_timeout_ms: draw.between_u32(100, 2_500),
        repeat_ms: draw.between_u32(50, 600),
        echo_idle_ms: draw.pick(&[0, 300, 1_000, 4_000]),
        echo_missed_max: draw.pick(&[1, 2, 3]),
        resolver: resolver(draw),
    }
}

/// Times are short, so that much happens. In most worlds tries are many, so that what is healed
/// settles without a person; in the others they are few, and people have something to do.
fn resolver(draw: &mut Draw) -> ResolverProfile {
    use Resolution as R;
    let strict = draw.chance(350);
    let few = |draw: &mut Draw| u8::try_from(draw.between_u32(1, 4)).expect("small");
    ResolverProfile {
        mpm: draw.pick(&[R::Inquire, R::Inquire, R::Reverse, R::InquireOnly]),
        cpm: draw.pick(&[R::Reverse, R::Reverse, R::Inquire, R::InquireOnly]),
        refund: draw.pick(&[R::InquireOnly, R::InquireOnly, R::Inquire, R::Reverse]),
        inquiry_first_ms: draw.between_u32(0, 500),
        inquiry_every_ms: draw.between_u32(50, 1_000),
        inquiries_max: if strict {
            few(draw)
        } else {
            u8::try_from(draw.between_u32(1, 20)).expect("small")
        },
        reversal_after_ms: draw.pick(&[0, 0, 0, 300]),
        reversal_within_s: if strict { draw.pick(&[0, 0, 1, 3]) } else { 0 },
        sends_max: if strict { few(draw) } else { u8::MAX },
        window: draw.between_u32(1, 20),
        per_second: draw.between_u32(20, 500),
        down_s: if strict {
            draw.between_u32(1, 3)
        } else {
            3_600
        },
        pending_timeout_s: draw.between_u32(1, 4),
    }
}
