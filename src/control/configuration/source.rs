//! What a configuration was read from, kept so that other tables can be tried in the place of those
//! that it names, and nothing else of it changes unnoticed.

use core::cell::RefCell;
use core::fmt;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Configuration, Diagnostics};
use crate::control::tables::Reader;

/// Texts by the names that the configuration gives them.
pub type Texts = BTreeMap<String, Arc<str>>;

/// The text of a configuration and of all that it names. Holds keys: never shown.
#[derive(Clone, Default)]
pub struct Source {
    name: String,
    text: Zeroizing<String>,
    files: BTreeMap<String, Arc<Zeroizing<String>>>,
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Source({})", self.name)
    }
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: Zeroizing::new(text.to_owned()),
            files: BTreeMap::new(),
        }
    }

    /// What `reader` finds, kept.
    pub(super) fn read(
        files: &RefCell<Self>,
        reader: Reader<'_>,
        name: &str,
    ) -> io::Result<String> {
        let text = reader(name)?;
        let kept = Arc::new(Zeroizing::new(text.clone()));
        files.borrow_mut().files.insert(name.to_owned(), kept);
        Ok(text)
    }

    /// The configuration with these texts in the place of those that it was read with; keys and
    /// everything else are as they were then, whatever the files hold by now.
    ///
    /// # Errors
    /// All that is wrong with the texts, alone and together with the rest.
    pub fn with(&self, texts: &Texts) -> Result<Configuration, Diagnostics> {
        let reader = |name: &str| {
            if let Some(text) = texts.get(name) {
                return Ok(text.as_ref().to_owned());
            }
            let kept = self.files.get(name).map(|text| text.as_str().to_owned());
            kept.ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let mut rebuilt = Configuration::from_text_and_tables(&self.name, &self.text, &reader)?;
        // The next one starts from the same: texts never pile up.
        rebuilt.source = self.clone();
        Ok(rebuilt)
    }

    /// The text that a file had, or has in what comes with the switch.
    pub fn text(&self, name: &str) -> Option<String> {
        let reader = |name: &str| {
            let kept = self.files.get(name).map(|text| text.as_str().to_owned());
            kept.ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        crate::control::tables::text(name, &reader).ok()
    }
}
