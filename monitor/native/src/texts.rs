//! A text of JSON that every reader reads alike: no key twice in one object, no number that any of them rounds.
#![forbid(unsafe_code)]

use pyo3::prelude::*;

use crate::json::Json;
use crate::odd::{Odd, Read};

/// So few keys are compared one with another; more are sorted, which no choice of keys makes slow.
const FEW: usize = 8;

/// Whether a text is JSON of at most `depth` levels that surely is so. False tells nothing: an escaped key, an exponent or a
/// number of more than 64 bits are left to a reader that looks closer.
#[pyfunction]
pub fn read_alike(text: &str, depth: u32) -> bool {
    is_plain(Json::new(text), depth)
}

/// The same of what is left to read.
pub fn is_plain(mut json: Json<'_>, depth: u32) -> bool {
    json.space();
    value(&mut json, depth).and_then(|()| json.end()).is_ok()
}

fn value(json: &mut Json<'_>, depth: u32) -> Read<()> {
    match json.peek() {
        b'"' => json.skip(0),
        b'{' => object(json, depth.checked_sub(1).ok_or(Odd)?),
        b'[' => {
            let below = depth.checked_sub(1).ok_or(Odd)?;
            json.items(|json| value(json, below))
        }
        _ => json.skip(0),
    }
}

fn object(json: &mut Json<'_>, below: u32) -> Read<()> {
    let mut keys: Vec<&str> = Vec::new();
    json.members(|json, key| {
        if keys.len() < FEW && keys.contains(&key) {
            return Err(Odd);
        }
        keys.push(key);
        value(json, below)
    })?;
    if keys.len() > FEW {
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Odd);
        }
    }
    Ok(())
}
