//! Whether a body in JSON surely keeps a schema, told from its text alone: nothing of it is built.
//!
//! It says "kept" only of what every reader of JSON reads alike (no key twice, no number that anyone rounds, 32 levels at most).
//! All else, broken bodies too, is left to those who judge: here "no proof" is no verdict. That a part does not fit is used only
//! where schemas choose between parts (anyOf, oneOf, not, if).
#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::json::{Json, Number};
use crate::odd::{Odd, Read};
use crate::schema::{Bound, List, Schema, LIST, NULL, OBJECT, REAL, TEXT, TRUTH, WHOLE};

const DEEPEST: u32 = 32;
const MOST_STEPS: u32 = 100_000;
const EXACT: i128 = 1 << 53;
const COMPARED: usize = 24;

/// Why a value is not proven to keep a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It surely does not.
    Broken,
    /// It cannot be told here.
    Open,
    /// The schema of this number is not written down yet.
    Missing(u32),
}

impl From<Odd> for Stop {
    fn from(_: Odd) -> Stop {
        Stop::Open
    }
}

type Proof = Result<(), Stop>;

fn hold(holds: bool) -> Proof {
    if holds {
        Ok(())
    } else {
        Err(Stop::Broken)
    }
}

fn known(holds: bool) -> Proof {
    if holds {
        Ok(())
    } else {
        Err(Stop::Open)
    }
}

/// Proves the whole text. Tells whether it is an object without any of the members `marks`.
pub fn prove(text: &str, root: u32, schemas: &[Option<Schema>], marks: &[String]) -> Result<bool, Stop> {
    let mut json = Json::new(text);
    json.space();
    let (begun, object) = (json.at, json.peek() == b'{');
    let mut prover = Prover { schemas, marks, begun, marked: false, steps: 0 };
    prover.value(&mut json, root, 0)?;
    json.end()?;
    Ok(object && !prover.marked)
}

struct Prover<'s> {
    schemas: &'s [Option<Schema>],
    marks: &'s [String],
    begun: usize,
    marked: bool,
    steps: u32,
}

impl<'s> Prover<'s> {
    fn schema(&self, number: u32) -> Result<&'s Schema, Stop> {
        self.schemas.get(number as usize).and_then(Option::as_ref).ok_or(Stop::Missing(number))
    }

    fn step(&mut self, deep: u32) -> Proof {
        self.steps += 1;
        known(deep < DEEPEST && self.steps < MOST_STEPS)
    }

    fn value(&mut self, json: &mut Json<'_>, number: u32, deep: u32) -> Proof {
        self.step(deep)?;
        let schema = self.schema(number)?;
        let begun = json.at;
        if schema.own || schema.every.is_empty() {
            self.own(json, schema, deep)?;
            if !schema.own && schema.bare() {
                return Ok(());
            }
        }
        for &part in &schema.every {
            json.at = begun;
            self.value(json, part, deep + 1)?;
        }
        let end = json.at;
        for parts in &schema.any {
            self.any(json, begun, parts, deep)?;
        }
        for parts in &schema.one {
            self.one(json, begun, parts, deep)?;
        }
        for &part in &schema.never {
            hold(!self.fits(json, begun, part, deep)?)?;
        }
        for &(asked, then, otherwise) in &schema.choices {
            let next = if self.fits(json, begun, asked, deep)? { then } else { otherwise };
            if let Some(part) = next {
                json.at = begun;
                self.value(json, part, deep + 1)?;
            }
        }
        json.at = end;
        Ok(())
    }

    fn fits(&mut self, json: &mut Json<'_>, begun: usize, part: u32, deep: u32) -> Result<bool, Stop> {
        json.at = begun;
        match self.value(json, part, deep + 1) {
            Ok(()) => Ok(true),
            Err(Stop::Broken) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn any(&mut self, json: &mut Json<'_>, begun: usize, parts: &[u32], deep: u32) -> Proof {
        let mut open = false;
        for &part in parts {
            match self.fits(json, begun, part, deep) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Stop::Open) => open = true,
                Err(other) => return Err(other),
            }
        }
        Err(if open { Stop::Open } else { Stop::Broken })
    }

    fn one(&mut self, json: &mut Json<'_>, begun: usize, parts: &[u32], deep: u32) -> Proof {
        let mut fitting = 0;
        for &part in parts {
            fitting += u32::from(self.fits(json, begun, part, deep)?);
        }
        hold(fitting == 1)
    }

    /// What a schema says itself; goes past the value.
    fn own(&mut self, json: &mut Json<'_>, schema: &Schema, deep: u32) -> Proof {
        match json.peek() {
            b'{' if schema.kinds & OBJECT == 0 => Err(Stop::Broken),
            b'{' if schema.odd & OBJECT != 0 => Err(Stop::Open),
            b'{' => self.object(json, schema, deep),
            b'[' if schema.kinds & LIST == 0 => Err(Stop::Broken),
            b'[' if schema.odd & LIST != 0 => Err(Stop::Open),
            b'[' => self.list(json, schema, deep),
            b'"' => {
                let text = json.string()?;
                hold(schema.kinds & TEXT != 0)?;
                known(schema.odd & TEXT == 0)?;
                self.text(&text, schema)
            }
            b'n' => {
                json.word("null")?;
                scalar(schema, NULL, |list| list.null)
            }
            b't' => {
                json.word("true")?;
                scalar(schema, TRUTH, |list| list.truths[1])
            }
            b'f' => {
                json.word("false")?;
                scalar(schema, TRUTH, |list| list.truths[0])
            }
            _ => match json.number()? {
                Number::Int(number) => {
                    scalar(schema, WHOLE, |list| list.wholes.contains(&number))?;
                    for (how, bound) in &schema.bounds {
                        hold(whole_within(number, *how, bound)?)?;
                    }
                    schema.step.map_or(Ok(()), |step| hold(number % step == 0))
                }
                Number::Float(number) => real(schema, number),
            },
        }
    }

    fn text(&self, text: &Cow<'_, str>, schema: &Schema) -> Proof {
        if let Some(list) = &schema.listed {
            hold(list.texts.iter().any(|one| **one == **text))?;
        }
        let Some(clauses) = &schema.text else { return Ok(()) };
        if clauses.shortest > 0 || clauses.longest.is_some() {
            let length = if text.is_ascii() { text.len() } else { text.chars().count() } as u64;
            hold(length >= clauses.shortest && clauses.longest.is_none_or(|longest| length <= longest))?;
        }
        if let Some(pattern) = &clauses.pattern {
            hold(pattern.found(text)?)?;
        }
        if let Some(format) = clauses.format {
            format.kept(text)?;
        }
        Ok(())
    }

    fn list(&mut self, json: &mut Json<'_>, schema: &Schema, deep: u32) -> Proof {
        hold(schema.listed.is_none())?; // it lists scalars alone
        let (mut count, mut seen) = (0u64, Vec::new());
        json.items(|json| {
            let (begun, first) = (json.at, schema.firsts.get(count as usize).copied());
            count += 1;
            match first.or(schema.items) {
                Some(items) => self.value(json, items, deep + 1)?,
                None => self.anything(json, deep + 1)?,
            }
            if schema.unique {
                let text = json.slice(begun);
                known(text.starts_with('"') && !text.contains('\\') && seen.len() < COMPARED)?;
                hold(!seen.contains(&text))?;
                seen.push(text);
            }
            Ok::<(), Stop>(())
        })?;
        hold(count >= schema.fewest && schema.most.is_none_or(|most| count <= most))
    }

    fn object(&mut self, json: &mut Json<'_>, schema: &Schema, deep: u32) -> Proof {
        hold(schema.listed.is_none())?; // it lists scalars alone
        let (mut count, mut next, mut seen, mut others) = (0u64, 0usize, [0u64; 4], Vec::new());
        let topmost = json.at == self.begun;
        json.members(|json, key| {
            count += 1;
            self.marked |= topmost && self.marks.iter().any(|mark| mark == key);
            let place = match schema.members.get(next) {
                Some((name, _)) if **name == *key => Some(next),
                _ => schema.places.get(key).map(|place| *place as usize),
            };
            let below = match place {
                Some(place) => {
                    next = place + 1;
                    let (word, bit) = (place / 64, 1 << (place % 64));
                    known(seen[word] & bit == 0)?;
                    seen[word] |= bit;
                    schema.members[place].1
                }
                None => {
                    others.push(key);
                    None
                }
            };
            if below.is_none() && place.is_none_or(|place| schema.members[place].1.is_none()) {
                hold(!schema.closed)?;
            }
            match below.or(schema.others) {
                Some(number) => self.value(json, number, deep + 1),
                None => self.anything(json, deep + 1),
            }
        })?;
        known(all_differ(&mut others))?;
        hold(schema.required.iter().zip(seen).all(|(asked, seen)| asked & !seen == 0))?;
        hold(count >= schema.least && schema.largest.is_none_or(|largest| count <= largest))
    }

    /// A value of which nothing is asked.
    fn anything(&mut self, json: &mut Json<'_>, deep: u32) -> Proof {
        self.step(deep)?;
        match json.peek() {
            b'{' => {
                let mut keys = Vec::new();
                let topmost = json.at == self.begun;
                json.members(|json, key| {
                    self.marked |= topmost && self.marks.iter().any(|mark| mark == key);
                    keys.push(key);
                    self.anything(json, deep + 1)
                })?;
                known(all_differ(&mut keys))
            }
            b'[' => json.items(|json| self.anything(json, deep + 1)),
            _ => json.skip(0).map_err(Stop::from),
        }
    }
}

fn all_differ(keys: &mut [&str]) -> bool {
    if keys.len() <= COMPARED {
        return keys.iter().enumerate().all(|(at, key)| !keys[..at].contains(key));
    }
    keys.sort_unstable();
    keys.windows(2).all(|two| two[0] != two[1])
}

fn scalar(schema: &Schema, kind: u8, listed: impl Fn(&List) -> bool) -> Proof {
    hold(schema.kinds & kind != 0)?;
    known(schema.odd & kind == 0)?;
    hold(schema.listed.as_ref().is_none_or(listed))
}

fn real(schema: &Schema, number: f64) -> Proof {
    if schema.kinds & REAL == 0 {
        return Err(if schema.integer && number.fract() == 0.0 { Stop::Open } else { Stop::Broken });
    }
    known(schema.odd & REAL == 0 && schema.listed.is_none() && schema.step.is_none())?;
    for (how, bound) in &schema.bounds {
        let bound = match bound {
            Bound::Whole(bound) => {
                known((-EXACT..=EXACT).contains(bound))?;
                *bound as f64
            }
            Bound::Real(bound) => *bound,
        };
        hold(match how {
            0 => number >= bound,
            1 => number > bound,
            2 => number <= bound,
            _ => number < bound,
        })?;
    }
    Ok(())
}

fn whole_within(number: i64, how: u8, bound: &Bound) -> Read<bool> {
    let number = i128::from(number);
    let order = match bound {
        Bound::Whole(bound) => number.cmp(bound),
        Bound::Real(bound) if (-EXACT..=EXACT).contains(&number) => (number as f64).partial_cmp(bound).ok_or(Odd)?,
        Bound::Real(_) => return Err(Odd),
    };
    Ok(match how {
        0 => order.is_ge(),
        1 => order.is_gt(),
        2 => order.is_le(),
        _ => order.is_lt(),
    })
}
