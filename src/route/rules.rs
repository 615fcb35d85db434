//! All rules of one snapshot, found by mark: a look-up takes as long with ten rules as with a
//! million.
//!
//! ```text
//! mark --hash--> group: first, count --> terms, terms, terms   by priority, 64 at most
//! ```
//!
//! Most payments name their destination by a few digits: prefixes are found as numbers, all other
//! marks as bytes.
//!
//! The order of a group is that of what its rules say, never that in which they came.

use core::fmt;
use core::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::rule::{MarkKind, Rule, RuleMark, Terms, WEIGHT_MAX};
use crate::model::limits::{MARK_BYTES_MAX, PREFIX_DIGITS_MAX, RULES_MAX, RULES_PER_MARK_MAX};
use crate::model::mark::{By, CodeMarks, Mark};

/// All rules.
#[derive(Debug)]
pub struct Rules {
    terms: Vec<Terms>,
    /// The bytes of all marks.
    values: Vec<u8>,
    groups: HashTable<Group>,
    /// Those of prefixes, by [`number_of`].
    prefixes: HashTable<(u64, Group)>,
    hasher: FixedState,
    /// Bit n: there are rules of the n-th kind of [`MarkKind::ALL`].
    kinds: u8,
    /// By the first two digits of a code: bit n is set where a prefix of n digits may fit.
    prefix_lengths: Box<[u16; 100]>,
    /// Bit n: a rule names n bytes of an application identifier.
    aid_lengths: u32,
    has_refusals: bool,
}

/// The rules that name one mark.
#[derive(Clone, Copy, Debug)]
struct Group {
    value: u32,
    first: u32,
    length: u8,
    count: u8,
    kind: MarkKind,
}

/// Why rules make no table. Rows are those of [`Terms::row`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleError {
    /// More than [`RULES_MAX`].
    TooMany,
    /// More than [`RULES_PER_MARK_MAX`] name one mark; the row is that of the first too many.
    TooManyOfMark { row: u32, mark: RuleMark },
    /// Two rows say the same.
    Twice { row: u32, first: u32 },
    /// A weight that is none.
    Weight { row: u32 },
    /// A participant that is not in the snapshot.
    Participant { row: u32 },
}

impl RuleError {
    /// Where it was seen; none where all rules together are too many.
    pub const fn row(&self) -> Option<u32> {
        match self {
            Self::TooMany => None,
            Self::TooManyOfMark { row, .. }
            | Self::Twice { row, .. }
            | Self::Weight { row }
            | Self::Participant { row } => Some(*row),
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(formatter, "more than {RULES_MAX} rules"),
            Self::TooManyOfMark { mark, .. } => {
                write!(formatter, "more than {RULES_PER_MARK_MAX} rules for {mark}")
            }
            Self::Twice { first, .. } => write!(formatter, "the same rule as row {first}"),
            Self::Weight { .. } => write!(formatter, "a weight is 1 to {WEIGHT_MAX}"),
            Self::Participant { .. } => formatter.write_str("a participant that is not there"),
        }
    }
}

impl core::error::Error for RuleError {}

/// Rules that name a mark of a code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match<'t> {
    pub(super) kind: MarkKind,
    /// The mark, as rules have it.
    pub(super) value: &'t [u8],
    /// By priority.
    pub(super) terms: &'t [Terms],
    /// The more of a code a rule names, the more it counts.
    specificity: u8,
    /// The place of the owner in the code.
    order: u8,
}

/// What counts after the terms: the lowest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank(u32);

/// Why one rank counts less than another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behind {
    /// It does not.
    Equal,
    /// Its priority is a higher number.
    Priority,
    /// It names less of the code.
    Specificity,
    /// Its owner comes later in the code.
    Order,
}

impl Rank {
    /// Why it counts less than `better`.
    pub const fn behind(self, better: Self) -> Behind {
        match self.0 ^ better.0 {
            0 => Behind::Equal,
            difference if difference >> 16 > 0 => Behind::Priority,
            difference if difference >> 8 > 0 => Behind::Specificity,
            _ => Behind::Order,
        }
    }
}

impl Match<'_> {
    /// Of one rule in it: priority, then how much of the code it names, then the code's own order.
    pub(super) fn rank(&self, terms: &Terms) -> Rank {
        let less_specific = u32::from(u8::MAX - self.specificity);
        let order = u32::from(self.order);
        Rank(u32::from(terms.priority) << 16 | less_specific << 8 | order)
    }
}

/// More than any length of a prefix or an application identifier.
const EXACT: u8 = 64;

impl Rules {
    /// Sorts and checks. `seed` keys the hash table.
    pub fn new(mut rules: Vec<Rule>, seed: u64) -> Result<Self, RuleError> {
        if rules.len() > RULES_MAX {
            return Err(RuleError::TooMany);
        }
        rules.sort_unstable();
        let mut table = Self {
            terms: Vec::with_capacity(rules.len()),
            values: Vec::new(),
            groups: HashTable::new(),
            prefixes: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            kinds: 0,
            prefix_lengths: Box::new([0; 100]),
            aid_lengths: 0,
            has_refusals: false,
        };
        for group in rules.chunk_by(|one, other| one.mark == other.mark) {
            table.push(group)?;
        }
        Ok(table)
    }

    fn push(&mut self, rules: &[Rule]) -> Result<(), RuleError> {
        let Some(mark) = rules.first().map(|rule| &rule.mark) else {
            return Ok(());
        };
        check(rules)?;
        let (kind, value) = (mark.kind(), mark.value());
        let offset = |length: usize| u32::try_from(length).expect("RULES_MAX marks fit");
        let group = Group {
            value: offset(self.values.len()),
            first: offset(self.terms.len()),
            length: u8::try_from(value.len()).expect("MARK_BYTES_MAX fits"),
            count: u8::try_from(rules.len()).expect("RULES_PER_MARK_MAX fits"),
            kind,
        };
        self.values.extend_from_slice(value);
        self.terms.extend(rules.iter().map(|rule| rule.terms));
        self.has_refusals |= rules.iter().any(|rule| rule.terms.destination.is_none());
        self.note_length(kind, value);
        self.kinds |= bit_of(kind);
        let (hasher, values) = (&self.hasher, &self.values);
        if kind == MarkKind::Known(By::Prefix) {
            let hash_of = |(number, _): &(u64, Group)| hasher.hash_one(*number);
            let entry = (number_of(value), group);
            self.prefixes.insert_unique(hash_of(&entry), entry, hash_of);
            return Ok(());
        }
        let hash_of = |group: &Group| hasher.hash_one((group.kind, group.value_of(values)));
        self.groups.insert_unique(hash_of(&group), group, hash_of);
        Ok(())
    }

    /// So that only lengths are tried that are there.
    fn note_length(&mut self, kind: MarkKind, value: &[u8]) {
        let bit = value.len();
        match kind {
            MarkKind::Known(By::Prefix) => {
                let (first, last) = match value {
                    [one] => (tens(*one, b'0'), tens(*one, b'9')),
                    [one, two, ..] => (tens(*one, *two), tens(*one, *two)),
                    [] => return,
                };
                for lengths in &mut self.prefix_lengths[first..=last] {
                    *lengths |= 1 << bit;
                }
            }
            MarkKind::Known(By::Aid) => self.aid_lengths |= 1 << bit,
            MarkKind::Any
            | MarkKind::Scheme
            | MarkKind::Known(By::Guid | By::Network | By::Host) => {}
        }
    }

    /// How many rules.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a rule leads to nobody.
    pub(super) const fn has_refusals(&self) -> bool {
        self.has_refusals
    }

    /// The rules that name what a code is known by, `any` first.
    pub(super) fn each_match<'t>(&'t self, code: &CodeMarks<'_>, mut look: impl FnMut(Match<'t>)) {
        self.find(MarkKind::Any, b"", (0, u8::MAX), &mut look);
        let mut has_digits = false;
        for (order, mark) in (0_u8..).zip(&code.marks) {
            self.known(mark, order, &mut has_digits, &mut look);
            let scheme = mark.scheme.as_bytes();
            self.find(MarkKind::Scheme, scheme, (1, order), &mut look);
        }
    }

    fn known<'t>(
        &'t self,
        mark: &Mark<'_>,
        order: u8,
        has_digits: &mut bool,
        look: &mut impl FnMut(Match<'t>),
    ) {
        let kind = MarkKind::Known(mark.by);
        match mark.by {
            By::Guid | By::Network | By::Host => {
                self.find(kind, mark.value, (EXACT, order), look);
            }
            By::Aid => self.aids(mark.value, order, look),
            // All owners of a payment code of digits are known by the same digits.
            By::Prefix if !*has_digits => {
                *has_digits = true;
                self.prefixes(mark.value, order, look);
            }
            By::Prefix => {}
        }
    }

    fn prefix_lengths(&self, digits: &[u8]) -> u32 {
        let place = match digits {
            [one, two, ..] if one.is_ascii_digit() && two.is_ascii_digit() => tens(*one, *two),
            [one] if one.is_ascii_digit() => tens(*one, b'0'),
            _ => return 0,
        };
        u32::from(self.prefix_lengths[place])
    }

    /// Rules that name how an application identifier begins, the longest first.
    fn aids<'t>(&'t self, value: &[u8], order: u8, look: &mut impl FnMut(Match<'t>)) {
        for start in starts(value, self.aid_lengths) {
            self.find(
                MarkKind::Known(By::Aid),
                start,
                (specificity(start), order),
                look,
            );
        }
    }

    /// Rules that name how a payment code begins, the longest first.
    fn prefixes<'t>(&'t self, digits: &[u8], order: u8, look: &mut impl FnMut(Match<'t>)) {
        for start in starts(digits, self.prefix_lengths(digits)) {
            let number = number_of(start);
            let hash = self.hasher.hash_one(number);
            if let Some((_, group)) = self.prefixes.find(hash, |(known, _)| *known == number) {
                look(self.match_of(group, (specificity(start), order)));
            }
        }
    }

    fn match_of(&self, group: &Group, (specificity, order): (u8, u8)) -> Match<'_> {
        let first = index(group.first);
        Match {
            kind: group.kind,
            value: group.value_of(&self.values),
            terms: &self.terms[first..first + usize::from(group.count)],
            specificity,
            order,
        }
    }

    fn find<'t>(
        &'t self,
        kind: MarkKind,
        value: &[u8],
        (specificity, order): (u8, u8),
        look: &mut impl FnMut(Match<'t>),
    ) {
        if self.kinds & bit_of(kind) == 0 {
            return;
        }
        let mut room = [0_u8; MARK_BYTES_MAX];
        let Some(lower) = room.get_mut(..value.len()) else {
            return;
        };
        lower.copy_from_slice(value);
        if kind != MarkKind::Known(By::Aid) {
            lower.make_ascii_lowercase();
        }
        let value: &[u8] = lower;
        let hash = self.hasher.hash_one((kind, value));
        let is_it = |group: &Group| group.kind == kind && group.value_of(&self.values) == value;
        if let Some(group) = self.groups.find(hash, is_it) {
            look(self.match_of(group, (specificity, order)));
        }
    }
}

impl Group {
    fn value_of<'v>(&self, values: &'v [u8]) -> &'v [u8] {
        let start = index(self.value);
        &values[start..start + usize::from(self.length)]
    }
}

fn check(rules: &[Rule]) -> Result<(), RuleError> {
    if let Some(last) = rules.get(RULES_PER_MARK_MAX) {
        return Err(RuleError::TooManyOfMark {
            row: last.terms.row,
            mark: last.mark.clone(),
        });
    }
    for rule in rules {
        let row = rule.terms.row;
        if !(1..=WEIGHT_MAX).contains(&rule.terms.weight) {
            return Err(RuleError::Weight { row });
        }
    }
    let twice = rules
        .windows(2)
        .find(|pair| matches!(pair, [one, other] if one.terms.is_same(&other.terms)));
    if let Some([one, other]) = twice {
        let (one, other) = (one.terms.row, other.terms.row);
        return Err(RuleError::Twice {
            row: one.max(other),
            first: one.min(other),
        });
    }
    Ok(())
}

/// How a value begins, in each of these lengths that it has, the longest first.
fn starts(value: &[u8], mut lengths: u32) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        while lengths != 0 {
            let length = lengths.ilog2();
            lengths &= !(1 << length);
            let end = usize::try_from(length).ok();
            if let Some(start) = end.and_then(|end| value.get(..end)) {
                return Some(start);
            }
        }
        None
    })
}

/// The more of a code a rule names, the more it counts; less than naming it exactly.
fn specificity(start: &[u8]) -> u8 {
    u8::try_from(start.len() + 1).unwrap_or(EXACT)
}

/// A prefix as a number that no other prefix is: a one, then its digits.
fn number_of(digits: &[u8]) -> u64 {
    let digit = |byte: &u8| u64::from(byte.wrapping_sub(b'0'));
    digits
        .iter()
        .fold(1, |number, byte| number * 10 + digit(byte))
}

/// Two digits as a place.
fn tens(one: u8, two: u8) -> usize {
    usize::from(one - b'0') * 10 + usize::from(two - b'0')
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).expect("usize holds a u32")
}

const fn bit_of(kind: MarkKind) -> u8 {
    1 << match kind {
        MarkKind::Any => 0,
        MarkKind::Scheme => 1,
        MarkKind::Known(By::Guid) => 2,
        MarkKind::Known(By::Network) => 3,
        MarkKind::Known(By::Aid) => 4,
        MarkKind::Known(By::Host) => 5,
        MarkKind::Known(By::Prefix) => 6,
    }
}

// A prefix with its one before it fits into a u64.
const _: () = assert!(PREFIX_DIGITS_MAX < 16 && RULES_PER_MARK_MAX <= 255);
