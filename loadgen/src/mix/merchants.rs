//! Which merchant is visited: a few of them by many (Zipf's law).

use crate::mix::random::Draw;

/// Merchants of an acquirer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Merchants {
    /// How many.
    pub(crate) count: u32,
    /// Zipf's exponent: the n-th is visited in proportion to 1 / n^skew; 0: all alike.
    pub(crate) skew: f64,
}

impl Merchants {
    /// One, whom everybody visits.
    pub(crate) const ONE: Self = Self {
        count: 1,
        skew: 0.0,
    };
}

/// Visits, drawn by their share.
#[derive(Debug)]
pub(super) struct Visits {
    /// The share of the first merchants up to each, of 2^32.
    up_to: Vec<u32>,
}

impl Visits {
    /// To `merchants`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 1, times 2^32, saturates"
    )]
    pub(super) fn new(merchants: Merchants) -> Self {
        let share = |place: u32| f64::from(place).powf(-merchants.skew);
        let sum: f64 = (1..=merchants.count).map(share).sum();
        let mut passed = 0.0;
        let up_to = (1..=merchants.count).map(|place| {
            passed += share(place) / sum;
            (passed * 4_294_967_296.0) as u32
        });
        Self {
            up_to: up_to.collect(),
        }
    }

    /// The merchant that `draw` picks, from 0; where there is only one, nothing is drawn.
    pub(super) fn pick(&self, draw: &mut Draw) -> u32 {
        if self.up_to.len() < 2 {
            return 0;
        }
        let drawn = draw.below(u32::MAX);
        let place = self.up_to.partition_point(|up_to| *up_to <= drawn);
        u32::try_from(place.min(self.up_to.len() - 1)).expect("as many as were counted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_merchants_are_visited_as_zipf_says() {
        let visits = Visits::new(Merchants {
            count: 1_000,
            skew: 1.0,
        });
        let mut counts = vec![0_u32; 1_000];
        for number in 0..100_000 {
            let merchant = visits.pick(&mut Draw::new(9, number));
            counts[usize::try_from(merchant).unwrap()] += 1;
        }
        // The harmonic number of 1,000 is 7.4855; five standard deviations.
        for (merchant, expected, off) in [(0, 13_359, 538), (1, 6_680, 395), (9, 1_336, 182)] {
            assert!(
                counts[merchant].abs_diff(expected) < off,
                "{merchant} {}",
                counts[merchant]
            );
        }
        let alike = Visits::new(Merchants {
            count: 4,
            skew: 0.0,
        });
        let picked = (0..1_000).map(|number| alike.pick(&mut Draw::new(1, number)));
        assert!((200..300).contains(&picked.filter(|merchant| *merchant == 3).count()));
        assert_eq!(Visits::new(Merchants::ONE).pick(&mut Draw::new(1, 1)), 0);
    }
}
