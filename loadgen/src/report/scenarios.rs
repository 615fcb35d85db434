//! Payments by scenario: direction across the border of China, and who shows the code.

use cpg_switch::model::outcome::{Presentation, Scenario};
use serde::Serialize;

use crate::cast::Cast;
use crate::judge::books::{Asked, Standing};
use crate::mix::Lane;

/// One scenario.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ScenarioRow {
    /// The scenario, or who shows the code where both sides or neither are in China.
    pub(crate) scenario: &'static str,
    pub(crate) payments: u64,
    pub(crate) approved: u64,
    /// Whose payer scanned a code and was given a quote first.
    pub(crate) quoted: u64,
    /// Whose payer pays in another currency than the merchant is paid in.
    pub(crate) converted: u64,
}

/// Counts pages; scenarios that did not come up are left out.
pub(crate) fn count<'p>(cast: &Cast, pages: impl Iterator<Item = &'p Asked>) -> Vec<ScenarioRow> {
    let mut rows = NAMES.map(|scenario| ScenarioRow {
        scenario,
        payments: 0,
        approved: 0,
        quoted: 0,
        converted: 0,
    });
    for page in pages {
        let lane = cast.lane(page.lane);
        let place = place(cast, lane);
        let paid = cast.money(page.lane, page.minor).currency;
        let row = &mut rows[place];
        row.payments += 1;
        row.approved += u64::from(page.standing == Standing::Approved);
        row.quoted += u64::from(page.scanned && page.standing != Standing::Refused);
        row.converted += u64::from(cast.wallet(page.lane).currency != paid);
    }
    rows.into_iter().filter(|row| row.payments > 0).collect()
}

/// The scenario of a lane.
pub(crate) fn name(cast: &Cast, lane: &Lane) -> &'static str {
    NAMES[place(cast, lane)]
}

/// The row of a lane.
fn place(cast: &Cast, lane: &Lane) -> usize {
    let is_chinese = |player| cast.player(player).country == CHINA;
    let (from, to) = (is_chinese(lane.originator), is_chinese(lane.destination));
    let (wallet, acquirer) = match lane.presentation {
        Presentation::Cpm => (to, from),
        Presentation::Mpm => (from, to),
    };
    match (wallet, acquirer, lane.presentation) {
        (false, true, Presentation::Mpm) => 0,
        (false, true, Presentation::Cpm) => 1,
        (true, false, Presentation::Mpm) => 2,
        (true, false, Presentation::Cpm) => 3,
        (_, _, Presentation::Mpm) => 4,
        (_, _, Presentation::Cpm) => 5,
    }
}

/// In the order of [`place`].
const NAMES: [&str; 6] = [
    Scenario::InboundMpm.name(),
    Scenario::InboundCpm.name(),
    Scenario::OutboundMpm.name(),
    Scenario::OutboundCpm.name(),
    "other mpm",
    "other cpm",
];
/// ISO 3166-1 numeric.
const CHINA: u16 = 156;
