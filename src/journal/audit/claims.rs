//! What each record does to the pages, and which rules it must keep.

use crate::journal::Entry;
use crate::journal::audit::balance::{self, Posting};
use crate::journal::audit::pages::Page;
use crate::journal::audit::{Audit, LATE_MS, PageId, Place, Rule};
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{Institution, MatchKey, ShardId};
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::Amounts;
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Presentation, Ruling, Source};
use crate::model::record::{
    Actor, Decision, Opened, Payment, Recalled, Record, Refund, Reversal, ReversalAnswer,
};
use crate::model::ruling::Ruled;
use crate::model::time::{Date, Wall};

/// What an outcome's record says.
struct Stated {
    outcome: Outcome,
    amount: Money,
    /// Only an answer has to come by the deadline; what is learnt later is not late.
    timed: bool,
}

/// What a claim says beside its key.
struct Claim {
    key: BusinessKey,
    originator: Option<Institution>,
    fingerprint: Fingerprint,
    amount: Money,
    /// In which currencies besides; none where only a reversal named it.
    amounts: Option<Amounts>,
    presentation: Option<Presentation>,
    /// Of what is remembered again; else the decision names it.
    destination: Option<Institution>,
    by_reversal: bool,
    root: Option<BusinessKey>,
    decision: Option<Decision>,
    settlement_date: Option<Date>,
}

impl Audit {
    pub(super) fn read(&mut self, journal: usize, shard: ShardId, at: Place, entry: &Entry) {
        let number = entry.record.number();
        let id = (journal, shard, number);
        match &entry.record {
            Record::Opened(opened) => return self.opened(journal, shard, at, opened),
            Record::Payment(payment) => return self.payment(id, at, entry, payment),
            Record::Refund(refund) => return self.refund(id, at, entry, refund),
            Record::Recalled(recalled) => return self.recalled(id, at, entry, recalled),
            Record::Reversal(reversal) if reversal.claims => {
                return self.early_reversal(id, at, entry, reversal);
            }
            _ => {}
        }
        let known = self.pages.get(&id).copied();
        let key = known.map(|page| page.key);
        self.check(Rule::RecordsFit, known.is_some(), at, key, || {
            format!(
                "\"{}\" is about number {}, which was never claimed",
                entry.record.name(),
                number.0
            )
        });
        if let Some(mut page) = known {
            self.about(&mut page, id, at, entry);
            self.pages.insert(id, page);
        }
    }

    fn opened(&mut self, journal: usize, shard: ShardId, at: Place, opened: &Opened) {
        let before = self.readings.entry((journal, shard)).or_default();
        let epoch = before.epoch;
        before.epoch = opened.epoch.0;
        // A start that dies after it has made the tail its own, and before this record is kept,
        // leaves its number to nobody.
        let follows = opened.epoch.0 > epoch;
        self.check(
            Rule::SingleWriter,
            follows && opened.shard == shard,
            at,
            None,
            || {
                let (now, of) = (opened.epoch.0, opened.shard.0);
                format!(
                    "epoch {now} of shard {of} follows epoch {epoch} of shard {}",
                    shard.0
                )
            },
        );
    }

    fn payment(&mut self, id: PageId, at: Place, entry: &Entry, it: &Payment) {
        let key = BusinessKey {
            key: it.key,
            class: Class::Payment,
        };
        let claim = Claim {
            key,
            originator: Some(it.originator),
            fingerprint: it.fingerprint,
            amount: it.amounts.amount,
            amounts: Some(it.amounts),
            presentation: Some(it.presentation),
            destination: None,
            by_reversal: false,
            root: None,
            decision: Some(it.decision),
            settlement_date: Some(it.settlement_date),
        };
        self.claim(id, at, entry, &claim);
    }

    fn refund(&mut self, id: PageId, at: Place, entry: &Entry, it: &Refund) {
        let key = BusinessKey {
            key: it.key,
            class: Class::Refund,
        };
        let root = BusinessKey {
            key: it.root,
            class: Class::Payment,
        };
        let claim = Claim {
            key,
            originator: Some(it.originator),
            fingerprint: it.fingerprint,
            amount: it.amounts.amount,
            amounts: Some(it.amounts),
            presentation: it.presentation,
            destination: None,
            by_reversal: false,
            root: Some(root),
            decision: Some(it.decision),
            settlement_date: Some(it.settlement_date),
        };
        self.claim(id, at, entry, &claim);
    }

    /// A payment that is remembered again is what it was, and has another number from here on.
    fn recalled(&mut self, id: PageId, at: Place, entry: &Entry, it: &Recalled) {
        let (journal, shard, number) = id;
        let target = BusinessKey {
            key: it.key,
            class: Class::Payment,
        };
        let reading = self.readings.entry((journal, shard)).or_default();
        let (epoch, last) = (reading.epoch, reading.last_number);
        reading.last_number = last.max(number);
        self.check(Rule::RecordsFit, number > last, at, Some(target), || {
            format!("it takes number {} after number {}", number.0, last.0)
        });
        let before = self.by_key.get(&target).copied();
        let page = before.and_then(|before| self.pages.remove(&before));
        let same = page.is_some_and(|page| {
            page.outcome == Some(Outcome::Approved)
                && !page.reversed
                && !page.reversal_open
                && page.fingerprint == it.fingerprint
                && page.amount == it.amounts.amount
                && page.refunded_minor == it.refunded.amount_minor
        });
        self.check(Rule::RecordsFit, same, at, Some(target), || {
            "it is remembered again otherwise than it was".to_owned()
        });
        let claim = Claim {
            key: target,
            originator: it.originator,
            fingerprint: it.fingerprint,
            amount: it.amounts.amount,
            amounts: Some(it.amounts),
            presentation: it.echoed.presentation,
            destination: it.destination,
            by_reversal: false,
            root: None,
            decision: None,
            settlement_date: None,
        };
        let known = page.is_some();
        let fresh = self::page(&claim, entry, epoch, None, Some(Outcome::Approved));
        let page = page.map_or(fresh, |page| Page { epoch, ..page });
        if !known {
            self.balance.post(&page, Posting::Approved);
        }
        self.by_key.insert(target, id);
        self.pages.insert(id, page);
    }

    fn early_reversal(&mut self, id: PageId, at: Place, entry: &Entry, it: &Reversal) {
        let claim = Claim {
            key: it.target,
            originator: it.participant,
            fingerprint: Fingerprint(0),
            amount: it.amount,
            amounts: None,
            presentation: None,
            destination: None,
            by_reversal: true,
            root: None,
            decision: None,
            settlement_date: None,
        };
        self.claim(id, at, entry, &claim);
    }

    fn claim(&mut self, id: PageId, at: Place, entry: &Entry, claim: &Claim) {
        let (journal, shard, number) = id;
        let key = Some(claim.key);
        let reading = self.readings.entry((journal, shard)).or_default();
        let (epoch, last) = (reading.epoch, reading.last_number);
        reading.last_number = last.max(number);
        self.check(Rule::RecordsFit, number > last, at, key, || {
            format!("it claims number {} after number {}", number.0, last.0)
        });
        self.claimed_once(at, claim);
        if let Some(amounts) = &claim.amounts {
            self.conversions(at, claim.key, amounts);
        }
        if let Some(date) = claim.settlement_date {
            self.check(
                Rule::OneSettlementDate,
                date == entry.wall.date(),
                at,
                key,
                || format!("settled on {date}, received on {}", entry.wall.date()),
            );
        }
        let forwarded = match claim.decision {
            Some(Decision::Forward {
                destination,
                match_key,
                deadline,
            }) => {
                self.drawn(at, key, destination, match_key);
                Some((destination, deadline))
            }
            Some(Decision::Decline { .. }) | None => None,
        };
        let declined = forwarded.is_none().then_some(Outcome::Declined);
        self.by_key.entry(claim.key).or_insert(id);
        let mut page = page(claim, entry, epoch, forwarded, declined);
        // A refund goes the way of its payment, whoever asks for it.
        let root = claim.root.and_then(|root| self.by_key.get(&root));
        if let Some(root) = root.and_then(|id| self.pages.get(id)) {
            page.sides = root.sides;
        }
        self.pages.insert(id, page);
    }

    fn claimed_once(&mut self, at: Place, claim: &Claim) {
        let earlier = self
            .by_key
            .get(&claim.key)
            .and_then(|id| self.pages.get(id))
            .copied();
        let key = Some(claim.key);
        let differs = earlier.is_some_and(|page| {
            !page.by_reversal && !claim.by_reversal && page.fingerprint != claim.fingerprint
        });
        self.check(Rule::ConflictsRefused, !differs, at, key, || {
            "the key was claimed before, with another content".to_owned()
        });
        self.check(
            Rule::OneOutcome,
            earlier.is_none() || differs,
            at,
            key,
            || "the key was claimed before".to_owned(),
        );
    }

    /// A record about a transaction that is known.
    fn about(&mut self, page: &mut Page, id: PageId, at: Place, entry: &Entry) {
        let key = Some(page.key);
        match &entry.record {
            Record::Answer(it) => {
                let timed = it.by == Actor::Destination;
                let amount = it.amounts.amount;
                self.ended(
                    page,
                    id,
                    at,
                    entry,
                    &Stated {
                        outcome: it.outcome,
                        amount,
                        timed,
                    },
                );
            }
            Record::Finding(it) => {
                let amount = it.amounts.amount;
                let stated = Stated {
                    outcome: it.outcome,
                    amount,
                    timed: false,
                };
                if it.source == Source::Operator {
                    self.found_by_operator(page, at, it.outcome);
                }
                self.ended(page, id, at, entry, &stated);
            }
            Record::Unknown(_) | Record::InDoubt(_) | Record::Pending(_) => {
                self.check(Rule::OneOutcome, page.outcome.is_none(), at, key, || {
                    "it became unknown after its outcome".to_owned()
                });
                self.in_time(page, id, at, entry.wall);
                page.unresolved = true;
            }
            Record::Reversal(it) => self.reversal(page, at, it),
            Record::ReversalAnswer(it) => self.reversal_answer(page, at, it),
            Record::ReversalEscalation(it) => self.drawn_for_destination(page, at, it.match_key),
            Record::Inquiry(it) => self.drawn_for_destination(page, at, it.match_key),
            Record::Advice(it) => {
                if let Some(originator) = page.originator {
                    self.drawn(at, key, originator, it.match_key);
                }
                page.advice_open = true;
            }
            Record::AdviceAnswer(_) => {
                page.advice_open = false;
                page.queued = false;
            }
            Record::Queued(_) => page.queued = true,
            Record::Ruled(it) => self.ruled(page, at, it),
            Record::Held(it) => self.held(at, entry.wall, (page.key, it)),
            Record::Released(it) => self.released(at, entry.wall, (page.key, it)),
            Record::InquiryEnd(_) | Record::LateAnswer(_) | Record::Total(_) => {}
            Record::Opened(_) | Record::Payment(_) | Record::Refund(_) | Record::Recalled(_) => {
                unreachable!("claims were told apart before")
            }
        }
    }

    /// An outcome is on record.
    fn ended(&mut self, page: &mut Page, id: PageId, at: Place, entry: &Entry, it: &Stated) {
        let key = Some(page.key);
        let before = page.outcome;
        self.check(Rule::OneOutcome, before.is_none(), at, key, || {
            let words = before.map_or("none", Outcome::name);
            format!("{} after {words}", it.outcome.name())
        });
        let approves = it.outcome == Outcome::Approved;
        let negative = page.reversing || page.reversed || before == Some(Outcome::Declined);
        self.check(
            Rule::NoApprovalAfterNegative,
            !(approves && negative),
            at,
            key,
            || "approved, though it was declined or is being reversed".to_owned(),
        );
        self.check(Rule::AmountsKept, it.amount == page.amount, at, key, || {
            format!(
                "{} of {}, claimed {}",
                it.amount.minor, it.amount.currency, page.amount.minor
            )
        });
        if it.timed {
            self.in_time(page, id, at, entry.wall);
        }
        if approves {
            self.balance.post(page, Posting::Approved);
        }
        page.outcome = Some(it.outcome);
        page.unresolved = false;
        page.queued = false;
        if it.outcome == Outcome::Reversed {
            (page.reversed, page.reversal_open) = (true, false);
        }
        if let (true, Some(root)) = (approves, page.root) {
            self.refunded(page, at, &root);
        }
    }

    /// An operator has decided: it waited for one, and what is final stays so.
    fn ruled(&mut self, page: &mut Page, at: Place, it: &Ruled) {
        let key = Some(page.key);
        self.check(Rule::RulingsFit, page.queued, at, key, || {
            let word = it.ruling.name();
            format!(
                "action {} decides \"{word}\", and it waits for nobody",
                it.action
            )
        });
        let over = page.outcome.is_some() && !page.reversal_open;
        let fits = match it.ruling {
            Ruling::Approved | Ruling::Declined => !over && !page.reversing,
            Ruling::Reversed => !over,
            Ruling::Told => over || page.reversed,
            Ruling::Noted => over,
            Ruling::SendAgain => true,
        };
        self.check(Rule::RulingsFit, fits, at, key, || {
            let (word, now) = (it.ruling.name(), page.outcome.map_or("open", Outcome::name));
            format!("action {} decides \"{word}\" of what is {now}", it.action)
        });
        page.ruled = Some(it.ruling);
        if it.settles() {
            page.queued = false;
        }
        if it.ruling == Ruling::Told {
            page.advice_open = false;
        }
    }

    /// What an operator has found out is what he decided.
    fn found_by_operator(&mut self, page: &mut Page, at: Place, outcome: Outcome) {
        let decided = match page.ruled.take() {
            Some(Ruling::Approved) => Some(Outcome::Approved),
            Some(Ruling::Declined) => Some(Outcome::Declined),
            Some(Ruling::Reversed) => Some(Outcome::Reversed),
            Some(Ruling::SendAgain | Ruling::Told | Ruling::Noted) | None => None,
        };
        let key = Some(page.key);
        self.check(Rule::RulingsFit, decided == Some(outcome), at, key, || {
            let word = decided.map_or("nothing", Outcome::name);
            format!("{} by an operator, who decided {word}", outcome.name())
        });
    }

    /// An approved refund counts against its payment.
    fn refunded(&mut self, refund: &Page, at: Place, root: &BusinessKey) {
        let payment = self.by_key.get(root).copied();
        let payment = payment.and_then(|id| self.pages.get_mut(&id));
        let kept = payment.is_some_and(|page| {
            let amount = bounded(
                Some(page.amount),
                Some(refund.amount),
                &mut page.refunded_minor,
            );
            let billing = bounded(
                page.billing,
                refund.billing,
                &mut page.refunded_billing_minor,
            );
            let settlement = bounded(
                page.settlement,
                refund.settlement,
                &mut page.refunded_settlement_minor,
            );
            amount && billing && settlement
        });
        self.check(Rule::RefundsBounded, kept, at, Some(refund.key), || {
            "the refunds exceed the payment, or it is not known".to_owned()
        });
    }

    fn reversal(&mut self, page: &mut Page, at: Place, it: &Reversal) {
        let key = Some(page.key);
        self.check(Rule::AmountsKept, it.amount == page.amount, at, key, || {
            format!("{} reversed of {}", it.amount.minor, page.amount.minor)
        });
        if let Some(match_key) = it.match_key {
            self.drawn_for_destination(page, at, match_key);
        }
        page.reversing = true;
        page.reversal_open = it.match_key.is_some();
        self.now_reversed(page, it.match_key.is_none());
    }

    fn reversal_answer(&mut self, page: &mut Page, at: Place, it: &ReversalAnswer) {
        let key = Some(page.key);
        self.check(Rule::ReversalsEnd, page.reversing, at, key, || {
            "a reversal is answered that nobody asked for".to_owned()
        });
        let again = it.reversed && page.reversed;
        self.check(Rule::ReversedOnce, !again, at, key, || {
            "it is reversed a second time".to_owned()
        });
        page.reversal_open = false;
        page.queued = false;
        self.now_reversed(page, it.reversed);
        page.reversing = it.reversed;
    }

    fn now_reversed(&mut self, page: &mut Page, reversed: bool) {
        if reversed && !page.reversed && page.outcome == Some(Outcome::Approved) {
            self.balance.post(page, Posting::Reversed);
        }
        page.reversed |= reversed;
    }

    fn in_time(&mut self, page: &Page, id: PageId, at: Place, wall: Wall) {
        let (journal, shard, _) = id;
        let epoch = self.readings.entry((journal, shard)).or_default().epoch;
        let late = page.is_late(epoch, wall, LATE_MS);
        self.check(Rule::AnsweredInTime, !late, at, Some(page.key), || {
            format!("written at {wall}, more than {LATE_MS} ms after its deadline")
        });
    }

    fn drawn_for_destination(&mut self, page: &Page, at: Place, match_key: MatchKey) {
        if let Some((destination, _)) = page.forwarded {
            self.drawn(at, Some(page.key), destination, match_key);
        }
    }

    fn drawn(
        &mut self,
        at: Place,
        key: Option<BusinessKey>,
        with: Institution,
        match_key: MatchKey,
    ) {
        let fresh = self.match_keys.insert((with, match_key));
        self.check(Rule::MatchKeysUnique, fresh, at, key, || {
            format!("match key {:#x} was drawn before for {with}", match_key.0)
        });
    }
}

/// Adds what a refund gives back to what was given back before; whether all of it is within what
/// the payment has in this currency.
fn bounded(payment: Option<Money>, refund: Option<Money>, refunded_minor: &mut i64) -> bool {
    let Some(refund) = refund else {
        return true;
    };
    *refunded_minor = refunded_minor.saturating_add(refund.minor);
    payment.is_some_and(|payment| {
        payment.currency == refund.currency && *refunded_minor <= payment.minor
    })
}

fn page(
    claim: &Claim,
    entry: &Entry,
    epoch: u32,
    forwarded: Option<(Institution, Wall)>,
    outcome: Option<Outcome>,
) -> Page {
    Page {
        key: claim.key,
        lsn: entry.lsn,
        received: entry.wall,
        epoch,
        originator: claim.originator,
        fingerprint: claim.fingerprint,
        amount: claim.amount,
        billing: claim.amounts.and_then(|amounts| amounts.billing),
        settlement: claim.amounts.and_then(|amounts| amounts.settlement),
        sides: balance::who(
            claim.presentation,
            claim.originator,
            claim.destination.or(forwarded.map(|(who, _)| who)),
        ),
        forwarded,
        by_reversal: claim.by_reversal,
        root: claim.root,
        outcome,
        unresolved: false,
        reversal_open: false,
        reversing: claim.by_reversal,
        reversed: claim.by_reversal,
        advice_open: false,
        queued: false,
        ruled: None,
        refunded_minor: 0,
        refunded_billing_minor: 0,
        refunded_settlement_minor: 0,
    }
}
