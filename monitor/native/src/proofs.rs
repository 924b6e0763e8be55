//! Schemas of one document for Python: each is asked for when a body first meets it, and proofs go on from there.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::proving::{prove, Stop};
use crate::schema::{Said, Schema};

const MOST_SCHEMAS: usize = 1_000_000;

/// Nothing is sure; the schema is kept; it is kept by an object that has none of the members `marks`.
const OPEN: u8 = 0;
const KEPT: u8 = 1;
const UNMARKED: u8 = 2;

/// Proves bodies against the schemas that `ask` writes down by their numbers.
#[pyclass(frozen)]
pub struct Proofs {
    ask: Py<PyAny>,
    marks: Vec<String>,
    schemas: Mutex<Vec<Option<Schema>>>,
}

#[pymethods]
impl Proofs {
    #[new]
    fn new(ask: Py<PyAny>, marks: Vec<String>) -> Self {
        Proofs { ask, marks, schemas: Mutex::default() }
    }

    /// What is sure of a body and the schema of this number. Never raises.
    fn kept(&self, py: Python<'_>, root: u32, body: &Bound<'_, PyAny>) -> u8 {
        let text = if let Ok(text) = body.cast::<PyString>() {
            text.to_str().ok()
        } else {
            body.cast::<PyBytes>().ok().and_then(|raw| std::str::from_utf8(raw.as_bytes()).ok())
        };
        let Some(text) = text else { return OPEN };
        loop {
            let Ok(schemas) = self.schemas.try_lock() else { return OPEN };
            let said = catch_unwind(AssertUnwindSafe(|| prove(text, root, &schemas, &self.marks)));
            drop(schemas);
            match said {
                Ok(Ok(unmarked)) => return if unmarked { UNMARKED } else { KEPT },
                Ok(Err(Stop::Missing(number))) => {
                    if !self.learn(py, number) {
                        return OPEN;
                    }
                }
                _ => return OPEN,
            }
        }
    }
}

impl Proofs {
    /// Whether a schema is known now: one that cannot be written down proves nothing.
    fn learn(&self, py: Python<'_>, number: u32) -> bool {
        let said = self.ask.call1(py, (number,)).and_then(|said| said.extract::<Said>(py));
        let schema = said.map_or_else(|_| Schema::odd(), |said| Schema::new(said).unwrap_or_else(|_| Schema::odd()));
        let (Ok(mut schemas), at) = (self.schemas.try_lock(), number as usize) else { return false };
        if at >= MOST_SCHEMAS {
            return false;
        }
        if schemas.len() <= at {
            schemas.resize_with(at + 1, || None);
        }
        schemas[at] = Some(schema);
        true
    }
}
