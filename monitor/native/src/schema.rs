//! One schema as Python wrote it down for proving: what it allows by type, and the schemas that apply in its place or below.
#![forbid(unsafe_code)]

use pyo3::prelude::*;
use rustc_hash::FxHashMap;

use crate::formats::Format;
use crate::odd::{sure, Odd, Read};
use crate::pattern::Pattern;

pub const NULL: u8 = 1;
pub const TRUTH: u8 = 2;
pub const WHOLE: u8 = 4;
pub const REAL: u8 = 8;
pub const TEXT: u8 = 16;
pub const LIST: u8 = 32;
pub const OBJECT: u8 = 64;
const ALL: u8 = 127;
const MOST_MEMBERS: usize = 256;

/// A bound on numbers.
#[derive(FromPyObject)]
pub enum Bound {
    Whole(i128),
    Real(f64),
}

/// A scalar that an `enum` or a `const` lists.
#[derive(FromPyObject)]
pub enum Listed {
    Truth(bool),
    Whole(i64),
    Text(String),
}

/// As `monitor/contracts/proving.py` says it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Said {
    /// Types that are allowed, and types of which some clause is not understood here.
    kinds: u8,
    odd: u8,
    /// Whether a number with a fraction is no match for the type, but one like 2.0 may be.
    integer: bool,
    listed: Option<Vec<Option<Listed>>>,
    /// (0 at least, 1 more than, 2 at most, 3 less than; the bound)
    bounds: Vec<(u8, Bound)>,
    step: Option<i64>,
    shortest: u64,
    longest: Option<u64>,
    pattern: Option<String>,
    format: Option<String>,
    /// Schemas of the first items, and of those behind them.
    firsts: Vec<u32>,
    items: Option<u32>,
    fewest: u64,
    most: Option<u64>,
    unique: bool,
    members: Vec<(String, u32)>,
    required: Vec<String>,
    /// What every other member keeps: a schema, anything, or that there is none (`closed`).
    others: Option<u32>,
    closed: bool,
    least: u64,
    largest: Option<u64>,
    every: Vec<u32>,
    any: Vec<Vec<u32>>,
    one: Vec<Vec<u32>>,
    never: Vec<u32>,
    choices: Vec<(u32, Option<u32>, Option<u32>)>,
}

/// The same, ready to be held against values.
pub struct Schema {
    pub kinds: u8,
    pub odd: u8,
    pub integer: bool,
    pub listed: Option<List>,
    pub bounds: Vec<(u8, Bound)>,
    pub step: Option<i64>,
    pub text: Option<Texts>,
    pub firsts: Vec<u32>,
    pub items: Option<u32>,
    pub fewest: u64,
    pub most: Option<u64>,
    pub unique: bool,
    pub members: Vec<(Box<str>, Option<u32>)>,
    pub places: FxHashMap<Box<str>, u32>,
    pub required: [u64; MOST_MEMBERS / 64],
    pub others: Option<u32>,
    pub closed: bool,
    pub least: u64,
    pub largest: Option<u64>,
    pub every: Vec<u32>,
    pub any: Vec<Vec<u32>>,
    pub one: Vec<Vec<u32>>,
    pub never: Vec<u32>,
    pub choices: Vec<(u32, Option<u32>, Option<u32>)>,
    /// Whether it says anything of its own, beside what applies in its place.
    pub own: bool,
}

#[derive(Default)]
pub struct List {
    pub texts: Vec<Box<str>>,
    pub wholes: Vec<i64>,
    pub truths: [bool; 2],
    pub null: bool,
}

pub struct Texts {
    pub shortest: u64,
    pub longest: Option<u64>,
    pub pattern: Option<Pattern>,
    pub format: Option<Format>,
}

impl Schema {
    pub fn new(said: Said) -> Read<Schema> {
        let mut members: Vec<(Box<str>, Option<u32>)> = said.members.into_iter().map(|(name, at)| (name.into(), Some(at))).collect();
        for name in &said.required {
            if !members.iter().any(|(known, _)| **known == **name) {
                members.push((name.as_str().into(), None));
            }
        }
        sure(members.len() <= MOST_MEMBERS)?;
        let places: FxHashMap<Box<str>, u32> = members.iter().enumerate().map(|(at, (name, _))| (name.clone(), at as u32)).collect();
        sure(places.len() == members.len())?;
        let mut required = [0u64; MOST_MEMBERS / 64];
        for name in &said.required {
            let at = *places.get(name.as_str()).ok_or(Odd)? as usize;
            required[at / 64] |= 1 << (at % 64);
        }
        let mut odd = said.odd;
        let (mut pattern, mut format) = (None, None);
        if let Some(text) = &said.pattern {
            match Pattern::new(text) {
                Ok(read) => pattern = Some(read),
                Err(Odd) => odd |= TEXT,
            }
        }
        if let Some(name) = &said.format {
            match Format::named(name) {
                Ok(known) => format = Some(known),
                Err(Odd) => odd |= TEXT,
            }
        }
        let plain_text = said.shortest == 0 && said.longest.is_none() && pattern.is_none() && format.is_none();
        let mut schema = Schema {
            kinds: said.kinds,
            odd,
            integer: said.integer,
            listed: said.listed.map(listed),
            bounds: said.bounds,
            step: said.step,
            text: (!plain_text).then_some(Texts { shortest: said.shortest, longest: said.longest, pattern, format }),
            firsts: said.firsts,
            items: said.items,
            fewest: said.fewest,
            most: said.most,
            unique: said.unique,
            members,
            places,
            required,
            others: said.others,
            closed: said.closed,
            least: said.least,
            largest: said.largest,
            every: said.every,
            any: said.any,
            one: said.one,
            never: said.never,
            choices: said.choices,
            own: true,
        };
        schema.own = schema.says();
        Ok(schema)
    }

    /// One of which nothing is understood.
    pub fn odd() -> Schema {
        Schema {
            kinds: ALL,
            odd: ALL,
            integer: false,
            listed: None,
            bounds: Vec::new(),
            step: None,
            text: None,
            firsts: Vec::new(),
            items: None,
            fewest: 0,
            most: None,
            unique: false,
            members: Vec::new(),
            places: FxHashMap::default(),
            required: [0; MOST_MEMBERS / 64],
            others: None,
            closed: false,
            least: 0,
            largest: None,
            every: Vec::new(),
            any: Vec::new(),
            one: Vec::new(),
            never: Vec::new(),
            choices: Vec::new(),
            own: true,
        }
    }

    fn says(&self) -> bool {
        let of_lists = !self.firsts.is_empty() || self.items.is_some() || self.fewest > 0 || self.most.is_some() || self.unique;
        let of_objects = !self.members.is_empty() || self.others.is_some() || self.closed || self.least > 0 || self.largest.is_some();
        let of_scalars = self.listed.is_some() || !self.bounds.is_empty() || self.step.is_some() || self.text.is_some();
        self.kinds != ALL || self.odd != 0 || of_lists || of_objects || of_scalars
    }

    /// Whether every value keeps it.
    pub fn bare(&self) -> bool {
        !self.own && self.every.is_empty() && self.any.is_empty() && self.one.is_empty() && self.never.is_empty() && self.choices.is_empty()
    }
}

fn listed(values: Vec<Option<Listed>>) -> List {
    let mut list = List::default();
    for value in values {
        match value {
            Some(Listed::Truth(truth)) => list.truths[usize::from(truth)] = true,
            Some(Listed::Whole(number)) => list.wholes.push(number),
            Some(Listed::Text(text)) => list.texts.push(text.into()),
            None => list.null = true,
        }
    }
    list
}
