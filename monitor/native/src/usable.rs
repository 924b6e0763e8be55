//! Whether the engine surely takes a document's schemas: every keyword that it reads is of the kind that it asks for, every pattern
//! is one that it took, every reference is the document's own. What is not sure is asked of the engine itself.
#![forbid(unsafe_code)]

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use rustc_hash::{FxHashMap, FxHashSet};

/// What a keyword asks for.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    Schema,
    SchemaOrTruth,
    SchemaOrList,
    Schemas,
    SchemaMap,
    PatternMap,
    Truth,
    Text,
    Pattern,
    Number,
    Step,
    Count,
    Kinds,
    Names,
    Values,
    Reference,
    Unread,
}

/// More is left to the engine.
const DEEPEST_REFERENCE: usize = 50;

/// Keywords of one draft, made once.
#[pyclass(frozen)]
pub struct Usable {
    asks: FxHashMap<String, Asks>,
    truths: bool,
}

#[pymethods]
impl Usable {
    /// `asks`: each keyword and what it asks for; `truths`: whether `true` and `false` are schemas.
    #[new]
    fn new(asks: Vec<(String, String)>, truths: bool) -> PyResult<Self> {
        let mut by_word = FxHashMap::default();
        for (word, what) in asks {
            let what = match what.as_str() {
                "schema" => Asks::Schema,
                "schema or truth" => Asks::SchemaOrTruth,
                "schema or list" => Asks::SchemaOrList,
                "schemas" => Asks::Schemas,
                "schema map" => Asks::SchemaMap,
                "pattern map" => Asks::PatternMap,
                "truth" => Asks::Truth,
                "text" => Asks::Text,
                "pattern" => Asks::Pattern,
                "number" => Asks::Number,
                "step" => Asks::Step,
                "count" => Asks::Count,
                "kinds" => Asks::Kinds,
                "names" => Asks::Names,
                "values" => Asks::Values,
                "reference" => Asks::Reference,
                "unread" => Asks::Unread,
                _ => return Err(pyo3::exceptions::PyValueError::new_err("a keyword that asks for nothing")),
            };
            by_word.insert(word, what);
        }
        Ok(Usable { asks: by_word, truths })
    }

    /// Of the schemas at these pointers, the places of those that it may not take, themselves or something that they reach. What
    /// several reach is told of the first of them.
    fn unsure(&self, document: &Bound<'_, PyDict>, pointers: Vec<String>, patterns: FxHashSet<String>) -> Vec<usize> {
        let mut reading = Reading {
            usable: self,
            document,
            patterns,
            words: FxHashMap::default(),
            seen: FxHashSet::default(),
            targets: FxHashSet::default(),
            stack: Vec::new(),
        };
        let mut unsure = Vec::new();
        for (place, pointer) in pointers.iter().enumerate() {
            let named = reading.named(pointer).is_some();
            if !reading.all() || !named {
                unsure.push(place);
            }
        }
        unsure
    }
}

struct Reading<'a, 'py> {
    usable: &'a Usable,
    document: &'a Bound<'py, PyDict>,
    patterns: FxHashSet<String>,
    /// By a key's place in memory.
    words: FxHashMap<usize, Option<Asks>>,
    seen: FxHashSet<usize>,
    targets: FxHashSet<String>,
    stack: Vec<Bound<'py, PyDict>>,
}

fn holds(fine: bool) -> Option<()> {
    fine.then_some(())
}

impl<'py> Reading<'_, 'py> {
    /// Whether all that waits is sure; looks at all of it either way, so that what is seen has been looked at.
    fn all(&mut self) -> bool {
        let mut sure = true;
        while let Some(schema) = self.stack.pop() {
            for (key, value) in schema.iter() {
                let taken = self.asks(&key).and_then(|asks| asks.map_or(Some(()), |asks| self.look(asks, &value)));
                sure &= taken.is_some();
            }
        }
        sure
    }

    fn asks(&mut self, key: &Bound<'py, PyAny>) -> Option<Option<Asks>> {
        let place = key.as_ptr() as usize;
        if let Some(&known) = self.words.get(&place) {
            return Some(known);
        }
        let text = key.cast_exact::<PyString>().ok()?.to_str().ok()?;
        let known = self.usable.asks.get(text).copied();
        self.words.insert(place, known);
        Some(known)
    }

    fn schema(&mut self, node: Bound<'py, PyAny>) -> Option<()> {
        if let Ok(schema) = node.cast_exact::<PyDict>() {
            if self.seen.insert(node.as_ptr() as usize) {
                self.stack.push(schema.clone());
            }
            return Some(());
        }
        holds(self.usable.truths && node.is_exact_instance_of::<PyBool>())
    }

    fn schemas(&mut self, node: &Bound<'py, PyAny>) -> Option<()> {
        let parts = node.cast_exact::<PyList>().ok()?;
        holds(!parts.is_empty())?;
        parts.iter().try_for_each(|part| self.schema(part))
    }

    fn look(&mut self, asks: Asks, value: &Bound<'py, PyAny>) -> Option<()> {
        match asks {
            Asks::Unread => None,
            Asks::Schema => self.schema(value.clone()),
            Asks::SchemaOrTruth if value.is_exact_instance_of::<PyBool>() => Some(()),
            Asks::SchemaOrTruth => self.schema(value.clone()),
            Asks::SchemaOrList if value.is_exact_instance_of::<PyList>() => self.schemas(value),
            Asks::SchemaOrList => self.schema(value.clone()),
            Asks::Schemas => self.schemas(value),
            Asks::SchemaMap | Asks::PatternMap => {
                for (name, part) in value.cast_exact::<PyDict>().ok()?.iter() {
                    let name = name.cast_exact::<PyString>().ok()?.to_str().ok()?;
                    holds(asks == Asks::SchemaMap || self.patterns.contains(name))?;
                    self.schema(part)?;
                }
                Some(())
            }
            Asks::Truth => holds(value.is_exact_instance_of::<PyBool>()),
            Asks::Text => holds(value.is_exact_instance_of::<PyString>()),
            Asks::Pattern => {
                let text = value.cast_exact::<PyString>().ok()?.to_str().ok()?;
                holds(self.patterns.contains(text))
            }
            Asks::Number => number(value).map(|_| ()),
            Asks::Step => holds(number(value)? > 0.0),
            Asks::Count => {
                holds(value.is_exact_instance_of::<PyInt>() && value.extract::<i64>().is_ok_and(|count| count >= 0))
            }
            Asks::Kinds if value.is_exact_instance_of::<PyString>() => kind(value),
            Asks::Kinds => {
                let kinds = value.cast_exact::<PyList>().ok()?;
                holds(!kinds.is_empty())?;
                kinds.iter().try_for_each(|name| kind(&name))?;
                differ(kinds)
            }
            Asks::Names => {
                let names = value.cast_exact::<PyList>().ok()?;
                holds(!names.is_empty() || self.usable.truths)?;
                differ(names)
            }
            Asks::Values => holds(value.is_exact_instance_of::<PyList>()),
            Asks::Reference => {
                let target = value.cast_exact::<PyString>().ok()?.to_str().ok()?;
                if self.targets.contains(target) {
                    return Some(());
                }
                let pointer = target.strip_prefix("#/")?;
                // what a URI would write otherwise
                holds(pointer.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"/_.-~:$@".contains(&sign)))?;
                self.targets.insert(target.to_owned());
                self.named(&target[1..])
            }
        }
    }

    /// What stands at a place, as a schema; nothing on the way may say how that inside it is read.
    fn named(&mut self, pointer: &str) -> Option<()> {
        let mut node = self.document.clone().into_any();
        for (depth, step) in pointer.strip_prefix('/')?.split('/').enumerate() {
            holds(depth < DEEPEST_REFERENCE)?;
            let unescaped = step.contains('~').then(|| step.replace("~1", "/").replace("~0", "~"));
            let step = unescaped.as_deref().unwrap_or(step);
            node = if let Ok(object) = node.cast_exact::<PyDict>() {
                for word in ["id", "$id", "$schema"] {
                    holds(!object.get_item(word).ok()?.is_some_and(|told| told.is_instance_of::<PyString>()))?;
                }
                object.get_item(step).ok()??
            } else {
                let list = node.cast_exact::<PyList>().ok()?;
                holds(!step.is_empty() && step.len() < 10 && step.bytes().all(|sign| sign.is_ascii_digit()))?;
                holds(step.len() == 1 || !step.starts_with('0'))?;
                list.get_item(step.parse().ok()?).ok()?
            };
        }
        self.schema(node)
    }
}

fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    if value.is_exact_instance_of::<PyInt>() {
        return value.extract::<i64>().ok().map(|number| number as f64);
    }
    value.cast_exact::<PyFloat>().ok().and_then(|held| held.extract::<f64>().ok()).filter(|number| number.is_finite())
}

fn kind(value: &Bound<'_, PyAny>) -> Option<()> {
    let name = value.cast_exact::<PyString>().ok()?.to_str().ok()?;
    holds(matches!(name, "null" | "boolean" | "integer" | "number" | "string" | "array" | "object"))
}

/// Whether all are texts, none of them twice.
fn differ(names: &Bound<'_, PyList>) -> Option<()> {
    let mut seen: FxHashSet<String> = FxHashSet::default();
    names.iter().try_for_each(|name| {
        let text = name.cast_exact::<PyString>().ok()?.to_str().ok()?;
        holds(seen.insert(text.to_owned()))
    })
}
