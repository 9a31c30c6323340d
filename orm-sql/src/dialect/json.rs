//! Values in JSON documents that are bound.

use std::fmt::Write as _;

pub(super) fn push_number(json: &mut String, number: i64) {
    // Writing to a String never fails.
    let _ = write!(json, "{number}");
}

/// As hexadecimal digits.
pub(super) fn push_bytes(json: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    json.reserve(bytes.len() * 2 + 2);
    json.push('"');
    for byte in bytes {
        json.push(digit(byte >> 4));
        json.push(digit(byte & 0xf));
    }
    json.push('"');
}

pub(super) fn push_text(json: &mut String, text: &str) {
    json.reserve(text.len() + 2);
    json.push('"');
    let mut rest = text;
    // All that is escaped is ASCII, so that slices end between characters.
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f)) {
        json.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            byte @ (b'"' | b'\\') => json.extend(['\\', char::from(byte)]),
            control => {
                let _ = write!(json, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    json.push_str(rest);
    json.push('"');
}
