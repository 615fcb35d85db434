//! THE CURVE: how many payments a second are planned at each moment, as straight lines.
//!
//! ```text
//!   payments/s        ____                 each stretch: a duration and a rate at either end.
//!                   /      \               The n-th payment is due where the area under the
//!         _________/        \______        curve has grown to n.
//! ```
//!
//! The area is counted in whole parts of a payment, so nothing drifts and every count is exact: a
//! constant, a ramp, a step, a spike and a day are all made of these. Pure.

/// A stretch in which the rate goes from one value to another in a straight line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    /// How long, in milliseconds.
    pub(crate) duration_ms: u64,
    /// Payments in a thousand seconds at its start.
    pub(crate) from_milli: u64,
    /// Payments in a thousand seconds at its end.
    pub(crate) to_milli: u64,
}

impl Stretch {
    /// The same rate all the time.
    pub(crate) const fn constant(duration_ms: u64, rate_milli: u64) -> Self {
        Self {
            duration_ms,
            from_milli: rate_milli,
            to_milli: rate_milli,
        }
    }

    /// The area under it, in parts.
    fn parts(&self) -> u128 {
        u128::from(self.duration_ms) * (u128::from(self.from_milli) + u128::from(self.to_milli))
    }

    /// After how many nanoseconds the area has grown to `parts`, which is less than all of it.
    ///
    /// With `r` the rate at the start, `a` what it gains over the duration `D`, and the area in
    /// parts, `2 r t + a t^2 / D = parts`. The root is taken in the form that loses no digits,
    /// `2 K / (b + sqrt(b^2 + 4 a K))` with `b = 2 D r` and `K = D parts`.
    fn offset_ns(&self, parts: u64) -> u64 {
        let (duration, from) = (u128::from(self.duration_ms), u128::from(self.from_milli));
        let parts = u128::from(parts);
        let offset = if parts == 0 {
            0
        } else if self.from_milli == self.to_milli {
            parts * NS_PER_MS / (2 * from)
        } else {
            let (b, area) = (2 * duration * from, duration * parts);
            let bend = 4 * area * u128::from(self.from_milli.abs_diff(self.to_milli));
            let under_root = if self.to_milli > self.from_milli {
                b * b + bend
            } else {
                (b * b).saturating_sub(bend)
            };
            let above = 2 * area * NS_PER_MS;
            // As many binary places as there is room for.
            let free = (under_root.leading_zeros() / 2)
                .min(above.leading_zeros())
                .min(b.leading_zeros().saturating_sub(1));
            let root = (under_root << (2 * free)).isqrt();
            (above << free) / ((b << free) + root)
        };
        let last = duration * NS_PER_MS - 1;
        u64::try_from(offset.min(last)).expect("a stretch is at most a day")
    }
}

/// All stretches, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Curve {
    placed: Vec<Placed>,
    parts: u64,
    duration_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Placed {
    start_ms: u64,
    before: u64,
    stretch: Stretch,
}

/// Why stretches are no curve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum CurveError {
    /// No payment is planned.
    #[error("no payment is planned: the rates or the durations are zero")]
    Nothing,
    /// Too long, or too many.
    #[error(
        "a plan is at most seven days and 2^40 payments, and each of its stretches at most a day \
         and 10,000,000 payments a second"
    )]
    TooMuch,
}

impl Curve {
    /// The curve of `stretches`; those without a duration are left out.
    pub(crate) fn new(stretches: &[Stretch]) -> Result<Self, CurveError> {
        let mut placed = Vec::with_capacity(stretches.len());
        let (mut start_ms, mut before) = (0_u64, 0_u64);
        for stretch in stretches.iter().filter(|stretch| stretch.duration_ms > 0) {
            let rate = stretch.from_milli.max(stretch.to_milli);
            if stretch.duration_ms > STRETCH_MS_MAX || rate > RATE_MILLI_MAX {
                return Err(CurveError::TooMuch);
            }
            placed.push(Placed {
                start_ms,
                before,
                stretch: *stretch,
            });
            start_ms += stretch.duration_ms;
            let parts = u128::from(before) + stretch.parts();
            if start_ms > PLAN_MS_MAX || parts > u128::from(PARTS_MAX) {
                return Err(CurveError::TooMuch);
            }
            before = u64::try_from(parts).expect("bounded above");
        }
        if before == 0 {
            return Err(CurveError::Nothing);
        }
        Ok(Self {
            placed,
            parts: before,
            duration_ms: start_ms,
        })
    }

    /// The whole area, in parts.
    pub(crate) const fn parts(&self) -> u64 {
        self.parts
    }

    /// From the first moment to the last.
    pub(crate) const fn duration_ms(&self) -> u64 {
        self.duration_ms
    }

    /// Payments planned at equal distances in the area, from `from_ms` until before `to_ms`.
    pub(crate) fn count(&self, from_ms: u64, to_ms: u64) -> u64 {
        self.parts_before(to_ms).div_ceil(PARTS) - self.parts_before(from_ms).div_ceil(PARTS)
    }

    /// The highest rate, in payments a thousand seconds.
    pub(crate) fn peak_milli(&self) -> u64 {
        let rate = |placed: &Placed| placed.stretch.from_milli.max(placed.stretch.to_milli);
        self.placed.iter().map(rate).max().unwrap_or(0)
    }

    /// The instant at which the area has grown to `parts`, from the start; `place` is that of the
    /// stretch in which the last one was found, and is moved along.
    pub(crate) fn instant_ns(&self, parts: u64, place: &mut usize) -> u64 {
        assert!(parts < self.parts, "beyond the end of the plan");
        while self
            .placed
            .get(*place + 1)
            .is_some_and(|next| next.before <= parts)
        {
            *place += 1;
        }
        let placed = &self.placed[*place];
        placed.start_ms * NS_PER_MS_64 + placed.stretch.offset_ns(parts - placed.before)
    }

    /// The area before `at_ms`, rounded down to a part.
    fn parts_before(&self, at_ms: u64) -> u64 {
        let Some(placed) = self.placed.iter().rfind(|placed| placed.start_ms <= at_ms) else {
            return 0;
        };
        let stretch = placed.stretch;
        let ms = u128::from((at_ms - placed.start_ms).min(stretch.duration_ms));
        let (from, to) = (u128::from(stretch.from_milli), u128::from(stretch.to_milli));
        let duration = u128::from(stretch.duration_ms);
        // The trapezoid: twice the mean rate, times the time.
        let twice_mean = 2 * from * duration + to * ms;
        let parts = (twice_mean - from * ms) * ms / duration;
        placed.before + u64::try_from(parts).expect("bounded when made")
    }
}

/// Parts of a payment: rates are in thousandths, time in milliseconds, and a trapezoid has a half.
pub(crate) const PARTS: u64 = 2_000_000;
const NS_PER_MS: u128 = 1_000_000;
const NS_PER_MS_64: u64 = 1_000_000;
const STRETCH_MS_MAX: u64 = 86_400_000;
const PLAN_MS_MAX: u64 = 7 * STRETCH_MS_MAX;
/// Ten million payments a second.
pub(crate) const RATE_MILLI_MAX: u64 = 10_000_000_000;
/// References number 2^40 payments.
const PARTS_MAX: u64 = (1 << 40) * PARTS;

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(duration_ms: u64, from: u64, to: u64) -> Stretch {
        Stretch {
            duration_ms,
            from_milli: from * 1_000,
            to_milli: to * 1_000,
        }
    }

    fn instants(curve: &Curve) -> Vec<u64> {
        let mut place = 0;
        (0..curve.parts())
            .step_by(usize::try_from(PARTS).unwrap())
            .map(|parts| curve.instant_ns(parts, &mut place))
            .collect()
    }

    #[test]
    fn counts_are_the_area_and_instants_lie_where_they_are_counted() {
        for stretches in [
            vec![stretch(1_000, 30_000, 30_000)],
            vec![stretch(1_000, 0, 2_000)],
            vec![stretch(1_000, 2_000, 0)],
            vec![
                stretch(777, 3, 41),
                stretch(1_333, 41, 7),
                stretch(100, 0, 999),
            ],
            vec![
                stretch(500, 100, 100),
                stretch(0, 1, 1),
                stretch(10, 0, 90_000),
            ],
            vec![
                Stretch::constant(10_000, 517),
                Stretch::constant(1_000, 900_000),
            ],
        ] {
            let curve = Curve::new(&stretches).unwrap();
            let instants = instants(&curve);
            assert_eq!(instants.len() as u64, curve.count(0, curve.duration_ms()));
            assert!(instants.is_sorted(), "{stretches:?}");
            // Each millisecond holds as many instants as the area says; an instant on the very edge
            // may be rounded to either side of it.
            for edge in (0..=curve.duration_ms()).step_by(10) {
                let before = instants.partition_point(|at| *at < edge * NS_PER_MS_64) as u64;
                assert!(
                    before.abs_diff(curve.count(0, edge)) <= 1,
                    "{edge} {stretches:?}"
                );
            }
        }
    }

    #[test]
    fn a_ramp_from_nothing_grows_with_the_square_of_time() {
        let curve = Curve::new(&[stretch(10_000, 0, 200)]).unwrap();
        let instants = instants(&curve);
        // A thousand in ten seconds; a quarter of them in the first half.
        assert_eq!(instants.len(), 1_000);
        for (number, expected_ns) in [(0, 0), (10, 1_000_000_000), (250, 5_000_000_000)] {
            assert!(instants[number].abs_diff(expected_ns) <= 1, "{number}");
        }
        let down = Curve::new(&[stretch(10_000, 200, 0)]).unwrap();
        assert_eq!(self::instants(&down)[750].abs_diff(5_000_000_000) / 2, 0);
    }

    #[test]
    fn fractions_of_a_payment_are_carried_from_stretch_to_stretch() {
        // 24 stretches of 0.7 payments: not one of them alone holds a whole number.
        let curve = Curve::new(&[Stretch::constant(100, 7_000); 24]).unwrap();
        assert_eq!(curve.count(0, curve.duration_ms()), 17);
        let by_stretch = (0..24).map(|at| curve.count(at * 100, (at + 1) * 100));
        assert_eq!(by_stretch.sum::<u64>(), 17);
    }

    #[test]
    fn what_no_machine_could_play_is_refused() {
        assert_eq!(Curve::new(&[]), Err(CurveError::Nothing));
        assert_eq!(
            Curve::new(&[stretch(1_000, 0, 0)]),
            Err(CurveError::Nothing)
        );
        for stretches in [
            vec![stretch(STRETCH_MS_MAX + 1, 1, 1)],
            vec![stretch(1, 10_000_001, 0)],
            vec![stretch(STRETCH_MS_MAX, 1, 1); 8],
            vec![stretch(STRETCH_MS_MAX, 10_000_000, 10_000_000); 2],
        ] {
            assert_eq!(Curve::new(&stretches), Err(CurveError::TooMuch));
        }
        // The longest and fastest stretch is computed without overflow.
        let curve = Curve::new(&[stretch(STRETCH_MS_MAX, 10_000_000, 0)]).unwrap();
        let (last, mut place) = (curve.parts() - 1, 0);
        let at = curve.instant_ns(last, &mut place);
        assert!(at > 86_399_000_000_000 && at < 86_400_000_000_000, "{at}");
    }
}
