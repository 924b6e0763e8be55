//! Texts that keep a format beyond doubt, whoever reads it; what is not so plain is odd.
#![forbid(unsafe_code)]

use crate::odd::{sure, Odd, Read};

/// A format of JSON Schema that is known here.
#[derive(Clone, Copy)]
pub enum Format {
    Date,
    DateTime,
    Email,
    Hostname,
    Ipv4,
    Uri,
    Uuid,
}

impl Format {
    pub fn named(name: &str) -> Read<Format> {
        Ok(match name {
            "date" => Format::Date,
            "date-time" => Format::DateTime,
            "email" => Format::Email,
            "hostname" => Format::Hostname,
            "ipv4" => Format::Ipv4,
            "uri" => Format::Uri,
            "uuid" => Format::Uuid,
            _ => return Err(Odd),
        })
    }

    /// `Ok` when the text surely keeps it; never said that it does not.
    pub fn kept(self, text: &str) -> Read<()> {
        let text = text.as_bytes();
        match self {
            Format::Date => sure(text.len() == 10).and_then(|()| date(text)),
            Format::DateTime => moment(text),
            Format::Email => email(text),
            Format::Hostname => host(text),
            Format::Ipv4 => ipv4(text),
            Format::Uri => uri(text),
            Format::Uuid => uuid(text),
        }
    }
}

/// The number that digits make, from least to most.
fn number(digits: &[u8], least: u32, most: u32) -> Read<u32> {
    sure(!digits.is_empty() && digits.len() < 9 && digits.iter().all(u8::is_ascii_digit))?;
    let said = digits.iter().fold(0, |said, digit| said * 10 + u32::from(digit - b'0'));
    sure((least..=most).contains(&said))?;
    Ok(said)
}

fn date(text: &[u8]) -> Read<()> {
    sure(text.len() >= 10 && text[4] == b'-' && text[7] == b'-')?;
    let (year, month) = (number(&text[..4], 1, 9999)?, number(&text[5..7], 1, 12)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    number(&text[8..10], 1, days).map(|_| ())
}

/// RFC 3339, in capitals, without a leap second.
fn moment(text: &[u8]) -> Read<()> {
    sure(text.len() >= 20)?;
    date(text)?;
    sure(text[10] == b'T' && text[13] == b':' && text[16] == b':')?;
    number(&text[11..13], 0, 23)?;
    number(&text[14..16], 0, 59)?;
    number(&text[17..19], 0, 59)?;
    let mut rest = &text[19..];
    if rest[0] == b'.' {
        let digits = rest[1..].iter().take_while(|sign| sign.is_ascii_digit()).count();
        sure((1..=9).contains(&digits))?;
        rest = &rest[1 + digits..];
    }
    match rest {
        [b'Z'] => Ok(()),
        [b'+' | b'-', hours @ .., b':', tens, ones] => {
            sure(hours.len() == 2)?;
            number(hours, 0, 23)?;
            number(&[*tens, *ones], 0, 59).map(|_| ())
        }
        _ => Err(Odd),
    }
}

fn email(text: &[u8]) -> Read<()> {
    let at = text.iter().position(|sign| *sign == b'@').ok_or(Odd)?;
    let (local, domain) = (&text[..at], &text[at + 1..]);
    sure(local.len() <= 64 && domain.contains(&b'.'))?;
    sure(local.split(|sign| *sign == b'.').all(|atom| !atom.is_empty() && atom.iter().all(|sign| sign.is_ascii_alphanumeric() || b"_-+".contains(sign))))?;
    host(domain)
}

fn host(text: &[u8]) -> Read<()> {
    sure(text.len() <= 200)?;
    for label in text.split(|sign| *sign == b'.') {
        sure((1..=60).contains(&label.len()) && label[0].is_ascii_alphabetic() && label[label.len() - 1] != b'-')?;
        sure(label.iter().all(|sign| sign.is_ascii_alphanumeric() || *sign == b'-') && !label.windows(2).any(|two| two == b"--"))?;
    }
    Ok(())
}

fn ipv4(text: &[u8]) -> Read<()> {
    let mut parts = 0;
    for part in text.split(|sign| *sign == b'.') {
        parts += 1;
        sure(part.len() <= 3 && (part.len() == 1 || part[0] != b'0'))?;
        number(part, 0, 255)?;
    }
    sure(parts == 4)
}

/// An address of the web with a plain host, path and query.
fn uri(text: &[u8]) -> Read<()> {
    let rest = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://")).ok_or(Odd)?;
    let end = rest.iter().position(|sign| *sign == b'/').unwrap_or(rest.len());
    host(&rest[..end])?;
    sure(rest[end..].iter().all(|sign| sign.is_ascii_alphanumeric() || b"/-._~=&?".contains(sign)))
}

fn uuid(text: &[u8]) -> Read<()> {
    sure(text.len() == 36)?;
    for (at, sign) in text.iter().enumerate() {
        sure(if matches!(at, 8 | 13 | 18 | 23) { *sign == b'-' } else { sign.is_ascii_hexdigit() })?;
    }
    Ok(())
}
