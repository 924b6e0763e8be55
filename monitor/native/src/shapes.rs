//! The text of a payload's shape, from JSON that nobody decoded. The reference stands in monitor/contracts/shape.py; what it would
//! write in another way, or read differently, is left to it.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::panic::catch_unwind;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::json::Json;
use crate::odd::{sure, Odd, Read};

/// Keys of one object, items of one array, and levels that are told.
type Limits = (usize, usize, u32);

/// The shape of a body's JSON; `None` where it has to be decoded. Never raises.
#[pyfunction]
pub fn shape_text(body: &Bound<'_, PyAny>, limits: Limits) -> Option<String> {
    let text = if let Ok(text) = body.cast::<PyString>() {
        text.to_str().ok()?
    } else {
        std::str::from_utf8(body.cast::<PyBytes>().ok()?.as_bytes()).ok()?
    };
    catch_unwind(|| {
        let mut json = Json::new(text);
        json.space();
        let shape = shape(&mut json, limits, 0)?;
        json.end()?;
        Ok::<String, Odd>(shape.into_owned())
    })
    .ok()?
    .ok()
}

fn shape(json: &mut Json<'_>, limits: Limits, depth: u32) -> Read<Cow<'static, str>> {
    let (keys, most, deepest) = limits;
    let scalar = match json.peek() {
        b'{' if depth == deepest => "{}",
        b'[' if depth == deepest => "[]",
        b'{' => return object(json, limits, depth, keys).map(Cow::Owned),
        b'[' => return array(json, limits, depth, most).map(Cow::Owned),
        b'"' => "s",
        b't' | b'f' => "b",
        b'n' => "n",
        _ => {
            json.skip_number()?;
            return Ok(Cow::Borrowed("d"));
        }
    };
    json.skip(depth)?;
    Ok(Cow::Borrowed(scalar))
}

fn object(json: &mut Json<'_>, limits: Limits, depth: u32, keys: usize) -> Read<String> {
    let mut members: Vec<(&str, Cow<'static, str>)> = Vec::with_capacity(8);
    let (mut length, mut ordered) = (2, true);
    json.members(|json, name| {
        let below = shape(json, limits, depth + 1)?;
        length += name.len() + below.len() + 4;
        ordered &= members.last().is_none_or(|(last, _)| *last < name);
        members.push((name, below));
        Ok::<(), Odd>(())
    })?;
    if !ordered {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        sure(members.windows(2).all(|two| two[0].0 != two[1].0))?;
    }
    if members.len() > keys {
        return Ok(format!("{{*:{}}}", each(members.into_iter().map(|(_, child)| child).collect())));
    }
    let mut text = String::with_capacity(length);
    for (name, child) in members {
        sure(name.bytes().all(|sign| (b' '..=b'~').contains(&sign) && sign != b'\''))?;
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push('\'');
        text.push_str(name);
        text.push_str("':");
        text.push_str(&child);
    }
    text.push_str(if text.is_empty() { "{}" } else { "}" });
    Ok(text)
}

fn array(json: &mut Json<'_>, limits: Limits, depth: u32, most: usize) -> Read<String> {
    let (mut items, mut length): (Vec<Cow<'static, str>>, usize) = (Vec::new(), 0);
    json.items(|json| {
        if length < most {
            let item = shape(json, limits, depth + 1)?;
            if !items.contains(&item) {
                items.push(item);
            }
        } else {
            json.skip(depth + 1)?;
        }
        length += 1;
        Ok::<(), Odd>(())
    })?;
    Ok(format!("[{}]", each(items)))
}

/// Different texts in their order.
fn each(mut texts: Vec<Cow<'static, str>>) -> String {
    texts.sort_unstable();
    texts.dedup();
    texts.join("|")
}
