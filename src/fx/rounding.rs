//! How an amount between two minor units becomes one of them.

/// What is done with a part of a minor unit. Amounts are never negative, so up is away from zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Rounding {
    /// To the nearest; a half goes up.
    #[default]
    HalfUp,
    /// To the nearest; a half goes to the even neighbour.
    HalfEven,
    /// Up, however little it is.
    Up,
    /// Down, however much it is.
    Down,
}

impl Rounding {
    /// Every rounding.
    pub const ALL: [Self; 4] = [Self::HalfUp, Self::HalfEven, Self::Up, Self::Down];
    /// Their names, in the same order.
    pub const NAMES: [&'static str; 4] = ["half-up", "half-even", "up", "down"];

    /// The name in a rates file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfUp => "half-up",
            Self::HalfEven => "half-even",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// The rounding with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|rounding| rounding.name() == name)
    }

    /// `number` / `divisor` as a whole number.
    pub fn divide(self, number: u128, divisor: u128) -> u128 {
        assert!(divisor > 0, "a power of ten");
        let (whole, rest) = (number / divisor, number % divisor);
        // Compared by what is missing to the next one: twice the rest might not fit.
        let missing = divisor - rest;
        let up = match self {
            Self::HalfUp => rest >= missing,
            Self::HalfEven => rest > missing || (rest == missing && !whole.is_multiple_of(2)),
            Self::Up => rest > 0,
            Self::Down => false,
        };
        whole + u128::from(up && rest > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_rounded_as_the_rounding_says() {
        #[rustfmt::skip]
        let cases = [
            // number / 10: half-up, half-even, up, down
            (0, [0, 0, 0, 0]), (1, [0, 0, 1, 0]), (5, [1, 0, 1, 0]), (6, [1, 1, 1, 0]),
            (10, [1, 1, 1, 1]), (14, [1, 1, 2, 1]), (15, [2, 2, 2, 1]), (25, [3, 2, 3, 2]),
        ];
        for (number, expected) in cases {
            assert_eq!(Rounding::ALL.map(|it| it.divide(number, 10)), expected);
        }
        for rounding in Rounding::ALL {
            assert_eq!(rounding.divide(7, 1), 7);
            assert_eq!(rounding.divide(u128::MAX, 1), u128::MAX);
        }
    }

    #[test]
    fn names_and_roundings_are_one_to_one() {
        for (rounding, name) in Rounding::ALL.into_iter().zip(Rounding::NAMES) {
            assert_eq!(rounding.name(), name);
            assert_eq!(Rounding::from_name(name), Some(rounding));
        }
        assert_eq!(Rounding::from_name("HALF_UP"), None);
    }
}
