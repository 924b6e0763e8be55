//! Skeletons of payloads and their marks, in one walk over values of Python. The references stand in monitor/contracts/skeleton.py
//! and marks.py, which also say how much of a payload is looked at. `None` leaves a payload to them.
#![forbid(unsafe_code)]

use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::odd::{Odd, Read};
use crate::words;

/// Between a place and its mark.
const SEPARATOR: u8 = 0x1f;
/// What begins the marks of which a place keeps a few: a short word's number, and the word itself.
const CATEGORY: u8 = b'c';
const WORD: u8 = b'e';

/// Types of scalars, and an empty array, as bits of a node.
const BOOLEAN: u8 = 1;
const NUMBER: u8 = 2;
const EMPTY: u8 = 4;
const NULL: u8 = 8;
const TEXT: u8 = 16;
const MASK: u8 = 32;

/// What stands at a place; names are numbers of the walk's own.
#[derive(Clone, Default, PartialEq)]
struct Node {
    kinds: u8,
    fields: Option<Vec<(u32, Node)>>,
    seldom: Vec<u32>,
    data: Option<Box<Node>>,
    items: Option<Box<Node>>,
}

impl Node {
    fn of(kinds: u8) -> Node {
        Node { kinds, ..Node::default() }
    }

    fn is_empty(&self) -> bool {
        self.kinds == 0 && self.fields.is_none() && self.data.is_none() && self.items.is_none()
    }
}

/// How much of a payload is looked at.
#[derive(Clone, Copy)]
struct Limits {
    keys: usize,
    items: usize,
    depth: usize,
    nodes: i64,
}

/// The text of a skeleton, its marks by place, and the places and marks of words.
type Told = (String, Vec<String>, Vec<(String, String)>);

/// Outlines of payloads, made once.
#[pyclass(frozen)]
pub struct Outlines {
    limits: Limits,
    is_mask: Py<PyAny>,
    text_marks: Py<PyAny>,
    number_marks: Py<PyAny>,
    spoken: FxHashSet<String>,
}

#[pymethods]
impl Outlines {
    /// `limits`: keys of an object, items of an array, depth and nodes. Of what is not plain is asked: whether a text is a mask, with
    /// a bare word too or not; a text's marks, all or few, at a time or none; a number's. `spoken`: pointers where words are kept.
    #[new]
    fn new(limits: (usize, usize, usize, i64), is_mask: Py<PyAny>, text_marks: Py<PyAny>, number_marks: Py<PyAny>, spoken: Vec<String>) -> Self {
        let (keys, items, depth, nodes) = limits;
        let limits = Limits { keys, items, depth, nodes };
        Outlines { limits, is_mask, text_marks, number_marks, spoken: spoken.into_iter().collect() }
    }

    /// `marked`: take marks; `masked`: values were masked before they came; `at`: when it was sent. Never raises.
    fn of(&self, value: &Bound<'_, PyAny>, marked: bool, masked: bool, at: Option<f64>) -> Option<Told> {
        catch_unwind(AssertUnwindSafe(|| self.told(value, marked, masked, at))).ok().flatten()
    }
}

impl Outlines {
    fn told(&self, value: &Bound<'_, PyAny>, marked: bool, masked: bool, at: Option<f64>) -> Option<Told> {
        let mut walk = Walk {
            of: self,
            masked,
            at,
            left: self.limits.nodes,
            key: Vec::with_capacity(128),
            marks: marked.then(FxHashSet::default),
            names: Vec::new(),
            met: FxHashMap::default(),
            numbers: FxHashMap::default(),
        };
        walk.mark(|_| ());
        let node = walk.node(value, self.limits.depth, true).ok()?;
        let mut text = String::with_capacity(512);
        walk.write(&node, &mut text);
        let (mut plain, mut spoken) = (Vec::new(), Vec::new());
        for mark in walk.marks.unwrap_or_default() {
            let mark = String::from_utf8(mark.into_vec()).ok()?;
            let (place, word) = mark.split_once(char::from(SEPARATOR))?;
            if word.len() > 1 && matches!(word.as_bytes()[0], CATEGORY | WORD) {
                spoken.push((place.to_owned(), word.to_owned()));
            } else {
                plain.push(mark);
            }
        }
        Some((text, plain, spoken))
    }
}

/// The walk over one payload.
struct Walk<'a> {
    of: &'a Outlines,
    masked: bool,
    at: Option<f64>,
    left: i64,
    /// The pointer of where the walk stands, and a mark in the making.
    key: Vec<u8>,
    marks: Option<FxHashSet<Box<[u8]>>>,
    names: Vec<Box<str>>,
    /// The number of a key by its place in memory, `None` where it is data: a payload's equal keys are mostly one object.
    met: FxHashMap<usize, Option<u32>>,
    numbers: FxHashMap<Box<str>, u32>,
}

impl Walk<'_> {
    fn mark(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(marks) = &mut self.marks else { return };
        let end = self.key.len();
        self.key.push(SEPARATOR);
        write(&mut self.key);
        if !marks.contains(&self.key[..]) {
            marks.insert(self.key[..].into());
        }
        self.key.truncate(end);
    }

    fn node(&mut self, value: &Bound<'_, PyAny>, deep: usize, first: bool) -> Read<Node> {
        self.left -= 1;
        if let Ok(text) = value.cast_exact::<PyString>() {
            return self.text(text, first);
        }
        if let Ok(object) = value.cast_exact::<PyDict>() {
            return self.object(object, deep, first);
        }
        if let Ok(array) = value.cast_exact::<PyList>() {
            return self.array(array, deep, first);
        }
        if value.is_exact_instance_of::<PyInt>() {
            if self.marks.is_some() {
                match value.extract::<i64>() {
                    Ok(number) => {
                        self.mark(|out| words::whole(number, out));
                        if first {
                            self.mark(|out| out.extend_from_slice(b"d0"));
                        }
                    }
                    Err(_) => self.asked(&self.of.number_marks.bind(value.py()).call1((value, first)).map_err(|_| Odd)?)?,
                }
            }
            return Ok(Node::of(NUMBER));
        }
        if let Ok(number) = value.cast_exact::<PyFloat>() {
            if self.marks.is_some() {
                let number = number.value();
                self.mark(|out| words::number(number, out));
                if first {
                    self.mark(|out| out.extend_from_slice(&[b'd', b'0' + words::decimals(number) as u8]));
                }
            }
            return Ok(Node::of(NUMBER));
        }
        if let Ok(truth) = value.cast_exact::<PyBool>() {
            if first {
                self.mark(|out| out.extend_from_slice(if truth.is_true() { b"b1" } else { b"b0" }));
            }
            return Ok(Node::of(BOOLEAN));
        }
        if value.is_none() {
            if first {
                self.mark(|out| out.push(b'0'));
            }
            return Ok(Node::of(NULL));
        }
        Err(Odd)
    }

    /// Marks that the reference tells.
    fn asked(&mut self, told: &Bound<'_, PyAny>) -> Read<()> {
        for mark in told.try_iter().map_err(|_| Odd)? {
            let mark = mark.map_err(|_| Odd)?;
            let mark = mark.cast::<PyString>().map_err(|_| Odd)?.to_str().map_err(|_| Odd)?;
            self.mark(|out| out.extend_from_slice(mark.as_bytes()));
        }
        Ok(())
    }

    fn text(&mut self, value: &Bound<'_, PyString>, first: bool) -> Read<Node> {
        let text = value.to_str().map_err(|_| Odd)?;
        if words::may_be_mask(text, self.masked) {
            let said = self.of.is_mask.bind(value.py()).call1((value, self.masked)).map_err(|_| Odd)?;
            if said.is_truthy().map_err(|_| Odd)? {
                return Ok(Node::of(MASK));
            }
        }
        if self.marks.is_some() {
            if self.text_marks(text, first).is_err() {
                self.asked(&self.of.text_marks.bind(value.py()).call1((value, first, self.at)).map_err(|_| Odd)?)?;
            }
            if !self.of.spoken.is_empty() && self.is_spoken()? {
                self.mark(|out| {
                    out.push(WORD);
                    if words::is_word(text.as_bytes()) {
                        out.extend_from_slice(text.as_bytes());
                    }
                });
            }
        }
        Ok(Node::of(TEXT))
    }

    fn text_marks(&mut self, text: &str, first: bool) -> Read<()> {
        let (raw, plain) = (text.as_bytes(), text.is_ascii());
        if !plain {
            words::plain_beyond_ascii(text)?;
        }
        self.mark(|out| {
            out.push(b'F');
            out.extend_from_slice(if plain { words::format(raw) } else { "" }.as_bytes());
        });
        if !first {
            return Ok(());
        }
        self.mark(|out| {
            out.push(b't');
            words::length(if plain { raw.len() } else { text.chars().count() }, out);
        });
        self.mark(|out| {
            out.push(CATEGORY);
            words::category(raw, out);
        });
        self.mark(|out| {
            out.push(b'k');
            out.extend_from_slice(words::kind(text).as_bytes());
        });
        let Some(time) = plain.then(|| words::Time::of(raw)).flatten() else { return Ok(()) };
        let mut distance = vec![b'w'];
        if let Some(now) = self.at {
            time.distance(now, &mut distance)?;
            self.mark(|out| out.extend_from_slice(&distance));
        }
        self.mark(|out| {
            out.push(b'z');
            out.extend_from_slice(time.zone.as_bytes());
        });
        self.mark(|out| {
            out.push(b'p');
            out.extend_from_slice(time.precision.as_bytes());
        });
        Ok(())
    }

    /// Whether words are kept where the walk stands, be it a first item or a later one.
    fn is_spoken(&self) -> Read<bool> {
        let place = std::str::from_utf8(&self.key).map_err(|_| Odd)?;
        Ok(self.of.spoken.contains(&place.replace("/+", "/*")))
    }

    fn object(&mut self, value: &Bound<'_, PyDict>, deep: usize, first: bool) -> Read<Node> {
        if deep == 0 || self.left < 0 {
            return Ok(Node { fields: Some(Vec::new()), data: Some(Box::default()), ..Node::default() });
        }
        let many = value.len() > self.of.limits.keys;
        let held: Vec<(Bound<'_, PyString>, Bound<'_, PyAny>)> =
            value.iter().map(|(key, child)| key.cast_into_exact::<PyString>().map(|key| (key, child)).map_err(|_| Odd)).collect::<Read<_>>()?;
        let mut sorted: Vec<(&str, &Bound<'_, PyString>, &Bound<'_, PyAny>)> =
            held.iter().map(|(key, child)| key.to_str().map(|text| (text, key, child)).map_err(|_| Odd)).collect::<Read<_>>()?;
        sorted.sort_unstable_by_key(|(text, ..)| *text);
        let mut fields = Vec::with_capacity(if many { 0 } else { sorted.len() });
        let mut data: Option<Node> = None;
        for (text, key, child) in sorted {
            let number = if many { None } else { self.number(text, key) };
            let Some(number) = number else {
                let item = self.item(child, deep, first && data.is_none())?;
                data = Some(self.merged(data.unwrap_or_default(), item));
                continue;
            };
            let end = self.key.len();
            self.key.push(b'/');
            for sign in text.bytes() {
                match sign {
                    b'/' => self.key.extend_from_slice(b"~1"),
                    _ => self.key.push(sign),
                }
            }
            if first {
                self.mark(|_| ());
            }
            let below = self.node(child, deep - 1, first)?;
            self.key.truncate(end);
            fields.push((number, below));
        }
        Ok(Node { fields: Some(fields), data: data.map(Box::new), ..Node::default() })
    }

    /// The number of a name, `None` for a key that is data.
    fn number(&mut self, text: &str, key: &Bound<'_, PyString>) -> Option<u32> {
        let place = key.as_ptr() as usize;
        if let Some(&number) = self.met.get(&place) {
            return number;
        }
        let number = words::is_name(text).then(|| {
            self.numbers.get(text).copied().unwrap_or_else(|| {
                let number = self.names.len() as u32;
                self.names.push(text.into());
                self.numbers.insert(text.into(), number);
                number
            })
        });
        self.met.insert(place, number);
        number
    }

    fn array(&mut self, value: &Bound<'_, PyList>, deep: usize, first: bool) -> Read<Node> {
        let length = value.len();
        if first {
            self.mark(|out| {
                out.push(b'a');
                words::length(length, out);
            });
        }
        let mut below = Node::default();
        if length > 0 && deep > 0 && self.left >= 0 {
            for (place, item) in value.iter().take(self.of.limits.items).enumerate() {
                let item = self.item(&item, deep, first && place == 0)?;
                below = self.merged(below, item);
            }
        }
        Ok(Node { kinds: if length == 0 { EMPTY } else { 0 }, items: Some(Box::new(below)), ..Node::default() })
    }

    fn item(&mut self, value: &Bound<'_, PyAny>, deep: usize, first: bool) -> Read<Node> {
        let end = self.key.len();
        self.key.extend_from_slice(if first { b"/*" } else { b"/+" });
        if first {
            self.mark(|_| ());
        }
        let node = self.node(value, deep - 1, first)?;
        self.key.truncate(end);
        Ok(node)
    }

    /// What stands at a place where either stood.
    fn merged(&self, one: Node, other: Node) -> Node {
        if one.is_empty() || one == other {
            return other;
        }
        if other.is_empty() {
            return one;
        }
        let both = |one: Option<Box<Node>>, other: Option<Box<Node>>| match (one, other) {
            (Some(one), Some(other)) => Some(Box::new(self.merged(*one, *other))),
            (one, other) => one.or(other),
        };
        let mut node = Node { kinds: one.kinds | other.kinds, data: both(one.data, other.data), items: both(one.items, other.items), ..Node::default() };
        match (one.fields, other.fields) {
            (Some(mine), Some(theirs)) => {
                node.seldom = one.seldom;
                node.seldom.extend(other.seldom);
                node.fields = Some(self.joined(mine, theirs, &mut node.seldom));
                node.seldom.sort_unstable_by_key(|name| self.name(*name));
                node.seldom.dedup();
            }
            (Some(mine), None) => (node.fields, node.seldom) = (Some(mine), one.seldom),
            (None, theirs) => (node.fields, node.seldom) = (theirs, other.seldom),
        }
        node
    }

    /// The fields of two objects, both in the order of their names; those that one of them lacks are seldom.
    fn joined(&self, mine: Vec<(u32, Node)>, theirs: Vec<(u32, Node)>, seldom: &mut Vec<u32>) -> Vec<(u32, Node)> {
        let mut fields = Vec::with_capacity(mine.len().max(theirs.len()));
        let (mut mine, mut theirs) = (mine.into_iter().peekable(), theirs.into_iter().peekable());
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (Some((one, _)), Some((other, _))) => self.name(*one).cmp(self.name(*other)),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return fields,
            };
            match order {
                std::cmp::Ordering::Equal => {
                    if let (Some((name, one)), Some((_, other))) = (mine.next(), theirs.next()) {
                        fields.push((name, self.merged(one, other)));
                    }
                }
                order => {
                    let Some((name, field)) = (if order.is_lt() { mine.next() } else { theirs.next() }) else { return fields };
                    seldom.push(name);
                    fields.push((name, field));
                }
            }
        }
    }

    fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// A node as JSON, its members in order. Names hold no sign that JSON escapes.
    fn write(&self, node: &Node, out: &mut String) {
        out.push('{');
        let start = out.len();
        let member = |out: &mut String, name: char| {
            if out.len() > start {
                out.push(',');
            }
            out.push('"');
            out.push(name);
            out.push_str("\":");
        };
        let flag = |out: &mut String, kind: u8, name: char| {
            if node.kinds & kind != 0 {
                member(out, name);
                out.push('1');
            }
        };
        if let Some(items) = &node.items {
            member(out, 'a');
            self.write(items, out);
        }
        flag(out, BOOLEAN, 'b');
        flag(out, NUMBER, 'd');
        flag(out, EMPTY, 'e');
        if let Some(data) = &node.data {
            member(out, 'm');
            self.write(data, out);
        }
        flag(out, NULL, 'n');
        if let Some(fields) = &node.fields {
            member(out, 'o');
            out.push('{');
            for (at, (name, field)) in fields.iter().enumerate() {
                out.push_str(if at == 0 { "\"" } else { ",\"" });
                out.push_str(self.name(*name));
                out.push_str("\":");
                self.write(field, out);
            }
            out.push('}');
        }
        if !node.seldom.is_empty() {
            member(out, 'q');
            for (at, name) in node.seldom.iter().enumerate() {
                out.push_str(if at == 0 { "[\"" } else { ",\"" });
                out.push_str(self.name(*name));
                out.push('"');
            }
            out.push(']');
        }
        flag(out, TEXT, 's');
        flag(out, MASK, 'x');
        out.push('}');
    }
}
