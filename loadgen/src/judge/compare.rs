//! THE COMPARISON: a payment in the originator's book, the destination's and the journal.
//!
//! Pure: three pages in, broken rules out. The tables are walked over all combinations by a test.

use cpg_switch::model::outcome::{Outcome, ResponseCode};

use crate::judge::books::{Asked, Balance, Seen, Standing, TakenBack};
use crate::judge::verdict::Rule;

/// What the journal holds about a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Written {
    /// As recorded, in the merchant's minor units.
    pub(crate) minor: i64,
    /// Payment records with this key.
    pub(crate) claims: u8,
    /// The destination's institution; zero: it was declined by the switch.
    pub(crate) destination: u64,
    /// The outcome that was recorded as answer.
    pub(crate) outcome: Option<Outcome>,
    /// The code that was recorded as answer.
    pub(crate) code: Option<ResponseCode>,
    /// Whether it was recorded as unknown.
    pub(crate) unknown: bool,
    /// Whether a reversal was recorded.
    pub(crate) reversal: bool,
    /// Whether the reversal is done.
    pub(crate) reversed: bool,
    /// Whether it waits for an operator.
    pub(crate) queued: bool,
}

/// Compares the two parties' books; the first broken rule.
pub(crate) fn books(asked: &Asked, seen: &Seen) -> Option<Rule> {
    if asked.sent == 0 {
        return seen.touched().then_some(Rule::Unasked);
    }
    if asked.answers == 0 {
        return Some(Rule::Unanswered);
    }
    if seen.requests > 0 && seen.minor != asked.minor {
        return Some(Rule::Changed);
    }
    let debited = seen.balance == Balance::Debited;
    match (asked.standing, asked.taken_back) {
        (Standing::Unanswered, _) => Some(Rule::Unanswered),
        (Standing::Unresolved, _) => Some(Rule::Unresolved),
        (Standing::Approved, TakenBack::No) => (!debited).then_some(Rule::ApprovedNotDebited),
        (Standing::Approved, TakenBack::Asked) => match seen.balance {
            Balance::Debited | Balance::Released => None,
            Balance::Untouched | Balance::Declined | Balance::Barred => {
                Some(Rule::ApprovedNotDebited)
            }
        },
        (Standing::Approved, TakenBack::Accepted) => match seen.balance {
            Balance::Released => None,
            Balance::Debited => Some(Rule::NotGivenBack),
            Balance::Untouched | Balance::Declined | Balance::Barred => {
                Some(Rule::ApprovedNotDebited)
            }
        },
        (Standing::Declined | Standing::Reversed, _) => debited.then_some(Rule::DebitedNotApproved),
        (Standing::Refused, _) => seen.touched().then_some(Rule::RefusedButForwarded),
    }
}

/// Compares the books with the journal. `destination` is the institution that the lane leads to.
/// The first broken rule, and what is wrong.
pub(crate) fn journal(
    asked: &Asked,
    seen: &Seen,
    written: &Written,
    destination: u64,
) -> Option<(Rule, &'static str)> {
    let disagrees = |what| Some((Rule::JournalDisagrees, what));
    if asked.sent == 0 {
        return if written.claims == 0 {
            None
        } else {
            disagrees("recorded, and nobody sent it")
        };
    }
    if written.claims == 0 {
        return match asked.standing {
            Standing::Unanswered | Standing::Refused if !seen.touched() => None,
            // Of who is suspended it is on record, of who has not signed on it is not.
            Standing::Declined
                if asked.code == Some(ResponseCode::NOT_PERMITTED) && !seen.touched() =>
            {
                None
            }
            Standing::Unanswered
            | Standing::Approved
            | Standing::Declined
            | Standing::Reversed
            | Standing::Unresolved
            | Standing::Refused => Some((Rule::NotInJournal, "no payment record")),
        };
    }
    if written.claims > 1 {
        return disagrees("two payment records with one key");
    }
    if written.minor != asked.minor {
        return disagrees("another amount");
    }
    if written.destination != 0 && written.destination != destination {
        return disagrees("another destination");
    }
    if written.destination == 0 && seen.touched() {
        return disagrees("not forwarded, yet the destination has seen it");
    }
    let says = match asked.standing {
        Standing::Unanswered => return None,
        Standing::Approved => written.outcome == Some(Outcome::Approved),
        Standing::Declined => {
            written.outcome == Some(Outcome::Declined)
                || written.destination == 0
                || written.unknown
        }
        Standing::Reversed => written.reversal,
        Standing::Unresolved => written.unknown,
        Standing::Refused => {
            return disagrees("recorded, yet the originator was told that it is not");
        }
    };
    if !says {
        return disagrees("another outcome than the originator was told");
    }
    let given_back = matches!(seen.balance, Balance::Released | Balance::Barred);
    if given_back && !written.reversal {
        return disagrees("the destination gave back, and no reversal is recorded");
    }
    if asked.taken_back == TakenBack::Accepted && !written.reversal {
        return disagrees("the originator's reversal was accepted, and is not recorded");
    }
    if seen.balance == Balance::Debited && written.outcome != Some(Outcome::Approved) {
        return disagrees("the destination debited, and no approval is recorded");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::Fate;

    fn asked(standing: Standing, taken_back: TakenBack) -> Asked {
        Asked {
            minor: 500,
            lane: 0,
            fate: Fate::Approve,
            sent: 1,
            scanned: false,
            answers: 1,
            code: None,
            standing,
            advices: 0,
            taken_back,
        }
    }

    fn seen(balance: Balance) -> Seen {
        let requests = u8::from(matches!(
            balance,
            Balance::Debited | Balance::Declined | Balance::Released
        ));
        let reversals = u8::from(matches!(balance, Balance::Released | Balance::Barred));
        Seen {
            minor: 500,
            player: 1,
            requests,
            reversals,
            balance,
        }
    }

    /// Every combination of what the two parties may believe, and which of them agree.
    #[test]
    fn books_agree_exactly_where_no_money_is_lost() {
        let mut agreeing = Vec::new();
        for standing in Standing::ALL {
            for taken_back in TakenBack::ALL {
                for balance in Balance::ALL {
                    if books(&asked(standing, taken_back), &seen(balance)).is_none() {
                        agreeing.push((standing, taken_back, balance));
                    }
                }
            }
        }
        let mut expected = vec![
            (Standing::Approved, TakenBack::No, Balance::Debited),
            (Standing::Approved, TakenBack::Asked, Balance::Debited),
            (Standing::Approved, TakenBack::Asked, Balance::Released),
            (Standing::Approved, TakenBack::Accepted, Balance::Released),
        ];
        for standing in [Standing::Declined, Standing::Reversed] {
            for taken_back in TakenBack::ALL {
                for balance in [
                    Balance::Untouched,
                    Balance::Declined,
                    Balance::Released,
                    Balance::Barred,
                ] {
                    expected.push((standing, taken_back, balance));
                }
            }
        }
        for taken_back in TakenBack::ALL {
            expected.push((Standing::Refused, taken_back, Balance::Untouched));
        }
        expected.sort();
        agreeing.sort();
        assert_eq!(agreeing, expected);
    }

    #[test]
    fn what_was_left_out_may_be_nowhere() {
        let left_out = Asked {
            sent: 0,
            answers: 0,
            ..asked(Standing::Unanswered, TakenBack::No)
        };
        let nothing = Written::default();
        let recorded = Written {
            claims: 1,
            ..nothing
        };
        let found = |seen: &Seen, written: &Written| {
            let journal = journal(&left_out, seen, written, 1).map(|(rule, _)| rule);
            (books(&left_out, seen), journal)
        };
        assert_eq!(found(&Seen::NOTHING, &nothing), (None, None));
        let debited = seen(Balance::Debited);
        assert_eq!(found(&debited, &nothing).0, Some(Rule::Unasked));
        let in_journal = found(&Seen::NOTHING, &recorded).1;
        assert_eq!(in_journal, Some(Rule::JournalDisagrees));
    }

    #[test]
    fn planted_faults_are_found_in_the_books() {
        let good = asked(Standing::Approved, TakenBack::No);
        let debit = seen(Balance::Debited);
        assert_eq!(books(&good, &debit), None);
        // Lost: never answered.
        let lost = Asked {
            answers: 0,
            standing: Standing::Unanswered,
            ..good
        };
        assert_eq!(books(&lost, &debit), Some(Rule::Unanswered));
        // Lost: answered, and the debit is gone.
        assert_eq!(books(&good, &Seen::NOTHING), Some(Rule::ApprovedNotDebited));
        // A changed amount.
        assert_eq!(
            books(
                &good,
                &Seen {
                    minor: 501,
                    ..debit
                }
            ),
            Some(Rule::Changed)
        );
        // Money taken and not approved.
        let declined = asked(Standing::Declined, TakenBack::No);
        assert_eq!(books(&declined, &debit), Some(Rule::DebitedNotApproved));
    }

    const RECORD: Written = Written {
        minor: 500,
        claims: 1,
        destination: 7,
        outcome: Some(Outcome::Approved),
        code: None,
        unknown: false,
        reversal: false,
        reversed: false,
        queued: false,
    };

    fn rule(asked: &Asked, seen: &Seen, written: &Written) -> Option<Rule> {
        journal(asked, seen, written, 7).map(|(rule, _)| rule)
    }

    #[test]
    fn planted_faults_are_found_in_the_journal() {
        let (good, debit) = (
            asked(Standing::Approved, TakenBack::No),
            seen(Balance::Debited),
        );
        assert_eq!(rule(&good, &debit, &RECORD), None);
        let nothing = Written::default();
        assert_eq!(rule(&good, &debit, &nothing), Some(Rule::NotInJournal));
        for wrong in [
            Written {
                claims: 2,
                ..RECORD
            },
            Written {
                minor: 499,
                ..RECORD
            },
            Written {
                destination: 8,
                ..RECORD
            },
            Written {
                destination: 0,
                ..RECORD
            },
            Written {
                outcome: None,
                ..RECORD
            },
            Written {
                outcome: Some(Outcome::Declined),
                ..RECORD
            },
        ] {
            assert_eq!(
                rule(&good, &debit, &wrong),
                Some(Rule::JournalDisagrees),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn the_journal_knows_of_reversals_and_not_of_what_was_refused() {
        let taken = asked(Standing::Approved, TakenBack::Accepted);
        let released = seen(Balance::Released);
        assert_eq!(
            rule(&taken, &released, &RECORD),
            Some(Rule::JournalDisagrees)
        );
        let reversed = Written {
            reversal: true,
            reversed: true,
            ..RECORD
        };
        assert_eq!(rule(&taken, &released, &reversed), None);
        let refused = asked(Standing::Refused, TakenBack::No);
        assert_eq!(
            rule(&refused, &Seen::NOTHING, &RECORD),
            Some(Rule::JournalDisagrees)
        );
        assert_eq!(rule(&refused, &Seen::NOTHING, &Written::default()), None);
    }
}
