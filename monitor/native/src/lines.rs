//! The lines at which places of a JSON text stand. The reference is in monitor/contracts/lines.py.
#![forbid(unsafe_code)]

use pyo3::prelude::*;
use rustc_hash::FxHashMap;

use crate::json::Json;
use crate::odd::{Odd, Read};
use crate::texts::is_plain;

/// The wanted places: by the place above and a step as a pointer writes it.
#[derive(Default)]
struct Wanted {
    below: FxHashMap<String, usize>,
    line: usize,
}

struct Lines<'a> {
    text: &'a str,
    wanted: Vec<Wanted>,
    line: usize,
    counted: usize,
}

/// The line of each of these pointers that the text has, 0 for the others and for the root. None leaves a text to the reference:
/// what it reads otherwise than others, or what is deeper.
#[pyfunction]
pub fn lines_of(text: &str, pointers: Vec<String>, depth: u32) -> Option<Vec<usize>> {
    if !is_plain(Json::with_halves(text), depth) {
        return None;
    }
    let mut lines = Lines { text, wanted: vec![Wanted::default()], line: 1, counted: 0 };
    let places: Vec<usize> = pointers.iter().map(|pointer| lines.add(pointer)).collect();
    let mut json = Json::with_halves(text);
    json.space();
    lines.value(&mut json, 0).ok()?;
    Some(places.into_iter().map(|place| lines.wanted[place].line).collect())
}

impl Lines<'_> {
    fn add(&mut self, pointer: &str) -> usize {
        let mut steps = pointer.split('/');
        let mut at = if steps.next() == Some("") { 0 } else { self.fresh() };
        for step in steps {
            at = match self.wanted[at].below.get(step) {
                Some(&known) => known,
                None => {
                    let fresh = self.fresh();
                    self.wanted[at].below.insert(step.to_owned(), fresh);
                    fresh
                }
            };
        }
        at
    }

    fn fresh(&mut self) -> usize {
        self.wanted.push(Wanted::default());
        self.wanted.len() - 1
    }

    fn note(&mut self, place: usize, at: usize) {
        self.line += self.text.as_bytes()[self.counted..at].iter().filter(|sign| **sign == b'\n').count();
        self.counted = at;
        self.wanted[place].line = self.line;
    }

    /// A value that something is wanted of, or not; the text is known to be sound.
    fn value(&mut self, json: &mut Json<'_>, place: usize) -> Read<()> {
        match json.peek() {
            b'{' if !self.wanted[place].below.is_empty() => {
                let mut key_at = json.at + 1;
                json.members::<Odd>(|json, key| {
                    let below = &self.wanted[place].below;
                    let known = if key.contains(['~', '/']) {
                        below.get(&key.replace('~', "~0").replace('/', "~1"))
                    } else {
                        below.get(key)
                    };
                    match known.copied() {
                        Some(child) => {
                            // the key's place: after the last value's end, up to its first sign, no line lies within a key
                            self.note(child, quote(self.text, key_at));
                            self.value(json, child)?;
                        }
                        None => passed(self.text, json),
                    }
                    key_at = json.at;
                    Ok(())
                })
            }
            b'[' if !self.wanted[place].below.is_empty() => {
                let mut index = 0usize;
                json.items::<Odd>(|json| {
                    match self.wanted[place].below.get(index.to_string().as_str()).copied() {
                        Some(child) => {
                            self.note(child, json.at);
                            self.value(json, child)?;
                        }
                        None => passed(self.text, json),
                    }
                    index += 1;
                    Ok(())
                })
            }
            _ => {
                passed(self.text, json);
                Ok(())
            }
        }
    }
}

/// Where the next quote stands.
fn quote(text: &str, from: usize) -> usize {
    from + text.as_bytes()[from..].iter().position(|sign| *sign == b'"').unwrap_or(0)
}

/// Goes past a value of a sound text.
fn passed(text: &str, json: &mut Json<'_>) {
    let bytes = text.as_bytes();
    let (mut at, mut open) = (json.at, 0u32);
    while let Some(sign) = bytes.get(at) {
        at += 1;
        match sign {
            b'"' => {
                while let Some(far) = bytes[at..].iter().position(|sign| matches!(sign, b'"' | b'\\')) {
                    at += far + 1;
                    if bytes[at - 1] == b'"' {
                        break;
                    }
                    at += 1;
                }
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {
                while open == 0 && bytes.get(at).is_some_and(|sign| !matches!(sign, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')) {
                    at += 1;
                }
                if open > 0 {
                    continue;
                }
            }
        }
        if open == 0 {
            break;
        }
    }
    json.at = at;
}
