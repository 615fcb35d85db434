//! Numbers that look drawn and are not: each is a function of the run's seed and a payment's
//! number.
//!
//! So both sides of a payment find the same script without telling each other.

/// A sequence of draws (splitmix64, Steele et al., OOPSLA 2014).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The sequence that belongs to payment `number` of the run with `seed`.
    pub(crate) const fn new(seed: u64, number: u64) -> Self {
        Self(seed ^ number.wrapping_mul(STEP_PER_NUMBER))
    }

    /// The next 64 bits.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// 0 to `bound` - 1, by multiplication (Lemire 2016; the bias of 2^-32 is of no interest here).
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "a draw needs something to draw from");
        let high = ((self.bits() >> 32) * u64::from(bound)) >> 32;
        u32::try_from(high).expect("smaller than a u32 bound")
    }

    /// Above 0, at most 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// 2^64 divided by the golden ratio, odd.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
/// Another odd constant, so that neighbouring numbers do not share a sequence.
const STEP_PER_NUMBER: u64 = 0xD6E8_FEB8_6659_FD93;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_again_and_spread_evenly() {
        let mut counts = [0_u32; 10];
        for number in 0..10_000 {
            let (mut one, mut other) = (Draw::new(7, number), Draw::new(7, number));
            let value = one.below(10);
            assert_eq!(value, other.below(10));
            counts[value as usize] += 1;
            let unit = one.unit();
            assert!(unit > 0.0 && unit <= 1.0);
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_sequence_is_splitmix64() {
        // Vigna's splitmix64.c seeded with 1234567.
        let mut draw = Draw(1_234_567);
        assert_eq!(draw.bits(), 6_457_827_717_110_365_317);
        assert_eq!(draw.bits(), 3_203_168_211_198_807_973);
    }
}
