//! First-in-first-out rows over shared places: a place is in one row at most, and leaves it from
//! anywhere at once. Nothing is allocated after the start.

/// "No neighbour", "nobody".
const NONE: u32 = u32::MAX;

/// The neighbours of each place.
#[derive(Debug)]
pub(super) struct Places {
    neighbours: Vec<(u32, u32)>,
}

/// One row; its members are linked through [`Places`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    first: u32,
    last: u32,
}

impl Row {
    pub(super) const EMPTY: Self = Self {
        first: NONE,
        last: NONE,
    };

    pub(super) const fn is_empty(&self) -> bool {
        self.first == NONE
    }

    /// Who is first.
    pub(super) const fn first(&self) -> Option<u32> {
        if self.first == NONE {
            None
        } else {
            Some(self.first)
        }
    }
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            neighbours: vec![(NONE, NONE); count],
        }
    }

    /// Puts `place`, which is in no row, at the end of `row`.
    pub(super) fn push(&mut self, row: &mut Row, place: u32) {
        let last = row.last;
        *self.at(place) = (last, NONE);
        if last == NONE {
            row.first = place;
        } else {
            self.at(last).1 = place;
        }
        row.last = place;
    }

    /// Takes `place` out of `row`, in which it is.
    pub(super) fn remove(&mut self, row: &mut Row, place: u32) {
        let (previous, next) = *self.at(place);
        if previous == NONE {
            assert_eq!(row.first, place, "it is in this row");
            row.first = next;
        } else {
            self.at(previous).1 = next;
        }
        if next == NONE {
            row.last = previous;
        } else {
            self.at(next).0 = previous;
        }
        *self.at(place) = (NONE, NONE);
    }

    /// Puts all of `from` behind `row`.
    pub(super) fn append(&mut self, row: &mut Row, from: &mut Row) {
        if from.is_empty() {
            return;
        }
        if row.is_empty() {
            *row = *from;
        } else {
            self.at(row.last).1 = from.first;
            self.at(from.first).0 = row.last;
            row.last = from.last;
        }
        *from = Row::EMPTY;
    }

    /// Who stands behind `place`.
    pub(super) fn next(&self, place: u32) -> Option<u32> {
        let (_, next) = self.neighbours[usize::try_from(place).expect("usize holds a u32")];
        (next != NONE).then_some(next)
    }

    fn at(&mut self, place: u32) -> &mut (u32, u32) {
        &mut self.neighbours[usize::try_from(place).expect("usize holds a u32")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn members(places: &Places, row: &Row) -> Vec<u32> {
        core::iter::successors(row.first(), |place| places.next(*place)).collect()
    }

    proptest! {
        #[test]
        fn rows_are_as_plain_lists_are(
            steps in proptest::collection::vec((0_u32..10, 0_usize..2, 0_u8..8), 1..200),
        ) {
            let mut places = Places::new(10);
            let mut rows = [Row::EMPTY; 2];
            let mut model: [VecDeque<u32>; 2] = Default::default();
            for (place, which, kind) in steps {
                let holder = (0..2).find(|row| model[*row].contains(&place));
                match (holder, kind) {
                    (_, 0) => {
                        let [first, second] = &mut rows;
                        places.append(first, second);
                        let moved: Vec<u32> = model[1].drain(..).collect();
                        model[0].extend(moved);
                    }
                    (None, _) => {
                        places.push(&mut rows[which], place);
                        model[which].push_back(place);
                    }
                    (Some(holder), _) => {
                        places.remove(&mut rows[holder], place);
                        model[holder].retain(|other| *other != place);
                    }
                }
                for (row, list) in rows.iter().zip(&model) {
                    prop_assert_eq!(list, &members(&places, row));
                    prop_assert_eq!(row.is_empty(), list.is_empty());
                }
            }
        }
    }
}
