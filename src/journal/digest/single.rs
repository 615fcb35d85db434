//! One entry of a digest, read without the rest of it: for who knows where it stands.
#![deny(clippy::indexing_slicing)]

use super::entry::{CONTEXT_BYTES, LOOSE};
use super::{BadDigest, DIGEST_HEADER_BYTES, Digest, DigestHeader, Item, Items, Skimmed};
use crate::journal::archive::index::{context_check, item_check};
use crate::model::limits::RECORD_BYTES_MAX;

/// As many bytes from its beginning hold any entry: a payment with all it may have, and an answer
/// that is a record.
pub(in crate::journal) const WINDOW_BYTES: usize = 2 * RECORD_BYTES_MAX;

impl Digest {
    /// Shows every entry, in order: its offset in the file, its check, and what it is found by.
    #[inline]
    pub(in crate::journal) fn each_skimmed(
        &self,
        mut look: impl FnMut(u64, u32, &Skimmed),
    ) -> Result<(), BadDigest> {
        let body = self.bytes.get(DIGEST_HEADER_BYTES..).unwrap_or_default();
        let contexts = body
            .get(..contexts_bytes(&self.header)?)
            .unwrap_or_default();
        let (contexts, _) = contexts.as_chunks::<CONTEXT_BYTES>();
        // Thousands of payments share one: its part of their checks is made once.
        let contexts: Vec<u32> = contexts.iter().map(|one| context_check(one)).collect();
        let mut items = self.items()?;
        loop {
            let start = self.bytes.len() - items.bytes_left();
            let Some(skimmed) = items.skim()? else {
                return Ok(());
            };
            let end = self.bytes.len() - items.bytes_left();
            let bytes = self.bytes.get(start..end).ok_or(BadDigest::Damaged)?;
            let context = match context_index(bytes).ok_or(BadDigest::Damaged)? {
                Some(index) => *contexts.get(index).ok_or(BadDigest::Damaged)?,
                None => context_check(&[]),
            };
            look(start as u64, item_check(context, bytes), &skimmed);
        }
    }
}

impl DigestHeader {
    /// Its own check, which covers that of the body: two digests with the same are the same.
    pub(in crate::journal) fn own_check(&self) -> u32 {
        let bytes = self.encode();
        u32::from_le_bytes(*bytes.last_chunk().expect("a header is longer"))
    }

    /// Size of its contexts, which stand right behind it.
    pub(in crate::journal) fn contexts_bytes(&self) -> Result<usize, BadDigest> {
        contexts_bytes(self)
    }
}

fn contexts_bytes(header: &DigestHeader) -> Result<usize, BadDigest> {
    let most = usize::try_from(header.body_bytes).map_err(|_| BadDigest::Damaged)?;
    usize::try_from(header.contexts)
        .ok()
        .and_then(|count| count.checked_mul(CONTEXT_BYTES))
        .filter(|bytes| *bytes <= most)
        .ok_or(BadDigest::Damaged)
}

/// Which context an entry names; the inner none where it needs none.
#[inline]
fn context_index(item: &[u8]) -> Option<Option<usize>> {
    let (flags, rest) = item.split_first_chunk::<2>()?;
    if u16::from_le_bytes(*flags) & LOOSE != 0 {
        return Some(None);
    }
    let index = u32::from_le_bytes(*rest.first_chunk()?);
    usize::try_from(index).ok().map(Some)
}

/// The context that an entry names; empty where it needs none.
fn context_of<'a>(contexts: &'a [u8], item: &[u8]) -> Option<&'a [u8]> {
    let Some(index) = context_index(item)? else {
        return Some(&[]);
    };
    let (contexts, _) = contexts.as_chunks::<CONTEXT_BYTES>();
    contexts.get(index).map(<[u8; CONTEXT_BYTES]>::as_slice)
}

/// Reads the entry at the beginning of `window`, which has [`WINDOW_BYTES`] or ends with the file.
/// Damaged where its check is not `check`.
pub(in crate::journal) fn read_single(
    header: &DigestHeader,
    contexts: &[u8],
    window: &[u8],
    check: u32,
) -> Result<Item, BadDigest> {
    let context = context_of(contexts, window).ok_or(BadDigest::Damaged)?;
    let body = [contexts, window].concat();
    let mut items = Items::new(header, &body)?;
    let item = items.next_item()?.ok_or(BadDigest::Damaged)?;
    let bytes = window.len() - items.bytes_left();
    let bytes = window.get(..bytes).ok_or(BadDigest::Damaged)?;
    if item_check(context_check(context), bytes) == check {
        Ok(item)
    } else {
        Err(BadDigest::Damaged)
    }
}
