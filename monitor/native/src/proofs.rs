//! Schemas of one document for Python: each is asked for when a body first meets it, and proofs go on from there.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::proving::{prove, Stop};
use crate::schema::{Said, Schema};

const MOST_SCHEMAS: usize = 1_000_000;

/// Proves bodies against the schemas that `ask` writes down by their numbers.
#[pyclass(frozen)]
pub struct Proofs {
    ask: Py<PyAny>,
    schemas: Mutex<Vec<Option<Schema>>>,
}

#[pymethods]
impl Proofs {
    #[new]
    fn new(ask: Py<PyAny>) -> Self {
        Proofs { ask, schemas: Mutex::default() }
    }

    /// Whether a body surely keeps the schema of this number. False says nothing; never raises.
    fn kept(&self, py: Python<'_>, root: u32, body: &Bound<'_, PyAny>) -> bool {
        let text = if let Ok(text) = body.cast::<PyString>() {
            text.to_str().ok()
        } else {
            body.cast::<PyBytes>().ok().and_then(|raw| std::str::from_utf8(raw.as_bytes()).ok())
        };
        let Some(text) = text else { return false };
        loop {
            let Ok(schemas) = self.schemas.try_lock() else { return false };
            let said = catch_unwind(AssertUnwindSafe(|| prove(text, root, &schemas)));
            drop(schemas);
            match said {
                Ok(Ok(())) => return true,
                Ok(Err(Stop::Missing(number))) => {
                    if !self.learn(py, number) {
                        return false;
                    }
                }
                _ => return false,
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
