//! How deep a payload may be before the schemas that apply at one place grow over a bound: the count of monitor/contracts/work.py,
//! which says what is counted and which keys apply how.
#![forbid(unsafe_code)]

use std::rc::Rc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use rustc_hash::FxHashMap;

/// How a key applies schemas: on the value itself, or on places below it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Reference,
    InPlaceList,
    InPlace,
    InPlaceMap,
    BelowMap,
    Below,
    /// One schema for all items, or a list by place.
    Items,
    BelowList,
}

/// The schemas that are put on a place, each with how often: most often one.
#[derive(Clone, Default)]
struct Counted {
    list: Vec<(u32, i64)>,
    /// Where each stands, once they are many.
    at: FxHashMap<u32, usize>,
}

impl Counted {
    fn add(&mut self, child: u32, often: i64) {
        let at = if self.at.is_empty() {
            self.list.iter().position(|(held, _)| *held == child)
        } else {
            self.at.get(&child).copied()
        };
        if let Some(at) = at {
            self.list[at].1 += often;
            return;
        }
        self.list.push((child, often));
        if !self.at.is_empty() {
            self.at.insert(child, self.list.len() - 1);
        } else if self.list.len() > FEW {
            self.at = self.list.iter().enumerate().map(|(at, (held, _))| (*held, at)).collect();
        }
    }
}

const FEW: usize = 32;

/// By place.
type Places = FxHashMap<u32, Counted>;

/// Keys that apply schemas, made once.
#[pyclass(frozen)]
pub struct Growth {
    /// By key its use, and its place among those that apply in place.
    uses: FxHashMap<String, (Use, u8)>,
    deepest: usize,
    most_merged: i64,
    longest_chain: usize,
}

#[pymethods]
impl Growth {
    /// `uses`: each key and its use, in the order in which what applies in place is counted.
    #[new]
    fn new(uses: Vec<(String, String)>, deepest: usize, most_merged: i64, longest_chain: usize) -> PyResult<Self> {
        let mut by_key = FxHashMap::default();
        for (rank, (key, how)) in (0u8..).zip(uses) {
            let how = match how.as_str() {
                "reference" => Use::Reference,
                "in place list" => Use::InPlaceList,
                "in place" => Use::InPlace,
                "in place map" => Use::InPlaceMap,
                "below map" => Use::BelowMap,
                "below" => Use::Below,
                "items" => Use::Items,
                "below list" => Use::BelowList,
                _ => return Err(pyo3::exceptions::PyValueError::new_err("a use that nobody knows")),
            };
            by_key.insert(key, (how, rank));
        }
        Ok(Growth { uses: by_key, deepest, most_merged, longest_chain })
    }

    /// The depth, as `allowed_depth` gives it; None leaves the document to it. `resolve` finds what an odd reference names.
    fn allowed_depth(&self, document: &Bound<'_, PyAny>, work: i64, resolve: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        let mut graph = Graph {
            uses: self, document, work, resolve,
            keys: FxHashMap::default(), numbers: FxHashMap::default(), nodes: Vec::new(), met: FxHashMap::default(),
            names: FxHashMap::default(), places: FxHashMap::default(), reach: Vec::new(),
            named: FxHashMap::default(), merged: 0, objects: None,
        };
        match graph.all(document) {
            Ok(()) => Ok(Some(graph.depth(self.deepest))),
            Err(Stop::Left) => Ok(None),
            Err(Stop::TooMuch) => Ok(Some(0)),
            Err(Stop::Raised(error)) => Err(error),
        }
    }

    /// Of schemas, each with a payload, whether no more than `most` schemas apply to all places of it, as `Cost.within` tells;
    /// None leaves all of them to it. `work` is the bound of one place.
    fn within(
        &self,
        document: &Bound<'_, PyAny>,
        payloads: Vec<(Bound<'_, PyDict>, Bound<'_, PyAny>)>,
        most: i64,
        work: i64,
        resolve: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Vec<bool>>> {
        let mut graph = Graph {
            uses: self, document, work, resolve,
            keys: FxHashMap::default(), numbers: FxHashMap::default(), nodes: Vec::new(), met: FxHashMap::default(),
            names: FxHashMap::default(), places: FxHashMap::default(), reach: Vec::new(),
            named: FxHashMap::default(), merged: 0, objects: Some(Vec::new()),
        };
        let mut told = Vec::with_capacity(payloads.len());
        for (schema, value) in &payloads {
            match graph.bears(schema, value, most) {
                Ok(bearable) => told.push(bearable),
                Err(Stop::Left | Stop::TooMuch) => return Ok(None),
                Err(Stop::Raised(error)) => return Err(error),
            }
        }
        Ok(Some(told))
    }
}

enum Stop {
    Left,
    TooMuch,
    Raised(PyErr),
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Stop::Raised(error)
    }
}

/// What is known of an object: nothing yet, that it is being counted, or its count and what it puts below.
#[derive(Clone)]
enum Known {
    Nothing,
    Open,
    Counted(i64, Option<Rc<Places>>),
}

#[derive(PartialEq, Eq, Hash)]
enum Below {
    Name(u32),
    Index(usize),
    All,
}

/// How many places below one is.
#[derive(Clone, Copy)]
enum Reach {
    Name,
    Index,
    All,
}

struct Graph<'a, 'py> {
    uses: &'a Growth,
    document: &'a Bound<'py, PyAny>,
    work: i64,
    resolve: &'a Bound<'py, PyAny>,
    /// By a key's place in memory.
    keys: FxHashMap<usize, Option<(Use, u8)>>,
    /// By an object's place in memory.
    numbers: FxHashMap<usize, u32>,
    nodes: Vec<Known>,
    /// Names by their place in memory, and by text: a document's equal keys are mostly one object.
    met: FxHashMap<usize, u32>,
    names: FxHashMap<String, u32>,
    /// By use of the key and by name, index or neither.
    places: FxHashMap<(u8, Below), u32>,
    /// By place, the key's use and whom it is for.
    reach: Vec<(u8, Reach)>,
    named: FxHashMap<String, Option<Bound<'py, PyDict>>>,
    merged: i64,
    /// By number, where they are asked for by it.
    objects: Option<Vec<Bound<'py, PyDict>>>,
}

#[inline]
fn holds(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyDict>() || value.is_exact_instance_of::<PyList>()
}

impl<'py> Graph<'_, 'py> {
    /// Every object that applies schemas, in the reference's order.
    fn all(&mut self, document: &Bound<'py, PyAny>) -> Result<(), Stop> {
        let mut stack = vec![document.clone()];
        while let Some(node) = stack.pop() {
            if let Ok(object) = node.cast_exact::<PyDict>() {
                let mut applies = false;
                for (key, child) in object.iter() {
                    applies |= self.use_of(&key)?.is_some();
                    if holds(&child) {
                        stack.push(child);
                    }
                }
                if applies {
                    let number = self.number(object);
                    if matches!(self.nodes[number as usize], Known::Nothing) {
                        self.expansion(object, 0)?;
                    }
                }
            } else if let Ok(list) = node.cast_exact::<PyList>() {
                stack.extend(list.iter().filter(holds));
            }
        }
        Ok(())
    }

    #[inline]
    fn use_of(&mut self, key: &Bound<'py, PyAny>) -> Result<Option<(Use, u8)>, Stop> {
        let place = key.as_ptr() as usize;
        if let Some(&known) = self.keys.get(&place) {
            return Ok(known);
        }
        let text = key.cast::<PyString>().map_err(|_| Stop::Left)?.to_str().map_err(|_| Stop::Left)?;
        let known = self.uses.uses.get(text).copied();
        self.keys.insert(place, known);
        Ok(known)
    }

    #[inline]
    fn number(&mut self, object: &Bound<'py, PyDict>) -> u32 {
        let fresh = self.nodes.len() as u32;
        let number = *self.numbers.entry(object.as_ptr() as usize).or_insert(fresh);
        if number == fresh {
            self.nodes.push(Known::Nothing);
            if let Some(objects) = &mut self.objects {
                objects.push(object.clone());
            }
        }
        number
    }

    fn name(&mut self, key: &Bound<'py, PyAny>) -> Result<u32, Stop> {
        let place = key.as_ptr() as usize;
        if let Some(&known) = self.met.get(&place) {
            return Ok(known);
        }
        let text = key.cast::<PyString>().map_err(|_| Stop::Left)?.to_str().map_err(|_| Stop::Left)?;
        let fresh = self.names.len() as u32;
        let number = *self.names.entry(text.to_owned()).or_insert(fresh);
        self.met.insert(place, number);
        Ok(number)
    }

    fn put(&mut self, below: &mut Places, rank: u8, at: Below, child: &Bound<'py, PyDict>) {
        let fresh = self.places.len() as u32;
        let kind = match at {
            Below::Name(_) => Reach::Name,
            Below::Index(_) => Reach::Index,
            Below::All => Reach::All,
        };
        let place = *self.places.entry((rank, at)).or_insert(fresh);
        if place == fresh {
            self.reach.push((rank, kind));
        }
        let number = self.number(child);
        below.entry(place).or_default().add(number, 1);
    }

    /// Schemas applied at the object's own place, and what is put below.
    fn expansion(&mut self, object: &Bound<'py, PyDict>, chain: usize) -> Result<(i64, Option<Rc<Places>>), Stop> {
        let number = self.number(object) as usize;
        match &self.nodes[number] {
            Known::Counted(total, below) => return Ok((*total, below.clone())),
            Known::Open => return Err(Stop::TooMuch),
            Known::Nothing => (),
        }
        let mut applies = false;
        let mut own = Places::default();
        let mut in_place: Vec<(u8, Bound<'py, PyDict>)> = Vec::new();
        for (key, value) in object.iter() {
            let Some((how, rank)) = self.use_of(&key)? else { continue };
            applies = true;
            match how {
                Use::Reference => {
                    if let Ok(target) = value.cast::<PyString>() {
                        if let Some(part) = self.behind(target)? {
                            in_place.push((rank, part));
                        }
                    }
                }
                Use::InPlaceList => {
                    if let Ok(parts) = value.cast::<PyList>() {
                        in_place.extend(parts.iter().filter_map(|part| part.cast_into::<PyDict>().ok()).map(|part| (rank, part)));
                    }
                }
                Use::InPlace => {
                    if let Ok(part) = value.cast::<PyDict>() {
                        in_place.push((rank, part.clone()));
                    }
                }
                Use::InPlaceMap => {
                    if let Ok(parts) = value.cast::<PyDict>() {
                        in_place.extend(parts.values().iter().filter_map(|part| part.cast_into::<PyDict>().ok()).map(|part| (rank, part)));
                    }
                }
                Use::BelowMap => {
                    for (name, child) in value.cast::<PyDict>().into_iter().flat_map(|parts| parts.iter()) {
                        if let Ok(child) = child.cast::<PyDict>() {
                            let name = self.name(&name)?;
                            self.put(&mut own, rank, Below::Name(name), child);
                        }
                    }
                }
                Use::Below | Use::Items | Use::BelowList => {
                    if how != Use::BelowList {
                        if let Ok(child) = value.cast::<PyDict>() {
                            self.put(&mut own, rank, Below::All, child);
                        }
                    }
                    if how != Use::Below {
                        for (index, child) in value.cast::<PyList>().into_iter().flat_map(|parts| parts.iter()).enumerate() {
                            if let Ok(child) = child.cast::<PyDict>() {
                                self.put(&mut own, rank, Below::Index(index), child);
                            }
                        }
                    }
                }
            }
        }
        if !applies {
            self.nodes[number] = Known::Counted(1, None);
            return Ok((1, None));
        }
        if chain >= self.uses.longest_chain {
            return Err(Stop::TooMuch);
        }
        in_place.sort_by_key(|(rank, _)| *rank);
        self.nodes[number] = Known::Open;
        let mut total: i64 = 1;
        let mut shared: Option<Rc<Places>> = None;
        for (_, part) in in_place {
            let (cost, deeper) = self.expansion(&part, chain + 1)?;
            total = total.saturating_add(cost);
            if total > self.work {
                return Err(Stop::TooMuch);
            }
            let Some(deeper) = deeper else { continue };
            if own.is_empty() {
                match shared.take() {
                    None => {
                        shared = Some(deeper);
                        continue;
                    }
                    Some(first) => {
                        own = (*first).clone();
                        self.merged += own.len() as i64;
                    }
                }
            }
            self.merged += deeper.len() as i64;
            if self.merged > self.uses.most_merged {
                return Err(Stop::TooMuch);
            }
            for (place, counted) in deeper.iter() {
                let held = own.entry(*place).or_default();
                for &(child, often) in &counted.list {
                    held.add(child, often);
                }
            }
        }
        let below = if own.is_empty() { shared } else { Some(Rc::new(own)) };
        self.nodes[number] = Known::Counted(total, below.clone());
        Ok((total, below))
    }

    /// The object that a local reference names.
    fn behind(&mut self, target: &Bound<'py, PyString>) -> Result<Option<Bound<'py, PyDict>>, Stop> {
        let text = target.to_str().map_err(|_| Stop::Left)?;
        if !text.starts_with('#') {
            return Ok(None);
        }
        if let Some(known) = self.named.get(text) {
            return Ok(known.clone());
        }
        let part = if text.contains('%') || !text.is_ascii() {
            self.resolve.call1((target,))?.cast_into::<PyDict>().ok()
        } else {
            self.walked(&text[1..])?
        };
        self.named.insert(text.to_owned(), part.clone());
        Ok(part)
    }

    fn walked(&self, pointer: &str) -> Result<Option<Bound<'py, PyDict>>, Stop> {
        let mut node = self.document.clone();
        if !pointer.is_empty() {
            for step in pointer.trim_start_matches('/').split('/') {
                let name = step.replace("~1", "/").replace("~0", "~");
                let below = if let Ok(object) = node.cast::<PyDict>() {
                    object.get_item(&name)?
                } else if let Ok(list) = node.cast::<PyList>() {
                    let index = name.bytes().all(|sign| sign.is_ascii_digit()).then(|| name.parse::<usize>().ok()).flatten();
                    index.filter(|_| name.len() < 10).and_then(|index| list.get_item(index).ok())
                } else {
                    None
                };
                match below {
                    Some(child) => node = child,
                    None => return Ok(None),
                }
            }
        }
        Ok(node.cast_into::<PyDict>().ok())
    }

    /// Whether the schemas that apply to all places of a payload, and the work of counting them, are no more than `most`.
    fn bears(&mut self, schema: &Bound<'py, PyDict>, value: &Bound<'py, PyAny>, most: i64) -> Result<bool, Stop> {
        let rank = |word: &str| self.uses.uses.get(word).map_or(u8::MAX, |(_, rank)| *rank);
        let any_name = ["additionalProperties", "unevaluatedProperties", "propertyNames"].map(rank);
        let any_item = ["items", "additionalItems", "unevaluatedItems", "contains"].map(rank);
        let (named, patterned) = (rank("properties"), rank("patternProperties"));
        let listed = ["items", "prefixItems"].map(rank);
        let mut total: i64 = 0;
        let mut stack: Vec<(Bound<'py, PyAny>, Vec<(u32, i64)>)> = vec![(value.clone(), vec![(self.number(schema), 1)])];
        while let Some((node, applied)) = stack.pop() {
            let object = node.cast::<PyDict>().ok();
            let list = node.cast::<PyList>().ok();
            let size = object.map_or(0, |held| held.len()) + list.map_or(0, |held| held.len());
            let mut below = Places::default();
            for (number, times) in applied {
                let object = self.objects.as_ref().map(|objects| objects[number as usize].clone()).ok_or(Stop::Left)?;
                let (own, places) = self.expansion(&object, 0)?;
                total = total.saturating_add(times.saturating_mul(own));
                if size > 0 {
                    for (place, counted) in places.iter().flat_map(|places| places.iter()) {
                        let held = below.entry(*place).or_default();
                        total = total.saturating_add(counted.list.len() as i64);
                        for &(child, often) in &counted.list {
                            held.add(child, times.saturating_mul(often));
                        }
                    }
                }
                if total > most {
                    return Ok(false);
                }
            }
            if below.is_empty() {
                continue;
            }
            let mut shared = Counted::default();
            for (place, counted) in &below {
                let (rank, reach) = self.reach[*place as usize];
                let counts = match reach {
                    Reach::All if object.is_some() => any_name.contains(&rank),
                    Reach::All => any_item.contains(&rank),
                    Reach::Name => object.is_some() && rank == patterned,
                    Reach::Index => false,
                };
                if counts {
                    counted.list.iter().for_each(|&(child, often)| shared.add(child, often));
                }
            }
            let mut child = |inner: Bound<'py, PyAny>, own: Vec<u32>| -> bool {
                let mut asked = shared.clone();
                for place in own {
                    if let Some(counted) = below.get(&place) {
                        counted.list.iter().for_each(|&(child, often)| asked.add(child, often));
                    }
                }
                total = total.saturating_add(1 + asked.list.len() as i64);
                if !asked.list.is_empty() {
                    stack.push((inner, asked.list));
                }
                total > most
            };
            if let Some(object) = object {
                for (name, inner) in object.iter() {
                    let text = name.cast::<PyString>().map_err(|_| Stop::Left)?.to_str().map_err(|_| Stop::Left)?;
                    let place = self.names.get(text).and_then(|name| self.places.get(&(named, Below::Name(*name))));
                    if child(inner, place.copied().into_iter().collect()) {
                        return Ok(false);
                    }
                }
            } else if let Some(list) = list {
                for (index, inner) in list.iter().enumerate() {
                    let places = listed.iter().filter_map(|rank| self.places.get(&(*rank, Below::Index(index)))).copied().collect();
                    if child(inner, places) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// The depth at which some count grows over the bound, all schemas at once.
    fn depth(&self, deepest: usize) -> usize {
        // What several schemas put below alike stands once.
        let mut groups: FxHashMap<*const Places, usize> = FxHashMap::default();
        let mut shared: Vec<&Rc<Places>> = Vec::new();
        let mut owners: Vec<(usize, usize)> = Vec::new();
        let mut now: Vec<i64> = vec![1; self.nodes.len()];
        for (at, known) in self.nodes.iter().enumerate() {
            let Known::Counted(total, below) = known else { continue };
            now[at] = *total;
            if let Some(below) = below {
                let group = *groups.entry(Rc::as_ptr(below)).or_insert(shared.len());
                if group == shared.len() {
                    shared.push(below);
                }
                owners.push((at, group));
            }
        }
        if owners.is_empty() {
            return deepest;
        }
        let (mut edges, mut ends_of_places, mut ends_of_groups) = (Vec::new(), Vec::new(), Vec::new());
        for below in shared {
            for counted in below.values() {
                edges.extend_from_slice(&counted.list);
                ends_of_places.push(edges.len());
            }
            ends_of_groups.push(ends_of_places.len());
        }
        let mut largest: Vec<i64> = vec![0; ends_of_groups.len()];
        for depth in 1..deepest {
            let (mut edge, mut place) = (0, 0);
            for (group, &end) in ends_of_groups.iter().enumerate() {
                largest[group] = 0;
                while place < end {
                    let mut sum: i64 = 0;
                    while edge < ends_of_places[place] {
                        let (child, often) = edges[edge];
                        sum = sum.saturating_add(now[child as usize].saturating_mul(often));
                        edge += 1;
                    }
                    largest[group] = largest[group].max(sum);
                    place += 1;
                }
            }
            let mut fresh = vec![0; now.len()];
            for &(at, group) in &owners {
                fresh[at] = largest[group];
            }
            let most = fresh.iter().copied().max().unwrap_or(0);
            if most == 0 || fresh == now {
                return deepest;
            }
            if most > self.work {
                return depth;
            }
            now = fresh;
        }
        deepest
    }
}
