//! The border between Python and the readers: what Python gives, what it gets, and where panics end.
//!
//! Each reader takes one record whole or leaves it, as if never read, to the reference in Python. So what is rare or broken is
//! judged in one place only. Nothing here reads a clock, a file or the network.

mod columns;
mod counting;
mod exchanges;
mod formats;
mod growth;
mod json;
mod json_spans;
mod keys;
mod lines;
mod marks;
mod naming;
mod odd;
mod outlines;
mod pattern;
mod patterns;
mod places;
mod proofs;
mod proving;
mod record_batch;
mod schema;
mod shapes;
mod spans;
mod texts;
mod usable;
mod walks;
mod wire;
mod words;
mod wordy;

use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use rustc_hash::FxHashMap;

use columns::{unpacked, Columns, Rows, Word, REASONS};
use naming::{Naming, Python as Asked};
use odd::{Odd, Read};
use spans::Scratch;

/// What became of a record: Python's numbers for it.
const LEFT: u8 = 0;
const TAKEN: u8 = 1;
const PANICKED: u8 = 2;

/// Which attributes name an edge, made once.
#[pyclass(frozen)]
struct Vocabulary {
    naming: Naming,
    names: Vec<Py<PyString>>,
}

#[pymethods]
impl Vocabulary {
    /// `names`: attribute and its use (plain, route, path, url, query, body).
    #[new]
    fn new(py: Python<'_>, names: Vec<(String, String)>, error_type: &str, failure: &str, linked: &str, asked: (String, String)) -> PyResult<Self> {
        let naming = Naming::new(names, error_type, failure, linked, [&asked.0, &asked.1])
            .map_err(|_| PyValueError::new_err("a use that nobody knows, or more than 256 names"))?;
        let names = naming.names.iter().map(|name| PyString::intern(py, name).unbind()).collect();
        Ok(Vocabulary { naming, names })
    }
}

/// What is asked of Python while a record is read.
struct Asking<'py, 'a> {
    py: Python<'py>,
    resource: &'a Py<PyAny>,
    template: &'a Py<PyAny>,
    cut_down: &'a Py<PyAny>,
    known: &'a mut [FxHashMap<Box<[u8]>, i32>; 2],
    fresh: &'a mut Vec<(usize, Box<[u8]>)>,
}

impl Asked for Asking<'_, '_> {
    #[inline(always)]
    fn resource(&mut self, raw: &[u8], json: bool) -> Read<i32> {
        let form = usize::from(json);
        if let Some(&index) = self.known[form].get(raw) {
            return Ok(index);
        }
        let said = self.resource.call1(self.py, (PyBytes::new(self.py, raw), json)).map_err(|_| Odd)?;
        let index: i32 = said.extract(self.py).map_err(|_| Odd)?;
        self.known[form].insert(raw.into(), index);
        self.fresh.push((form, raw.into()));
        Ok(index)
    }

    fn template(&mut self, message: &str) -> Read<String> {
        self.template.call1(self.py, (message,)).and_then(|said| said.extract(self.py)).map_err(|_| Odd)
    }

    fn cut_down(&mut self, slot: &str, text: &str, routed: bool) -> Read<String> {
        self.cut_down.call1(self.py, (slot, text, routed)).and_then(|said| said.extract(self.py)).map_err(|_| Odd)
    }
}

/// Reads the records of one batch.
#[pyclass]
struct Reader {
    vocabulary: Py<Vocabulary>,
    resource: Py<PyAny>,
    template: Py<PyAny>,
    cut_down: Py<PyAny>,
    columns: Columns,
    scratch: Scratch,
    known: [FxHashMap<Box<[u8]>, i32>; 2],
}

#[pymethods]
impl Reader {
    /// `resource` tells a resource's index by its bytes, `template` a message's template, `cut_down` what stays of a long attribute.
    #[new]
    fn new(vocabulary: Py<Vocabulary>, resource: Py<PyAny>, template: Py<PyAny>, cut_down: Py<PyAny>) -> Self {
        Reader {
            vocabulary,
            resource,
            template,
            cut_down,
            columns: Columns::default(),
            scratch: Scratch::default(),
            known: Default::default(),
        }
    }

    /// An OTLP request in protobuf: TAKEN, or LEFT or PANICKED as if it had never been read.
    fn protobuf(&mut self, py: Python<'_>, record: i64, latest_ns: u64, value: &[u8]) -> u8 {
        self.guarded(py, record, latest_ns, |columns, scratch, naming, asking| {
            spans::read(value, columns, scratch, naming, asking)
        })
    }

    /// The same in JSON, without a byte order mark.
    fn json(&mut self, py: Python<'_>, record: i64, latest_ns: u64, value: &[u8]) -> u8 {
        self.guarded(py, record, latest_ns, |columns, scratch, naming, asking| {
            json_spans::read(value, columns, &mut scratch.words, naming, asking)
        })
    }

    /// Panics within the guard, having added a row: what tests hold the guard by.
    fn fail(&mut self, py: Python<'_>, record: i64) -> u8 {
        self.guarded(py, record, u64::MAX, |columns, _, _, _| {
            let (trace, span) = ([1; 16], [1; 8]);
            let start_ns = columns::EARLIEST_NS;
            let said = columns::Said { kind: 2, trace: &trace, span: &span, parent: b"", start_ns, end_ns: start_ns, status: 0, resource: 0, asked: None };
            columns.add(&said, &columns::Words::default(), b"");
            panic!("on purpose")
        })
    }

    /// Everything that was taken; the reader is empty after it.
    fn gathered(&mut self, py: Python<'_>) -> PyResult<Gathered> {
        let taken = std::mem::take(&mut self.columns);
        self.known = Default::default();
        let names = &self.vocabulary.get().names;
        let words = taken.word_list.keys.iter().map(|(key, kinds)| word_tuple(py, names, key, kinds)).collect::<PyResult<Vec<_>>>()?;
        let states = taken.states.keys.iter().map(|(key, _)| std::str::from_utf8(key).unwrap_or(""));
        let questions = taken.questions.keys.iter().map(|(key, _)| columns::unquestioned(key));
        let links = taken.links.iter().map(|(row, trace, span)| (*row, PyBytes::new(py, trace), PyBytes::new(py, span)));
        let bodies = taken.bodies.iter().map(|(row, resource, attributes)| {
            (*row, PyBytes::new(py, resource), attributes.iter().map(|raw| PyBytes::new(py, raw)).collect::<Vec<_>>())
        });
        let counts = taken.counts.iter().map(|one| (one.record, one.seen, one.filtered, one.refused));
        let reasons = taken.reasons.iter().map(|(record, reason, count)| (*record, REASONS[*reason as usize], *count));
        Ok(Gathered {
            rows: rows(py, &taken.rows)?,
            kind: PyBytes::new(py, &taken.kind).unbind(),
            status: PyBytes::new(py, &taken.status).unbind(),
            words: PyBytes::new(py, &taken.words).unbind(),
            tracestate: PyBytes::new(py, &taken.state).unbind(),
            inner: rows(py, &taken.inner)?,
            word_list: PyList::new(py, words)?.unbind(),
            tracestates: PyList::new(py, states)?.unbind(),
            questions: PyList::new(py, questions.collect::<Vec<_>>())?.unbind(),
            links: PyList::new(py, links.collect::<Vec<_>>())?.unbind(),
            bodies: PyList::new(py, bodies.collect::<Vec<_>>())?.unbind(),
            counts: PyList::new(py, counts)?.unbind(),
            reasons: PyList::new(py, reasons)?.unbind(),
            clamped: taken.clamped,
        })
    }
}

impl Reader {
    fn guarded(
        &mut self,
        py: Python<'_>,
        record: i64,
        latest_ns: u64,
        read: impl FnOnce(&mut Columns, &mut Scratch, &Naming, &mut Asking) -> Read<()>,
    ) -> u8 {
        let mark = self.columns.begin(record, latest_ns);
        let mut fresh = Vec::new();
        let done = catch_unwind(AssertUnwindSafe(|| {
            let mut asking = Asking {
                py,
                resource: &self.resource,
                template: &self.template,
                cut_down: &self.cut_down,
                known: &mut self.known,
                fresh: &mut fresh,
            };
            read(&mut self.columns, &mut self.scratch, &self.vocabulary.get().naming, &mut asking)
        }));
        if let Ok(Ok(())) = done {
            self.columns.end();
            return TAKEN;
        }
        self.columns.take_back(mark);
        for (form, raw) in fresh {
            self.known[form].remove(&raw);
        }
        if done.is_err() {
            PANICKED
        } else {
            LEFT
        }
    }
}

/// Columns of rows: record, trace, span, parent, start_ns, end_ns, resource, asked.
fn rows(py: Python<'_>, rows: &Rows) -> PyResult<Py<PyTuple>> {
    let columns = [&rows.record, &rows.trace, &rows.span, &rows.parent, &rows.start_ns, &rows.end_ns, &rows.resource, &rows.asked];
    Ok(PyTuple::new(py, columns.map(|column| PyBytes::new(py, column)))?.unbind())
}

fn word_tuple<'py>(py: Python<'py>, names: &[Py<PyString>], key: &[u8], kinds: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
    let (name, words) = unpacked(key, kinds);
    let mut parts: Vec<Bound<'py, PyAny>> = Vec::with_capacity(1 + 2 * words.len());
    parts.push(PyString::new(py, name).into_any());
    for (slot, word) in words {
        parts.push(names[slot as usize].bind(py).clone().into_any());
        parts.push(match word {
            Word::Text(text) => PyString::new(py, text).into_any(),
            Word::Int(number) => number.into_pyobject(py)?.into_any(),
            Word::Truth(truth) => truth.into_pyobject(py)?.to_owned().into_any(),
            Word::Float(number) => number.into_pyobject(py)?.into_any(),
        });
    }
    PyTuple::new(py, parts)
}

/// What a reader took, by column: bytes in this machine's order, lists where values differ in size.
#[pyclass(frozen, get_all)]
struct Gathered {
    rows: Py<PyTuple>,
    kind: Py<PyBytes>,
    status: Py<PyBytes>,
    words: Py<PyBytes>,
    tracestate: Py<PyBytes>,
    inner: Py<PyTuple>,
    word_list: Py<PyList>,
    tracestates: Py<PyList>,
    questions: Py<PyList>,
    links: Py<PyList>,
    bodies: Py<PyList>,
    counts: Py<PyList>,
    reasons: Py<PyList>,
    clamped: usize,
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // A panic's message may quote a payload: it is counted, and not printed.
    std::panic::set_hook(Box::new(|_| ()));
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    module.add("LEFT", LEFT)?;
    module.add("TAKEN", TAKEN)?;
    module.add("PANICKED", PANICKED)?;
    module.add_class::<Vocabulary>()?;
    module.add_class::<Reader>()?;
    module.add_function(wrap_pyfunction!(keys::lookup, module)?)?;
    module.add_function(wrap_pyfunction!(keys::firsts, module)?)?;
    module.add_function(wrap_pyfunction!(keys::mix, module)?)?;
    module.add_function(wrap_pyfunction!(places::gather, module)?)?;
    module.add_function(wrap_pyfunction!(counting::busy, module)?)?;
    module.add_function(wrap_pyfunction!(counting::sums, module)?)?;
    module.add_function(wrap_pyfunction!(texts::read_alike, module)?)?;
    module.add_function(wrap_pyfunction!(record_batch::records, module)?)?;
    module.add_class::<exchanges::Exchanges>()?;
    module.add_class::<patterns::Pattern>()?;
    module.add_class::<proofs::Proofs>()?;
    module.add_class::<growth::Growth>()?;
    module.add_class::<walks::Walks>()?;
    module.add_function(wrap_pyfunction!(lines::lines_of, module)?)?;
    module.add_class::<marks::Objects>()?;
    module.add_class::<marks::Keywords>()?;
    module.add_class::<usable::Usable>()?;
    module.add_function(wrap_pyfunction!(shapes::shape_text, module)?)?;
    module.add_class::<outlines::Outlines>()?;
    module.add_class::<outlines::Marks>()?;
    module.add_class::<Gathered>()
}
