//! What a run leaves behind: its report, printed and in files, held against service levels.

use crate::cast::Cast;
use crate::cli::arguments::Told;
use crate::cli::exit::{Exit, Failure};
use crate::judge::verdict::Rule;
use crate::record::Record;
use crate::record::corridors::Corridors;
use crate::report::files::Folder;
use crate::report::slo::Slo;
use crate::report::{Report, table};

/// Where it goes. Made before the run, so that what is wrong with it is said before the run.
#[derive(Debug)]
pub(super) struct Outputs {
    json: bool,
    folder: Option<Folder>,
    slo: Option<Slo>,
}

impl Outputs {
    pub(super) fn new(told: &Told, cast: &Cast) -> Result<Self, Failure> {
        let slo = told.slo.as_deref().map(Slo::load).transpose()?;
        if let Some(slo) = &slo {
            slo.check(Corridors::new(cast).names())?;
        }
        Ok(Self {
            json: told.json,
            folder: told.report.as_deref().map(Folder::claim).transpose()?,
            slo,
        })
    }

    /// Prints and writes, in this order: a disk that is full costs the files, not the numbers. How
    /// the run ended.
    pub(super) fn finish(self, mut report: Report, record: &Record) -> Result<Exit, Failure> {
        if let Some(slo) = &self.slo {
            report.slo = slo.rows(&report);
        }
        if self.json {
            let text = serde_json::to_string_pretty(&report)
                .map_err(|cause| Failure::file("write the report")(cause.into()))?;
            println!("{text}");
        } else {
            print!("{}", table::text(&report));
        }
        if let Some(folder) = self.folder {
            folder.write(&report, record)?;
            if !self.json {
                println!("report: {}", folder.path().join("report.html").display());
            }
        }
        Ok(exit(&report))
    }
}

/// What is worse comes first: a broken promise, numbers that are not the switch's, a missed level.
fn exit(report: &Report) -> Exit {
    // A switch that went away left payments unanswered; that alone is no broken promise of its.
    let mut listed = report.verdict.listed.iter();
    let only_unanswered = listed.all(|row| row.rule == Rule::Unanswered.name());
    if report.generator.cut_short_ms.is_some() && only_unanswered {
        return Exit::Environment;
    }
    let missed = report.slo.iter().any(|row| !row.met);
    match (report.verdict.holds, report.generator.valid, missed) {
        (false, _, _) => Exit::Broken,
        (true, false, _) => Exit::Invalid,
        (true, true, true) => Exit::Missed,
        (true, true, false) => Exit::Good,
    }
}
