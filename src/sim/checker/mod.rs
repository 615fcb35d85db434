//! WHAT MUST HOLD: the rules, what is checked while the world runs, and the judgement at its end.

pub(super) mod gate;
pub(super) mod judge;
pub(super) mod late;
pub(super) mod order;
pub(super) mod refunds;
pub(super) mod rules;
pub(super) mod shadow;
pub(super) mod totals;
pub(super) mod waiting;
