//! Whether this kernel has what the machine needs, tried out at the start rather than guessed.
//!
//! Needed: Linux 6.1 (DEFER_TASKRUN, SINGLE_ISSUER), multishot receive into provided buffer rings
//! (6.0), cancellation by descriptor (5.19), timed waits (EXT_ARG, 5.11), and to be allowed.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use io_uring::{Probe, opcode};
use rustix::system::uname;

use crate::sys::clock::Clock;
use crate::sys::error::MachineError;
use crate::sys::machine::{Idle, Machine, MachineConfig};
use crate::sys::operation::{Completion, SendBuffer, Submission};
use crate::sys::ring::Ring;

/// The oldest kernel that has everything.
const KERNEL_NEEDED: &str = "6.1";
/// How long the trial may take before it counts as failed.
const TRIAL_MS: u64 = 5_000;

/// Tries out all that the machine uses, on a ring and a loopback connection of its own. Returns the
/// kernel's release for the log; the error says what is missing, why, and what to do.
pub fn check() -> Result<String, MachineError> {
    opcodes()?;
    trial()?;
    Ok(uname().release().to_string_lossy().into_owned())
}

fn opcodes() -> Result<(), MachineError> {
    let ring = Ring::new(8, 8).map_err(|cause| explain("setting up io_uring", cause))?;
    let mut probe = Probe::new();
    ring.kernel()
        .submitter()
        .register_probe(&mut probe)
        .map_err(|cause| explain("asking io_uring for its operations", cause))?;
    let parameters = ring.kernel().params();
    let needed = [
        ("accept", probe.is_supported(opcode::Accept::CODE)),
        ("receive", probe.is_supported(opcode::RecvMulti::CODE)),
        ("send", probe.is_supported(opcode::Send::CODE)),
        ("write", probe.is_supported(opcode::Write::CODE)),
        ("poll", probe.is_supported(opcode::PollAdd::CODE)),
        ("message", probe.is_supported(opcode::MsgRingData::CODE)),
        ("cancel", probe.is_supported(opcode::AsyncCancel2::CODE)),
        ("timed waits (EXT_ARG)", parameters.is_feature_ext_arg()),
        (
            "completions that are never dropped (NODROP)",
            parameters.is_feature_nodrop(),
        ),
    ];
    match needed.into_iter().find(|(_, there)| !there) {
        None => Ok(()),
        Some((name, _)) => Err(too_old(
            &format!("looking for {name} in io_uring"),
            io::Error::from_raw_os_error(libc::ENOSYS),
        )),
    }
}

/// Sends some bytes through a machine: receive must stay armed (multishot), and waiting must end.
fn trial() -> Result<(), MachineError> {
    const DOING: &str = "trying out io_uring on a loopback connection";
    let failed = |cause: io::Error| {
        MachineError::new(
            DOING,
            cause,
            "allow TCP on the loopback interface (ip link set lo up)",
        )
    };
    let mut machine = Machine::new(MachineConfig {
        links_max: 2,
        receive_buffers: 2,
        receive_buffer_bytes: 64,
        ring_entries: 8,
        ..MachineConfig::default()
    })?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(anywhere).map_err(failed)?;
    let near = TcpStream::connect(listener.local_addr().map_err(failed)?).map_err(failed)?;
    let (far, _) = listener.accept().map_err(failed)?;
    let near = machine.adopt(near.into())?;
    machine.adopt(far.into())?;

    let mut buffer = SendBuffer::with_capacity(8);
    assert!(buffer.append(b"trial"), "it was made large enough");
    let mut submissions = vec![Submission::Send { link: near, buffer }];
    let give_up = Clock.monotonic().plus_ms(TRIAL_MS);
    let mut received = 0;
    let mut ended = None;
    while received < 5 {
        let now = Clock.monotonic();
        if let Some(cause) = ended {
            return Err(too_old(DOING, cause));
        }
        if now >= give_up {
            return Err(too_old(
                DOING,
                io::Error::from_raw_os_error(libc::ETIMEDOUT),
            ));
        }
        machine.submit(&mut submissions);
        machine.enter(Idle::Park, Some(give_up), now)?;
        machine.drain(|completion| match completion {
            Completion::Received { bytes, .. } => received += bytes.len(),
            Completion::Ended { errno, .. } | Completion::Sent { errno, .. } if errno.0 != 0 => {
                ended = Some(io::Error::from_raw_os_error(errno.0));
            }
            _ => {}
        });
    }
    Ok(())
}

/// Says why io_uring refused, and what to do about it.
pub(crate) fn explain(doing: &str, cause: io::Error) -> MachineError {
    match cause.raw_os_error() {
        Some(libc::ENOSYS) => MachineError::new(
            doing,
            cause,
            "this kernel has no io_uring, or a sandbox (gVisor, seccomp) hides it: run on Linux \
             6.1 or newer and allow io_uring_setup, io_uring_enter and io_uring_register",
        ),
        Some(libc::EPERM | libc::EACCES) => MachineError::new(doing, cause, forbidden()),
        Some(libc::ENOMEM) => MachineError::new(
            doing,
            cause,
            "not enough memory for the rings: raise the cgroup's memory limit and the limit of \
             locked memory (LimitMEMLOCK, ulimit -l), or configure fewer links and buffers",
        ),
        Some(libc::EMFILE | libc::ENFILE) => {
            MachineError::new(doing, cause, "raise the limit of open files (LimitNOFILE)")
        }
        Some(libc::EINVAL) => too_old(doing, cause),
        _ => MachineError::new(doing, cause, "check the kernel's log"),
    }
}

/// Whether it is the system's setting or a container's filter that forbids io_uring.
fn forbidden() -> String {
    let setting = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    match setting.trim() {
        "" | "0" => "kernel.io_uring_disabled does not forbid it, so a seccomp filter does: \
                     allow io_uring_setup, io_uring_enter and io_uring_register in the \
                     container's profile"
            .to_owned(),
        value => format!(
            "the system forbids it: kernel.io_uring_disabled is {value}; set it to 0 (sysctl -w \
             kernel.io_uring_disabled=0), or to 1 and add the switch's group to \
             kernel.io_uring_group"
        ),
    }
}

fn too_old(doing: &str, cause: io::Error) -> MachineError {
    let system = uname();
    let release = system.release().to_string_lossy();
    let remedy = format!(
        "kernel {release} lacks a feature of io_uring that the switch needs: run on Linux \
         {KERNEL_NEEDED} or newer"
    );
    MachineError::new(doing, cause, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_what_is_needed() {
        let release = check().unwrap();
        assert!(
            release.starts_with(|character: char| character.is_ascii_digit()),
            "{release}"
        );
    }

    #[test]
    fn every_refusal_has_its_own_remedy() {
        for (number, expected) in [
            (libc::ENOSYS, "run on Linux 6.1"),
            (libc::EPERM, "io_uring_disabled"),
            (libc::ENOMEM, "LimitMEMLOCK"),
            (libc::EMFILE, "LimitNOFILE"),
            (libc::EINVAL, "lacks a feature"),
            (libc::EIO, "the kernel's log"),
        ] {
            let error = explain("testing", io::Error::from_raw_os_error(number)).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
