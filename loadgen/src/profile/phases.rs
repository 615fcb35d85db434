//! PHASES: what a part of a profile's plan looks like, and the stretches that it is made of.

use crate::plan::curve::Stretch;

/// A part of the plan, with a name that the report uses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Phase {
    /// For people.
    pub(crate) name: String,
    /// How long, in milliseconds.
    pub(crate) duration_ms: u64,
    /// How long what it stands for takes, in milliseconds: longer where time is compressed.
    pub(crate) stands_for_ms: u64,
    /// How the rate goes.
    pub(crate) shape: Shape,
}

/// How the rate of a phase goes. Rates are in payments a thousand seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Straight from one rate to another; the same one: constant.
    Line { from_milli: u64, to_milli: u64 },
    /// In so many equal steps from one rate to another, each as long as the others.
    Steps {
        from_milli: u64,
        to_milli: u64,
        steps: u64,
    },
    /// A base, and a peak on it.
    Spike(Spike),
    /// Twenty-four hours: each hour's rate stands at its beginning, lines in between, and the last
    /// one leads back to the first.
    Day { hours_milli: [u64; HOURS] },
}

/// A base, and a peak on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spike {
    pub(crate) base_milli: u64,
    pub(crate) peak_milli: u64,
    /// Until the rise begins.
    pub(crate) before_ms: u64,
    pub(crate) rise_ms: u64,
    pub(crate) hold_ms: u64,
    pub(crate) fall_ms: u64,
}

impl Phase {
    /// The stretches of it, together as long as the phase.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let line = |duration_ms, from_milli, to_milli| Stretch {
            duration_ms,
            from_milli,
            to_milli,
        };
        match &self.shape {
            Shape::Line {
                from_milli,
                to_milli,
            } => vec![line(self.duration_ms, *from_milli, *to_milli)],
            Shape::Steps {
                from_milli,
                to_milli,
                steps,
            } => (0..*steps)
                .map(|step| {
                    let rate_milli = between(*from_milli, *to_milli, step, steps - 1);
                    Stretch::constant(self.part(step, *steps), rate_milli)
                })
                .collect(),
            Shape::Spike(spike) => {
                let Spike {
                    base_milli,
                    peak_milli,
                    before_ms,
                    rise_ms,
                    hold_ms,
                    fall_ms,
                } = *spike;
                let after_ms = self.duration_ms - before_ms - rise_ms - hold_ms - fall_ms;
                vec![
                    Stretch::constant(before_ms, base_milli),
                    line(rise_ms, base_milli, peak_milli),
                    Stretch::constant(hold_ms, peak_milli),
                    line(fall_ms, peak_milli, base_milli),
                    Stretch::constant(after_ms, base_milli),
                ]
            }
            Shape::Day { hours_milli } => (0_u64..)
                .zip(hours_milli)
                .zip(hours_milli.iter().cycle().skip(1))
                .map(|((hour, from), to)| line(self.part(hour, HOURS_64), *from, *to))
                .collect(),
        }
    }

    /// The duration of one of `parts` equal parts; what does not divide goes to the later ones.
    const fn part(&self, place: u64, parts: u64) -> u64 {
        self.duration_ms * (place + 1) / parts - self.duration_ms * place / parts
    }
}

impl Shape {
    /// A day around `mean_milli`, by the weights of its hours; they are not all zero.
    pub(crate) fn day(mean_milli: u64, weights: &[u64]) -> Option<Self> {
        let weights: [u64; HOURS] = weights.try_into().ok()?;
        let sum: u64 = weights.iter().sum();
        (sum > 0).then(|| Self::Day {
            hours_milli: weights.map(|weight| {
                let milli =
                    u128::from(mean_milli) * u128::from(weight) * HOURS as u128 / u128::from(sum);
                u64::try_from(milli).unwrap_or(u64::MAX)
            }),
        })
    }
}

/// `from` at 0, `to` at `of`, in between by parts.
fn between(from: u64, to: u64, at: u64, of: u64) -> u64 {
    let of = of.max(1);
    let value = (u128::from(from) * u128::from(of - at.min(of))
        + u128::from(to) * u128::from(at.min(of)))
        / u128::from(of);
    u64::try_from(value).expect("between two numbers of 64 bits")
}

/// Of a day.
pub(crate) const HOURS: usize = 24;
const HOURS_64: u64 = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::curve::Curve;

    fn phase(duration_ms: u64, shape: Shape) -> Phase {
        Phase {
            name: "test".to_owned(),
            duration_ms,
            stands_for_ms: duration_ms,
            shape,
        }
    }

    #[test]
    fn every_shape_is_as_long_as_its_phase_and_counts_what_its_area_says() {
        let spike = Shape::Spike(Spike {
            base_milli: 100_000,
            peak_milli: 900_000,
            before_ms: 2_000,
            rise_ms: 500,
            hold_ms: 1_000,
            fall_ms: 1_500,
        });
        let day = Shape::day(1_000_000, &[1; 24]).unwrap();
        let steps = Shape::Steps {
            from_milli: 100_000,
            to_milli: 300_000,
            steps: 3,
        };
        let line = Shape::Line {
            from_milli: 0,
            to_milli: 1_000_000,
        };
        for (shape, duration_ms, expected) in [
            (spike, 10_000, 1_000 + 800 * 2),
            (day, 7_001, 7_001),
            (steps, 3_000, 600),
            (line, 4_000, 2_000),
        ] {
            let phase = phase(duration_ms, shape);
            let curve = Curve::new(&phase.stretches()).unwrap();
            assert_eq!(curve.duration_ms(), duration_ms);
            assert_eq!(curve.count(0, duration_ms), expected, "{phase:?}");
        }
    }

    #[test]
    fn a_day_has_its_mean_and_its_peak() {
        let mut weights = [1; 24];
        weights[12] = 25;
        let day = phase(24_000, Shape::day(100_000, &weights).unwrap());
        let curve = Curve::new(&day.stretches()).unwrap();
        // 100 a second on average over 24 s; at noon 25 of 48 parts of 24 hours.
        assert_eq!(curve.count(0, 24_000), 2_400);
        assert_eq!(curve.peak_milli(), 100_000 * 24 * 25 / 48);
        assert_eq!(Shape::day(1, &[0; 24]), None);
        assert_eq!(Shape::day(1, &[1; 23]), None);
    }
}
