//! Rows found by their keys, and keys made of columns: what counting does most. Each is held equal to its reference in Python.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;

use pyo3::buffer::{PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const NOBODY: u32 = u32::MAX;

fn refused(why: &'static str) -> PyErr {
    PyValueError::new_err(why)
}

/// An odd number of this process's own, so that nobody can choose ids whose keys fall into one place. No answer depends on it.
pub(crate) fn multiplier() -> u64 {
    static CHOSEN: OnceLock<u64> = OnceLock::new();
    *CHOSEN.get_or_init(|| RandomState::new().hash_one(0u8) | 1)
}

/// Rows by key: a table of places, each the number of a row; a place that is taken by another key hands on to the next.
struct Places<'a> {
    keys: &'a [ReadOnlyCell<u64>],
    table: Vec<u32>,
    shift: u32,
    odd: u64,
}

impl<'a> Places<'a> {
    fn new(keys: &'a [ReadOnlyCell<u64>]) -> PyResult<Self> {
        if keys.len() >= NOBODY as usize {
            return Err(refused("too many rows"));
        }
        let bits = (2 * keys.len()).next_power_of_two().max(2).trailing_zeros();
        Ok(Places { keys, table: vec![NOBODY; 1 << bits], shift: 64 - bits, odd: multiplier() })
    }

    /// Where a key stands or would stand, and the row that is there.
    #[inline(always)]
    fn find(&self, key: u64) -> (usize, u32) {
        let mut at = (key.wrapping_mul(self.odd) >> self.shift) as usize;
        while self.table[at] != NOBODY && self.keys[self.table[at] as usize].get() != key {
            at = (at + 1) & (self.table.len() - 1);
        }
        (at, self.table[at])
    }

    /// The first row with the key of this one.
    #[inline(always)]
    fn put(&mut self, row: u32) -> u32 {
        let (at, first) = self.find(self.keys[row as usize].get());
        if first != NOBODY {
            return first;
        }
        self.table[at] = row;
        row
    }
}

/// Of each wanted key the first row that has it, else -1, into `rows`.
#[pyfunction]
pub fn lookup(py: Python<'_>, keys: PyBuffer<u64>, wanted: PyBuffer<u64>, rows: PyBuffer<i64>) -> PyResult<()> {
    let apart = || refused("columns that do not lie in one piece");
    let wanted = wanted.as_slice(py).ok_or_else(apart)?;
    let rows = rows.as_mut_slice(py).ok_or_else(apart)?;
    if rows.len() != wanted.len() {
        return Err(refused("columns of other lengths"));
    }
    let mut places = Places::new(keys.as_slice(py).ok_or_else(apart)?)?;
    for row in 0..places.keys.len() as u32 {
        places.put(row);
    }
    for (target, key) in rows.iter().zip(wanted) {
        let (_, row) = places.find(key.get());
        target.set(if row == NOBODY { -1 } else { i64::from(row) });
    }
    Ok(())
}

/// Of each row the first that has the same key, into `rows`.
#[pyfunction]
pub fn firsts(py: Python<'_>, keys: PyBuffer<u64>, rows: PyBuffer<i64>) -> PyResult<()> {
    let apart = || refused("columns that do not lie in one piece");
    let keys = keys.as_slice(py).ok_or_else(apart)?;
    let rows = rows.as_mut_slice(py).ok_or_else(apart)?;
    if rows.len() != keys.len() {
        return Err(refused("columns of other lengths"));
    }
    let mut places = Places::new(keys)?;
    for (row, target) in rows.iter().enumerate() {
        target.set(i64::from(places.put(row as u32)));
    }
    Ok(())
}

/// One 64-bit hash a row from several columns, into `state`. A column of twice as many numbers as there are rows has two a row.
#[pyfunction]
pub fn mix(py: Python<'_>, columns: Vec<PyBuffer<u64>>, state: PyBuffer<u64>) -> PyResult<()> {
    let apart = || refused("columns that do not lie in one piece");
    let state = state.as_mut_slice(py).ok_or_else(apart)?;
    for hash in state {
        hash.set(0);
    }
    for column in &columns {
        let column = column.as_slice(py).ok_or_else(apart)?;
        let width = if state.is_empty() { 1 } else { column.len() / state.len() };
        if column.len() != width * state.len() || width == 0 {
            return Err(refused("columns of other lengths"));
        }
        for (hash, numbers) in state.iter().zip(column.chunks_exact(width)) {
            hash.set(numbers.iter().fold(hash.get(), |so_far, number| mixed(so_far, number.get())));
        }
    }
    Ok(())
}

/// Multiply and xor-shift, as in splitmix64.
pub(crate) fn mixed(state: u64, number: u64) -> u64 {
    let mut state = (state ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state ^= state >> 29;
    state = state.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state ^ (state >> 32)
}
