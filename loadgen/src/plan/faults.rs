//! THE FAULTS of a plan: which participant misbehaves from when to when, and how.

use serde::Serialize;

/// What a participant does wrong, or has done to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum FaultKind {
    /// As destination: debits, and does not answer payments. What else it is asked it answers.
    Silent,
    /// As destination: declines every payment.
    Declining,
    /// As destination: answers each payment twice.
    Twice,
    /// As destination: debits, and answers what nobody can read.
    Garbled,
    /// As destination: answers each payment so many milliseconds later.
    Slow(u64),
    /// All its links end, and it dials again afterwards.
    Cut,
    /// Its lines stand still: it reads nothing, and nothing that it says arrives, until it goes on.
    Stalled,
    /// It signs off on all its links, and on again afterwards.
    SignedOff,
}

impl FaultKind {
    /// The words of a profile.
    pub(crate) const WORDS: [&'static str; 8] = [
        "silent",
        "declining",
        "twice",
        "garbled",
        "slow",
        "cut",
        "stalled",
        "signed-off",
    ];

    /// By its word; `delay_ms` is for the slow.
    pub(crate) fn from_word(word: &str, delay_ms: u64) -> Option<Self> {
        let kinds = [
            Self::Silent,
            Self::Declining,
            Self::Twice,
            Self::Garbled,
            Self::Slow(delay_ms),
            Self::Cut,
            Self::Stalled,
            Self::SignedOff,
        ];
        let place = Self::WORDS.iter().position(|known| *known == word)?;
        Some(kinds[place])
    }

    /// The word for people and for JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Declining => "declining",
            Self::Twice => "twice",
            Self::Garbled => "garbled",
            Self::Slow(_) => "slow",
            Self::Cut => "cut",
            Self::Stalled => "stalled",
            Self::SignedOff => "signed-off",
        }
    }

    /// Whether the participant cannot send payments meanwhile.
    pub(crate) const fn is_absence(self) -> bool {
        matches!(self, Self::Cut | Self::SignedOff)
    }
}

/// One of them, in the time of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlannedFault {
    pub(crate) participant: String,
    pub(crate) kind: FaultKind,
    /// From the start of the plan, warm-up included.
    pub(crate) at_ms: u64,
    pub(crate) for_ms: u64,
}

/// One of them, for the report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct FaultAbout {
    pub(crate) participant: String,
    pub(crate) kind: &'static str,
    /// From the start of the measured time.
    pub(crate) at_ms: u64,
    pub(crate) for_ms: u64,
}

/// Most faults of a plan.
pub(crate) const FAULTS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_kind_and_back() {
        for word in FaultKind::WORDS {
            assert_eq!(FaultKind::from_word(word, 5).unwrap().word(), word);
        }
        assert_eq!(FaultKind::from_word("sleepy", 5), None);
    }
}
