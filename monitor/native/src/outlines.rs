//! Skeletons of payloads and their marks, in one walk over values of Python or over JSON as it came. The references stand in
//! monitor/contracts/skeleton.py and marks.py, which also say how much of a payload is looked at. `None` leaves a payload to them.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::json::{Json, Number};
use crate::odd::{sure, Odd, Read};
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
const CUT: u8 = 64;

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

    /// Whether it is an object that was not looked at, which lacks no field.
    fn is_unseen(&self) -> bool {
        self.fields.as_ref().is_some_and(Vec::is_empty) && self.data.as_ref().is_some_and(|data| data.is_empty())
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

/// Deeper texts are left: reading keeps a place on the stack for each level.
const DEEPEST_TEXT: u32 = 32;

/// The text of a skeleton, and the places and marks of its words.
type Told = (String, Vec<(String, String)>);

/// A payload, as far as it is looked at; names are sorted, and each stands once.
enum Value<'a> {
    Null,
    Truth(bool),
    Whole(i64),
    /// A whole number that no machine word holds, as Python has it.
    Large(Py<PyAny>),
    Float(f64),
    Text(Cow<'a, str>),
    /// The first items, and how many there are.
    List(Vec<Value<'a>>, usize),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Marks of many payloads: of how many each is. It holds no value.
#[pyclass]
#[derive(Default)]
pub struct Marks {
    payloads: u64,
    counts: FxHashMap<Box<[u8]>, Count>,
}

struct Count {
    payload: u64,
    payloads: u64,
}

#[pymethods]
impl Marks {
    #[new]
    fn new() -> Self {
        Marks::default()
    }

    /// Each place and mark in one word, with the count.
    fn items(&self) -> Vec<(String, u64)> {
        let held = self.counts.iter().filter(|(_, count)| count.payloads > 0);
        held.map(|(mark, count)| (String::from_utf8_lossy(mark).into_owned(), count.payloads)).collect()
    }
}

impl Marks {
    fn add(&mut self, mark: &[u8]) {
        if let Some(count) = self.counts.get_mut(mark) {
            count.payloads += u64::from(count.payload != self.payloads);
            count.payload = self.payloads;
        } else {
            self.counts.insert(mark.into(), Count { payload: self.payloads, payloads: 1 });
        }
    }

    /// As if the last payload had never been looked at.
    fn take_back(&mut self) {
        for count in self.counts.values_mut().filter(|count| count.payload == self.payloads) {
            count.payloads -= 1;
            count.payload = 0;
        }
    }
}

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

    /// `marks`: where they are counted; `masked`: values were masked before they came; `at`: when it was sent. Never raises.
    fn of(&self, value: &Bound<'_, PyAny>, marks: Option<&mut Marks>, masked: bool, at: Option<f64>) -> Option<Told> {
        self.guarded(value.py(), marks, masked, at, || self.held(value, 0))
    }

    /// The same of a body that nobody has decoded.
    fn of_text(&self, body: &Bound<'_, PyAny>, marks: Option<&mut Marks>, masked: bool, at: Option<f64>) -> Option<Told> {
        let text = if let Ok(text) = body.cast::<PyString>() {
            text.to_str().ok()?
        } else {
            std::str::from_utf8(body.cast::<PyBytes>().ok()?.as_bytes()).ok()?
        };
        self.guarded(body.py(), marks, masked, at, || {
            let mut json = Json::new(text);
            json.space();
            let value = self.read(&mut json, 0)?;
            json.end()?;
            Ok(value)
        })
    }
}

impl Outlines {
    fn guarded<'a>(
        &self,
        py: Python<'_>,
        mut marks: Option<&mut Marks>,
        masked: bool,
        at: Option<f64>,
        read: impl FnOnce() -> Read<Value<'a>>,
    ) -> Option<Told> {
        if let Some(marks) = &mut marks {
            marks.payloads += 1;
        }
        let told = catch_unwind(AssertUnwindSafe(|| self.told(py, marks.as_deref_mut(), masked, at, &read()?)));
        let told = told.unwrap_or(Err(Odd)).ok();
        if let (Some(marks), None) = (marks, &told) {
            marks.take_back();
        }
        told
    }

    fn told(&self, py: Python<'_>, marks: Option<&mut Marks>, masked: bool, at: Option<f64>, value: &Value<'_>) -> Read<Told> {
        let mut walk = Walk {
            of: self,
            py,
            masked,
            at,
            left: self.limits.nodes,
            key: Vec::with_capacity(128),
            marks,
            spoken: FxHashSet::default(),
            names: Vec::new(),
            numbers: FxHashMap::default(),
        };
        walk.mark(|_| ());
        let node = walk.node(value, self.limits.depth, true)?;
        let mut text = String::with_capacity(512);
        walk.write(&node, &mut text);
        Ok((text, walk.spoken.into_iter().collect()))
    }

    /// A value of Python, as far as it is looked at.
    fn held(&self, value: &Bound<'_, PyAny>, depth: usize) -> Read<Value<'static>> {
        if let Ok(text) = value.cast_exact::<PyString>() {
            return Ok(Value::Text(Cow::Owned(text.to_str().map_err(|_| Odd)?.to_owned())));
        }
        if let Ok(object) = value.cast_exact::<PyDict>() {
            if depth == self.limits.depth {
                return Ok(Value::Object(Vec::new()));
            }
            let mut members: Vec<(Cow<'static, str>, Value<'static>)> = Vec::with_capacity(object.len());
            for (key, child) in object.iter() {
                let key = key.cast_exact::<PyString>().map_err(|_| Odd)?.to_str().map_err(|_| Odd)?;
                members.push((Cow::Owned(key.to_owned()), self.held(&child, depth + 1)?));
            }
            members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            return Ok(Value::Object(members));
        }
        if let Ok(array) = value.cast_exact::<PyList>() {
            if depth == self.limits.depth {
                return Ok(Value::List(Vec::new(), array.len()));
            }
            let items = array.iter().take(self.limits.items).map(|item| self.held(&item, depth + 1)).collect::<Read<_>>()?;
            return Ok(Value::List(items, array.len()));
        }
        if value.is_exact_instance_of::<PyInt>() {
            return Ok(value.extract().map_or_else(|_| Value::Large(value.clone().unbind()), Value::Whole));
        }
        if let Ok(number) = value.cast_exact::<PyFloat>() {
            return Ok(Value::Float(number.value()));
        }
        if let Ok(truth) = value.cast_exact::<PyBool>() {
            return Ok(Value::Truth(truth.is_true()));
        }
        sure(value.is_none())?;
        Ok(Value::Null)
    }

    /// A value of JSON; a name that stands twice is odd.
    fn read<'a>(&self, json: &mut Json<'a>, depth: u32) -> Read<Value<'a>> {
        sure(depth < DEEPEST_TEXT)?;
        Ok(match json.peek() {
            b'"' => Value::Text(json.string()?),
            b'{' => {
                let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(8);
                json.members(|json, name| {
                    members.push((Cow::Borrowed(name), self.read(json, depth + 1)?));
                    Ok::<(), Odd>(())
                })?;
                if !members.windows(2).all(|two| two[0].0 < two[1].0) {
                    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                    sure(!members.windows(2).any(|two| two[0].0 == two[1].0))?;
                }
                Value::Object(members)
            }
            b'[' => {
                let (mut items, mut length) = (Vec::new(), 0);
                json.items(|json| {
                    let item = self.read(json, depth + 1)?;
                    if length < self.limits.items {
                        items.push(item);
                    }
                    length += 1;
                    Ok::<(), Odd>(())
                })?;
                Value::List(items, length)
            }
            b't' => json.word("true").map(|()| Value::Truth(true))?,
            b'f' => json.word("false").map(|()| Value::Truth(false))?,
            b'n' => json.word("null").map(|()| Value::Null)?,
            _ => match json.number()? {
                Number::Int(number) => Value::Whole(number),
                Number::Float(number) => Value::Float(number),
            },
        })
    }
}

/// The walk over one payload.
struct Walk<'a> {
    of: &'a Outlines,
    py: Python<'a>,
    masked: bool,
    at: Option<f64>,
    left: i64,
    /// The pointer of where the walk stands, and a mark in the making.
    key: Vec<u8>,
    marks: Option<&'a mut Marks>,
    spoken: FxHashSet<(String, String)>,
    names: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, u32>,
}

impl Walk<'_> {
    fn mark(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(marks) = &mut self.marks else { return };
        let end = self.key.len();
        self.key.push(SEPARATOR);
        write(&mut self.key);
        marks.add(&self.key);
        self.key.truncate(end);
    }

    /// A mark of those of which a place keeps a few.
    fn speak(&mut self, kind: u8, word: &[u8]) -> Read<()> {
        if self.marks.is_none() {
            return Ok(());
        }
        let place = String::from_utf8(self.key.clone()).map_err(|_| Odd)?;
        let mut told = String::from(char::from(kind));
        told.push_str(std::str::from_utf8(word).map_err(|_| Odd)?);
        self.spoken.insert((place, told));
        Ok(())
    }

    fn node(&mut self, value: &Value<'_>, deep: usize, first: bool) -> Read<Node> {
        self.left -= 1;
        Ok(match value {
            Value::Text(text) => self.text(text, first)?,
            Value::Object(members) => self.object(members, deep, first)?,
            Value::List(items, length) => self.array(items, *length, deep, first)?,
            Value::Whole(number) => {
                self.mark(|out| words::whole(*number, out));
                if first {
                    self.mark(|out| out.extend_from_slice(b"d0"));
                }
                Node::of(NUMBER)
            }
            Value::Large(number) => {
                if self.marks.is_some() {
                    self.asked(&self.of.number_marks.bind(self.py).call1((number, first)).map_err(|_| Odd)?)?;
                }
                Node::of(NUMBER)
            }
            Value::Float(number) => {
                self.mark(|out| words::number(*number, out));
                if first && self.marks.is_some() {
                    let decimals = b'0' + words::decimals(*number) as u8;
                    self.mark(|out| out.extend_from_slice(&[b'd', decimals]));
                }
                Node::of(NUMBER)
            }
            Value::Truth(truth) => {
                if first {
                    self.mark(|out| out.extend_from_slice(if *truth { b"b1" } else { b"b0" }));
                }
                Node::of(BOOLEAN)
            }
            Value::Null => {
                if first {
                    self.mark(|out| out.push(b'0'));
                }
                Node::of(NULL)
            }
        })
    }

    /// Marks that the reference tells.
    fn asked(&mut self, told: &Bound<'_, PyAny>) -> Read<()> {
        for mark in told.try_iter().map_err(|_| Odd)? {
            let mark = mark.map_err(|_| Odd)?;
            let mark = mark.cast::<PyString>().map_err(|_| Odd)?.to_str().map_err(|_| Odd)?;
            match mark.as_bytes() {
                [kind @ (CATEGORY | WORD), word @ ..] => self.speak(*kind, word)?,
                plain => self.mark(|out| out.extend_from_slice(plain)),
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str, first: bool) -> Read<Node> {
        if words::may_be_mask(text, self.masked) {
            let said = self.of.is_mask.bind(self.py).call1((text, self.masked)).map_err(|_| Odd)?;
            if said.is_truthy().map_err(|_| Odd)? {
                return Ok(Node::of(MASK));
            }
        }
        if self.marks.is_some() {
            if self.text_marks(text, first).is_err() {
                self.asked(&self.of.text_marks.bind(self.py).call1((text, first, self.at)).map_err(|_| Odd)?)?;
            }
            if !self.of.spoken.is_empty() && self.is_spoken()? {
                self.speak(WORD, if words::is_word(text.as_bytes()) { text.as_bytes() } else { b"" })?;
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
        let mut category = Vec::new();
        words::category(raw, &mut category);
        self.speak(CATEGORY, &category)?;
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

    fn object(&mut self, members: &[(Cow<'_, str>, Value<'_>)], deep: usize, first: bool) -> Read<Node> {
        if deep == 0 || self.left < 0 {
            return Ok(Node { kinds: CUT, fields: Some(Vec::new()), data: Some(Box::default()), ..Node::default() });
        }
        let many = members.len() > self.of.limits.keys;
        let mut fields = Vec::with_capacity(if many { 0 } else { members.len() });
        let mut data: Option<Node> = None;
        for (name, child) in members {
            let number = if many { None } else { self.number(name) };
            let Some(number) = number else {
                let item = self.item(child, deep, first && data.is_none())?;
                data = Some(self.merged(data.unwrap_or_default(), item));
                continue;
            };
            let end = self.key.len();
            self.key.push(b'/');
            for sign in name.bytes() {
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
    fn number(&mut self, text: &str) -> Option<u32> {
        if let Some(&number) = self.numbers.get(text) {
            return Some(number);
        }
        words::is_name(text).then(|| {
            let number = self.names.len() as u32;
            self.names.push(text.into());
            self.numbers.insert(text.into(), number);
            number
        })
    }

    fn array(&mut self, items: &[Value<'_>], length: usize, deep: usize, first: bool) -> Read<Node> {
        if first {
            self.mark(|out| {
                out.push(b'a');
                words::length(length, out);
            });
        }
        let mut below = Node::default();
        let looked_at = self.left >= 0;
        if length > 0 && deep > 0 && looked_at {
            for (place, item) in items.iter().enumerate() {
                let item = self.item(item, deep, first && place == 0)?;
                below = self.merged(below, item);
            }
        }
        let whole = length == items.len() && (length == 0 || (deep > 0 && looked_at));
        let kinds = if length == 0 { EMPTY } else { 0 } | if whole { 0 } else { CUT };
        Ok(Node { kinds, items: Some(Box::new(below)), ..Node::default() })
    }

    fn item(&mut self, value: &Value<'_>, deep: usize, first: bool) -> Read<Node> {
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
        let unseen = one.is_unseen() || other.is_unseen();
        let both = |one: Option<Box<Node>>, other: Option<Box<Node>>| match (one, other) {
            (Some(one), Some(other)) => Some(Box::new(self.merged(*one, *other))),
            (one, other) => one.or(other),
        };
        let mut node = Node { kinds: one.kinds | other.kinds, data: both(one.data, other.data), items: both(one.items, other.items), ..Node::default() };
        match (one.fields, other.fields) {
            (Some(mine), Some(theirs)) => {
                node.seldom = one.seldom;
                node.seldom.extend(other.seldom);
                let mut unlike = Vec::new();
                node.fields = Some(self.joined(mine, theirs, &mut unlike));
                if !unseen {
                    node.seldom.extend(unlike);
                }
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
        flag(out, CUT, 'c');
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
