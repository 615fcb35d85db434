//! Whose payment code is it: the longest prefix of digits decides.
//!
//! A trie of decimal digits in one flat list. A look-up takes one step per digit of the longest
//! matching prefix, whatever the number of prefixes.

use core::fmt;

use crate::model::ids::ParticipantIndex;

/// Longest prefix, in digits.
pub const PREFIX_DIGITS_MAX: usize = 12;
/// "No child", "no owner": the root is nobody's child.
const NONE: u32 = 0;

/// One digit further.
#[derive(Clone, Debug, Default)]
struct Node {
    children: [u32; 10],
    /// Owner plus one; [`NONE`] where no prefix ends here.
    owner: u32,
}

/// All prefixes of one table snapshot.
#[derive(Clone, Debug)]
pub struct CodePrefixes {
    nodes: Vec<Node>,
}

/// Why a prefix cannot be entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrefixError {
    /// Empty, longer than twelve digits, or not digits.
    Malformed,
    /// It has an owner already.
    Taken(ParticipantIndex),
}

impl fmt::Display for PrefixError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(formatter, "a prefix is 1 to {PREFIX_DIGITS_MAX} digits"),
            Self::Taken(owner) => {
                write!(formatter, "the prefix belongs to participant {}", owner.0)
            }
        }
    }
}

impl core::error::Error for PrefixError {}

impl Default for CodePrefixes {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl CodePrefixes {
    /// Gives codes that start with `prefix` to `owner`, unless a longer prefix says otherwise.
    pub fn insert(&mut self, prefix: &str, owner: ParticipantIndex) -> Result<(), PrefixError> {
        let digits = prefix.as_bytes();
        if digits.is_empty() || digits.len() > PREFIX_DIGITS_MAX {
            return Err(PrefixError::Malformed);
        }
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(PrefixError::Malformed);
        }
        let mut at = 0;
        for digit in digits {
            at = self.child_or_new(at, usize::from(digit - b'0'));
        }
        let place = &mut self.nodes[at].owner;
        if let Some(taken) = u16::try_from(*place)
            .ok()
            .and_then(|owner| owner.checked_sub(1))
        {
            return Err(PrefixError::Taken(ParticipantIndex(taken)));
        }
        *place = u32::from(owner.0) + 1;
        Ok(())
    }

    fn child_or_new(&mut self, at: usize, digit: usize) -> usize {
        if self.nodes[at].children[digit] == NONE {
            let next = u32::try_from(self.nodes.len()).expect("memory ends before 2^32 nodes");
            self.nodes.push(Node::default());
            self.nodes[at].children[digit] = next;
        }
        usize::try_from(self.nodes[at].children[digit]).expect("usize holds a u32")
    }

    /// The owner of the longest prefix of `code`; none where no prefix fits or the code is not
    /// digits as far as the prefixes go.
    pub fn owner(&self, code: &[u8]) -> Option<ParticipantIndex> {
        let mut node = self.nodes.first()?;
        let mut found = None;
        for byte in code {
            let digit = usize::from(byte.wrapping_sub(b'0'));
            let Some(&next) = node.children.get(digit) else {
                break;
            };
            if next == NONE {
                break;
            }
            node = self.nodes.get(usize::try_from(next).ok()?)?;
            if node.owner != NONE {
                found = u16::try_from(node.owner - 1).ok().map(ParticipantIndex);
            }
        }
        found
    }
}
