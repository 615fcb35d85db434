//! The originators' book: what was sent, and what was told.

use std::collections::BTreeMap;

use cpg_switch::model::chars::Chars;
use cpg_switch::model::message::{PaymentAdvice, PaymentResult, StatusResult};
use cpg_switch::model::money::Money;
use cpg_switch::model::outcome::{Outcome, ResponseCode};

use crate::cast::Cast;
use crate::judge::Fault;
use crate::judge::books::{Asked, Standing, TakenBack};
use crate::judge::conversion;
use crate::judge::verdict::Rule;
use crate::mix::{Fate, Script};

/// All originators' pages, by the payment's number.
#[derive(Debug)]
pub(crate) struct Originators {
    pages: Vec<Asked>,
    told: u64,
    unresolved: u64,
    overtaken: u64,
    left_out: u64,
    /// Payments of each order.
    orders: BTreeMap<u64, Vec<u64>>,
}

impl Originators {
    /// Room for `payments`; it grows if there are more.
    pub(crate) fn new(payments: usize) -> Self {
        Self {
            pages: Vec::with_capacity(payments),
            told: 0,
            unresolved: 0,
            overtaken: 0,
            left_out: 0,
            orders: BTreeMap::new(),
        }
    }

    /// A payment is sent for the first time; its number.
    pub(crate) fn ask(&mut self, script: &Script) -> u64 {
        self.open(script, 1)
    }

    /// A payment of the plan is not sent, for ever; its number.
    pub(crate) fn leave_out(&mut self, script: &Script) -> u64 {
        self.left_out += 1;
        self.open(script, 0)
    }

    fn open(&mut self, script: &Script, sent: u8) -> u64 {
        let number = self.count();
        self.pages.push(Asked {
            minor: script.minor,
            lane: script.lane,
            fate: script.fate,
            sent,
            scanned: false,
            answers: 0,
            code: None,
            standing: Standing::Unanswered,
            advices: 0,
            taken_back: TakenBack::No,
        });
        number
    }

    /// The payer scans a code first, of this order if it was made for one.
    pub(crate) fn scanned(&mut self, number: u64, order: Option<u64>) {
        self.page_mut(number).scanned = true;
        if let Some(order) = order {
            self.orders.entry(order).or_default().push(number);
        }
    }

    /// Payments of orders that nobody could pay: all that were sent were told that another has it.
    pub(super) fn refused_orders(&self) -> impl Iterator<Item = u64> {
        let is_sent = |number: &&u64| self.page(**number).sent > 0;
        let is_refused = |number: &u64| self.page(*number).code == Some(ResponseCode::EXPIRED);
        let orders = self.orders.values();
        let refused = orders.filter(move |of_one| of_one.iter().filter(is_sent).all(is_refused));
        refused.filter_map(|of_one| of_one.first().copied())
    }

    /// The payment is sent again, because its link was lost before the answer.
    pub(crate) fn ask_again(&mut self, number: u64) {
        let page = self.page_mut(number);
        page.sent = page.sent.saturating_add(1);
    }

    /// Whether the payment was sent again.
    pub(crate) fn is_again(&self, number: u64) -> bool {
        let place = usize::try_from(number).expect("addresses have 64 bits");
        self.pages.get(place).is_some_and(|page| page.sent > 1)
    }

    /// The originator takes the payment back.
    pub(crate) fn take_back(&mut self, number: u64) {
        self.page_mut(number).taken_back = TakenBack::Asked;
    }

    /// The payment, or a repeat of it, was answered.
    pub(crate) fn answered(
        &mut self,
        cast: &Cast,
        number: u64,
        repeat: bool,
        result: &PaymentResult<'_>,
    ) -> Result<(), Fault> {
        let expected = cast.key(number, self.page(number).lane);
        if result.key != expected {
            return Err(Fault::of(number, Rule::Changed, "another key"));
        }
        let page = self.page_mut(number);
        if !repeat {
            page.answers = page.answers.saturating_add(1);
        }
        page.code = page.code.or(Some(result.response_code));
        let lane = page.lane;
        let standing = Standing::told(result.response_code, result.outcome);
        let amount = result.amounts.amount;
        self.tell(cast, number, standing, amount, result.approval_code)?;
        // What the switch declines before it reckons says the amounts as they came.
        let is_unpriced = result.response_code == ResponseCode::EXPIRED;
        match conversion::fault(&result.amounts, cast.wallet(lane).currency) {
            Some(what) if !is_unpriced => Err(Fault::of(number, Rule::Conversion, what)),
            Some(_) | None => Ok(()),
        }
    }

    /// The payment was refused by a message without a body.
    pub(crate) fn rejected(&mut self, number: u64, repeat: bool, code: ResponseCode) {
        self.told += 1;
        let page = self.page_mut(number);
        if !repeat {
            page.answers = page.answers.saturating_add(1);
        }
        page.code = page.code.or(Some(code));
        if page.standing == Standing::Unanswered {
            page.standing = Standing::told(code, None);
        }
    }

    /// The payment was never sent: its code's inquiry was refused. That is an answer only where the
    /// code's owner cannot be reached now.
    pub(crate) fn not_quoted(&mut self, number: u64, code: ResponseCode) -> Result<(), Fault> {
        self.told += 1;
        let page = self.page_mut(number);
        page.answers = page.answers.saturating_add(1);
        page.code = page.code.or(Some(code));
        page.standing = Standing::Refused;
        match code {
            ResponseCode::SHED | ResponseCode::DESTINATION_DOWN => Ok(()),
            _ => Err(Fault::coded(
                number,
                Rule::RequestRefused,
                "an inquiry about a code was answered",
                code,
            )),
        }
    }

    /// An advice told the outcome of a payment.
    pub(crate) fn advised(
        &mut self,
        cast: &Cast,
        number: u64,
        advice: &PaymentAdvice<'_>,
    ) -> Result<(), Fault> {
        let expected = cast.key(number, self.page(number).lane);
        if advice.target.key != expected || advice.root != expected {
            return Err(Fault::of(number, Rule::Changed, "another key in an advice"));
        }
        let page = self.page_mut(number);
        page.advices = page.advices.saturating_add(1);
        let standing = Standing::told(advice.response_code, advice.outcome);
        self.tell(
            cast,
            number,
            standing,
            advice.amounts.amount,
            advice.approval_code,
        )
    }

    /// The same key with another body was answered.
    pub(crate) fn conflict_answered(
        &mut self,
        number: u64,
        code: ResponseCode,
    ) -> Result<(), Fault> {
        self.told += 1;
        match code {
            ResponseCode::CONFLICT | ResponseCode::SHED => Ok(()),
            _ => Err(Fault::coded(
                number,
                Rule::ConflictAccepted,
                "94 was expected, not",
                code,
            )),
        }
    }

    /// A status inquiry was answered.
    pub(crate) fn inquiry_answered(
        &mut self,
        number: u64,
        result: &StatusResult<'_>,
    ) -> Result<(), Fault> {
        self.told += 1;
        if result.response_code == ResponseCode::SHED {
            return Ok(());
        }
        let page = self.page(number);
        let expected = match page.standing {
            Standing::Approved if page.taken_back == TakenBack::No => Some(Outcome::Approved),
            Standing::Declined => Some(Outcome::Declined),
            Standing::Approved
            | Standing::Unanswered
            | Standing::Reversed
            | Standing::Unresolved
            | Standing::Refused => return Ok(()),
        };
        if result.outcome == expected {
            return Ok(());
        }
        let code = result.response_code;
        Err(Fault::coded(
            number,
            Rule::AnswerChanged,
            "an inquiry tells another outcome, with",
            code,
        ))
    }

    /// A reversal, or its advice, was answered.
    pub(crate) fn take_back_answered(
        &mut self,
        number: u64,
        code: ResponseCode,
    ) -> Result<(), Fault> {
        self.told += 1;
        let page = self.page_mut(number);
        match code {
            ResponseCode::APPROVED | ResponseCode::PENDING => {
                page.taken_back = TakenBack::Accepted;
                Ok(())
            }
            // Nothing was recorded: the payment stays as it is.
            ResponseCode::SHED => {
                page.taken_back = TakenBack::No;
                Ok(())
            }
            _ => Err(Fault::coded(
                number,
                Rule::RequestRefused,
                "a reversal was answered",
                code,
            )),
        }
    }

    /// A page.
    pub(crate) fn page(&self, number: u64) -> &Asked {
        let place = usize::try_from(number).expect("addresses have 64 bits");
        &self.pages[place]
    }

    /// All pages, in the order of their numbers.
    pub(crate) fn pages(&self) -> &[Asked] {
        &self.pages
    }

    /// How many payments were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.count() - self.left_out
    }

    /// How many payments there are, those that were left out included.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.pages.len()).expect("a length fits")
    }

    /// Answers and advices that came.
    pub(crate) const fn told(&self) -> u64 {
        self.told
    }

    /// Answers 68 or 09 that an advice of the outcome overtook on another link.
    pub(crate) const fn overtaken(&self) -> u64 {
        self.overtaken
    }

    /// Payments that were answered 68 or 09 and have no outcome yet.
    pub(crate) const fn unresolved(&self) -> u64 {
        self.unresolved
    }

    fn tell(
        &mut self,
        cast: &Cast,
        number: u64,
        standing: Standing,
        amount: Money,
        approval: Option<Chars<6>>,
    ) -> Result<(), Fault> {
        self.told += 1;
        let page = self.page_mut(number);
        if amount != cast.money(page.lane, page.minor) {
            return Err(Fault::of(
                number,
                Rule::Changed,
                "another amount or currency",
            ));
        }
        if standing == Standing::Approved && approval != Some(Cast::approval(number)) {
            return Err(Fault::of(number, Rule::Changed, "another approval code"));
        }
        if page.standing.is_final() {
            return match change(page, standing) {
                None => {
                    self.overtaken += u64::from(standing == Standing::Unresolved);
                    Ok(())
                }
                Some(what) => Err(Fault::of(number, Rule::AnswerChanged, what)),
            };
        }
        if standing == Standing::Refused && page.standing != Standing::Unanswered {
            return Ok(());
        }
        let (was, is) = (
            page.standing == Standing::Unresolved,
            standing == Standing::Unresolved,
        );
        page.standing = standing;
        self.unresolved = self.unresolved + u64::from(is) - u64::from(was);
        Ok(())
    }

    fn page_mut(&mut self, number: u64) -> &mut Asked {
        let place = usize::try_from(number).expect("addresses have 64 bits");
        &mut self.pages[place]
    }
}

/// What is wrong with being told `now` once a payment has ended as its page says; `None`: nothing.
const fn change(page: &Asked, now: Standing) -> Option<&'static str> {
    match (page.standing, now) {
        (Standing::Approved, Standing::Approved)
        | (Standing::Declined, Standing::Declined)
        | (Standing::Reversed, Standing::Reversed)
        // Nothing was recorded of this message: it tells nothing about the payment.
        | (_, Standing::Refused | Standing::Unanswered) => None,
        (Standing::Approved, Standing::Reversed)
            if !matches!(page.taken_back, TakenBack::No) =>
        {
            None
        }
        // 68 is no outcome, and left before the advice that was faster on another link.
        (_, Standing::Unresolved) if page.advices > 0 => None,
        (_, Standing::Unresolved) => Some("an ended payment became open"),
        (Standing::Approved, Standing::Declined) => Some("an approved payment became declined"),
        (Standing::Approved, Standing::Reversed) => {
            Some("an approved payment became reversed, and nobody had taken it back")
        }
        (Standing::Declined, _) => Some("a declined payment ended otherwise"),
        (_, _) => Some("a reversed payment ended otherwise"),
    }
}

/// Whether the script of a payment goes on once it stands as it does.
pub(crate) const fn has_follow_up(fate: Fate, standing: Standing) -> bool {
    match fate {
        Fate::RepeatLater | Fate::Conflict | Fate::Inquire => standing.is_final(),
        Fate::ReverseByRequest | Fate::ReverseByAdvice => matches!(standing, Standing::Approved),
        Fate::Approve
        | Fate::Decline
        | Fate::RepeatAtOnce
        | Fate::Silent
        | Fate::Deaf
        | Fate::Late
        | Fate::Quote
        | Fate::Twice
        | Fate::Garbled
        | Fate::Order
        | Fate::OrderAgain => false,
    }
}
