//! Marks of one text or number, as bytes. The reference stands in monitor/contracts/marks.py; what is not so plain is odd, and
//! asked of it.
#![forbid(unsafe_code)]

use crate::odd::{sure, Read};

const LONGEST_CATEGORY: usize = 32;
const MOST_DECIMALS: usize = 4;
const UNIX_DAY: i64 = 719_468;

/// What `\s` takes of ASCII in Python.
fn is_space(sign: u8) -> bool {
    matches!(sign, 9..=13 | 28..=32)
}

fn digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

/// A length up to 16 as it is; beyond, the power of two that it does not exceed.
pub fn length(length: usize, out: &mut Vec<u8>) {
    let told = if length <= 16 { length } else { length.next_power_of_two() };
    decimal(told as u64, out);
}

/// A number in digits.
fn decimal(number: u64, out: &mut Vec<u8>) {
    if number >= 10 {
        decimal(number / 10, out);
    }
    out.push(b'0' + (number % 10) as u8);
}

/// A text that holds signs beyond ASCII has no format here, unless one of them may be a digit.
pub fn plain_beyond_ascii(text: &str) -> Read<()> {
    let raw = text.as_bytes();
    sure(!text.chars().any(|sign| !sign.is_ascii() && sign.is_numeric()))?;
    // what may be a time with an odd space in it
    sure(raw.len() < 8 || raw[4] != b'-' || raw[7] != b'-')
}

/// The format that a text of ASCII alone surely has.
pub fn format(text: &[u8]) -> &'static str {
    let length = text.len();
    if !(7..=2_000).contains(&length) {
        return "";
    }
    if text[4] == b'-' {
        if length >= 20 && is_moment(text) {
            return "date-time";
        }
        if length == 10 && is_date(text) {
            return "date";
        }
    }
    if length == 36 && text[8] == b'-' && is_uuid(text) {
        return "uuid";
    }
    if text.starts_with(b"http") {
        if is_uri(text) {
            return "uri";
        }
    } else if length <= 15 && text[0].is_ascii_digit() && is_ipv4(text) {
        return "ipv4";
    }
    if is_email(text) {
        "email"
    } else {
        ""
    }
}

/// A day that its month has. With the last days of months, or formats would come and go with the calendar.
fn is_date(text: &[u8]) -> bool {
    digits(&text[..4])
        && text[4] == b'-'
        && matches!((text[5], text[6]), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2'))
        && text[7] == b'-'
        && match (text[8], text[9]) {
            (b'0', b'1'..=b'9') | (b'1' | b'2', b'0'..=b'9') => true,
            (b'3', b'0') => &text[5..7] != b"02",
            (b'3', b'1') => matches!(&text[5..7], b"01" | b"03" | b"05" | b"07" | b"08" | b"10" | b"12"),
            _ => false,
        }
}

fn is_hour(text: &[u8]) -> bool {
    matches!((text[0], text[1]), (b'0' | b'1', b'0'..=b'9') | (b'2', b'0'..=b'3'))
}

fn is_sixtieth(text: &[u8]) -> bool {
    matches!((text[0], text[1]), (b'0'..=b'5', b'0'..=b'9'))
}

fn is_moment(text: &[u8]) -> bool {
    if !(is_date(text) && text[10] == b'T' && text[13] == b':' && text[16] == b':') {
        return false;
    }
    if !(is_hour(&text[11..]) && is_sixtieth(&text[14..]) && is_sixtieth(&text[17..])) {
        return false;
    }
    let mut rest = &text[19..];
    if rest[0] == b'.' {
        let many = rest[1..].iter().take_while(|sign| sign.is_ascii_digit()).count();
        if many == 0 {
            return false;
        }
        rest = &rest[1 + many..];
    }
    match rest {
        [b'Z'] => true,
        [b'+' | b'-', _, _, b':', _, _] => is_hour(&rest[1..]) && is_sixtieth(&rest[4..]),
        _ => false,
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(at, sign)| if matches!(at, 8 | 13 | 18 | 23) { *sign == b'-' } else { sign.is_ascii_hexdigit() })
}

fn is_uri(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://")) else { return false };
    let host = rest.iter().take_while(|sign| sign.is_ascii_alphanumeric() || matches!(sign, b'.' | b'-')).count();
    if host == 0 {
        return false;
    }
    let mut rest = &rest[host..];
    if let [b':', port @ ..] = rest {
        let many = port.iter().take_while(|sign| sign.is_ascii_digit()).count();
        if many == 0 {
            return false;
        }
        rest = &port[many..];
    }
    match rest {
        [] => true,
        [b'/' | b'?' | b'#', below @ ..] => below.iter().all(|sign| sign.is_ascii_alphanumeric() || b"/?#&=._~%+:;,@!$*()-".contains(sign)),
        _ => false,
    }
}

fn is_ipv4(text: &[u8]) -> bool {
    let mut parts = 0;
    for part in text.split(|sign| *sign == b'.') {
        parts += 1;
        let kept = digits(part)
            && match part {
                [_] | [_, _] | [b'1', _, _] => true,
                [b'2', tens, ones] => *tens < b'5' || (*tens == b'5' && *ones <= b'5'),
                _ => false,
            };
        if !kept {
            return false;
        }
    }
    parts == 4
}

fn is_email(text: &[u8]) -> bool {
    let Some(at) = text.iter().position(|sign| *sign == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let word = |sign: &u8| sign.is_ascii_alphanumeric() || matches!(sign, b'_' | b'+' | b'-');
    if !local.split(|sign| *sign == b'.').all(|atom| !atom.is_empty() && atom.iter().all(word)) {
        return false;
    }
    let Some(dot) = domain.iter().rposition(|sign| *sign == b'.') else { return false };
    let (labels, last) = (&domain[..dot], &domain[dot + 1..]);
    last.len() >= 2
        && last.iter().all(u8::is_ascii_alphabetic)
        && labels.split(|sign| *sign == b'.').all(|label| !label.is_empty() && label.iter().all(|sign| sign.is_ascii_alphanumeric() || *sign == b'-'))
}

fn is_joined(text: &[u8]) -> bool {
    text.iter().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, b'_' | b'.' | b':' | b'/' | b'-'))
}

/// Whether a text is a short word, of ASCII alone.
pub fn is_word(text: &[u8]) -> bool {
    (1..=LONGEST_CATEGORY).contains(&text.len()) && is_joined(text) && text.iter().any(u8::is_ascii_alphabetic)
}

/// 12 bits of a short word, written in hex.
pub fn category(text: &[u8], out: &mut Vec<u8>) {
    if is_word(text) {
        let number = crc32(text) & 0xFFF;
        for shift in [8, 4, 0] {
            out.push(b"0123456789abcdef"[(number >> shift) as usize & 15]);
        }
    }
}

const TABLE: [u32; 256] = {
    let (mut table, mut byte) = ([0u32; 256], 0);
    while byte < 256 {
        let (mut sum, mut bit) = (byte as u32, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { 0xEDB8_8320 ^ (sum >> 1) } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

/// The checksum of zlib. https://www.rfc-editor.org/rfc/rfc1952#section-8
fn crc32(text: &[u8]) -> u32 {
    !text.iter().fold(!0u32, |sum, byte| TABLE[((sum ^ u32::from(*byte)) & 255) as usize] ^ (sum >> 8))
}

/// What signs a text is made of; one beyond ASCII holds no digit there.
pub fn kind(text: &str) -> &'static str {
    let raw = text.as_bytes();
    if raw.is_empty() {
        return "empty";
    }
    if !text.is_ascii() {
        let spaced = text.chars().any(|sign| if sign.is_ascii() { is_space(sign as u8) } else { sign.is_whitespace() });
        return if spaced { "words" } else { "other" };
    }
    let (mut digit, mut lower, mut upper, mut hex, mut other, mut space) = (false, false, false, false, false, false);
    let mut beyond_hex = false;
    for sign in raw {
        match sign {
            b'0'..=b'9' => digit = true,
            b'a'..=b'z' => lower = true,
            b'A'..=b'Z' => upper = true,
            _ => other = true,
        }
        hex |= matches!(sign, b'a'..=b'f' | b'A'..=b'F');
        beyond_hex |= !sign.is_ascii_hexdigit();
        space |= is_space(*sign);
    }
    match (digit, lower || upper, other) {
        (true, false, false) => "digits",
        (true, true, false) if raw.len() >= 8 && hex && !beyond_hex => "hex",
        (false, true, false) if !upper => "lower",
        (false, true, false) if !lower => "upper",
        (false, true, false) => "letters",
        (true, true, false) => "plain",
        _ if is_joined(raw) => "joined",
        _ if space => "words",
        _ => "other",
    }
}

/// A time: what it tells of its zone, how precise it is, and its own parts.
pub struct Time<'a> {
    pub zone: &'static str,
    pub precision: &'static str,
    text: &'a [u8],
    clock: Option<&'a [u8]>,
    second: Option<&'a [u8]>,
    fraction: &'a [u8],
    comma: bool,
    spaced: bool,
    offset: &'a [u8],
}

impl<'a> Time<'a> {
    /// None for a text of ASCII that tells no time.
    pub fn of(text: &'a [u8]) -> Option<Time<'a>> {
        if !(10..=40).contains(&text.len()) || text[4] != b'-' || text[7] != b'-' {
            return None;
        }
        if !(digits(&text[..4]) && digits(&text[5..7]) && digits(&text[8..10])) {
            return None;
        }
        let mut rest = &text[10..];
        let (mut clock, mut second, mut fraction, mut comma) = (None, None, &text[..0], false);
        if let [b'T' | b' ', h1, h2, b':', m1, m2, after @ ..] = rest {
            if digits(&[*h1, *h2, *m1, *m2]) {
                clock = Some(&rest[1..6]);
                rest = after;
                if let [b':', s1, s2, after @ ..] = rest {
                    if digits(&[*s1, *s2]) {
                        second = Some(&rest[1..3]);
                        rest = after;
                        if let [point @ (b'.' | b','), after @ ..] = rest {
                            let many = after.iter().take_while(|sign| sign.is_ascii_digit()).count();
                            if !(1..=9).contains(&many) {
                                return None;
                            }
                            comma = *point == b',';
                            fraction = &after[..many];
                            rest = &after[many..];
                        }
                    }
                }
            }
        }
        let spaced = rest.first().is_some_and(|sign| is_space(*sign));
        let offset = if spaced { &rest[1..] } else { rest };
        let zone = match offset {
            [] => "none",
            [b'Z'] => "Z",
            [b'+' | b'-', h1, h2, b':', m1, m2] | [b'+' | b'-', h1, h2, m1, m2] if digits(&[*h1, *h2, *m1, *m2]) => {
                if offset == b"+00:00" || offset == b"+0000" {
                    "Z"
                } else {
                    "other"
                }
            }
            _ => return None,
        };
        let finest = fraction.len() - fraction.iter().rev().take_while(|sign| **sign == b'0').count();
        let precision = match (clock, finest) {
            (None, _) => "day",
            (_, 1..=3) => "ms",
            (_, 4..=6) => "us",
            (_, 7..) => "ns",
            _ if second.is_some_and(|second| second != b"00") => "s",
            _ => "min",
        };
        Some(Time { zone, precision, text, clock, second, fraction, comma, spaced, offset })
    }

    /// Before or after now, and by how many s, as a power of two.
    pub fn distance(&self, now: f64, out: &mut Vec<u8>) -> Read<()> {
        sure(!self.comma && !self.spaced && (self.clock.is_some() || self.offset.is_empty()))?;
        let number = |text: &[u8], least: i64, most: i64| -> Read<i64> {
            let told = text.iter().fold(0, |told, digit| told * 10 + i64::from(digit - b'0'));
            sure((least..=most).contains(&told))?;
            Ok(told)
        };
        // between these, microseconds are exact in a double
        let (year, month) = (number(&self.text[..4], 1800, 2200)?, number(&self.text[5..7], 1, 12)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let longest = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let day = number(&self.text[8..10], 1, longest)?;
        // https://howardhinnant.github.io/date_algorithms.html#days_from_civil
        let (shifted, moved) = (if month <= 2 { year - 1 } else { year }, (month + 9) % 12);
        let (era, of_era) = (shifted / 400, shifted % 400);
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * moved + 2) / 5 + day - 1 - UNIX_DAY;
        let mut seconds = days * 86_400;
        if let Some(clock) = self.clock {
            seconds += number(&clock[..2], 0, 23)? * 3_600 + number(&clock[3..], 0, 59)? * 60;
        }
        if let Some(second) = self.second {
            seconds += number(second, 0, 59)?;
        }
        if let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = self.offset {
            let off = number(&[*h1, *h2], 0, 23)? * 3_600 + number(&[*m1, *m2], 0, 59)? * 60;
            seconds -= if *sign == b'+' { off } else { -off };
        } else {
            sure(self.offset.len() < 2)?;
        }
        let mut micros = 0;
        for at in 0..6 {
            micros = micros * 10 + self.fraction.get(at).map_or(0, |digit| i64::from(digit - b'0'));
        }
        let away = (seconds * 1_000_000 + micros) as f64 / 1e6 - now;
        sure(away.is_finite() && away.abs() < 1e15)?;
        out.push(if away < 0.0 { b'n' } else { b'p' });
        let bits = u64::BITS - (away.abs() as u64).leading_zeros();
        decimal(u64::from(bits), out);
        Ok(())
    }
}

/// Whole or not, and the size by powers of two with its sign.
pub fn whole(value: i64, out: &mut Vec<u8>) {
    sized(b'i', value == 0, value < 0, i64::from(u64::BITS - value.unsigned_abs().leading_zeros()), out);
}

pub fn number(value: f64, out: &mut Vec<u8>) {
    let kind = if value.is_finite() && value.fract() == 0.0 { b'i' } else { b'f' };
    sized(kind, value == 0.0, value < 0.0, power(value), out);
}

fn sized(kind: u8, zero: bool, negative: bool, power: i64, out: &mut Vec<u8>) {
    out.push(kind);
    if zero {
        out.push(b'z');
        return;
    }
    out.push(if negative { b'n' } else { b'p' });
    if power < 0 {
        out.push(b'-');
    }
    decimal(power.unsigned_abs(), out);
}

/// The exponent of C's `frexp`.
fn power(value: f64) -> i64 {
    if !value.is_finite() {
        return 1025;
    }
    let exponent = |value: f64| ((value.to_bits() >> 52) & 0x7FF) as i64;
    match exponent(value) {
        0 => exponent(value * 18_446_744_073_709_551_616.0) - 1_022 - 64,
        told => told - 1_022,
    }
}

/// How many digits stand behind the point in the shortest text of a number, at most four.
pub fn decimals(value: f64) -> usize {
    if !value.is_finite() || value.fract() == 0.0 {
        return 0;
    }
    let text = format!("{value}");
    text.find('.').map_or(0, |point| MOST_DECIMALS.min(text.len() - point - 1))
}

/// Whether a key is a name, and not somebody's data.
pub fn is_name(key: &str) -> bool {
    let raw = key.as_bytes();
    let Some(first) = raw.first() else { return false };
    if raw.len() > 64 || !(first.is_ascii_alphabetic() || b"_$@:.-#".contains(first)) {
        return false;
    }
    let (mut in_a_row, mut six, mut hex) = (0, false, true);
    for sign in raw {
        if sign.is_ascii_digit() {
            in_a_row += 1;
            six |= in_a_row == 6;
        } else {
            in_a_row = 0;
            if !(sign.is_ascii_alphabetic() || b"_$@:.-#/[]+ ".contains(sign)) {
                return false;
            }
        }
        hex &= sign.is_ascii_hexdigit() || *sign == b'-';
    }
    !(six || (hex && is_hex_data(raw)) || is_address(raw) || is_two_words(raw))
}

fn is_hex_data(raw: &[u8]) -> bool {
    let dashed = raw.contains(&b'-');
    (raw.len() >= 12 && !dashed) || (raw.len() >= 29 && raw[8] == b'-' && !raw[..8].contains(&b'-'))
}

fn is_address(raw: &[u8]) -> bool {
    let Some(at) = raw.iter().position(|sign| *sign == b'@') else { return false };
    let after = &raw[at + 1..];
    at > 0 && after.len() > 2 && after[1..after.len() - 1].contains(&b'.')
}

fn is_two_words(raw: &[u8]) -> bool {
    raw.iter().position(|sign| *sign == b' ').is_some_and(|at| at > 0 && raw.get(at + 1).is_some_and(|sign| *sign != b' '))
}

/// Whether a text may be a mask by how it begins; `words`: a bare word may be one.
pub fn may_be_mask(text: &str, words: bool) -> bool {
    match text.chars().next() {
        Some('*' | '•' | '█' | '[' | '<' | '(' | '{') => true,
        Some('x' | 'X' | 'r' | 'R' | 'f' | 'F') => words,
        _ => false,
    }
}

