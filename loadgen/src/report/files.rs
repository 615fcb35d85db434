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
        let part = self.0.join(format!("{name}.part"));
        // Whole, or not under its name: whoever finds it may rely on it.
        let all = || {
            let mut out = BufWriter::new(File::create(&part)?);
            write(&mut out)?;
            out.flush()?;
            drop(out);
            fs::rename(&part, &path)
        };
        all().map_err(|cause| {
            // What is half written takes room that there is none of.
            drop(fs::remove_file(&part));
            Failure::file(format!("write {}", path.display()))(cause)
        })
    }
}

/// The report itself.
pub(crate) const JSON: &str = "report.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_whole_is_not_there() {
        let scratch = crate::scratch::Scratch::new("report").unwrap();
        let folder = Folder::claim(&scratch.folder().join("report")).unwrap();
        let full = |out: &mut dyn Write| {
            out.write_all(b"half of it")?;
            Err(io::Error::other("no room"))
        };
        let told = folder.file(JSON, full).unwrap_err().to_string();
        assert!(told.contains(JSON) && told.contains("no room"), "{told}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        folder
            .file(JSON, |out| out.write_all(b"all of it"))
            .unwrap();
        assert_eq!(fs::read(folder.path().join(JSON)).unwrap(), b"all of it");
        Folder::claim(folder.path()).unwrap_err();
    }
}
