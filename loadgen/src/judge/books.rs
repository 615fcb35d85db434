//! THE OWN LEDGERS: what originators know of their payments, and what destinations did with them.
//!
//! Two books, kept apart: an originator's page is written only by what the originator sent and was
//! told, a destination's only by what reached it and what it decided. Pages are found by the
//! payment's number and are a few words each, so that millions of payments cost no look-up.

use cpg_switch::model::outcome::{Outcome, ResponseCode};

use crate::mix::Fate;

/// How a payment stands for its originator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Standing {
    /// No answer yet.
    Unanswered,
    /// 00.
    Approved,
    /// Declined, by the destination or by the switch.
    Declined,
    /// It was not to be, and was taken back.
    Reversed,
    /// 68 or 09: an advice will tell.
    Unresolved,
    /// Nothing was recorded: A1, and refusals of the message as such.
    Refused,
}

impl Standing {
    /// Every standing, in the order of the report.
    pub(crate) const ALL: [Self; 6] = [
        Self::Unanswered,
        Self::Approved,
        Self::Declined,
        Self::Reversed,
        Self::Unresolved,
        Self::Refused,
    ];

    /// The word for people and for JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Reversed => "reversed",
            Self::Unresolved => "unresolved",
            Self::Refused => "refused",
        }
    }

    /// What a response code and an outcome mean to an originator. Codes that leave no record come
    /// first: an ISO 8583 answer without a stated outcome is read as declined, whatever its code.
    pub(crate) fn told(code: ResponseCode, outcome: Option<Outcome>) -> Self {
        match (code, outcome) {
            (ResponseCode::SHED | ResponseCode::FORMAT | ResponseCode::BAD_MAC, _) => Self::Refused,
            (_, Some(Outcome::Approved)) => Self::Approved,
            (_, Some(Outcome::Declined)) => Self::Declined,
            (_, Some(Outcome::Reversed)) => Self::Reversed,
            (ResponseCode::APPROVED, None) => Self::Approved,
            (ResponseCode::NO_ANSWER | ResponseCode::PENDING, None) => Self::Unresolved,
            (_, None) => Self::Declined,
        }
    }

    /// Whether it can never change again.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Approved | Self::Declined | Self::Reversed)
    }
}

/// Whether an originator took an approved payment back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum TakenBack {
    /// No.
    No,
    /// It asked, and has no answer.
    Asked,
    /// It asked, and the switch has taken it on.
    Accepted,
}

#[cfg(test)]
impl TakenBack {
    /// Every value.
    pub(crate) const ALL: [Self; 3] = [Self::No, Self::Asked, Self::Accepted];
}

/// An originator's page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    /// How much, in the merchant's minor units.
    pub(crate) minor: i64,
    /// Place in the mix's lanes: who asked whom.
    pub(crate) lane: u16,
    /// What was to become of it.
    pub(crate) fate: Fate,
    /// How often the payment was sent, repeats apart: more than once after a lost link; never,
    /// where it was left out.
    pub(crate) sent: u8,
    /// Whether its payer scanned a code first.
    pub(crate) scanned: bool,
    /// How often that was answered.
    pub(crate) answers: u8,
    /// The first answer's code.
    pub(crate) code: Option<ResponseCode>,
    /// How it stands.
    pub(crate) standing: Standing,
    /// Advices that told its outcome.
    pub(crate) advices: u8,
    /// Whether the originator took it back.
    pub(crate) taken_back: TakenBack,
}

/// How a payment stands in its destination's accounts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Balance {
    /// Nothing happened.
    Untouched,
    /// The amount has been taken (wallet) or credited (acquirer).
    Debited,
    /// It was declined.
    Declined,
    /// It was debited, and has been given back.
    Released,
    /// The reversal came first: the payment would be declined.
    Barred,
}

impl Balance {
    /// Every balance.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 5] = [
        Self::Untouched,
        Self::Debited,
        Self::Declined,
        Self::Released,
        Self::Barred,
    ];

    /// Whether the amount is taken.
    pub(crate) const fn is_debited(self) -> bool {
        matches!(self, Self::Debited)
    }

    /// The word for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Debited => "debited",
            Self::Declined => "declined",
            Self::Released => "released",
            Self::Barred => "barred",
        }
    }
}

/// A destination's page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    /// How much it was asked for, in the merchant's minor units.
    pub(crate) minor: i64,
    /// Whose page: place in the cast.
    pub(crate) player: u8,
    /// Requests that came, the first one included.
    pub(crate) requests: u8,
    /// Reversals that came.
    pub(crate) reversals: u8,
    /// What it did.
    pub(crate) balance: Balance,
}

impl Seen {
    /// Nothing came.
    pub(crate) const NOTHING: Self = Self {
        minor: 0,
        player: u8::MAX,
        requests: 0,
        reversals: 0,
        balance: Balance::Untouched,
    };

    /// Whether anything came.
    pub(crate) const fn touched(&self) -> bool {
        self.requests > 0 || self.reversals > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_outcomes_have_one_meaning() {
        for (code, outcome, expected) in [
            (b"00", None, Standing::Approved),
            (b"51", None, Standing::Declined),
            (b"91", None, Standing::Declined),
            (b"58", None, Standing::Declined),
            (b"94", None, Standing::Declined),
            (b"68", None, Standing::Unresolved),
            (b"09", None, Standing::Unresolved),
            (b"68", Some(Outcome::Reversed), Standing::Reversed),
            (b"68", Some(Outcome::Declined), Standing::Declined),
            (b"A1", None, Standing::Refused),
            (b"A1", Some(Outcome::Declined), Standing::Refused),
            (b"30", None, Standing::Refused),
        ] {
            assert_eq!(Standing::told(ResponseCode(*code), outcome), expected);
        }
    }

    #[test]
    fn a_page_is_a_few_words() {
        assert!(size_of::<Asked>() <= 32);
        assert!(size_of::<Seen>() <= 16);
    }
}
