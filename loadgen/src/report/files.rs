//! The folder of a report: `report.json`, `report.html`, `latency.hlog`, `response.hgrm`,
//! `service.hgrm`, `junit.xml` and `summary.md`. What REPORT.md says of them is checked here.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::exit::Failure;
use crate::record::Record;
use crate::report::{Report, histograms, page, summary, table};

/// A folder that a report goes into.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes it, before the run: a run whose report cannot be written is a waste. A folder that
    /// holds a report already is refused.
    pub(crate) fn claim(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path)
            .map_err(Failure::file(format!("make the folder {}", path.display())))?;
        if path.join(JSON).exists() {
            return Err(Failure::Missing(format!(
                "{} holds a report already: name another folder, or remove it",
                path.display()
            )));
        }
        Ok(Self(path.to_owned()))
    }

    /// Everything of a run.
    pub(crate) fn write(&self, report: &Report, record: &Record) -> Result<(), Failure> {
        let whole = record.whole();
        let text = table::text(report);
        self.file("latency.hlog", |out| {
            histograms::write_log(record, report.began_s, out)
        })?;
        self.file("response.hgrm", |out| {
            histograms::write_distribution(&whole.response, out)
        })?;
        self.file("service.hgrm", |out| {
            histograms::write_distribution(&whole.service, out)
        })?;
        self.file("junit.xml", |out| {
            out.write_all(summary::junit(report).as_bytes())
        })?;
        self.file("summary.md", |out| {
            out.write_all(summary::markdown(report).as_bytes())
        })?;
        self.document(report, &text)
    }

    /// `report.html` and `report.json`, the latter last: where it is, the others are.
    pub(crate) fn document(&self, report: &impl Serialize, text: &str) -> Result<(), Failure> {
        self.file("report.html", |out| {
            out.write_all(page::html(report, text)?.as_bytes())
        })?;
        self.file(JSON, |out| {
            serde_json::to_writer_pretty(&mut *out, report)?;
            writeln!(out)
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let path = self.0.join(name);
        let all = || {
            let mut out = BufWriter::new(File::create(&path)?);
            write(&mut out)?;
            out.flush()
        };
        all().map_err(Failure::file(format!("write {}", path.display())))
    }
}

/// The report itself.
pub(crate) const JSON: &str = "report.json";
