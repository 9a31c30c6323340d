//! Decimals in PostgreSQL's binary format: groups of four digits, the weight of the first, sign and scale.
//!
//! The format is that of `numeric_send` and `numeric_recv` in the server's `numeric.c`.

use orm_core::value::ValueError;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;

/// Digits in a group.
const GROUP: usize = 4;

/// Adds the number that `text` writes: an optional sign, digits, and a point somewhere.
pub(crate) fn encode(text: &str, buffer: &mut Vec<u8>) -> Result<(), ValueError> {
    let out_of_range = || ValueError::OutOfRange { expected: "numeric" };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (POSITIVE, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit()) {
        return Err(ValueError::Invalid { expected: "decimal", reason: "it is no number".to_owned() });
    }
    let whole = whole.trim_start_matches('0');
    // Groups are counted from the point, to both sides.
    let padding = (GROUP - whole.len() % GROUP) % GROUP;
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat(padding),
        "0".repeat((GROUP - fraction.len() % GROUP) % GROUP)
    );
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(GROUP)
        .map(|group| group.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
        .collect();
    let first = groups.iter().position(|group| *group != 0);
    let (groups, weight) = match first {
        Some(first) => {
            let last = groups.iter().rposition(|group| *group != 0).unwrap_or(first);
            let whole_groups = (whole.len() + padding) / GROUP;
            let weight = i64::try_from(whole_groups).map_err(|_| out_of_range())?
                - 1
                - i64::try_from(first).map_err(|_| out_of_range())?;
            (&groups[first..=last], weight)
        }
        None => (&groups[..0], 0),
    };
    let sign = if groups.is_empty() { POSITIVE } else { sign };
    buffer.extend(u16::try_from(groups.len()).map_err(|_| out_of_range())?.to_be_bytes());
    buffer.extend(i16::try_from(weight).map_err(|_| out_of_range())?.to_be_bytes());
    buffer.extend(sign.to_be_bytes());
    buffer.extend(u16::try_from(fraction.len()).map_err(|_| out_of_range())?.to_be_bytes());
    groups.iter().for_each(|group| buffer.extend(group.to_be_bytes()));
    Ok(())
}

/// The text of a number, with as many digits behind the point as its scale says.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, ValueError> {
    let invalid =
        || ValueError::Invalid { expected: "decimal", reason: "its bytes make no number".to_owned() };
    let number = |at: usize| -> Result<[u8; 2], ValueError> {
        bytes.get(2 * at..2 * at + 2).and_then(|two| two.try_into().ok()).ok_or_else(invalid)
    };
    let count = u16::from_be_bytes(number(0)?);
    let weight = i64::from(i16::from_be_bytes(number(1)?));
    let is_negative = match u16::from_be_bytes(number(2)?) {
        POSITIVE => false,
        NEGATIVE => true,
        // NaN and the infinities.
        _ => return Err(ValueError::OutOfRange { expected: "a decimal, which has no NaN and no infinity" }),
    };
    let scale = usize::from(u16::from_be_bytes(number(3)?));
    let groups: Vec<u16> =
        (0..usize::from(count)).map(|at| number(4 + at).map(u16::from_be_bytes)).collect::<Result<_, _>>()?;
    // The group of this weight: ten thousand to the power of it.
    let group = |at: i64| {
        let place = usize::try_from(weight - at).ok();
        place.and_then(|place| groups.get(place)).copied().unwrap_or(0)
    };
    let mut text = String::from(if is_negative { "-" } else { "" });
    let whole: String = (0..=weight.max(0)).rev().map(|at| format!("{:04}", group(at))).collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let behind = scale.div_ceil(GROUP);
        let fraction: String =
            (1..=i64::try_from(behind).unwrap_or_default()).map(|at| format!("{:04}", group(-at))).collect();
        text.push('.');
        text.push_str(&fraction[..scale]);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_survives_its_bytes() {
        for number in [
            "0",
            "1",
            "-1",
            "12.50",
            "0.0001",
            "-0.00010",
            "10000",
            "9999",
            "123456789012345678901234567890.987654321",
            "0.00",
            "100000000",
            "79228162514264337593543950335",
            "0.0000000000000000000000000001",
        ] {
            let mut bytes = Vec::new();
            assert_eq!(encode(number, &mut bytes), Ok(()));
            assert_eq!(decode(&bytes).as_deref(), Ok(number));
        }
    }

    #[test]
    fn zeros_without_meaning_go() {
        for (number, expected) in
            [("-0", "0"), ("+007.5", "7.5"), (".5", "0.5"), ("5.", "5"), ("-0.00", "0.00")]
        {
            let mut bytes = Vec::new();
            assert_eq!(encode(number, &mut bytes), Ok(()));
            assert_eq!(decode(&bytes).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert!(encode("12,5", &mut Vec::new()).is_err());
        assert!(encode("NaN", &mut Vec::new()).is_err());
        assert!(decode(&[0, 0, 0, 0, 0xc0, 0, 0, 0]).is_err());
        assert!(decode(&[0, 1]).is_err());
    }
}
