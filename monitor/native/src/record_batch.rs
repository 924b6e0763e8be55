//! The records of one Kafka batch of format v2, unpacked: https://kafka.apache.org/documentation/#record.
#![forbid(unsafe_code)]

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::odd::{sure, Odd, Read};

/// Length, offset and time after the batch's, key, value, headers.
type Record<'a> = (i64, i64, i64, Option<&'a [u8]>, Option<&'a [u8]>, Vec<(&'a str, Option<&'a [u8]>)>);
type Told<'py> = (i64, i64, i64, Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>, Bound<'py, PyList>);

struct Left<'a>(&'a [u8]);

impl<'a> Left<'a> {
    /// A number in zigzag, as Kafka writes lengths and differences.
    #[inline(always)]
    fn number(&mut self) -> Read<i64> {
        let mut value = 0u64;
        for (at, &byte) in self.0.iter().take(9).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.0 = &self.0[at + 1..];
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Odd)
    }

    fn taken(&mut self, length: i64) -> Read<&'a [u8]> {
        let length = usize::try_from(length).map_err(|_| Odd)?;
        sure(length <= self.0.len())?;
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }

    /// Absent where the length is below zero.
    fn perhaps(&mut self) -> Read<Option<&'a [u8]>> {
        let length = self.number()?;
        if length < 0 { Ok(None) } else { self.taken(length).map(Some) }
    }

    fn record(&mut self) -> Read<Record<'a>> {
        let length = self.number()?;
        let mut inner = Left(self.taken(length)?);
        sure(inner.taken(1)? == [0])?;
        let (later, offset) = (inner.number()?, inner.number()?);
        let (key, value) = (inner.perhaps()?, inner.perhaps()?);
        let count = inner.number()?;
        sure(count >= 0)?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let size = inner.number()?;
            let name = std::str::from_utf8(inner.taken(size)?).map_err(|_| Odd)?;
            headers.push((name, inner.perhaps()?));
        }
        sure(inner.0.is_empty())?;
        Ok((length, offset, later, key, value, headers))
    }
}

/// All records of an unpacked batch that shall hold `count`; nothing when the reference must read it.
#[pyfunction]
pub fn records<'py>(py: Python<'py>, unpacked: &[u8], count: i64) -> PyResult<Option<Vec<Told<'py>>>> {
    let mut left = Left(unpacked);
    let mut rows = Vec::new();
    for _ in 0..count {
        let Ok((length, offset, later, key, value, headers)) = left.record() else {
            return Ok(None);
        };
        let bytes = |part: Option<&[u8]>| part.map(|part| PyBytes::new(py, part));
        let headers = headers.into_iter().map(|(name, value)| (name, bytes(value))).collect::<Vec<_>>();
        rows.push((length, offset, later, bytes(key), bytes(value), PyList::new(py, headers)?));
    }
    Ok(left.0.is_empty().then_some(rows))
}
