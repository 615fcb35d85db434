//! A participant as the shard's rooms see it: who it is, what it may do, how much, how fast.

use crate::model::ids::Institution;
use crate::model::keys::Class;
use crate::model::money::Currency;
use crate::model::outcome::{Presentation, Resolution};

/// What an institution does in a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Holds the payer.
    Wallet,
    /// Holds the merchant.
    Acquirer,
    /// Fronts many institutions, each named in its messages.
    Infrastructure,
}

impl Role {
    /// The word in configuration and in what people are shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Acquirer => "acquirer",
            Self::Infrastructure => "infrastructure",
        }
    }
}

/// Which encoding a listener, and so each of its links, speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Protocol {
    /// FIX SBE 1.0, little-endian, behind FIX SOFH 1.0.
    Sbe,
    /// ISO 8583:1987 with ASCII fields.
    Iso8583Ascii,
    /// ISO 8583:1987 with BCD numerics and binary bitmaps.
    Iso8583Binary,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 3] = [Self::Sbe, Self::Iso8583Ascii, Self::Iso8583Binary];

    /// The name in configuration, on the command line and in the ready file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sbe => "sbe",
            Self::Iso8583Ascii => "iso8583-ascii",
            Self::Iso8583Binary => "iso8583-binary",
        }
    }

    /// The protocol with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == name)
    }
}

/// One participant of a table snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Participant {
    /// Its own institution code: what its sessions sign on with.
    pub institution: Institution,
    /// The name in configuration, metrics and logs: lower-case letters, digits and hyphens.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// What all its links speak.
    pub protocol: Protocol,
    /// ISO 3166-1 numeric.
    pub country: u16,
    /// The currency it settles in.
    pub currency: Currency,
    /// Institutions that it fronts beside its own, ascending.
    pub fronted: Vec<Institution>,
    /// Requests of its own that may be in flight at once; more are shed.
    pub window_in: u32,
    /// Requests that we may have in flight to it at once; more are shed.
    pub window_out: u32,
    /// Requests per second that it may send; more are shed. Zero: no bound but the window.
    pub rate_per_second: u32,
    /// As originator: its payments are answered within this time, 68 at the latest.
    pub answer_timeout_ms: u32,
    /// As destination: how long an acknowledgement may take before a reversal or advice is
    /// repeated.
    pub repeat_ms: u32,
    /// Idle time after which we ask for an echo; zero: never.
    pub echo_idle_ms: u32,
    /// Echoes that may go unanswered in a row before the link is cut.
    pub echo_missed_max: u8,
    /// How what it has not answered or acknowledged is settled.
    pub resolver: ResolverProfile,
}

/// How the resolver treats one counterparty. As destination: inquiries and reversals; as
/// originator: payment advices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResolverProfile {
    /// Payments in which the payer scans the merchant's code: the goods may be gone.
    pub mpm: Resolution,
    /// Payments in which the merchant scans the payer's code.
    pub cpm: Resolution,
    /// Refunds. Money that was given back is not taken again without a reason.
    pub refund: Resolution,
    /// From the unknown outcome to the first inquiry.
    pub inquiry_first_ms: u32,
    /// From an inquiry to the next.
    pub inquiry_every_ms: u32,
    /// Inquiries about one transaction, at most.
    pub inquiries_max: u8,
    /// From the unknown outcome to a reversal of ours, at least.
    pub reversal_after_ms: u32,
    /// From the request to a reversal of ours, at most; zero: no bound.
    pub reversal_within_s: u32,
    /// Sends of one reversal or advice while the participant is up, at most.
    pub sends_max: u8,
    /// Inquiries, reversals and advices that may wait for its acknowledgement at once.
    pub window: u32,
    /// Inquiries, reversals and advices that it is sent per second, at most.
    pub per_second: u32,
    /// How long something waits for a participant that is down before an operator hears of it.
    pub down_s: u32,
    /// How long a payment may be pending (09) before it is asked about.
    pub pending_timeout_s: u32,
}

impl Default for ResolverProfile {
    fn default() -> Self {
        Self {
            mpm: Resolution::Inquire,
            cpm: Resolution::Reverse,
            refund: Resolution::InquireOnly,
            inquiry_first_ms: 1_000,
            inquiry_every_ms: 3_000,
            inquiries_max: 10,
            reversal_after_ms: 0,
            reversal_within_s: 0,
            sends_max: 7,
            window: 256,
            per_second: 500,
            down_s: 3_600,
            pending_timeout_s: 300,
        }
    }
}

impl ResolverProfile {
    /// How an unknown outcome of this class and presentation is resolved.
    pub const fn resolution(&self, class: Class, presentation: Option<Presentation>) -> Resolution {
        match (class, presentation) {
            (Class::Refund | Class::CodeInquiry, _) => self.refund,
            (Class::Payment, Some(Presentation::Mpm)) => self.mpm,
            (Class::Payment, Some(Presentation::Cpm) | None) => self.cpm,
        }
    }
}

impl Participant {
    /// Whether its sessions may speak for `institution`.
    pub fn speaks_for(&self, institution: Institution) -> bool {
        institution == self.institution || self.fronted.binary_search(&institution).is_ok()
    }
}
