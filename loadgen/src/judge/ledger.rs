//! The participants' books as ledgers for `cpg-switch audit`: a line of JSON for each payment that
//! a participant knows. Says what the books say; judges nothing.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::cast::Cast;
use crate::judge::Judge;
use crate::judge::books::{Balance, Standing, TakenBack};

impl Judge {
    /// Writes both books.
    pub(crate) fn write_ledger(&self, cast: &Cast, out: &mut impl Write) -> io::Result<()> {
        for number in 0..self.originators.count() {
            let asked = self.originators.page(number);
            if asked.sent == 0 {
                continue;
            }
            let lane = cast.lane(asked.lane);
            let about = |party: &str, player: u8| {
                let currency = cast.money(asked.lane, asked.minor).currency;
                json!({
                    "party": party,
                    "institution": cast.player(player).institution.code(),
                    "class": "payment",
                    "key": cast.key(number, asked.lane).to_string(),
                    "currency": currency.numeric(),
                })
            };
            let mut line = about("originator", lane.originator);
            line["minor"] = json!(asked.minor);
            line["answers"] = answers(asked.standing, asked.advices);
            line["standing"] = standing(asked.standing, asked.taken_back);
            writeln!(out, "{line}")?;
            let seen = self.destinations.page(number);
            if seen.requests > 0 {
                let mut line = about("destination", seen.player);
                line["minor"] = json!(seen.minor);
                line["debits"] = json!(debits(seen.balance));
                line["given_back"] = json!(u8::from(seen.balance == Balance::Released));
                writeln!(out, "{line}")?;
            }
        }
        out.flush()
    }
}

/// What answers told; where an advice told it, no answer did.
fn answers(standing: Standing, advices: u8) -> Json {
    if standing.is_final() && advices == 0 {
        json!([standing.name()])
    } else {
        json!([])
    }
}

/// How it stands. While it is being taken back the originator does not know.
fn standing(standing: Standing, taken_back: TakenBack) -> Json {
    match (standing, taken_back) {
        (Standing::Approved, TakenBack::Accepted) => json!("reversed"),
        (_, TakenBack::Asked) => Json::Null,
        (standing, _) if standing.is_final() => json!(standing.name()),
        _ => Json::Null,
    }
}

const fn debits(balance: Balance) -> u8 {
    match balance {
        Balance::Debited | Balance::Released => 1,
        Balance::Untouched | Balance::Declined | Balance::Barred => 0,
    }
}
