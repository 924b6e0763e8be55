//! Words by their numbers: `target[row] = table[places[row]]`, whatever the width of the numbers.
#![forbid(unsafe_code)]

use pyo3::buffer::{Element, PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Whole numbers of one width.
#[derive(FromPyObject)]
pub enum Numbers {
    Bytes(PyBuffer<i8>),
    Short(PyBuffer<i16>),
    Plain(PyBuffer<i32>),
    Long(PyBuffer<i64>),
}

fn refused(why: &'static str) -> PyErr {
    PyValueError::new_err(why)
}

fn column<'a, T: Element>(py: Python<'a>, buffer: &'a PyBuffer<T>) -> PyResult<&'a [ReadOnlyCell<T>]> {
    buffer.as_slice(py).ok_or_else(|| refused("a column that does not lie in one piece"))
}

/// Into `target` what stands in `table` at these places. All of the table must fit into the target's width.
#[pyfunction]
pub fn gather(py: Python<'_>, table: PyBuffer<i32>, places: Numbers, target: Numbers) -> PyResult<()> {
    let table: Vec<i32> = column(py, &table)?.iter().map(ReadOnlyCell::get).collect();
    match &places {
        Numbers::Bytes(places) => at(py, &table, column(py, places)?, &target),
        Numbers::Short(places) => at(py, &table, column(py, places)?, &target),
        Numbers::Plain(places) => at(py, &table, column(py, places)?, &target),
        Numbers::Long(places) => at(py, &table, column(py, places)?, &target),
    }
}

fn at<P: Element + Copy + TryInto<usize>>(py: Python<'_>, table: &[i32], places: &[ReadOnlyCell<P>], target: &Numbers) -> PyResult<()> {
    match target {
        Numbers::Bytes(target) => into(py, table, places, target),
        Numbers::Short(target) => into(py, table, places, target),
        Numbers::Plain(target) => into(py, table, places, target),
        Numbers::Long(target) => into(py, table, places, target),
    }
}

fn into<P, T>(py: Python<'_>, table: &[i32], places: &[ReadOnlyCell<P>], target: &PyBuffer<T>) -> PyResult<()>
where
    P: Element + Copy + TryInto<usize>,
    T: Element + Copy + TryFrom<i32>,
{
    let target = target.as_mut_slice(py).ok_or_else(|| refused("a column that does not lie in one piece"))?;
    if target.len() != places.len() {
        return Err(refused("columns of other lengths"));
    }
    let narrow = table.iter().map(|number| T::try_from(*number));
    let narrow: Vec<T> = narrow.collect::<Result<_, _>>().map_err(|_| refused("a number that is too wide"))?;
    for (target, place) in target.iter().zip(places) {
        let number = place.get().try_into().ok().and_then(|place: usize| narrow.get(place));
        target.set(*number.ok_or_else(|| refused("a place that is not there"))?);
    }
    Ok(())
}
