//! WHO PLAYS: the participants of a run, what they speak, and how their payments are named.

use core::net::SocketAddr;

use cpg_switch::model::chars::Chars;
use cpg_switch::model::ids::{Institution, Reference};
use cpg_switch::model::keys::{BusinessKey, Class, Key};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::{Protocol, Role};
use cpg_switch::model::time::{Date, LocalTime, Wall};
use cpg_switch::wire::Dialect;
use cpg_switch::wire::frame::Framing;

use crate::mix::Lane;
use crate::mix::reference::References;

/// One participant that the generator plays.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    /// Its name in the configuration.
    pub(crate) name: String,
    /// What it signs on with.
    pub(crate) institution: Institution,
    /// What it does.
    pub(crate) role: Role,
    /// What its links speak.
    pub(crate) protocol: Protocol,
    /// How.
    pub(crate) dialect: Dialect,
    /// How its frames are delimited.
    pub(crate) framing: Framing,
    /// Where it dials.
    pub(crate) address: SocketAddr,
    /// ISO 3166-1 numeric.
    pub(crate) country: u16,
    /// What it settles in.
    pub(crate) currency: Currency,
    /// How its payers' codes begin; empty for acquirers.
    pub(crate) prefixes: Vec<String>,
    /// Its links, if not as many as the others have.
    pub(crate) links: Option<u32>,
}

/// The players of one run, and what all its messages share.
#[derive(Debug)]
pub(crate) struct Cast {
    players: Vec<Player>,
    lanes: Vec<Lane>,
    references: References,
    /// The local date of every key.
    pub(crate) local_date: Date,
    /// The local time of every payment: fixed, because a repeat has the same body.
    pub(crate) local_time: LocalTime,
}

impl Cast {
    /// The run of `players` in `presentations` that starts at `now`; its seconds name it. `None`
    /// where no wallet meets an acquirer.
    pub(crate) fn new(
        players: Vec<Player>,
        presentations: &[Presentation],
        now: Wall,
    ) -> Option<Self> {
        Self::with_lanes(lanes(&players, presentations), players, now)
    }

    /// The same with lanes of its own, by the players' places.
    pub(crate) fn with_lanes(lanes: Vec<Lane>, players: Vec<Player>, now: Wall) -> Option<Self> {
        let seconds = now.0 / 1_000_000_000;
        let of_day = seconds % 86_400;
        let hhmmss = of_day / 3_600 * 10_000 + of_day / 60 % 60 * 100 + of_day % 60;
        let hhmmss = u32::try_from(hhmmss).expect("six digits");
        (!lanes.is_empty()).then(|| Self {
            players,
            lanes,
            references: References::new(seconds),
            local_date: now.date(),
            local_time: LocalTime::from_hhmmss(hhmmss).expect("a time of day"),
        })
    }

    /// Who plays.
    pub(crate) fn players(&self) -> &[Player] {
        &self.players
    }

    /// The player at `place`.
    pub(crate) fn player(&self, place: u8) -> &Player {
        &self.players[usize::from(place)]
    }

    /// Whether `player` sends payments; the others only answer them.
    pub(crate) fn originates(&self, player: u8) -> bool {
        self.lanes.iter().any(|lane| lane.originator == player)
    }

    /// Every way for payments to go.
    pub(crate) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The lane at `place`.
    pub(crate) fn lane(&self, place: u16) -> &Lane {
        &self.lanes[usize::from(place)]
    }

    /// The run's name in every reference.
    pub(crate) const fn references(&self) -> &References {
        &self.references
    }

    /// The key of payment `number` on `lane`.
    pub(crate) fn key(&self, number: u64, lane: u16) -> Key {
        Key {
            originator: self.player(self.lane(lane).originator).institution,
            local_date: self.local_date,
            reference: self.reference(number),
        }
    }

    /// The target that payment `number` is.
    pub(crate) fn target(&self, number: u64, lane: u16) -> BusinessKey {
        BusinessKey {
            key: self.key(number, lane),
            class: Class::Payment,
        }
    }

    /// The number of a payment of this run. The caller checks the originator.
    pub(crate) fn number(&self, key: &Key) -> Option<u64> {
        (key.local_date == self.local_date)
            .then(|| self.references.number(&key.reference))
            .flatten()
    }

    /// An amount on `lane`: in the merchant's currency, which is the acquirer's.
    pub(crate) fn money(&self, lane: u16, minor: i64) -> Money {
        let lane = self.lane(lane);
        let acquirer = match lane.presentation {
            Presentation::Cpm => lane.originator,
            Presentation::Mpm => lane.destination,
        };
        Money {
            minor,
            currency: self.player(acquirer).currency,
        }
    }

    /// The wallet of `lane`.
    pub(crate) fn wallet(&self, lane: u16) -> &Player {
        let lane = self.lane(lane);
        self.player(match lane.presentation {
            Presentation::Cpm => lane.destination,
            Presentation::Mpm => lane.originator,
        })
    }

    /// The approval code that the destination gives payment `number`.
    pub(crate) fn approval(number: u64) -> Chars<6> {
        let mut digits = *b"A00000";
        let mut rest = number;
        for digit in digits[1..].iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
        }
        Chars::new(digits).expect("a letter and digits")
    }

    fn reference(&self, number: u64) -> Reference {
        self.references.reference(number)
    }
}

/// Every wallet with every acquirer.
fn lanes(players: &[Player], presentations: &[Presentation]) -> Vec<Lane> {
    let places = |role: Role| {
        players
            .iter()
            .enumerate()
            .filter(move |(_, player)| player.role == role)
            .map(|(place, _)| u8::try_from(place).expect("a run has at most 255 players"))
    };
    let mut lanes = Vec::new();
    for wallet in places(Role::Wallet) {
        for acquirer in places(Role::Acquirer) {
            let has_codes = !players[usize::from(wallet)].prefixes.is_empty();
            if has_codes && presentations.contains(&Presentation::Cpm) {
                lanes.push(Lane {
                    originator: acquirer,
                    destination: wallet,
                    presentation: Presentation::Cpm,
                });
            }
            if presentations.contains(&Presentation::Mpm) {
                lanes.push(Lane {
                    originator: wallet,
                    destination: acquirer,
                    presentation: Presentation::Mpm,
                });
            }
        }
    }
    lanes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A wallet and an acquirer that speak SBE and never dial.
    pub(crate) fn two_players() -> Cast {
        let player = |name: &str, institution, role, currency, prefixes: &[&str]| Player {
            name: name.to_owned(),
            institution: Institution::new(institution).unwrap(),
            role,
            protocol: Protocol::Sbe,
            dialect: Dialect::Sbe,
            framing: Framing::Sofh,
            address: "127.0.0.1:1".parse().unwrap(),
            country: 156,
            currency: Currency::new(currency).unwrap(),
            prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
            links: None,
        };
        let players = vec![
            player("wallet", 45_800_001, Role::Wallet, 458, &["281045"]),
            player("acquirer", 15_600_021, Role::Acquirer, 156, &[]),
        ];
        Cast::new(players, Presentation::ALL, Wall(1_795_298_705_000_000_000)).unwrap()
    }

    #[test]
    fn keys_amounts_and_approvals_follow_from_the_number() {
        let cast = two_players();
        assert_eq!(cast.lanes().len(), 2);
        let (cpm, mpm) = (0, 1);
        assert_eq!(cast.key(5, cpm).originator.code(), 15_600_021);
        assert_eq!(cast.key(5, mpm).originator.code(), 45_800_001);
        assert_eq!(cast.number(&cast.key(5, cpm)), Some(5));
        assert_eq!(cast.money(cpm, 7).currency.numeric(), 156);
        assert_eq!(cast.money(mpm, 7).currency.numeric(), 156);
        assert_eq!(Cast::approval(1_234_567).bytes(), b"A34567");
        assert_eq!(cast.local_time.hhmmss(), 220_505);
    }

    #[test]
    fn without_an_acquirer_nobody_pays() {
        let mut players = two_players().players().to_vec();
        players.pop();
        assert!(Cast::new(players, Presentation::ALL, Wall(1)).is_none());
    }
}
