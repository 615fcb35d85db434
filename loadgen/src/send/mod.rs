//! THE LINKS: plays every participant over real sockets, on one thread and one ring.
//!
//! One turn: what arrived is read and answered, follow-ups and what is due are sent, every link's
//! frames leave in one send. Nothing here decides what is right; it tells the judge what happened.

mod codes;
mod delays;
mod destination;
mod faults;
mod floor;
mod link;
mod messages;
mod network;
mod originator;

#[cfg(test)]
mod tests;

use core::net::SocketAddr;

use cpg_switch::model::time::Monotonic;
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::error::MachineError;
use cpg_switch::sys::machine::{Idle, Machine, MachineConfig};
use cpg_switch::sys::operation::Submission;

use crate::cast::Cast;
use crate::mix::Mix;
use crate::plan::Plan;

pub(crate) use floor::{Floor, Sizes, Tally};

/// Why players could not take their places.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StageError {
    /// The ring, a socket, a connection.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The switch refused a sign-on.
    #[error(
        "{player} may not sign on: the switch answered {code}; check its institution, its protocol \
         and `credentials.addresses` in the switch's configuration"
    )]
    SignOnRefused {
        /// Who.
        player: String,
        /// With which code.
        code: String,
    },
    /// A sign-on was not answered.
    #[error(
        "{signed_on} of {links} links signed on within {seconds} s; the switch said nothing to the \
         others"
    )]
    SignOnTimeout {
        /// Links that did.
        signed_on: usize,
        /// All of them.
        links: usize,
        /// How long we waited.
        seconds: u64,
    },
}

/// The machine, and everything that happens on it.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    machine: Machine,
    submissions: Vec<Submission>,
    idle: Idle,
    /// Players, books, links.
    pub(crate) floor: Floor<'a>,
}

impl<'a> Stage<'a> {
    /// A stage without links.
    pub(crate) fn new(
        cast: &'a Cast,
        mix: &'a Mix,
        sizes: Sizes,
        idle: Idle,
    ) -> Result<Self, StageError> {
        let machine = Machine::new(MachineConfig {
            links_max: sizes.links_max(),
            receive_buffers: 256,
            receive_buffer_bytes: 64 * 1024,
            ..MachineConfig::default()
        })?;
        Ok(Self {
            machine,
            submissions: Vec::with_capacity(1_024),
            idle,
            floor: Floor::new(cast, mix, sizes),
        })
    }

    /// Dials with `links` links of each player, by place; each signs on.
    pub(crate) fn dial(&mut self, links: &[u32]) -> Result<(), MachineError> {
        for (player, count) in (0_u8..).zip(links) {
            for _ in 0..*count {
                let address = self.floor.address(player);
                let id = self.machine.connect(address, CONNECT_MS)?;
                self.floor.dialled(id, player);
            }
        }
        Ok(())
    }

    /// Listens in place of `player`: whoever connects reaches it, without any sign-on. For what is
    /// no switch and only passes bytes on.
    pub(crate) fn host(&mut self, player: u8) -> Result<SocketAddr, MachineError> {
        let (_, address) = self.machine.listen(([127, 0, 0, 1], 0).into())?;
        self.floor.hosts.push(player);
        Ok(address)
    }

    /// Dials `address` with `links` links of `player`, without any sign-on.
    pub(crate) fn dial_unsigned(
        &mut self,
        address: SocketAddr,
        player: u8,
        links: u32,
    ) -> Result<(), MachineError> {
        for _ in 0..links {
            let id = self.machine.connect(address, CONNECT_MS)?;
            self.floor.seat_signed_on(id, player);
        }
        Ok(())
    }

    /// Dials, and waits until every link is signed on.
    pub(crate) fn connect(&mut self, links: &[u32]) -> Result<(), StageError> {
        self.dial(links)?;
        let give_up = Clock.monotonic().plus_ms(SIGN_ON_SECONDS * 1_000);
        while self.floor.signed_on() < self.floor.links() {
            self.turn(None)?;
            if let Some((player, code)) = self.floor.sign_on_refused() {
                return Err(StageError::SignOnRefused { player, code });
            }
            if Clock.monotonic() > give_up {
                return Err(StageError::SignOnTimeout {
                    signed_on: self.floor.signed_on(),
                    links: self.floor.links(),
                    seconds: SIGN_ON_SECONDS,
                });
            }
        }
        Ok(())
    }

    /// One turn. What is due by `plan` is sent.
    pub(crate) fn turn(&mut self, plan: Option<&mut Plan>) -> Result<(), MachineError> {
        let Self {
            machine,
            submissions,
            idle,
            floor,
        } = self;
        floor.read_clock();
        machine.drain(|completion| floor.handle(completion, submissions));
        floor.tend_faults(submissions);
        while let Some((player, links)) = floor.faults.to_dial.pop() {
            for _ in 0..links {
                match machine.connect(floor.address(player), CONNECT_MS) {
                    Ok(id) => floor.dialled(id, player),
                    // The switch is gone; the run ends as soon as nobody has a link.
                    Err(_) => floor.on_no_way_back(player),
                }
            }
        }
        floor.give_due();
        floor.follow_up();
        let next = plan.and_then(|plan| floor.issue(plan));
        floor.care();
        floor.flush(submissions);
        machine.submit(submissions);
        let now = floor.now();
        let latest = now.plus_ms(PARK_MS_MAX);
        let waiting = [next, floor.delays.next_ns(), floor.faults.next_ns()];
        let next = waiting.into_iter().flatten().min();
        let until = next.map_or(latest, |next_ns| Monotonic(next_ns).min(latest));
        machine.enter(*idle, Some(until), now)
    }

    /// Turns until `done`, for `seconds` at most; whether it was done.
    pub(crate) fn turn_until(
        &mut self,
        seconds: u64,
        mut done: impl FnMut(&mut Floor<'a>) -> bool,
    ) -> Result<bool, MachineError> {
        let give_up = Clock.monotonic().plus_ms(seconds * 1_000);
        loop {
            self.turn(None)?;
            if done(&mut self.floor) {
                return Ok(true);
            }
            if self.floor.now() > give_up {
                return Ok(false);
            }
        }
    }
}

const CONNECT_MS: u64 = 5_000;
const SIGN_ON_SECONDS: u64 = 10;
const PARK_MS_MAX: u64 = 20;
