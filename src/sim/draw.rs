//! Chance from a seed: xoshiro256** (Blackman and Vigna), seeded by splitmix64. Nothing in the fake
//! world is drawn from anywhere else.

/// A sequence of draws.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    state: [u64; 4],
}

impl Draw {
    /// The sequence of a seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut next = seed;
        let state = core::array::from_fn(|_| {
            next = next.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut bits = next;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bits ^ (bits >> 31)
        });
        Self { state }
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        let shifted = b << 17;
        self.state = [a ^ d, b ^ c, c ^ shifted, d.rotate_left(45)];
        result
    }

    /// 0 to `bound` - 1; the bias is of no interest here.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw needs something to draw from");
        self.bits() % bound
    }

    /// From `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// As [`Draw::between`], for what is configured in 32 bits.
    pub(super) fn between_u32(&mut self, low: u32, high: u32) -> u32 {
        u32::try_from(self.between(low.into(), high.into())).expect("between two u32")
    }

    /// True `per_mille` times in a thousand.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    /// An index below `count`.
    pub(super) fn index(&mut self, count: usize) -> usize {
        let bound = u64::try_from(count).expect("addresses have 64 bits");
        usize::try_from(self.below(bound)).expect("smaller than a usize")
    }

    /// One of several.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence_spread_evenly() {
        let (mut one, mut other) = (Draw::new(7), Draw::new(7));
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            let index = one.index(10);
            assert_eq!(index, other.index(10));
            counts[index] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
        assert_ne!(Draw::new(7).bits(), Draw::new(8).bits());
    }

    #[test]
    fn the_sequence_is_xoshiro256_starstar() {
        // The state {1, 2, 3, 4} of the authors' C code.
        let mut draw = Draw {
            state: [1, 2, 3, 4],
        };
        assert_eq!(draw.bits(), 11_520);
        assert_eq!(draw.bits(), 0);
        assert_eq!(draw.bits(), 1_509_978_240);
    }
}
