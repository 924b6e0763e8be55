//! Rows found by their keys, and keys made of columns: what counting does most. Each is held equal to its reference in Python.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;

use pyo3::buffer::PyBuffer;
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

/// Of each wanted key the first row that has it, else -1, into `rows`: one table of places, each the number of a row; a place that is
/// taken by another key hands on to the next.
#[pyfunction]
pub fn lookup(py: Python<'_>, keys: PyBuffer<u64>, wanted: PyBuffer<u64>, rows: PyBuffer<i64>) -> PyResult<()> {
    let apart = || refused("columns that do not lie in one piece");
    let keys = keys.as_slice(py).ok_or_else(apart)?;
    let wanted = wanted.as_slice(py).ok_or_else(apart)?;
    let rows = rows.as_mut_slice(py).ok_or_else(apart)?;
    if rows.len() != wanted.len() || keys.len() >= NOBODY as usize {
        return Err(refused("columns of other lengths"));
    }
    let bits = (2 * keys.len()).next_power_of_two().max(2).trailing_zeros();
    let (mask, shift) = ((1usize << bits) - 1, 64 - bits);
    let odd = multiplier();
    let place = |key: u64| (key.wrapping_mul(odd) >> shift) as usize;
    let mut table = vec![NOBODY; mask + 1];
    for (row, key) in keys.iter().enumerate() {
        let key = key.get();
        let mut at = place(key);
        while table[at] != NOBODY && keys[table[at] as usize].get() != key {
            at = (at + 1) & mask;
        }
        if table[at] == NOBODY {
            table[at] = row as u32;
        }
    }
    for (target, key) in rows.iter().zip(wanted) {
        let key = key.get();
        let mut at = place(key);
        while table[at] != NOBODY && keys[table[at] as usize].get() != key {
            at = (at + 1) & mask;
        }
        target.set(if table[at] == NOBODY { -1 } else { i64::from(table[at]) });
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
