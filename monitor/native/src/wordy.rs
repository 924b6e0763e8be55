//! Attributes that hold another text in every span, cut down as `monitor/decode/wordy.py` and `monitor/model/operations.py` do.
#![forbid(unsafe_code)]

use crate::odd::{sure, Read};

const MOST_SEGMENTS: usize = 12;
const LONGEST: usize = 200;

/// A path as its template, onto `out`; odd where it is not plain ASCII or is long, which Python judges.
pub fn template_path(path: &str, out: &mut Vec<u8>) -> Read<()> {
    let path = path.as_bytes();
    let end = path.iter().position(|&one| one == b'?' || one == b'#').unwrap_or(path.len());
    let path = &path[..end];
    sure(path.len() <= LONGEST * 4 && path.iter().all(|one| (0x20..0x7f).contains(one)))?;
    let begun = out.len();
    for (at, segment) in path.split(|&one| one == b'/').enumerate() {
        sure(at <= MOST_SEGMENTS)?;
        if at > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(if is_id(segment) { b"{id}" } else { segment });
    }
    if out.len() == begun {
        out.push(b'/');
    }
    sure(out.len() - begun <= LONGEST)
}

/// Whether a segment of printable ASCII varies from call to call.
fn is_id(segment: &[u8]) -> bool {
    let (mut digits, mut letters, mut hex, mut marks, mut dashes, mut others) = (0, 0, 0, 0, 0, false);
    for &one in segment {
        match one {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'f' => {
                hex += 1;
                letters += 1;
            }
            b'g'..=b'z' | b'A'..=b'Z' => letters += 1,
            b'-' => {
                dashes += 1;
                marks += 1;
            }
            b'_' | b'.' | b'~' | b'%' | b'+' | b'=' | b':' => marks += 1,
            b'@' => return true,
            _ => others = true,
        }
    }
    let length = segment.len();
    if length >= 49 {
        return true;
    }
    if digits == 0 || others {
        return !others && length == 36 && hex + dashes == length && uuid(segment);
    }
    digits == length
        || (digits + hex == length && length >= 7)
        || (length >= 16 && digits + letters + marks == length)
        || (length == 36 && digits + hex + dashes == length && uuid(segment))
        || numbered(segment, letters, digits)
        || prefixed(segment)
}

fn uuid(segment: &[u8]) -> bool {
    segment.iter().enumerate().all(|(at, &one)| (one == b'-') == matches!(at, 8 | 13 | 18 | 23))
}

/// One to six letters, perhaps a dash or underscore, three digits or more.
fn numbered(segment: &[u8], letters: usize, digits: usize) -> bool {
    let between = segment.len() - letters - digits;
    (1..=6).contains(&letters)
        && digits >= 3
        && between <= 1
        && segment[..letters].iter().all(u8::is_ascii_alphabetic)
        && segment[letters + between..].iter().all(u8::is_ascii_digit)
        && (between == 0 || matches!(segment[letters], b'-' | b'_'))
}

/// One to 24 letters, a mark, and a hash: `pay_0000063d`.
fn prefixed(segment: &[u8]) -> bool {
    let letters = segment.iter().position(|one| !one.is_ascii_alphabetic()).unwrap_or(segment.len());
    if !(1..=24).contains(&letters) || !matches!(segment.get(letters), Some(b'-' | b'_' | b'.' | b':' | b'~')) {
        return false;
    }
    let hash = &segment[letters + 1..];
    hash.len() >= 7 && hash.iter().all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f')) && hash.iter().any(u8::is_ascii_digit)
}

/// A URL as scheme, host and template, or only scheme and host where the span names its route; nothing for what is no URL.
pub fn cut_url(url: &str, routed: bool, out: &mut Vec<u8>) -> Read<()> {
    let bytes = url.as_bytes();
    let Some(colon) = bytes.iter().position(|one| !(one.is_ascii_alphanumeric() || matches!(one, b'+' | b'.' | b'-'))) else {
        return Ok(());
    };
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) || !bytes[colon..].starts_with(b"://") {
        return Ok(());
    }
    let after = &bytes[colon + 3..];
    let end = after.iter().position(|one| matches!(one, b'/' | b'?' | b'#')).unwrap_or(after.len());
    let (place, path) = after.split_at(end);
    let host = place.iter().position(|&one| one == b'@').map_or(place, |at| &place[at + 1..]);
    out.extend_from_slice(&bytes[..colon + 3]);
    out.extend_from_slice(host);
    if routed {
        return Ok(());
    }
    template_path(std::str::from_utf8(path).unwrap_or(""), out)
}

/// The verb of a query; odd where its beginning is not ASCII.
pub fn verb(query: &str, out: &mut Vec<u8>) -> Read<()> {
    let begin = &query.as_bytes()[..query.len().min(64)];
    sure(begin.is_ascii())?;
    let is_space = |one: &u8| matches!(one, b'\t'..=b'\r' | 0x1c..=0x1f | b' ');
    let first = begin.iter().position(|one| !is_space(one)).unwrap_or(begin.len());
    let word = &begin[first..];
    let word = &word[..word.iter().position(is_space).unwrap_or(word.len())];
    if word.iter().all(u8::is_ascii_alphabetic) {
        out.extend_from_slice(word);
    }
    Ok(())
}
