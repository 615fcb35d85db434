//! FIX SBE 1.0, schema 17232. `schema.xml` is the source of everything here.
//!
//! ```text
//! layout   ids, forms and order of the fields, proven equal to the schema
//! view     a body whose lengths all fit
//! read     its fields, front to back              -> decode   one function per template
//! write    a body, written front to back          <- encode   one function per template
//! by_name  a body as a list of values by field name, for tools
//! ```
//!
//! Knows no framing and no session.

mod by_name;
mod decode;
mod encode;
mod layout;
mod read;
mod view;
mod write;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;

pub use by_name::{read_named, write_named};
pub use decode::decode;
pub use encode::encode;
pub use view::validate;

/// The schema, as participants get it.
pub const SCHEMA_XML: &str = include_str!("schema.xml");

/// The name of a field in the schema, for people: what `field_id` of a refusal means.
pub fn field_name(id: u16) -> Option<&'static str> {
    (0..=u16::from(u8::MAX))
        .filter_map(layout::template)
        .flat_map(|template| template.fields.iter().chain(template.data))
        .find(|field| field.id == id)
        .map(|field| field.name)
}
