//! How unlikely a count is beside what is usual. Pure arithmetic: no clock, no state of its own but
//! sums that fade.

/// So much is unlikely enough: chance alone exceeds it less than once in e^14, 1.2 million, windows
/// (Chernoff's bound), and it has to do so twice in a row.
pub(super) const UNLIKELY: f64 = 14.0;

/// Windows after which a window counts half.
const HALF_LIFE: f64 = 60.0;

/// Windows that must be known before anything is judged.
const KNOWN_MIN: u32 = 10;

/// Sums of windows that fade, by place.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    sums: Vec<f64>,
    samples: f64,
    windows: u32,
}

impl Usual {
    pub(super) fn new(places: usize) -> Self {
        Self {
            sums: vec![0.0; places],
            samples: 0.0,
            windows: 0,
        }
    }

    /// One more window is usual.
    pub(super) fn learn(&mut self, counts: &[u64], samples: u32) {
        let kept = (-core::f64::consts::LN_2 / HALF_LIFE).exp();
        for (sum, count) in self.sums.iter_mut().zip(counts) {
            *sum = sum.mul_add(kept, real(*count));
        }
        self.samples = self.samples.mul_add(kept, f64::from(samples));
        self.windows = self.windows.saturating_add(1);
    }

    pub(super) const fn is_known(&self) -> bool {
        self.windows >= KNOWN_MIN
    }

    /// All of the places from `first` on.
    pub(super) fn from(&self, first: usize) -> f64 {
        self.sums[first..].iter().sum()
    }

    /// How many samples they are of, faded as they are.
    pub(super) const fn samples(&self) -> f64 {
        self.samples
    }

    /// The place below or in which this part of all lies.
    pub(super) fn place(&self, part: f64) -> usize {
        place(self.sums.iter().copied(), part)
    }
}

/// The place below or in which this part of all counts lies; the first where there are none.
pub(super) fn place(counts: impl Iterator<Item = f64> + Clone, part: f64) -> usize {
    let wanted = counts.clone().sum::<f64>() * part;
    let mut seen = 0.0;
    let mut found = counts.map(|count| {
        seen += count;
        seen
    });
    found.position(|seen| seen >= wanted).unwrap_or(0)
}

/// How much is said against these many (of all) having the share of those (of all), in nats: the
/// likelihood ratio of two shares against one. Few of either say little.
pub(super) fn differ((some, all): (f64, f64), (others, of): (f64, f64)) -> f64 {
    if all <= 0.0 || of <= 0.0 {
        return 0.0;
    }
    let both = (some + others) / (all + of);
    all.mul_add(away(some / all, both), of * away(others / of, both))
}

/// The same for how many came in so many samples: of all that came, the share that came now.
pub(super) fn differ_in_count((now, samples): (f64, f64), (then, of): (f64, f64)) -> f64 {
    let all = now + then;
    if all <= 0.0 || samples <= 0.0 || of <= 0.0 {
        return 0.0;
    }
    all * away(now / all, samples / (samples + of))
}

/// Kullback and Leibler's divergence of a coin that falls so from one that should.
fn away(is: f64, should: f64) -> f64 {
    let term = |is: f64, should: f64| {
        if is <= 0.0 {
            0.0
        } else {
            is * (is / should.max(f64::MIN_POSITIVE)).ln()
        }
    };
    (term(is, should) + term(1.0 - is, 1.0 - should)).max(0.0)
}

/// A count to reckon with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a window are far below 2^53"
)]
pub(super) const fn real(count: u64) -> f64 {
    count as f64
}
