//! A body whose lengths all fit: what is checked before any field is read.
//!
//! Header, schema, template, block, the length of each var data, trailing bytes. Never looks at a
//! value; that is done, field by field, in `read`.

use crate::model::ids::MatchKey;
use crate::model::message::Kind;
use crate::model::refusal::{Fault, Refusal, Refused};
use crate::wire::sbe::layout::{self, HEADER_BYTES, Template};
use crate::wire::sbe::read::Fields;

/// A body whose lengths all fit.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) template: &'static Template,
    match_key: Option<MatchKey>,
    body: &'a [u8],
    /// Where the var data starts.
    data_at: usize,
}

impl<'a> View<'a> {
    /// Checks everything that can be checked without knowing what the fields mean, in this order:
    /// header present, schema, template, block length, var data, end.
    #[inline(always)]
    pub(super) fn of(body: &'a [u8]) -> Result<Self, Refused> {
        let mut known = Known {
            template: None,
            match_key: None,
            regarding: 0,
        };
        let Some((header, rest)) = body.split_first_chunk::<HEADER_BYTES>() else {
            return Err(known.refuse(Fault::Truncated, 0, body.len()));
        };
        let [b0, b1, t0, t1, s0, s1, ..] = *header;
        let block_bytes = usize::from(u16::from_le_bytes([b0, b1]));
        known.regarding = u16::from_le_bytes([t0, t1]);
        // In every version linkRef is what a block starts with.
        known.match_key = rest
            .first_chunk()
            .filter(|_| block_bytes >= 8)
            .map(|bytes| u64::from_le_bytes(*bytes))
            .filter(|link_ref| *link_ref != u64::MAX)
            .map(MatchKey);
        if u16::from_le_bytes([s0, s1]) != layout::SCHEMA_ID {
            return Err(known.refuse(Fault::UnknownSchema, 0, 4));
        }
        let Some(template) = layout::template(known.regarding) else {
            return Err(known.refuse(Fault::UnknownKind, 0, 2));
        };
        known.template = Some(template);
        // A longer block is that of a newer version, whose additions we skip.
        if block_bytes < template.block_bytes {
            return Err(known.refuse(Fault::BadLength, 0, 0));
        }
        let Some((_, mut data)) = rest.split_at_checked(block_bytes) else {
            return Err(known.refuse(Fault::Truncated, 0, body.len()));
        };
        for field in template.data {
            let offset = body.len() - data.len();
            data = match split_data(data) {
                Some((_, after)) => after,
                None => return Err(known.refuse(Fault::Truncated, field.id, offset)),
            };
        }
        if !data.is_empty() {
            return Err(known.refuse(Fault::TrailingBytes, 0, body.len() - data.len()));
        }
        Ok(Self {
            template,
            match_key: known.match_key,
            body,
            data_at: HEADER_BYTES + block_bytes,
        })
    }

    /// Its var data, all of it.
    pub(super) fn data(&self) -> &'a [u8] {
        self.body.get(self.data_at..).unwrap_or_default()
    }

    /// Its fields. `BLOCK` is the template's block length: known at compile time, it makes every
    /// offset below a constant and every check of a length vanish.
    #[inline(always)]
    pub(super) fn fields<const BLOCK: usize>(
        &self,
        template: &'static Template,
    ) -> Result<Fields<'a>, Refused> {
        debug_assert_eq!(BLOCK, template.block_bytes);
        let known = Known {
            template: Some(template),
            match_key: self.match_key,
            regarding: template.kind.template_id(),
        };
        let block = self
            .body
            .split_at_checked(HEADER_BYTES)
            .and_then(|(_, rest)| rest.first_chunk::<BLOCK>());
        let data = self.body.split_at_checked(self.data_at);
        match (block, data) {
            (Some(block), Some((_, data))) => Ok(Fields::new(
                known,
                block,
                HEADER_BYTES + BLOCK,
                data,
                self.body.len(),
            )),
            _ => Err(known.refuse(Fault::Truncated, 0, self.body.len())),
        }
    }
}

/// Checks a body as [`crate::wire::sbe::decode()`] does before it reads a value: header, schema,
/// template, block length, every length of var data, the end. Tells its kind.
pub fn validate(body: &[u8]) -> Result<Kind, Refused> {
    View::of(body).map(|view| view.template.kind)
}

/// What is known of a message when it has to be refused.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) template: Option<&'static Template>,
    match_key: Option<MatchKey>,
    regarding: u16,
}

impl Known {
    #[cold]
    pub(super) fn refuse(self, fault: Fault, field_id: u16, offset: usize) -> Refused {
        Refused {
            refusal: Refusal {
                fault,
                field_id,
                offset: u32::try_from(offset).unwrap_or(u32::MAX),
            },
            match_key: self.match_key,
            regarding: self.regarding,
            kind: self.template.map(|template| template.kind),
        }
    }
}

/// The bytes of one var data, and what follows it.
pub(super) fn split_data(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}
