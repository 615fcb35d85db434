//! The records of one payment as a story: what happened, when, and where it stands.

use crate::journal::Entry;
use crate::model::hold::Hold;
use crate::model::ids::ShardId;
use crate::model::keys::{BusinessKey, Class};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Source};
use crate::model::record::{Answer, Decision, Finding, Payment, Record, Refund, Reversal};
use crate::model::time::Wall;

/// One line for each step, and one for the state.
pub fn tell(key: &BusinessKey, steps: &[(ShardId, Entry)]) -> String {
    let mut text = format!("{}\n", title(key));
    let mut state = "unknown";
    let mut first = None;
    for (shard, entry) in steps {
        let start = *first.get_or_insert(entry.wall);
        let number = entry.record.number().0;
        if entry.wall == start {
            text.push_str(&format!("shard {}, transaction {number}\n\n", shard.0));
        }
        let after = elapsed(start, entry.wall);
        let step = step(&entry.record);
        text.push_str(&format!("  {}  {after:>14}  {step}\n", entry.wall));
        state = state_after(&entry.record, state);
    }
    text.push_str(&format!("\n  {state}\n"));
    text
}

/// `payment INSTITUTION/DATE/REFERENCE`.
pub fn title(key: &BusinessKey) -> String {
    let (class, key) = (class(key), &key.key);
    format!(
        "{class} {}/{}/{}",
        key.originator, key.local_date, key.reference
    )
}

/// The word for people.
pub const fn class(key: &BusinessKey) -> &'static str {
    match key.class {
        Class::Payment => "payment",
        Class::Refund => "refund",
        Class::CodeInquiry => "code-inquiry",
    }
}

/// `+0.000350 s`.
fn elapsed(start: Wall, now: Wall) -> String {
    let ns = now.0.saturating_sub(start.0);
    format!(
        "+{}.{:06} s",
        ns / 1_000_000_000,
        ns % 1_000_000_000 / 1_000
    )
}

/// What one record says, in words.
pub fn step(record: &Record) -> String {
    match record {
        Record::Opened(opened) => format!("the journal was opened, epoch {}", opened.epoch.0),
        Record::Payment(payment) => payment_step(payment),
        Record::Answer(answer) => answer_step(answer),
        Record::Unknown(unknown) => format!(
            "no usable answer ({}): the originator is told 68, a reversal follows",
            unknown.reason.name()
        ),
        Record::Reversal(reversal) => reversal_step(reversal),
        Record::ReversalAnswer(answer) => {
            let what = if answer.reversed {
                "it is reversed"
            } else {
                "it stands"
            };
            format!("the reversal is answered {}: {what}", answer.response_code)
        }
        Record::ReversalEscalation(_) => {
            "the reversal is repeated as an advice until acknowledged".to_owned()
        }
        Record::Advice(_) => "the originator is told the outcome by an advice".to_owned(),
        Record::AdviceAnswer(answer) => {
            format!("the advice is acknowledged with {}", answer.response_code)
        }
        Record::LateAnswer(answer) => {
            format!("an answer came too late: {}", answer.response_code)
        }
        Record::InDoubt(doubt) => format!(
            "no outcome ({}): the destination is asked for it",
            doubt.reason.name()
        ),
        Record::Inquiry(_) => "a status inquiry goes to the destination".to_owned(),
        Record::InquiryEnd(end) => format!(
            "the inquiries told no outcome ({}): a reversal follows",
            end.response_code
        ),
        Record::Finding(finding) => format!(
            "{}, as told by {}: {}",
            finding.outcome.name(),
            source(finding.source),
            finding.response_code
        ),
        Record::Pending(pending) => {
            format!(
                "the destination says 09: it is waited for until {}",
                pending.until
            )
        }
        Record::Queued(queued) => format!(
            "into the operator queue, waiting for {}: {}",
            queued.with,
            queued.reason.name()
        ),
        Record::Ruled(ruled) => format!(
            "an operator decides: {} (action {} in the record of actions)",
            ruled.ruling.name(),
            ruled.action
        ),
        Record::Refund(refund) => refund_step(refund),
        Record::Recalled(_) => "it is asked about after long: remembered again".to_owned(),
        Record::Held(hold) => format!("it counts {}", counts(hold)),
        Record::Released(hold) => format!("it no longer counts {}", counts(hold)),
        Record::Total(_) => "what older payments count for".to_owned(),
    }
}

/// What a payment counts for.
fn counts(hold: &Hold) -> String {
    let mut parts = Vec::new();
    if let Some(payer) = hold.payer {
        let amount = hold.amount.as_ref();
        let amount = amount.map_or_else(|| "no amount".to_owned(), money);
        let year = hold.date.yyyymmdd() / 10_000;
        parts.push(format!("with {amount} towards the {year} of payer {payer}"));
    }
    if let Some(order) = hold.order {
        parts.push(format!("as the payment of order {order}"));
    }
    parts.join(" and ")
}

fn payment_step(payment: &Payment) -> String {
    let presentation = payment.presentation.name();
    let amount = money(&payment.amounts.amount);
    let billing = payment.amounts.billing.as_ref();
    let billed = billing.map_or_else(String::new, |it| format!(", billed as {}", money(it)));
    let decision = decision_step(&payment.decision);
    format!(
        "{presentation} payment of {amount}{billed} from {}: {decision}",
        payment.originator
    )
}

const fn source(source: Source) -> &'static str {
    match source {
        Source::Inquiry => "the status inquiry",
        Source::Advice => "the destination's advice",
        Source::LateAnswer => "the destination's late answer",
        Source::Operator => "an operator",
    }
}

fn refund_step(refund: &Refund) -> String {
    let amount = money(&refund.amounts.amount);
    let root = format!(
        "{}/{}/{}",
        refund.root.originator, refund.root.local_date, refund.root.reference
    );
    let decision = decision_step(&refund.decision);
    format!(
        "refund of {amount} of payment {root} from {}: {decision}",
        refund.originator
    )
}

fn decision_step(decision: &Decision) -> String {
    match decision {
        Decision::Forward {
            destination,
            deadline,
            ..
        } => format!("forwarded to {destination}, deadline {deadline}"),
        Decision::Decline {
            response_code,
            check,
        } => {
            let check = check.map_or_else(String::new, |check| format!(" ({})", check.name()));
            format!("declined by the switch: {response_code}{check}")
        }
    }
}

fn answer_step(answer: &Answer) -> String {
    let code = answer
        .approval_code
        .map_or_else(String::new, |code| format!(", approval code {code}"));
    let (by, outcome) = (answer.by.name(), answer.outcome.name());
    format!("{outcome} by the {by}: {}{code}", answer.response_code)
}

fn reversal_step(reversal: &Reversal) -> String {
    let what = if reversal.advice {
        "reversal advice"
    } else {
        "reversal"
    };
    let reason = reversal
        .reason
        .map_or_else(String::new, |reason| format!(" ({})", reason.name()));
    let claims = if reversal.claims {
        "; the payment was not known, and will be declined if it comes"
    } else {
        ""
    };
    let (by, amount) = (reversal.by.name(), money(&reversal.amount));
    format!("{what} of {amount} by the {by}{reason}{claims}")
}

/// Minor units and the currency's number: exponents are for those who know the currency.
fn money(money: &Money) -> String {
    format!("{} minor units of {}", money.minor, money.currency)
}

/// Where it stands after a record, in words; `before` where the record changes nothing.
pub const fn state_after(record: &Record, before: &'static str) -> &'static str {
    match record {
        Record::Payment(Payment { decision, .. }) | Record::Refund(Refund { decision, .. }) => {
            match decision {
                Decision::Forward { .. } => "It waits for the destination's answer.",
                Decision::Decline { .. } => "It is declined.",
            }
        }
        Record::Answer(Answer { outcome, .. }) | Record::Finding(Finding { outcome, .. }) => {
            match outcome {
                Outcome::Approved => "It is approved.",
                Outcome::Declined => "It is declined.",
                Outcome::Reversed => "It is reversed.",
            }
        }
        Record::Pending(_) => "It is pending at the destination.",
        Record::InDoubt(_) | Record::Inquiry(_) => {
            "Its outcome is unknown; the destination is being asked."
        }
        Record::InquiryEnd(_) => "Its outcome is unknown and is being resolved.",
        Record::Queued(_) => "It waits for an operator.",
        Record::Unknown(_) => "Its outcome is unknown and is being resolved.",
        Record::Reversal(reversal) => match reversal.match_key {
            Some(_) => "It is being reversed.",
            None => "It is reversed.",
        },
        Record::ReversalAnswer(answer) if answer.reversed => "It is reversed.",
        Record::ReversalAnswer(_) => "The destination did not reverse it.",
        Record::Recalled(_) => "It is approved.",
        Record::Opened(_)
        | Record::Held(_)
        | Record::Released(_)
        | Record::Total(_)
        | Record::ReversalEscalation(_)
        | Record::Advice(_)
        | Record::AdviceAnswer(_)
        | Record::LateAnswer(_) => before,
        Record::Ruled(_) if record.ends_queue() => "An operator has settled it.",
        Record::Ruled(_) => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fingerprint::Fingerprint;
    use crate::model::hold::{OrderHash, PayerHash};
    use crate::model::ids::{
        Institution, Lsn, MatchKey, Reference, TableVersion, TransactionNumber,
    };
    use crate::model::keys::Key;
    use crate::model::message::{Amounts, Echoed};
    use crate::model::money::Currency;
    use crate::model::outcome::{Presentation, Reason, ResponseCode};
    use crate::model::record::{Actor, AdviceAnswer, ReversalAnswer, Unknown};
    use crate::model::time::Date;

    const NUMBER: TransactionNumber = TransactionNumber(17);
    const START: Wall = Wall(1_795_298_705_000_000_123);

    fn institution(code: u64) -> Institution {
        Institution::new(code).unwrap()
    }

    fn key() -> Key {
        Key {
            originator: institution(15_600_021),
            local_date: Date::from_yyyymmdd(20_261_121).unwrap(),
            reference: Reference::new(*b"WX2026112101").unwrap(),
        }
    }

    fn business() -> BusinessKey {
        BusinessKey {
            class: Class::Payment,
            key: key(),
        }
    }

    fn amount() -> Money {
        Money::new(12_550, Currency::new(156).unwrap()).unwrap()
    }

    fn payment() -> Record {
        Record::Payment(Payment {
            number: NUMBER,
            key: key(),
            fingerprint: Fingerprint(1),
            originator: institution(15_600_021),
            match_key: MatchKey(1),
            named_destination: None,
            forwarder: None,
            presentation: Presentation::Cpm,
            scenario: None,
            amounts: Amounts {
                amount: amount(),
                billing: None,
                settlement: None,
                billing_rate: None,
                settlement_rate: None,
            },
            echoed: Echoed::default(),
            settlement_date: key().local_date,
            table: TableVersion(1),
            decision: Decision::Forward {
                destination: institution(45_800_001),
                match_key: MatchKey(2),
                deadline: Wall(START.0 + 5_000_000_000),
            },
        })
    }

    fn reversal() -> Record {
        Record::Reversal(Reversal {
            number: NUMBER,
            target: BusinessKey {
                class: Class::Payment,
                key: key(),
            },
            root: key(),
            claims: false,
            by: Actor::Switch,
            participant: None,
            advice: true,
            reason: Some(Reason::Timeout),
            amount: amount(),
            match_key: Some(MatchKey(3)),
        })
    }

    #[test]
    fn a_payment_without_an_answer_reads_from_its_claim_to_its_end() {
        let unknown = Record::Unknown(Unknown {
            number: NUMBER,
            reason: Reason::Timeout,
        });
        let reversed = Record::ReversalAnswer(ReversalAnswer {
            number: NUMBER,
            response_code: ResponseCode::APPROVED,
            reversed: true,
        });
        let told = Record::AdviceAnswer(AdviceAnswer {
            number: NUMBER,
            response_code: ResponseCode::APPROVED,
        });
        let after = [
            0,
            5_000_000_000,
            5_000_001_000,
            5_000_350_000,
            5_000_400_000,
        ];
        let steps = [payment(), unknown, reversal(), reversed, told];
        let steps: Vec<_> = steps
            .into_iter()
            .zip(after)
            .map(|(record, ns)| {
                let (lsn, wall) = (Lsn(ns), Wall(START.0 + ns));
                (ShardId(0), Entry { lsn, wall, record })
            })
            .collect();
        let expected = "\
payment 15600021/20261121/WX2026112101
shard 0, transaction 17

  2026-11-21T22:05:05.000000123Z     +0.000000 s  cpm payment of 12550 minor units of 156 from \
15600021: forwarded to 45800001, deadline 2026-11-21T22:05:10.000000123Z
  2026-11-21T22:05:10.000000123Z     +5.000000 s  no usable answer (timeout): the originator is \
told 68, a reversal follows
  2026-11-21T22:05:10.000001123Z     +5.000001 s  reversal advice of 12550 minor units of 156 by \
the switch (timeout)
  2026-11-21T22:05:10.000350123Z     +5.000350 s  the reversal is answered 00: it is reversed
  2026-11-21T22:05:10.000400123Z     +5.000400 s  the advice is acknowledged with 00

  It is reversed.
";
        assert_eq!(tell(&business(), &steps), expected);
        assert!(
            tell(&business(), &steps[..1]).ends_with("It waits for the destination's answer.\n")
        );
        assert!(tell(&business(), &steps[..2]).ends_with("is unknown and is being resolved.\n"));
    }

    #[test]
    fn what_a_payment_counts_for_is_told_by_hashes_alone() {
        let hold = Hold {
            number: NUMBER,
            payer: Some(PayerHash([0xab; 16])),
            date: Date::from_yyyymmdd(20_261_121).unwrap(),
            amount: Some(amount()),
            year_most_minor: Some(200_000),
            day_count_most: None,
            order: Some(OrderHash([0xcd; 16])),
        };
        let (payer, order) = ("ab".repeat(16), "cd".repeat(16));
        let counts = format!(
            "with 12550 minor units of 156 towards the 2026 of payer {payer} and as the payment \
             of order {order}"
        );
        assert_eq!(step(&Record::Held(hold)), format!("it counts {counts}"));
        let released = step(&Record::Released(hold));
        assert_eq!(released, format!("it no longer counts {counts}"));
        let unmeasured = Hold {
            amount: None,
            order: None,
            ..hold
        };
        let told = step(&Record::Held(unmeasured));
        let expected = format!("it counts with no amount towards the 2026 of payer {payer}");
        assert_eq!(told, expected);
    }
}
