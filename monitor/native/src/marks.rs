//! Objects of a contract's document that something is to be said of, with their places: of many few are told, and only their
//! pointers are written. The references stand in monitor/contracts/refs.py and monitor/contracts/formats/keywords.py, which also
//! say which keys mean what. `None` leaves a document to them.
#![forbid(unsafe_code)]

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use rustc_hash::{FxHashMap, FxHashSet};

/// What a key is: of a map of names, data, nothing that is judged, one that is looked for.
const NAMES: u8 = 1;
const DATA: u8 = 2;
const ASIDE: u8 = 4;
const WANTED: u8 = 8;

/// What a key of a schema is: a map of schemas, a list of them, one or a list, known and none of these, one's own.
const MAP: u8 = 1;
const LIST: u8 = 2;
const ALONE: u8 = 4;
const KNOWN: u8 = 8;
const BESIDE: u8 = 16;
const OWN: u8 = 32;

/// What a keyword asks for: a look at its value.
const FORMAT: u8 = 64;
const REFERENCE: u8 = 128;

type Told<'py> = (Bound<'py, PyAny>, String);

/// A step from the place above.
enum Step<'py> {
    Key(Bound<'py, PyString>),
    Index(usize),
    Whole(String),
}

/// The places passed so far, each by the one above it and the step from there.
#[derive(Default)]
struct Places<'py> {
    steps: Vec<(usize, Step<'py>)>,
}

impl<'py> Places<'py> {
    fn add(&mut self, above: usize, step: Step<'py>) -> usize {
        self.steps.push((above, step));
        self.steps.len()
    }

    /// The pointer; 0 is the root.
    fn pointer(&self, mut at: usize) -> PyResult<String> {
        let mut parts: Vec<&Step<'py>> = Vec::new();
        while at > 0 {
            let (above, step) = &self.steps[at - 1];
            parts.push(step);
            at = *above;
        }
        let mut pointer = String::new();
        for step in parts.into_iter().rev() {
            match step {
                Step::Whole(text) => pointer.push_str(text),
                Step::Index(index) => {
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                }
                Step::Key(key) => {
                    pointer.push('/');
                    for sign in key.to_str()?.chars() {
                        match sign {
                            '~' => pointer.push_str("~0"),
                            '/' => pointer.push_str("~1"),
                            _ => pointer.push(sign),
                        }
                    }
                }
            }
        }
        Ok(pointer)
    }
}

fn holds(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyDict>() || value.is_exact_instance_of::<PyList>()
}

/// Keys and what they are, by their place in memory: a document's equal keys are mostly one object.
struct Keys<'a> {
    kinds: &'a FxHashMap<String, u8>,
    own: u8,
    met: FxHashMap<usize, u8>,
}

impl Keys<'_> {
    #[inline]
    fn kind(&mut self, key: &Bound<'_, PyAny>) -> Option<u8> {
        let place = key.as_ptr() as usize;
        if let Some(&kind) = self.met.get(&place) {
            return Some(kind);
        }
        let text = key.cast_exact::<PyString>().ok()?.to_str().ok()?;
        let own = if text.starts_with("x-") { self.own } else { 0 };
        let kind = own | self.kinds.get(text).copied().unwrap_or(0);
        self.met.insert(place, kind);
        Some(kind)
    }
}

fn kinds_of<const N: usize>(told: [(Vec<String>, u8); N]) -> FxHashMap<String, u8> {
    let mut kinds: FxHashMap<String, u8> = FxHashMap::default();
    for (words, kind) in told {
        for word in words {
            *kinds.entry(word).or_default() |= kind;
        }
    }
    kinds
}

/// Objects that may be read as a schema and have one of some keys, made once.
#[pyclass(frozen)]
pub struct Objects {
    kinds: FxHashMap<String, u8>,
    /// Whether something is not looked at: then one's own keys are not either.
    sparing: bool,
}

#[pymethods]
impl Objects {
    /// `aside`: keys below which nothing is judged.
    #[new]
    fn new(names: Vec<String>, data: Vec<String>, aside: Vec<String>, wanted: Vec<String>) -> Self {
        let sparing = !aside.is_empty();
        Objects { sparing, kinds: kinds_of([(names, NAMES), (data, DATA), (aside, ASIDE), (wanted, WANTED)]) }
    }

    /// Each with its pointer, in the order of `refs.objects`.
    fn of<'py>(&self, document: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyList>>> {
        let mut keys = Keys { kinds: &self.kinds, own: if self.sparing { ASIDE } else { 0 }, met: FxHashMap::default() };
        let mut places = Places::default();
        let told = PyList::empty(document.py());
        let components = match document.cast_exact::<PyDict>() {
            Ok(held) => held.get_item("components")?.map_or(0, |child| child.as_ptr() as usize),
            Err(_) => 0,
        };
        let mut stack = vec![(document.clone(), 0usize, false)];
        while let Some((node, place, names)) = stack.pop() {
            if let Ok(list) = node.cast_exact::<PyList>() {
                for (index, child) in list.iter().enumerate() {
                    if holds(&child) {
                        let at = places.add(place, Step::Index(index));
                        stack.push((child, at, false));
                    }
                }
                continue;
            }
            let Ok(object) = node.cast_exact::<PyDict>() else { continue };
            let parts = self.sparing && names && node.as_ptr() as usize == components && place > 0 && places.steps[place - 1].0 == 0;
            let mut wanted = false;
            for (key, child) in object.iter() {
                let Some(kind) = keys.kind(&key) else { return Ok(None) };
                wanted |= kind & WANTED != 0;
                if !holds(&child) {
                    continue;
                }
                let passed = match (parts, names) {
                    (true, _) => kind & (ASIDE | DATA) != 0,
                    (false, true) => false,
                    (false, false) => kind & (ASIDE | DATA) != 0,
                };
                if !passed {
                    let Ok(key) = key.cast_into::<PyString>() else { return Ok(None) };
                    let at = places.add(place, Step::Key(key));
                    stack.push((child, at, parts || (!names && kind & NAMES != 0)));
                }
            }
            if wanted && !names {
                told.append((&node, places.pointer(place)?))?;
            }
        }
        Ok(Some(told))
    }
}

/// Keywords of schemas, made once.
#[pyclass(frozen)]
pub struct Keywords {
    kinds: FxHashMap<String, u8>,
    formats: FxHashSet<String>,
}

#[pymethods]
impl Keywords {
    /// `beside`: what may stand beside a reference; `formats`: those that somebody knows.
    #[new]
    fn new(maps: Vec<String>, lists: Vec<String>, alone: Vec<String>, known: Vec<String>, beside: Vec<String>, formats: Vec<String>) -> Self {
        let mut kinds = kinds_of([(maps, MAP), (lists, LIST), (alone, ALONE), (known, KNOWN), (beside, BESIDE)]);
        *kinds.entry("format".into()).or_default() |= FORMAT;
        *kinds.entry("$ref".into()).or_default() |= REFERENCE;
        Keywords { kinds, formats: formats.into_iter().collect() }
    }

    /// Of schemas with their places those, and those below them, that have a keyword nobody knows, a format nobody knows,
    /// `nullable` where that is asked for, or something that must not stand beside a reference. In the order of `schemas_in`.
    fn odd<'py>(&self, schemas: &Bound<'py, PyList>, nullable: bool) -> PyResult<Option<Bound<'py, PyList>>> {
        let mut keys = Keys { kinds: &self.kinds, own: OWN, met: FxHashMap::default() };
        let told = PyList::empty(schemas.py());
        for held in schemas.iter() {
            let (schema, place): Told<'py> = held.cast::<PyTuple>()?.extract()?;
            let mut places = Places::default();
            let root = places.add(0, Step::Whole(place));
            let mut stack = vec![(schema, root)];
            while let Some((node, place)) = stack.pop() {
                let Ok(object) = node.cast_exact::<PyDict>() else { continue };
                let (mut odd, mut refers, mut beside) = (false, false, false);
                for (key, child) in object.iter() {
                    let Some(kind) = keys.kind(&key) else { return Ok(None) };
                    odd |= kind & (KNOWN | OWN) == 0;
                    beside |= kind & (BESIDE | OWN) == 0;
                    refers |= kind & REFERENCE != 0 && child.is_instance_of::<PyString>();
                    if kind & FORMAT != 0 {
                        if let Ok(format) = child.cast::<PyString>() {
                            let Ok(format) = format.to_str() else { return Ok(None) };
                            odd |= !self.formats.contains(format);
                        }
                    }
                    if nullable && kind & (KNOWN | MAP | LIST | ALONE) == KNOWN && child.is_instance_of::<pyo3::types::PyBool>() {
                        odd |= child.is_truthy()? && key.cast::<PyString>()?.to_str().is_ok_and(|key| key == "nullable");
                    }
                    if kind & (MAP | LIST | ALONE) == 0 {
                        continue;
                    }
                    let Ok(key) = key.cast_into::<PyString>() else { return Ok(None) };
                    if kind & MAP != 0 {
                        if let Ok(parts) = child.cast_exact::<PyDict>() {
                            let at = places.add(place, Step::Key(key));
                            for (name, part) in parts.iter() {
                                if part.is_exact_instance_of::<PyDict>() {
                                    let Ok(name) = name.cast_into::<PyString>() else { return Ok(None) };
                                    let below = places.add(at, Step::Key(name));
                                    stack.push((part, below));
                                }
                            }
                        }
                    } else if let Ok(parts) = child.cast_exact::<PyList>() {
                        let at = places.add(place, Step::Key(key));
                        for (index, part) in parts.iter().enumerate() {
                            if part.is_exact_instance_of::<PyDict>() {
                                let below = places.add(at, Step::Index(index));
                                stack.push((part, below));
                            }
                        }
                    } else if kind & ALONE != 0 && child.is_exact_instance_of::<PyDict>() {
                        let at = places.add(place, Step::Key(key));
                        stack.push((child, at));
                    }
                }
                if odd || (refers && beside) {
                    told.append((&node, places.pointer(place)?))?;
                }
            }
        }
        Ok(Some(told))
    }
}
