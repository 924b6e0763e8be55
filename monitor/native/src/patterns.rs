//! Patterns for Python: the plainest ones, and of plain texts only.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::pattern::Pattern as Automaton;

/// A pattern in the engine's words. ValueError for one that is none of ours.
#[pyclass(frozen)]
pub struct Pattern {
    automaton: Automaton,
}

#[pymethods]
impl Pattern {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        let automaton = Automaton::new(text).map_err(|_| PyValueError::new_err("a pattern that is not so plain"))?;
        Ok(Pattern { automaton })
    }

    /// Whether it is found in a text; None where the engine must look.
    fn found(&self, text: &Bound<'_, PyString>) -> Option<bool> {
        self.automaton.found(text.to_str().ok()?).ok()
    }
}
