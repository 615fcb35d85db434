//! From the switch's configuration and its ready file to the players of a run.

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Protocol;
use cpg_switch::wire::frame::Framing;

use crate::cast::Player;
use crate::target::{Ready, ReadyListener};

/// Why somebody cannot be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlayersError {
    /// No listener speaks what the participant speaks.
    #[error("{participant} speaks {protocol}, and the ready file names no listener for it")]
    NoListener {
        /// Who.
        participant: String,
        /// What.
        protocol: &'static str,
    },
    /// The framing is not one that is played.
    #[error("the framing {framing} of a listener is not played (sofh, len2 and len4 are)")]
    Framing {
        /// Which.
        framing: String,
    },
    /// Nobody is left.
    #[error(
        "no wallet and acquirer are left to pay each other with these protocols and presentations; \
         wallets need `code_prefixes` to be paid by code"
    )]
    Nobody,
}

/// Every participant of `configuration` that speaks one of `protocols`.
pub(crate) fn players(
    configuration: &Configuration,
    ready: &Ready,
    protocols: &[Protocol],
) -> Result<Vec<Player>, PlayersError> {
    let wanted = configuration
        .participants
        .iter()
        .filter(|entry| protocols.contains(&entry.participant.protocol));
    wanted
        .map(|entry| {
            let participant = &entry.participant;
            let listener =
                listener(ready, participant.protocol).ok_or_else(|| PlayersError::NoListener {
                    participant: participant.name.clone(),
                    protocol: participant.protocol.name(),
                })?;
            Ok(Player {
                name: participant.name.clone(),
                institution: participant.institution,
                role: participant.role,
                protocol: participant.protocol,
                dialect: entry.dialect.clone(),
                framing: framing(&listener.framing)?,
                address: listener.address,
                country: participant.country,
                currency: participant.currency,
                prefixes: entry.code_prefixes.clone(),
                links: None,
            })
        })
        .collect()
}

/// The presentations that `--presentation` names.
pub(crate) fn presentations(only: Option<Presentation>) -> Vec<Presentation> {
    only.map_or_else(|| Presentation::ALL.to_vec(), |only| vec![only])
}

fn listener(ready: &Ready, protocol: Protocol) -> Option<&ReadyListener> {
    ready
        .listeners
        .iter()
        .find(|listener| listener.protocol == protocol.name())
}

fn framing(name: &str) -> Result<Framing, PlayersError> {
    match name {
        "sofh" => Ok(Framing::Sofh),
        "len2" => Ok(Framing::LEN2),
        "len4" => Ok(Framing::LEN4),
        other => Err(PlayersError::Framing {
            framing: other.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::Cast;
    use cpg_switch::model::time::Wall;

    fn ready() -> Ready {
        let listeners = [
            ("sbe", "sofh"),
            ("iso8583-ascii", "len2"),
            ("iso8583-binary", "len2"),
        ];
        let listener = |(protocol, framing): (&str, &str)| ReadyListener {
            protocol: protocol.to_owned(),
            framing: framing.to_owned(),
            address: "127.0.0.1:1".parse().unwrap(),
        };
        Ready {
            pid: 1,
            listeners: listeners.into_iter().map(listener).collect(),
            data: "data".into(),
            commit: "memory".to_owned(),
            admin: None,
            socket: None,
        }
    }

    #[test]
    fn the_sandbox_has_every_pair_of_protocols_in_both_presentations() {
        let sandbox = Configuration::sandbox();
        let players = players(&sandbox, &ready(), &Protocol::ALL).unwrap();
        assert_eq!(players.len(), 7);
        let cast = Cast::new(players, Presentation::ALL, Wall(1)).unwrap();
        for presentation in [Presentation::Cpm, Presentation::Mpm] {
            let mut pairs: Vec<_> = cast
                .lanes()
                .iter()
                .filter(|lane| lane.presentation == presentation)
                .map(|lane| {
                    (
                        cast.player(lane.originator).protocol,
                        cast.player(lane.destination).protocol,
                    )
                })
                .collect();
            pairs.sort_unstable();
            pairs.dedup();
            assert_eq!(pairs.len(), 9);
        }
    }

    #[test]
    fn a_missing_listener_is_named() {
        let mut ready = ready();
        ready.listeners.remove(1);
        let error = players(&Configuration::sandbox(), &ready, &Protocol::ALL).unwrap_err();
        assert!(
            error.to_string().contains("kakao-pay speaks iso8583-ascii"),
            "{error}"
        );
    }
}
