//! WHICH ROW a payment counts in: its corridor, from the payer's wallet's country to the
//! merchant's; where a run has too many of them, its scenario.

use cpg_switch::control::configuration::country_letters;
use cpg_switch::model::outcome::Presentation;

use crate::cast::Cast;
use crate::report::scenarios;

/// The rows of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Corridors {
    names: Vec<String>,
    of_lane: Vec<u8>,
}

impl Corridors {
    /// Those of `cast`'s lanes, in the order in which they first come.
    pub(crate) fn new(cast: &Cast) -> Self {
        let by_country = Self::by(cast, |lane| country_pair(cast, lane));
        by_country.unwrap_or_else(|| {
            let scenario = |lane| scenarios::name(cast, cast.lane(lane)).to_owned();
            Self::by(cast, scenario).expect("there are fewer scenarios than rows")
        })
    }

    /// One row for everything.
    #[cfg(test)]
    pub(crate) fn one(lanes: usize) -> Self {
        Self {
            names: vec!["all".to_owned()],
            of_lane: vec![0; lanes],
        }
    }

    /// What they are called: `MY-CN`, or `inbound-mpm`.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The row of a lane.
    pub(crate) fn of(&self, lane: u16) -> usize {
        usize::from(self.of_lane[usize::from(lane)])
    }

    fn by(cast: &Cast, name: impl Fn(u16) -> String) -> Option<Self> {
        let mut names: Vec<String> = Vec::new();
        let mut of_lane = Vec::with_capacity(cast.lanes().len());
        for lane in 0..u16::try_from(cast.lanes().len()).expect("lanes are numbered with u16") {
            let name = name(lane);
            let known = names.iter().position(|known| *known == name);
            let place = known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            of_lane.push(u8::try_from(place).ok().filter(|_| place < ROWS_MAX)?);
        }
        Some(Self { names, of_lane })
    }
}

fn country_pair(cast: &Cast, lane: u16) -> String {
    let wallet = cast.wallet(lane).country;
    let lane = cast.lane(lane);
    let merchant = cast.player(match lane.presentation {
        Presentation::Cpm => lane.originator,
        Presentation::Mpm => lane.destination,
    });
    format!("{}-{}", letters(wallet), letters(merchant.country))
}

/// ISO 3166-1: two letters, or three digits where the switch has no letters for them.
fn letters(country: u16) -> String {
    country_letters(country).map_or_else(|| format!("{country:03}"), str::to_owned)
}

/// More corridors than this are shown by scenario.
const ROWS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::tests::two_players;
    use cpg_switch::model::time::Wall;

    #[test]
    fn both_presentations_of_a_corridor_are_one_row() {
        let corridors = Corridors::new(&two_players());
        assert_eq!(corridors.names(), ["CN-CN"]);
        assert_eq!((corridors.of(0), corridors.of(1)), (0, 0));
    }

    #[test]
    fn too_many_corridors_are_shown_by_scenario() {
        let players = two_players().players().to_vec();
        let mut many = vec![players[1].clone()];
        for country in 1..=20 {
            let mut wallet = players[0].clone();
            wallet.country = country;
            many.push(wallet);
        }
        let cast = |many: &[_]| Cast::new(many.to_vec(), Presentation::ALL, Wall(1)).unwrap();
        let found = Corridors::new(&cast(&many[..17]));
        assert_eq!(found.names().len(), 16);
        assert_eq!(found.names()[0], "001-CN");
        let found = Corridors::new(&cast(&many));
        assert_eq!(found.names(), ["inbound-cpm", "inbound-mpm"]);
    }
}
