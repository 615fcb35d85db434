//! `self-test`: whether this program measures right, on this machine, now.

use clap::Args;

use crate::cli::exit::{Exit, Failure};
use crate::self_test::{self, Finding};

/// Whether this program measures right, on this machine, now: about 13 seconds, and no switch.
///
/// It plays both sides of payments by itself: directly, which is what it costs by itself; through a
/// relay that passes everything on 50 ms later; and through one that stands still for 3 of 6
/// seconds. What it then says must be what is known. Exit code 3 where it is not: do not believe a
/// run on this machine before it is quiet.
#[derive(Args, Debug)]
pub(crate) struct SelfTest {
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn execute(arguments: &SelfTest) -> Result<Exit, Failure> {
    let findings = self_test::all(&mut |finding| {
        if !arguments.json {
            tell(finding);
        }
    })?;
    if arguments.json {
        let text = serde_json::to_string_pretty(&findings)
            .map_err(|cause| Failure::file("write the findings")(cause.into()))?;
        println!("{text}");
    }
    Ok(if findings.iter().all(|finding| finding.holds) {
        Exit::Good
    } else {
        Exit::Invalid
    })
}

fn tell(finding: &Finding) {
    let word = if finding.holds { "holds" } else { "MISSED" };
    println!("{word:<7} {}: {}", finding.check, finding.measured);
    println!("        expected {}", finding.expected);
}
