//! How one participant's ISO 8583 departs from the plain dialect.

use super::diagnostic::Diagnostics;
use super::section::Section;
use crate::model::participant::Protocol;
use crate::wire::Dialect;

/// The dialect of a participant's links.
pub(super) fn read(
    section: &Section<'_>,
    protocol: Protocol,
    diagnostics: &mut Diagnostics,
) -> Option<Dialect> {
    for name in ["bitmap", "fields"] {
        if section.has(name) {
            diagnostics.note(
                &section.span,
                format!("`participants[].dialect.{name}` is not supported yet"),
                "remove the key; this version of the switch works without it",
            );
        }
    }
    let _fields = section.fields("fields");
    Some(Dialect::plain(protocol))
}
