//! Counting of calls: how long spans were busy with calls of their own, and what calls sum up to. Each is held equal to its
//! reference in Python.
#![forbid(unsafe_code)]

use std::collections::hash_map::Entry;

use pyo3::buffer::{Element, PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use rustc_hash::FxHashMap;

use crate::keys::{mixed, multiplier};

const NOBODY: u32 = u32::MAX;

/// A column that lies in one piece.
fn column<'a, T: Element>(py: Python<'a>, buffer: &'a PyBuffer<T>) -> PyResult<&'a [ReadOnlyCell<T>]> {
    buffer.as_slice(py).ok_or_else(|| PyValueError::new_err("a column that does not lie in one piece"))
}

fn of_length<T: Element>(column: &[ReadOnlyCell<T>], length: usize) -> PyResult<()> {
    if column.len() == length {
        return Ok(());
    }
    Err(PyValueError::new_err("columns of other lengths"))
}

/// Of each span in `own` the time in which one or more of those in `other` ran, both rows of the columns: the union of their
/// intervals, cut to its own. Those of one trace, service and instance belong together.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn busy(
    py: Python<'_>,
    trace: PyBuffer<u64>,
    words: [PyBuffer<i32>; 2],
    start: PyBuffer<u64>,
    end: PyBuffer<u64>,
    own: PyBuffer<i64>,
    other: PyBuffer<i64>,
    busy: PyBuffer<i64>,
) -> PyResult<()> {
    let (trace, start, end) = (column(py, &trace)?, column(py, &start)?, column(py, &end)?);
    let (service, instance) = (column(py, &words[0])?, column(py, &words[1])?);
    let (own, other) = (column(py, &own)?, column(py, &other)?);
    let busy = busy.as_mut_slice(py).ok_or_else(|| PyValueError::new_err("a column that does not lie in one piece"))?;
    let rows = start.len();
    of_length(trace, 2 * rows)?;
    of_length(end, rows)?;
    of_length(service, rows)?;
    of_length(instance, rows)?;
    if busy.len() != own.len() || other.len() >= NOBODY as usize || own.iter().chain(other).any(|row| row.get() as usize >= rows) {
        return Err(PyValueError::new_err("rows that are not there"));
    }
    let key = |row: usize| {
        [trace[2 * row].get(), trace[2 * row + 1].get(), service[row].get() as i64 as u64, instance[row].get() as i64 as u64]
            .iter()
            .fold(0, |state, number| mixed(state, *number))
    };
    let bits = (2 * other.len()).next_power_of_two().max(2).trailing_zeros();
    let (mask, shift, odd) = ((1usize << bits) - 1, 64 - bits, multiplier());
    let place = |key: u64| (key.wrapping_mul(odd) >> shift) as usize;
    // of each key the last one of its spans, and of each span the one before it
    let mut table = vec![NOBODY; mask + 1];
    let mut before = vec![NOBODY; other.len()];
    let keys: Vec<u64> = other.iter().map(|row| key(row.get() as usize)).collect();
    for (at, wanted) in keys.iter().enumerate() {
        let mut spot = place(*wanted);
        while table[spot] != NOBODY && keys[table[spot] as usize] != *wanted {
            spot = (spot + 1) & mask;
        }
        before[at] = table[spot];
        table[spot] = at as u32;
    }
    let mut within: Vec<(i64, i64)> = Vec::new();
    for (target, row) in busy.iter().zip(own) {
        let row = row.get() as usize;
        let wanted = key(row);
        let mut spot = place(wanted);
        while table[spot] != NOBODY && keys[table[spot] as usize] != wanted {
            spot = (spot + 1) & mask;
        }
        within.clear();
        let mut at = table[spot];
        while at != NOBODY {
            let inner = other[at as usize].get() as usize;
            let (begin, until) = (start[row].get().max(start[inner].get()), end[row].get().min(end[inner].get()));
            if until > begin {
                within.push((begin as i64, until as i64));
            }
            at = before[at as usize];
        }
        within.sort_unstable();
        let (mut sum, mut reached) = (0i64, i64::MIN);
        for (begin, until) in &within {
            sum += (until - (*begin).max(reached)).max(0);
            reached = reached.max(*until);
        }
        target.set(sum);
    }
    Ok(())
}

const KEYS: usize = 12;
const OUTCOME: usize = 12;
const ERROR: usize = 13;
const VERDICT: usize = 14;
const WHY: usize = 15;
const TIMES: usize = 4;
const ZERO: i32 = -300;
const OCTAVE: f64 = 8.0;

/// Calls by column: words, flags, numbers (how many spans fold into one, and four times in ns), weights and traces; in the order
/// that `natively` gives them.
type Part = (Vec<PyBuffer<i32>>, Vec<PyBuffer<u8>>, Vec<PyBuffer<i64>>, PyBuffer<f64>, PyBuffer<u64>);

/// The numbers of the words by which calls are told apart: each outcome, those that fail, ok, and the three verdicts.
type Meanings = (Vec<i32>, Vec<i32>, i32, [i32; 3]);

/// What one row of the answer counts.
struct Sums {
    key: [i32; KEYS],
    counts: Vec<u64>,
    weight: f64,
    sampling: u8,
    every: Two,
    failed: Two,
}

/// The traces with the smallest and the largest hash, if there are any.
#[derive(Clone, Copy, Default)]
struct Two {
    some: bool,
    least: (u64, [u64; 2]),
    most: (u64, [u64; 2]),
}

impl Two {
    fn add(&mut self, rank: u64, trace: [u64; 2]) {
        if !self.some || rank < self.least.0 {
            self.least = (rank, trace);
        }
        if !self.some || rank > self.most.0 {
            self.most = (rank, trace);
        }
        self.some = true;
    }
}

/// Counts by row of the answer and key.
#[derive(Default)]
struct Map(FxHashMap<u64, u64>);

impl Map {
    fn add(&mut self, group: u32, key: i32) {
        // in the order of its value, whatever its sign
        *self.0.entry(u64::from(group) << 32 | u64::from(key as u32 ^ 1 << 31)).or_default() += 1;
    }

    /// Where each row's begin, their keys in order, and how often each is there.
    fn columns<'py>(self, py: Python<'py>, rows: usize) -> PyResult<Bound<'py, PyTuple>> {
        let mut pairs: Vec<(u64, u64)> = self.0.into_iter().collect();
        pairs.sort_unstable();
        let mut starts = vec![0i32; rows + 1];
        for (place, _) in &pairs {
            starts[(place >> 32) as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let keys = pairs.iter().map(|(place, _)| (*place as u32 ^ 1 << 31) as i32);
        (
            bytes(py, starts.into_iter().map(i32::to_ne_bytes)),
            bytes(py, keys.map(i32::to_ne_bytes)),
            bytes(py, pairs.iter().map(|(_, count)| count.to_ne_bytes())),
        )
            .into_pyobject(py)
    }
}

fn bytes<'py, const N: usize>(py: Python<'py>, numbers: impl Iterator<Item = [u8; N]>) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &numbers.flatten().collect::<Vec<u8>>())
}

/// The bucket of a time in an exponential histogram of seconds.
fn bucket(ns: i64) -> i32 {
    if ns == 0 {
        return ZERO;
    }
    ((ns.max(1) as f64 / 1e9).log2() * OCTAVE).ceil() as i32 - 1
}

/// What calls sum up to by their first twelve words, in the order in which these come first: keys and counts column by column,
/// weights, sampling, three maps by word, four histograms, and the traces that stand for all and for those that failed.
#[pyfunction]
pub fn sums<'py>(py: Python<'py>, parts: Vec<Part>, meanings: Meanings) -> PyResult<Bound<'py, PyTuple>> {
    let (outcomes, failing, ok, verdicts) = meanings;
    let mut groups: FxHashMap<[i32; KEYS], u32> = FxHashMap::default();
    let mut rows: Vec<Sums> = Vec::new();
    let mut by_word: [Map; 3] = Default::default();
    let mut histograms: [Map; TIMES] = Default::default();
    let fixed = outcomes.len();
    for (words, flags, numbers, weight, trace) in &parts {
        let words = words.iter().map(|words| column(py, words)).collect::<PyResult<Vec<_>>>()?;
        let flags = flags.iter().map(|flags| column(py, flags)).collect::<PyResult<Vec<_>>>()?;
        let numbers = numbers.iter().map(|numbers| column(py, numbers)).collect::<PyResult<Vec<_>>>()?;
        let (weight, trace) = (column(py, weight)?, column(py, trace)?);
        let length = weight.len();
        if words.len() != WHY + 1 || flags.len() != 9 || numbers.len() != 1 + TIMES {
            return Err(PyValueError::new_err("other columns than these"));
        }
        words.iter().try_for_each(|words| of_length(words, length))?;
        flags.iter().try_for_each(|flags| of_length(flags, length))?;
        numbers.iter().try_for_each(|numbers| of_length(numbers, length))?;
        of_length(trace, 2 * length)?;
        for at in 0..length {
            let key: [i32; KEYS] = std::array::from_fn(|word| words[word][at].get());
            let group = match groups.entry(key) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let (counts, every, failed) = (vec![0; fixed + COUNTS], Two::default(), Two::default());
                    rows.push(Sums { key, counts, weight: 0.0, sampling: 0, every, failed });
                    *new.insert(rows.len() as u32 - 1)
                }
            };
            let sums = &mut rows[group as usize];
            let [counts, client, server, queue, paired, from_log, told, is_failed] = std::array::from_fn(|flag| flags[flag][at].get() != 0);
            let [outcome, error, verdict, why] = [OUTCOME, ERROR, VERDICT, WHY].map(|word| words[word][at].get());
            let alone = counts && !paired && !from_log;
            let fails = is_failed || failing.contains(&outcome);
            for (place, name) in outcomes.iter().enumerate() {
                sums.counts[place] += u64::from(counts && outcome == *name);
            }
            let told_of = [
                counts,
                counts && is_failed,
                verdict == verdicts[0],
                verdict == verdicts[1],
                counts && paired,
                alone && client,
                alone && !client,
                from_log,
                !counts && fails,
                client,
                server,
            ];
            for (count, is) in sums.counts[fixed..].iter_mut().zip(told_of) {
                *count += u64::from(is);
            }
            let rest = &mut sums.counts[fixed + told_of.len()..];
            rest[0] = rest[0].wrapping_add(numbers[0][at].get() as u64);
            for (time, has) in [client, server, server, queue].into_iter().enumerate() {
                if has {
                    let ns = numbers[1 + time][at].get();
                    rest[1 + time] = rest[1 + time].wrapping_add(ns as u64);
                    histograms[time].add(group, bucket(ns));
                }
            }
            if counts {
                sums.weight += weight[at].get();
            }
            sums.sampling = sums.sampling.max(flags[8][at].get());
            for (map, is, word) in [(0, counts && error != 0, error), (1, counts && told, outcome), (2, verdict == verdicts[2], why)] {
                if is {
                    by_word[map].add(group, word);
                }
            }
            let ids = [trace[2 * at].get(), trace[2 * at + 1].get()];
            if ids != [0, 0] {
                let rank = mixed(mixed(0, ids[0]), ids[1]);
                sums.every.add(rank, ids);
                if (outcome != 0 && outcome != ok) || is_failed || verdict == verdicts[1] {
                    sums.failed.add(rank, ids);
                }
            }
        }
    }
    let count = rows.len();
    let keys = bytes(py, (0..KEYS).flat_map(|word| rows.iter().map(move |row| row.key[word].to_ne_bytes())));
    let counts = bytes(py, (0..fixed + COUNTS).flat_map(|at| rows.iter().map(move |row| row.counts[at].to_ne_bytes())));
    let weights = bytes(py, rows.iter().map(|row| row.weight.to_ne_bytes()));
    let sampling = bytes(py, rows.iter().map(|row| [row.sampling]));
    let by_word = PyTuple::new(py, by_word.into_iter().map(|map| map.columns(py, count)).collect::<PyResult<Vec<_>>>()?)?;
    let histograms = PyTuple::new(py, histograms.into_iter().map(|map| map.columns(py, count)).collect::<PyResult<Vec<_>>>()?)?;
    let every = traces(py, rows.iter().map(|row| row.every))?;
    let failed = traces(py, rows.iter().map(|row| row.failed))?;
    (keys, counts, weights, sampling, by_word, histograms, every, failed).into_pyobject(py)
}

const COUNTS: usize = 11 + 1 + TIMES;

/// Where each row's traces begin, and these: two, one where they are the same, or none.
fn traces<'py>(py: Python<'py>, rows: impl Iterator<Item = Two>) -> PyResult<Bound<'py, PyTuple>> {
    let (mut starts, mut ids) = (vec![0i32], Vec::new());
    for two in rows {
        if two.some {
            ids.push(two.least.1);
            if two.most.1 != two.least.1 {
                ids.push(two.most.1);
            }
        }
        starts.push(ids.len() as i32);
    }
    let ids = ids.into_iter().flatten().map(u64::to_ne_bytes);
    (bytes(py, starts.into_iter().map(i32::to_ne_bytes)), bytes(py, ids)).into_pyobject(py)
}
