//! Where the fields of a code are: places only, in one bounded list; values stay in the payload.
//!
//! A field's children stand side by side in the list, after it. So the list is a tree without a
//! pointer, and reading it allocates nothing.

use core::fmt;

use arrayvec::ArrayVec;

use crate::model::limits::EMV_FIELDS_MAX;

/// What a field is called in its code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Id {
    /// Of a merchant-presented code: 00 to 99.
    Object(u16),
    /// Of a consumer-presented code: a BER tag of one or two bytes.
    Tag(u16),
}

impl Id {
    /// The number itself.
    pub const fn number(self) -> u16 {
        match self {
            Self::Object(number) | Self::Tag(number) => number,
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(number) => write!(formatter, "{number:02}"),
            Self::Tag(number) => write!(formatter, "{number:02X}"),
        }
    }
}

/// Ids from the outermost to a field, as in `62.01`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Path([Option<Id>; DEPTH_MAX]);

/// Levels: a template in a template in a template (38.01.00, 61.63.9F10).
pub(super) const DEPTH_MAX: usize = 3;

impl Path {
    /// The ids, the outermost first.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        self.0.iter().flatten().copied()
    }

    /// One level deeper; what is deeper than any level stays where it is.
    pub(super) fn join(mut self, id: Id) -> Self {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(id);
        }
        self
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, id) in self.ids().enumerate() {
            let point = if level == 0 { "" } else { "." };
            write!(formatter, "{point}{id}")?;
        }
        Ok(())
    }
}

/// Which field of a code, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FieldIndex(pub(super) u8);

/// One field.
///
/// Offsets are in bytes of the payload; in a consumer-presented code, in bytes of what its base64
/// holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its id or tag.
    pub id: Id,
    /// The template that it is in.
    pub parent: Option<FieldIndex>,
    /// Where its id begins.
    pub start: u16,
    /// Where its value begins.
    pub value: u16,
    /// Where its value ends.
    pub end: u16,
    /// Where its id begins, in characters of the payload.
    pub character: u16,
    first_child: u8,
    children: u8,
}

impl Field {
    pub(super) const fn new(
        id: Id,
        parent: Option<FieldIndex>,
        (start, value, end): (u16, u16, u16),
        character: u16,
    ) -> Self {
        Self {
            id,
            parent,
            start,
            value,
            end,
            character,
            first_child: 0,
            children: 0,
        }
    }

    /// Whether it is made of fields.
    pub const fn is_template(&self) -> bool {
        self.children > 0
    }
}

/// All fields of a code.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    list: ArrayVec<Field, EMV_FIELDS_MAX>,
    /// How many of them are in no template: these come first.
    roots: u8,
    /// The first root with each object id; [`NONE`] where there is none.
    objects: [u8; OBJECTS],
}

/// Object ids: 00 to 99.
const OBJECTS: usize = 100;
/// No field.
const NONE: u8 = u8::MAX;

impl Default for Fields {
    /// Made where it stays: three kilobytes of room are not copied.
    #[inline(always)]
    fn default() -> Self {
        Self {
            list: ArrayVec::new(),
            roots: 0,
            objects: [NONE; OBJECTS],
        }
    }
}

impl Fields {
    /// Appends a field. Every field has bytes of its own, so that there is always room; see
    /// [`EMV_FIELDS_MAX`].
    #[inline]
    pub(super) fn push(&mut self, field: Field) {
        let FieldIndex(next) = self.next();
        let is_pushed = self.list.try_push(field).is_ok();
        debug_assert!(is_pushed, "each field has a header of its own");
        if field.parent.is_none() && is_pushed {
            self.roots = next.saturating_add(1);
            let place = self.objects.get_mut(usize::from(field.id.number()));
            if let (Id::Object(_), Some(place @ &mut NONE)) = (field.id, place) {
                *place = next;
            }
        }
    }

    /// Whether `parent`, whose fields are from `first` on, has one with an id already.
    #[inline]
    pub(super) fn has(&self, parent: Option<FieldIndex>, first: FieldIndex, id: Id) -> bool {
        match parent {
            None => self.child(None, id).is_some(),
            Some(_) => {
                let siblings = self.list.get(usize::from(first.0)..).unwrap_or_default();
                siblings.iter().any(|field| field.id == id)
            }
        }
    }

    /// The index of the next field.
    pub(super) fn next(&self) -> FieldIndex {
        FieldIndex(u8::try_from(self.list.len()).unwrap_or(NONE))
    }

    /// Whatever was appended since `first` is inside of `parent`.
    pub(super) fn adopt(&mut self, parent: FieldIndex, first: FieldIndex) {
        let children = self.next().0.saturating_sub(first.0);
        if let Some(parent) = self.list.get_mut(usize::from(parent.0)) {
            parent.first_child = first.0;
            parent.children = children;
        }
    }

    pub(super) fn all(&self) -> &[Field] {
        &self.list
    }

    pub(super) fn get(&self, index: FieldIndex) -> Option<&Field> {
        self.list.get(usize::from(index.0))
    }

    pub(super) fn children(
        &self,
        parent: Option<FieldIndex>,
    ) -> impl Iterator<Item = (FieldIndex, &Field)> + use<'_> {
        let (first, count) = self.places_of_children(parent);
        let first_place = usize::from(first);
        let fields = self.list.get(first_place..first_place + count);
        (first..).map(FieldIndex).zip(fields.unwrap_or_default())
    }

    /// Where the fields of a template stand, or those of the code itself: the first, and how many.
    pub(super) fn places_of_children(&self, parent: Option<FieldIndex>) -> (u8, usize) {
        match parent {
            None => (0, usize::from(self.roots)),
            Some(index) => self.get(index).map_or((0, 0), |field| {
                (field.first_child, usize::from(field.children))
            }),
        }
    }

    /// The child of `parent` with an id.
    pub(super) fn child(&self, parent: Option<FieldIndex>, id: Id) -> Option<(FieldIndex, &Field)> {
        match (parent, id) {
            (None, Id::Object(number)) => {
                let index = FieldIndex(*self.objects.get(usize::from(number))?);
                Some((index, self.get(index)?))
            }
            (_, Id::Object(_) | Id::Tag(_)) => {
                self.children(parent).find(|(_, field)| field.id == id)
            }
        }
    }

    /// The ids from the outermost to `index`.
    pub(super) fn path(&self, index: Option<FieldIndex>) -> Path {
        let mut upwards = ArrayVec::<Id, DEPTH_MAX>::new();
        let mut at = index;
        while let Some(field) = at.and_then(|index| self.get(index)) {
            if upwards.is_full() {
                break;
            }
            upwards.push(field.id);
            at = field.parent;
        }
        upwards
            .iter()
            .rev()
            .fold(Path::default(), |path, id| path.join(*id))
    }
}
