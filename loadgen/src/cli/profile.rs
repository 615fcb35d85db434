//! `profile`: which there are, what they say, and whether a file is one.

use clap::Subcommand;

use cpg_switch::control::configuration::SANDBOX;

use crate::cli::exit::{Exit, Failure};
use crate::profile::section::shown;
use crate::profile::{BUILT_IN, Profile, Stretching};
use crate::report::table::grouped;

/// What to do with profiles.
#[derive(Subcommand, Debug)]
pub(crate) enum Profiles {
    /// The profiles in the box
    List,
    /// The file itself, with the sources of its figures
    Show {
        /// A name of `list`, or a file
        profile: String,
    },
    /// Whether a file is a profile, and what it plans
    Check {
        /// A name of `list`, or a file
        profile: String,
    },
    /// The configuration of a switch that has the profile's participants: the sandbox, and those
    Configuration {
        /// A name of `list`, or a file
        profile: String,
    },
}

pub(super) fn execute(what: &Profiles) -> Result<Exit, Failure> {
    match what {
        Profiles::List => {
            for (name, _) in BUILT_IN {
                println!("{name:<22} {}", Profile::find(name)?.title);
            }
        }
        Profiles::Show { profile } => print!("{}", text(profile)?),
        Profiles::Check { profile } => check(&Profile::find(profile)?)?,
        Profiles::Configuration { profile } => {
            print!("{}", Profile::find(profile)?.configuration(SANDBOX));
        }
    }
    Ok(Exit::Good)
}

fn text(given: &str) -> Result<String, Failure> {
    // A file that is no profile is shown by other programs.
    Profile::find(given)?;
    let built_in = BUILT_IN.iter().find(|(name, _)| *name == given);
    match built_in {
        Some((_, text)) => Ok((*text).to_owned()),
        None => std::fs::read_to_string(given).map_err(Failure::file(format!("read {given}"))),
    }
}

fn check(profile: &Profile) -> Result<(), Failure> {
    profile.check()?;
    let design = profile.design(&Stretching::default())?;
    println!("{}: {}", profile.name, profile.title);
    println!("sha256 {}", profile.hash);
    println!(
        "{} participants, {} corridors",
        profile.people.len(),
        profile.corridors.len()
    );
    let Some(about) = &design.about else {
        return Ok(());
    };
    println!("{:<24}{:>12}{:>16}", "phase", "seconds", "payments");
    for phase in &about.phases {
        let seconds = shown(phase.duration_ms, 3);
        println!(
            "{:<24}{seconds:>12}{:>16}",
            phase.name,
            grouped(phase.payments)
        );
    }
    println!(
        "highest rate {}/s; {}",
        grouped(about.peak_per_second),
        about.time()
    );
    Ok(())
}
