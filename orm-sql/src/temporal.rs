//! Dates and times as text, for databases that have no types for them.
//!
//! Written in one canonical form each, of fixed width, so that comparing texts compares points in time. Read in the
//! forms that other programs commonly write too. The calendar is the proleptic Gregorian one.

use orm_core::value::ValueError;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Writes `days` since 1970-01-01 as `YYYY-MM-DD`.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] outside the years 0000 to 9999, whose texts would not sort.
pub fn date_text(days: i32) -> Result<String, ValueError> {
    let (year, month, day) = civil_from_days(days.into());
    if !(0..=9999).contains(&year) {
        return Err(ValueError::OutOfRange { expected: "a date from year 0000 to 9999" });
    }
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

/// Writes `micros` since midnight as `HH:MM:SS.ffffff`.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] outside one day.
pub fn time_text(micros: i64) -> Result<String, ValueError> {
    if !(0..MICROS_PER_DAY).contains(&micros) {
        return Err(ValueError::OutOfRange { expected: "a time of day" });
    }
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    Ok(format!("{:02}:{:02}:{:02}.{fraction:06}", seconds / 3_600, seconds / 60 % 60, seconds % 60))
}

/// Writes `micros` since 1970-01-01T00:00:00 as `YYYY-MM-DD HH:MM:SS.ffffff`.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] outside the years 0000 to 9999, whose texts would not sort.
pub fn datetime_text(micros: i64) -> Result<String, ValueError> {
    let days = i32::try_from(micros.div_euclid(MICROS_PER_DAY))
        .map_err(|_| ValueError::OutOfRange { expected: "a date from year 0000 to 9999" })?;
    Ok(format!("{} {}", date_text(days)?, time_text(micros.rem_euclid(MICROS_PER_DAY))?))
}

/// Writes `micros` since 1970-01-01T00:00:00Z as `YYYY-MM-DD HH:MM:SS.ffffffZ`.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] outside the years 0000 to 9999, whose texts would not sort.
pub fn timestamp_text(micros: i64) -> Result<String, ValueError> {
    datetime_text(micros).map(|text| text + "Z")
}

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
///
/// # Errors
///
/// [`ValueError::Invalid`] for anything else.
pub fn parse_date(text: &str) -> Result<i32, ValueError> {
    let invalid = || invalid("date", "expected YYYY-MM-DD");
    let mut reader = Reader::new(text);
    let days = reader.date().ok_or_else(invalid)?;
    if reader.is_at_end() { Ok(days) } else { Err(invalid()) }
}

/// Reads `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f` as microseconds since midnight.
///
/// # Errors
///
/// [`ValueError::Invalid`] for anything else, and for fractions finer than a microsecond.
pub fn parse_time(text: &str) -> Result<i64, ValueError> {
    let mut reader = Reader::new(text);
    let micros = reader.time("time")?;
    if reader.is_at_end() { Ok(micros) } else { Err(invalid("time", "something follows the time")) }
}

/// Reads a date and a time, with a space or a `T` between them and no zone, as microseconds since
/// 1970-01-01T00:00:00.
///
/// # Errors
///
/// [`ValueError::Invalid`] for anything else, and for fractions finer than a microsecond.
pub fn parse_datetime(text: &str) -> Result<i64, ValueError> {
    let mut reader = Reader::new(text);
    let micros = reader.datetime("date and time")?;
    if reader.is_at_end() {
        Ok(micros)
    } else {
        Err(invalid("date and time", "something follows the time; a zone has no place here"))
    }
}

/// Reads a date, a time and a zone (`Z`, `+HH:MM`, `+HHMM`, or none for UTC) as microseconds since
/// 1970-01-01T00:00:00Z.
///
/// # Errors
///
/// [`ValueError::Invalid`] for anything else, and for fractions finer than a microsecond.
pub fn parse_timestamp(text: &str) -> Result<i64, ValueError> {
    let mut reader = Reader::new(text);
    let micros = reader.datetime("timestamp")?;
    let offset =
        reader.zone().ok_or_else(|| invalid("timestamp", "the zone must be `Z` or an offset like +01:00"))?;
    Ok(micros - offset * MICROS_PER_MINUTE)
}

/// The year, month and day that are `days` after 1970-01-01.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] outside the years 0000 to 9999.
pub fn civil(days: i32) -> Result<(u16, u8, u8), ValueError> {
    let out_of_range = || ValueError::OutOfRange { expected: "a date from year 0000 to 9999" };
    let (year, month, day) = civil_from_days(days.into());
    let year = u16::try_from(year).ok().filter(|year| *year <= 9_999).ok_or_else(out_of_range)?;
    let small = |number: i64| u8::try_from(number).map_err(|_| out_of_range());
    Ok((year, small(month)?, small(day)?))
}

/// Days since 1970-01-01 of a day; `None` where the calendar has no such day.
#[must_use]
pub fn days(year: u16, month: u8, day: u8) -> Option<i32> {
    let civil = (i64::from(year), i64::from(month), i64::from(day));
    let days = days_from_civil(civil.0, civil.1, civil.2);
    // A day that its month does not have comes back as one of the next month.
    let is_real = month >= 1 && day >= 1 && civil_from_days(days) == civil;
    is_real.then(|| i32::try_from(days).ok())?
}

fn invalid(expected: &'static str, reason: &str) -> ValueError {
    ValueError::Invalid { expected, reason: reason.to_owned() }
}

/// Takes fixed forms off the front of a text.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.as_bytes() }
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn skip(&mut self, wanted: &[u8]) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if wanted.contains(first) => {
                self.rest = rest;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Exactly `digits` digits, with a value up to `most`.
    fn number(&mut self, digits: usize, most: i64) -> Option<i64> {
        let (number, rest) = self.rest.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = rest;
        let value = number.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        (value <= most).then_some(value)
    }

    fn date(&mut self) -> Option<i32> {
        let year = self.number(4, 9_999)?;
        let month = self.skip(b"-").then(|| self.number(2, 12))??;
        let day = self.skip(b"-").then(|| self.number(2, 31))??;
        days(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    }

    fn time(&mut self, expected: &'static str) -> Result<i64, ValueError> {
        let wrong = || invalid(expected, "expected HH:MM:SS with an optional fraction");
        let hours = self.number(2, 23).ok_or_else(wrong)?;
        let minutes = self.skip(b":").then(|| self.number(2, 59)).flatten().ok_or_else(wrong)?;
        let mut micros = (hours * 60 + minutes) * MICROS_PER_MINUTE;
        if self.skip(b":") {
            micros += self.number(2, 59).ok_or_else(wrong)? * MICROS_PER_SECOND;
            if self.skip(b".") {
                micros += self.fraction(expected)?;
            }
        }
        Ok(micros)
    }

    fn fraction(&mut self, expected: &'static str) -> Result<i64, ValueError> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.rest.split_at(digits);
        if fraction.is_empty() {
            return Err(invalid(expected, "a digit must follow the point"));
        }
        if fraction.iter().skip(6).any(|digit| *digit != b'0') {
            return Err(invalid(expected, "it is finer than a microsecond"));
        }
        self.rest = rest;
        let padded = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        Ok(padded.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
    }

    fn datetime(&mut self, expected: &'static str) -> Result<i64, ValueError> {
        let days = self.date().ok_or_else(|| invalid(expected, "it must start with a date, YYYY-MM-DD"))?;
        if !self.skip(b" Tt") {
            return Err(invalid(expected, "a time must follow the date"));
        }
        Ok(i64::from(days) * MICROS_PER_DAY + self.time(expected)?)
    }

    /// The rest, as the zone's offset in minutes.
    fn zone(&mut self) -> Option<i64> {
        if self.is_at_end() {
            return Some(0);
        }
        self.skip(b" ");
        if self.skip(b"Zz") {
            return self.is_at_end().then_some(0);
        }
        let sign = if self.skip(b"+") {
            1
        } else if self.skip(b"-") {
            -1
        } else {
            return None;
        };
        let hours = self.number(2, 23)?;
        self.skip(b":");
        let minutes = self.number(2, 59)?;
        self.is_at_end().then_some(sign * (hours * 60 + minutes))
    }
}

/// Days since 1970-01-01 of a date; years start in March here, so that the leap day is a year's last one.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_survives_its_text() {
        let (first, last) = (days_from_civil(0, 1, 1), days_from_civil(9999, 12, 31));
        let mut previous = String::new();
        for day in first..=last {
            let day = i32::try_from(day).unwrap();
            let text = date_text(day).unwrap();
            assert_eq!(parse_date(&text), Ok(day), "{text}");
            assert!(text > previous, "{text} must sort after {previous}");
            previous = text;
        }
        assert_eq!(date_text(0).unwrap(), "1970-01-01");
    }

    #[test]
    fn years_without_four_digits_are_refused() {
        for days in
            [days_from_civil(-1, 12, 31), days_from_civil(10_000, 1, 1), i32::MAX.into(), i32::MIN.into()]
        {
            assert!(date_text(i32::try_from(days).unwrap()).is_err());
        }
        for micros in [i64::MIN, i64::MAX] {
            assert!(timestamp_text(micros).is_err());
        }
    }

    #[test]
    fn times_survive_their_text() {
        for micros in [0, 1, 999_999, 43_200_000_000, 86_399_999_999] {
            let text = time_text(micros).unwrap();
            assert_eq!(parse_time(&text), Ok(micros), "{text}");
        }
        assert!(time_text(-1).is_err() && time_text(MICROS_PER_DAY).is_err());
    }

    #[test]
    fn points_in_time_survive_their_text_on_both_sides_of_the_epoch() {
        for micros in [-62_167_219_200_000_000, -1, 0, 1, 1_732_233_600_123_456, 253_402_300_799_999_999] {
            let text = timestamp_text(micros).unwrap();
            assert_eq!(parse_timestamp(&text), Ok(micros), "{text}");
            let text = datetime_text(micros).unwrap();
            assert_eq!(parse_datetime(&text), Ok(micros), "{text}");
        }
        assert_eq!(timestamp_text(-1).unwrap(), "1969-12-31 23:59:59.999999Z");
    }

    #[test]
    fn forms_of_other_programs_are_read() {
        let noon = Ok(43_200_000_000);
        for text in [
            "1970-01-01 12:00",
            "1970-01-01 12:00:00",
            "1970-01-01T12:00:00Z",
            "1970-01-01 12:00:00.000000000Z",
            "1970-01-01 13:00:00 +01:00",
            "1970-01-01T06:30:00-0530",
        ] {
            assert_eq!(parse_timestamp(text), noon, "{text}");
        }
        assert_eq!(parse_datetime("1970-01-01 12:00:00"), noon);
        assert_eq!(parse_datetime("1970-01-01T12:00:00.0"), noon);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "+024-01-01",
            "2024-01-011",
        ] {
            assert!(parse_date(text).is_err(), "{text}");
        }
        for text in ["24:00:00", "12:60:00", "12:00:61", "12:00:00.", "12:00:00.1234567", "12", "12:00 "] {
            assert!(parse_time(text).is_err(), "{text}");
        }
        for text in
            ["2024-01-01", "2024-01-01 12:00:00Z", "2024-01-01_12:00:00", "1704067200", "2024-01-01 é"]
        {
            assert!(parse_datetime(text).is_err(), "{text}");
        }
        for text in ["2024-01-01 12:00:00 UTC", "2024-01-01 12:00:00+1", "2024-01-01 12:00:00+01:00x"] {
            assert!(parse_timestamp(text).is_err(), "{text}");
        }
    }
}
