//! THE TABLE OF RULES: what is watched, from when on it is told, and what can be done about it.
//!
//! Judges nothing itself.

/// How urgent it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Somebody should look now.
    Page,
    /// Somebody should look today.
    Ticket,
}

impl Severity {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// What is compared with what.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Test {
    /// A share falls below its usual by so much of the whole.
    ShareFalls(f64),
    /// A share rises above its usual by so much of the whole.
    ShareRises(f64),
    /// Fewer come than this part of what usually does.
    CountFalls(f64),
    /// More come than so many times what usually does, and at least so many in a minute.
    CountRises(f64, u64),
    /// Half of all, or one in twenty, take twice as long as usual.
    TimesDrift,
    /// A number reaches the first; it is over at the second.
    Level(u64, u64),
}

/// What is watched; its place in [`TABLE`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
#[expect(missing_docs, reason = "TABLE has what each one is")]
pub enum Rule {
    CorridorSuccess,
    CorridorSilent,
    CorridorSurge,
    ParticipantApprovals,
    AnswerTimes,
    DuplicateStorm,
    InquiryStorm,
    Malfunctions,
    LinksFlapping,
    QueueDepth,
    QueueAge,
    JournalRoom,
}

/// How many rules there are.
pub const RULES: usize = Rule::JournalRoom as usize + 1;

/// A rule in full.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which.
    pub rule: Rule,
    /// Stable: metrics and operators' programs know it.
    pub name: &'static str,
    /// How urgent.
    pub severity: Severity,
    /// What is compared.
    pub test: Test,
    /// What has happened, in words.
    pub what: &'static str,
    /// What the numbers of the evidence are.
    pub unit: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl Rule {
    /// All of it.
    pub const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

const fn row(
    (rule, name, severity, test): (Rule, &'static str, Severity, Test),
    what: &'static str,
    unit: &'static str,
    remedy: &'static str,
) -> Row {
    Row {
        rule,
        name,
        severity,
        test,
        what,
        unit,
        remedy,
    }
}

const SHARE: &str = "share of all";

/// Every rule, in order.
pub const TABLE: [Row; RULES] = {
    use Rule as R;
    use Severity::{Page, Ticket};
    use Test::{CountFalls, CountRises, Level, ShareFalls, ShareRises, TimesDrift};
    [
        row(
            (
                R::CorridorSuccess,
                "corridor-success",
                Page,
                ShareFalls(0.10),
            ),
            "fewer payments of this corridor are approved than usual",
            SHARE,
            "compare declines by code and the destination's answers; stop the corridor if the \
             cause is not theirs to mend soon",
        ),
        row(
            (R::CorridorSilent, "corridor-silent", Page, CountFalls(0.1)),
            "next to nothing goes over this corridor any more",
            "requests a minute",
            "see whether the originator's links are up, and ask it; look for a changed route or \
             a stopped corridor",
        ),
        row(
            (
                R::CorridorSurge,
                "corridor-surge",
                Ticket,
                CountRises(5.0, 300),
            ),
            "far more goes over this corridor than usual",
            "requests a minute",
            "see windows and shed payments; ask the originator whether it is a campaign or a loop",
        ),
        row(
            (
                R::ParticipantApprovals,
                "participant-approvals",
                Page,
                ShareFalls(0.15),
            ),
            "this destination approves less than usual",
            SHARE,
            "ask it; suspend it if it approves wrongly or leaves payers waiting",
        ),
        row(
            (R::AnswerTimes, "answer-times", Ticket, TimesDrift),
            "this destination answers more slowly than usual",
            "milliseconds, 95 of 100 are faster",
            "ask it; see its window, and what its links wait for",
        ),
        row(
            (
                R::DuplicateStorm,
                "duplicate-storm",
                Ticket,
                ShareRises(0.20),
            ),
            "this originator repeats far more of its requests than usual",
            SHARE,
            "see whether answers reach it (its links, its time-out), and ask it to back off",
        ),
        row(
            (R::InquiryStorm, "inquiry-storm", Ticket, ShareRises(0.20)),
            "this originator asks far more often what became of its payments than usual",
            SHARE,
            "see whether advices and answers reach it, and ask it to back off",
        ),
        row(
            (R::Malfunctions, "malfunctions", Page, ShareRises(0.05)),
            "payments are declined with 96: no rate is valid, or the archive cannot be read",
            SHARE,
            "see until when the rates are valid and publish new ones; look for the archive in \
             the log",
        ),
        row(
            (
                R::LinksFlapping,
                "links-flapping",
                Ticket,
                CountRises(5.0, 20),
            ),
            "far more connections are made than usual: links come and go",
            "connections a minute",
            "see in the log who signs on again and again, and why its links ended",
        ),
        row(
            (R::QueueDepth, "queue-depth", Ticket, Level(100, 50)),
            "many transactions wait for an operator",
            "transactions",
            "find the destination that they have in common, and settle them",
        ),
        row(
            (R::QueueAge, "queue-age", Ticket, Level(3_600, 0)),
            "a transaction has waited long for an operator",
            "seconds",
            "settle the oldest of the operator queue",
        ),
        row(
            (R::JournalRoom, "journal-room", Page, Level(1, 0)),
            "the journal needs segments for which there is no room: new payments will be shed",
            "segments",
            "the log names what is in the way; raise journal.bytes_max, or free the archive's disk",
        ),
    ]
};
