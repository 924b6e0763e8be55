//! Walks over a contract's document, as values of Python. Their references stand in monitor/contracts/looks.py, which also says
//! which keys mean what. `None` leaves a document to the reference.
#![forbid(unsafe_code)]

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyString};
use rustc_hash::{FxHashMap, FxHashSet};

/// What a key is: its value is a map of names, data, nothing that is judged, a pattern, several, a reference.
const NAMES: u8 = 1;
const DATA: u8 = 2;
const ASIDE: u8 = 4;
const PATTERN: u8 = 8;
const PATTERNS: u8 = 16;
const REFERENCE: u8 = 32;

/// Deeper documents are left: this walk keeps a place on the stack for each level.
const DEEPEST: u32 = 1_000;

/// Keys and what they are, made once.
#[pyclass(frozen)]
pub struct Walks {
    kinds: FxHashMap<String, u8>,
}

/// Keys that were met, by their place in memory: a document's keys are mostly the same few objects.
struct Keys<'a> {
    kinds: &'a FxHashMap<String, u8>,
    met: FxHashMap<usize, u8>,
}

impl Keys<'_> {
    /// What a key is, and whether it is met for the first time.
    #[inline]
    fn kind(&mut self, key: &Bound<'_, PyAny>) -> Option<(u8, bool)> {
        let place = key.as_ptr() as usize;
        if let Some(&kind) = self.met.get(&place) {
            return Some((kind, false));
        }
        let text = key.cast::<PyString>().ok()?.to_str().ok()?;
        let own = if text.starts_with("x-") { ASIDE } else { 0 };
        let kind = own | self.kinds.get(text).copied().unwrap_or(0);
        self.met.insert(place, kind);
        Some((kind, true))
    }
}

/// How an object is looked at: as what may be a schema, as a map of names, or only for its keys.
#[derive(Clone, Copy, PartialEq)]
enum As {
    Schema,
    Names,
    Keys,
}

#[inline]
fn holds(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyDict>() || value.is_exact_instance_of::<PyList>()
}

type Sums<'py> = (Bound<'py, PyFrozenSet>, Bound<'py, PyFrozenSet>, usize, usize, usize, bool);

#[pymethods]
impl Walks {
    #[new]
    fn new(names: Vec<String>, data: Vec<String>, aside: Vec<String>, references: Vec<String>) -> Self {
        let mut kinds: FxHashMap<String, u8> = FxHashMap::default();
        let told = [(names, NAMES), (data, DATA | ASIDE), (aside, ASIDE), (references, REFERENCE)];
        for (words, kind) in told {
            for word in words {
                *kinds.entry(word).or_default() |= kind;
            }
        }
        *kinds.entry("pattern".into()).or_default() |= PATTERN;
        *kinds.entry("patternProperties".into()).or_default() |= PATTERNS;
        Walks { kinds }
    }

    /// Whether a document has no more nodes than that, scalars too, and is no deeper.
    fn within<'py>(&self, document: &Bound<'py, PyAny>, nodes: usize, depth: u32) -> bool {
        let (mut count, mut stack) = (1, vec![(document.clone(), 0)]);
        while let Some((node, at)) = stack.pop() {
            let mut look = |child: Bound<'py, PyAny>| {
                if holds(&child) {
                    stack.push((child, at + 1));
                }
            };
            let size = if let Ok(held) = node.cast_exact::<PyDict>() {
                held.iter().for_each(|(_, child)| look(child));
                held.len()
            } else if let Ok(held) = node.cast_exact::<PyList>() {
                held.iter().for_each(look);
                held.len()
            } else {
                0
            };
            count += size;
            if count > nodes || (size > 0 && at >= depth) {
                return false;
            }
        }
        count <= nodes
    }

    /// The fields of a `Look`, in their order.
    fn look<'py>(&self, document: &Bound<'py, PyAny>) -> PyResult<Option<Sums<'py>>> {
        let py = document.py();
        let mut keys = Keys { kinds: &self.kinds, met: FxHashMap::default() };
        let (mut words, mut patterns) = (Vec::new(), Vec::new());
        let (mut schemas, mut told, mut longest, mut leaves) = (0, 0, 0, false);
        let components = match document.cast_exact::<PyDict>() {
            Ok(held) => held.get_item("components")?.map_or(0, |child| child.as_ptr() as usize),
            Err(_) => 0,
        };
        let mut stack = vec![(document.clone(), As::Schema)];
        while let Some((node, looked)) = stack.pop() {
            if let Ok(held) = node.cast_exact::<PyList>() {
                let below = if looked == As::Keys { As::Keys } else { As::Schema };
                stack.extend(held.iter().filter(holds).map(|child| (child, below)));
                continue;
            }
            let Ok(held) = node.cast_exact::<PyDict>() else { continue };
            schemas += usize::from(looked == As::Schema);
            let parts = looked == As::Names && node.as_ptr() as usize == components;
            for (key, child) in held.iter() {
                let Some((kind, fresh)) = keys.kind(&key) else { return Ok(None) };
                if kind & (PATTERN | PATTERNS | REFERENCE) != 0 {
                    let mut text = |text: &Bound<'py, PyAny>| -> PyResult<()> {
                        if looked == As::Schema {
                            told += 1;
                            longest = longest.max(text.len()?);
                        }
                        patterns.push(text.clone());
                        Ok(())
                    };
                    if kind & PATTERN != 0 && child.is_instance_of::<PyString>() {
                        text(&child)?;
                    } else if kind & PATTERNS != 0 && child.is_instance_of::<PyDict>() {
                        child.cast::<PyDict>()?.keys().iter().try_for_each(|key| text(&key))?;
                    } else if kind & REFERENCE != 0 && looked == As::Schema && !leaves {
                        if let Ok(target) = child.cast::<PyString>() {
                            let Ok(target) = target.to_str() else { return Ok(None) };
                            leaves = !target.starts_with('#');
                        }
                    }
                }
                if fresh {
                    words.push(key);
                }
                if holds(&child) {
                    let below = match looked {
                        As::Keys => As::Keys,
                        As::Names if !parts => As::Schema,
                        _ if kind & ASIDE != 0 => As::Keys,
                        As::Schema if kind & NAMES == 0 => As::Schema,
                        _ => As::Names,
                    };
                    stack.push((child, below));
                }
            }
        }
        Ok(Some((PyFrozenSet::new(py, words)?, PyFrozenSet::new(py, patterns)?, schemas, told, longest, leaves)))
    }

    /// Every text that stands as a reference in a node, and how many objects it holds; no more than `most`, and one.
    fn references<'py>(&self, node: &Bound<'py, PyAny>, most: usize) -> PyResult<Option<(Bound<'py, PySet>, usize)>> {
        let mut keys = Keys { kinds: &self.kinds, met: FxHashMap::default() };
        let (named, mut count, mut stack) = (PySet::empty(node.py())?, 0, vec![node.clone()]);
        while let Some(node) = stack.pop() {
            if let Ok(held) = node.cast_exact::<PyList>() {
                stack.extend(held.iter().filter(holds));
                continue;
            }
            let Ok(held) = node.cast_exact::<PyDict>() else { continue };
            count += 1;
            if count > most {
                break;
            }
            for (key, child) in held.iter() {
                let Some((kind, _)) = keys.kind(&key) else { return Ok(None) };
                if kind & REFERENCE != 0 && child.is_instance_of::<PyString>() {
                    named.add(&child)?;
                }
                if holds(&child) {
                    stack.push(child);
                }
            }
        }
        Ok(Some((named, count)))
    }

    /// The ids of each object that has one of these keys, or is one of `ids`, and of what holds it; data is passed over. `format`
    /// counts where its value is one of `formats`.
    fn holding<'py>(
        &self,
        document: &Bound<'py, PyAny>,
        wanted: Vec<String>,
        formats: FxHashSet<String>,
        ids: FxHashSet<usize>,
    ) -> PyResult<Option<Bound<'py, PySet>>> {
        let mut kinds: FxHashMap<String, u8> = self.kinds.iter().map(|(key, kind)| (key.clone(), kind & (NAMES | DATA))).collect();
        for word in wanted {
            *kinds.entry(word).or_default() |= PATTERN;
        }
        if !formats.is_empty() {
            *kinds.entry("format".into()).or_default() |= PATTERNS;
        }
        let mut finding = Finding { keys: Keys { kinds: &kinds, met: FxHashMap::default() }, formats, ids, held: Vec::new() };
        match finding.look(document, false, 0) {
            Some(_) => Ok(Some(PySet::new(document.py(), finding.held)?)),
            None => Ok(None),
        }
    }
}

struct Finding<'a> {
    keys: Keys<'a>,
    formats: FxHashSet<String>,
    ids: FxHashSet<usize>,
    held: Vec<usize>,
}

impl Finding<'_> {
    fn look(&mut self, node: &Bound<'_, PyAny>, names: bool, level: u32) -> Option<bool> {
        if level > DEEPEST {
            return None;
        }
        let mut held = false;
        if let Ok(list) = node.cast_exact::<PyList>() {
            for child in list.iter() {
                held |= holds(&child) && self.look(&child, false, level + 1)?;
            }
        } else if let Ok(object) = node.cast_exact::<PyDict>() {
            held = self.ids.contains(&(node.as_ptr() as usize));
            for (key, child) in object.iter() {
                let (kind, _) = self.keys.kind(&key)?;
                if !names {
                    held |= kind & PATTERN != 0;
                    held |= kind & PATTERNS != 0 && self.ranged(&child);
                }
                if holds(&child) && (names || kind & DATA == 0) {
                    held |= self.look(&child, !names && kind & NAMES != 0, level + 1)?;
                }
            }
        }
        if held {
            self.held.push(node.as_ptr() as usize);
        }
        Some(held)
    }

    fn ranged(&self, format: &Bound<'_, PyAny>) -> bool {
        format.cast::<PyString>().is_ok_and(|text| text.to_str().is_ok_and(|text| self.formats.contains(text)))
    }
}
