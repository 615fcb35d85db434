//! Dates, times of day and instants. Nobody here reads a clock: time comes in as an argument.

use core::fmt;

/// Nanoseconds in a day.
pub const DAY_NS: u64 = 86_400_000_000_000;

/// Nanoseconds of the monotonic clock: deadlines and intervals. Starts anywhere, never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// The instant `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }
}

/// Nanoseconds since 1970-01-01T00:00:00Z: what is written down. Never used to decide a deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Wall(pub u64);

impl Wall {
    /// The UTC date; the last day of 2199 for all that is later, as a stranger's clock may say.
    pub fn date(self) -> Date {
        let days = i64::try_from(self.0 / DAY_NS).expect("2^64 ns end in the year 2554");
        Date::from_days(days.min(Date::LAST.days()))
    }

    /// UTC as the ten digits MMDDhhmmss of ISO 8583 DE 7.
    pub fn transmission(self) -> u64 {
        let date = u64::from(self.date().yyyymmdd()) % 10_000;
        let seconds = (self.0 % DAY_NS) / 1_000_000_000;
        date * 1_000_000 + (seconds / 3_600) * 10_000 + (seconds / 60 % 60) * 100 + seconds % 60
    }
}

impl fmt::Display for Wall {
    /// RFC 3339 in UTC with nanoseconds.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, ns) = (self.date().yyyymmdd(), self.0 % DAY_NS);
        let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
        let (seconds, fraction) = (ns / 1_000_000_000, ns % 1_000_000_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z"
        )
    }
}

/// Both clocks, read once per turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// For deadlines.
    pub monotonic: Monotonic,
    /// For what is written down.
    pub wall: Wall,
}

/// A Gregorian calendar date, 1900-01-01 to 2199-12-31, kept as the number YYYYMMDD.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(u32);

impl Date {
    /// The last date.
    pub const LAST: Self = Self(21_991_231);

    /// `None` where there is no such day.
    pub const fn from_yyyymmdd(number: u32) -> Option<Self> {
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        if year < 1900 || year > 2199 || month < 1 || month > 12 || day < 1 {
            return None;
        }
        if day > days_in_month(year, month) {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The number YYYYMMDD.
    pub const fn yyyymmdd(self) -> u32 {
        self.0
    }

    /// The number MMDD of ISO 8583 DE 13 and 15.
    pub const fn mmdd(self) -> u32 {
        self.0 % 10_000
    }

    /// The date with month and day `mmdd` that is nearest to `near`: how DE 13, which has no year,
    /// is read against the date on which it was received. `None` where there is no such day.
    pub fn nearest(mmdd: u32, near: Self) -> Option<Self> {
        let year = near.0 / 10_000;
        [year.checked_sub(1)?, year, year.checked_add(1)?]
            .into_iter()
            .filter_map(|year| Self::from_yyyymmdd(year.checked_mul(10_000)?.checked_add(mmdd)?))
            .min_by_key(|date| date.days().abs_diff(near.days()))
    }

    /// Days since 1970-01-01 (proleptic Gregorian).
    pub const fn days(self) -> i64 {
        // The year starts in March, so that the leap day is its last; eras have 400 years.
        let (year, month, day) = (
            (self.0 / 10_000) as i64,
            (self.0 / 100 % 100) as i64,
            (self.0 % 100) as i64,
        );
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The date `days` after 1970-01-01; inverse of [`Date::days`].
    pub fn from_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let number = u32::try_from(year * 10_000 + month * 100 + day).expect("after the year 0");
        Self::from_yyyymmdd(number).expect("days of a wall clock lie between 1900 and 2199")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08}", self.0)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

const fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// A time of day, hhmmss, of the sender's own clock (ISO 8583 DE 12).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LocalTime(u32);

impl LocalTime {
    /// `None` where it is not a time (a leap second's 60 is not).
    pub const fn from_hhmmss(number: u32) -> Option<Self> {
        if number / 10_000 <= 23 && number / 100 % 100 <= 59 && number % 100 <= 59 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number hhmmss.
    pub const fn hhmmss(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(number: u32) -> Date {
        Date::from_yyyymmdd(number).unwrap()
    }

    #[test]
    #[expect(clippy::inconsistent_digit_grouping, reason = "years, months and days")]
    fn every_day_of_three_centuries_counts_up_by_one() {
        let first = date(1900_01_01).days();
        let last = date(2199_12_31).days();
        let mut before = 0;
        for days in first..=last {
            let day = Date::from_days(days);
            assert_eq!(day.days(), days);
            assert!(day.yyyymmdd() > before);
            before = day.yyyymmdd();
        }
        assert_eq!(date(1970_01_01).days(), 0);
        assert_eq!(Date::from_yyyymmdd(2026_02_29), None);
        assert_eq!(Date::from_yyyymmdd(1900_02_29), None);
    }

    #[test]
    #[expect(clippy::inconsistent_digit_grouping, reason = "years, months and days")]
    fn a_date_without_a_year_is_the_nearest_one() {
        for (mmdd, near, expected) in [
            (1231, 2027_01_01, 2026_12_31),
            (101, 2026_12_31, 2027_01_01),
            (1121, 2026_11_21, 2026_11_21),
            (229, 2024_03_01, 2024_02_29),
        ] {
            assert_eq!(Date::nearest(mmdd, date(near)), Some(date(expected)));
        }
        assert_eq!(Date::nearest(229, date(2026_03_01)), None);
        assert_eq!(Date::nearest(1301, date(2026_03_01)), None);
    }

    #[test]
    fn a_wall_clock_reads_as_people_and_iso_8583_write_it() {
        let wall = Wall(1_795_298_705_000_000_123);
        assert_eq!(wall.to_string(), "2026-11-21T22:05:05.000000123Z");
        assert_eq!(wall.transmission(), 1_121_220_505);
        assert_eq!(LocalTime::from_hhmmss(235_960), None);
        assert_eq!(Wall(u64::MAX).date(), Date::LAST);
    }
}
