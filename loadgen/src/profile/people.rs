//! The participants of a profile: found in a configuration, or given to one.

use core::fmt::Write;

use cpg_switch::control::configuration::{Configuration, SANDBOX};
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Role;

use super::{Person, Profile, ProfileError};
use crate::cast::Player;
use crate::mix::amount::Amounts;
use crate::mix::{Lane, Traffic};

impl Profile {
    /// The sandbox's configuration, with the profile's participants added to it. Their institution
    /// codes and code prefixes are made up.
    pub(crate) fn configuration(&self, sandbox: &str) -> String {
        let mut text = sandbox.to_owned();
        let known = Configuration::sandbox();
        let is_known = |person: &&Person| {
            let mut entries = known.participants.iter();
            entries.any(|entry| entry.participant.name == person.name)
        };
        for (number, person) in self.people.iter().enumerate() {
            if !is_known(&person) {
                write_person(&mut text, number, person);
            }
        }
        text
    }

    /// Whether a switch takes its participants, and they are what the profile says.
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let text = self.configuration(SANDBOX);
        let configuration = Configuration::from_text(&self.name, &text)
            .map_err(|diagnostics| ProfileError::Refused(diagnostics.to_string()))?;
        self.found_in(&configuration)
    }

    /// Whether each participant is in `configuration` as the profile has it.
    pub(crate) fn found_in(&self, configuration: &Configuration) -> Result<(), ProfileError> {
        for (place, person) in self.people.iter().enumerate() {
            let absent = |what| ProfileError::Absent {
                name: person.name.clone(),
                what,
            };
            let mut entries = configuration.participants.iter();
            let entry = entries
                .find(|entry| entry.participant.name == person.name)
                .ok_or_else(|| absent("is not"))?;
            let is_paid_by_code = self
                .corridors
                .iter()
                .any(|corridor| corridor.payer == place && corridor.cpm_percent > 0);
            let currency = iso_currency::Currency::from_code(&person.currency);
            let numeric = entry.participant.currency.numeric();
            if entry.participant.role != person.role {
                return Err(absent("has another role"));
            }
            if currency.is_none_or(|currency| currency.numeric() != numeric) {
                return Err(absent("has another currency"));
            }
            if is_paid_by_code && entry.code_prefixes.is_empty() {
                return Err(absent("pays by code and has no `code_prefixes`"));
            }
        }
        Ok(())
    }

    /// Whether `name` plays.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.people.iter().any(|person| person.name == name)
    }

    /// The links of `name`, if not as many as the others have.
    pub(crate) fn links_of(&self, name: &str) -> Option<u32> {
        let person = self.people.iter().find(|person| person.name == name)?;
        person.links
    }

    /// The lanes of its corridors between `players`, and what goes on them.
    pub(crate) fn traffic(&self, players: &[Player], seed: u64) -> (Vec<Lane>, Traffic) {
        let place = |person: usize| {
            let name = &self.people[person].name;
            let found = players.iter().position(|player| player.name == *name);
            u8::try_from(found.expect("the configuration was checked")).expect("at most 255 play")
        };
        let mut lanes = Vec::new();
        let mut traffic = Traffic::of(&self.shares);
        traffic.merchants = self.merchants;
        for (number, corridor) in (0_u64..).zip(&self.corridors) {
            let (wallet, acquirer) = (place(corridor.payer), place(corridor.merchant));
            let amounts = traffic.amounts.len();
            let ticket = &corridor.ticket;
            traffic
                .amounts
                .push(Amounts::log_normal(seed, number, ticket));
            let by_code = Lane {
                originator: acquirer,
                destination: wallet,
                presentation: Presentation::Cpm,
            };
            let by_merchant = Lane {
                originator: wallet,
                destination: acquirer,
                presentation: Presentation::Mpm,
            };
            let percent = corridor.cpm_percent;
            let first = lanes.len();
            for (lane, share) in [(by_code, percent), (by_merchant, 100 - percent)] {
                if share > 0 {
                    lanes.push(lane);
                    traffic.weights.push(corridor.weight * share);
                    traffic.amounts_of.push(amounts);
                }
            }
            traffic.corridors.push(first..lanes.len());
        }
        let times = |player: &Player| {
            let mut people = self.people.iter();
            let person = people.find(|person| person.name == player.name);
            person.and_then(|person| person.answers)
        };
        let times = (0_u64..).zip(players).map(|(place, player)| {
            times(player).map_or_else(Vec::new, |times| times.table(seed, place))
        });
        traffic.answer_times = times.collect();
        if let Some(trace) = &self.trace {
            traffic.corridor_of.clone_from(&trace.corridors);
        }
        (lanes, traffic)
    }
}

fn write_person(text: &mut String, number: usize, person: &Person) {
    let role = match person.role {
        Role::Wallet => "wallet",
        Role::Acquirer => "acquirer",
        Role::Infrastructure => "infrastructure",
    };
    let prefix = if person.role == Role::Wallet {
        format!("code_prefixes = [\"2890{number:02}\"]\n")
    } else {
        String::new()
    };
    let institution = INSTITUTIONS + number;
    write!(
        text,
        "\n[[participants]]\nname = \"{}\"\ninstitution = {institution}\nrole = \"{role}\"\n\
         country = \"{}\"\ncurrency = \"{}\"\nprotocol = \"{}\"\n{prefix}",
        person.name,
        person.country,
        person.currency,
        person.protocol.name(),
    )
    .expect("a string takes every text");
}

/// Made up, and of no real institution.
const INSTITUTIONS: usize = 99_900_001;
