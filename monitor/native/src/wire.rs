//! Protobuf's wire format, read strictly: what a writer need not write (overlong numbers, groups) is odd.
//! https://protobuf.dev/programming-guides/encoding/
#![forbid(unsafe_code)]

use crate::odd::{sure, Odd, Read};

pub const VARINT: u32 = 0;
pub const FIXED64: u32 = 1;
pub const LENGTH: u32 = 2;
pub const FIXED32: u32 = 5;
const MOST_DEPTH: u32 = 16;

/// What is left of a message.
#[derive(Clone, Copy)]
pub struct Wire<'a> {
    left: &'a [u8],
}

impl<'a> Wire<'a> {
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Self {
        Wire { left: bytes }
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    #[inline(always)]
    pub fn varint(&mut self) -> Read<u64> {
        match self.left {
            [one, rest @ ..] if *one < 0x80 => {
                self.left = rest;
                Ok(u64::from(*one))
            }
            [one, two, rest @ ..] if *two < 0x80 && *two > 0 => {
                self.left = rest;
                Ok(u64::from(*one & 0x7f) | u64::from(*two) << 7)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for (at, &byte) in self.left.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                sure((at == 0 || byte > 0) && (at < 9 || byte == 1))?;
                self.left = &self.left[at + 1..];
                return Ok(value);
            }
        }
        Err(Odd)
    }

    /// The next field's number and wire type.
    #[inline(always)]
    pub fn tag(&mut self) -> Read<(u32, u32)> {
        let tag = self.varint()?;
        sure((8..1 << 14).contains(&tag))?;
        Ok((tag as u32 >> 3, tag as u32 & 7))
    }

    #[inline(always)]
    pub fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.varint()?;
        sure(length <= self.left.len() as u64)?;
        let (taken, rest) = self.left.split_at(length as usize);
        self.left = rest;
        Ok(taken)
    }

    #[inline(always)]
    pub fn fixed64(&mut self) -> Read<u64> {
        let (taken, rest) = self.left.split_first_chunk::<8>().ok_or(Odd)?;
        self.left = rest;
        Ok(u64::from_le_bytes(*taken))
    }

    #[inline(always)]
    pub fn skip(&mut self, wire: u32) -> Read<()> {
        match wire {
            VARINT => self.varint().map(|_| ()),
            FIXED64 => self.fixed64().map(|_| ()),
            LENGTH => self.bytes().map(|_| ()),
            FIXED32 => {
                let (_, rest) = self.left.split_first_chunk::<4>().ok_or(Odd)?;
                self.left = rest;
                Ok(())
            }
            _ => Err(Odd),
        }
    }
}

/// A value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Nothing,
    Text(&'a str),
    Truth(bool),
    Int(i64),
    Float(f64),
    /// Bytes, a list or a map.
    Other,
}

#[inline(always)]
pub fn text(bytes: &[u8]) -> Read<&str> {
    std::str::from_utf8(bytes).map_err(|_| Odd)
}

/// A common.v1.KeyValue: its key and value, and nothing else.
pub fn key_value(raw: &[u8]) -> Read<(&str, Value<'_>)> {
    nested_key_value(raw, 0)
}

fn nested_key_value(raw: &[u8], depth: u32) -> Read<(&str, Value<'_>)> {
    let mut wire = Wire::new(raw);
    sure(wire.tag()? == (1, LENGTH))?;
    let key = text(wire.bytes()?)?;
    if wire.is_empty() {
        return Ok((key, Value::Nothing));
    }
    sure(wire.tag()? == (2, LENGTH))?;
    let value = any_value(wire.bytes()?, depth)?;
    sure(wire.is_empty())?;
    Ok((key, value))
}

/// A common.v1.AnyValue of one kind, all of it valid.
fn any_value(raw: &[u8], depth: u32) -> Read<Value<'_>> {
    sure(depth < MOST_DEPTH)?;
    if raw.is_empty() {
        return Ok(Value::Nothing);
    }
    let mut wire = Wire::new(raw);
    let value = match wire.tag()? {
        (1, LENGTH) => Value::Text(text(wire.bytes()?)?),
        (2, VARINT) => match wire.varint()? {
            0 => Value::Truth(false),
            1 => Value::Truth(true),
            _ => return Err(Odd),
        },
        (3, VARINT) => Value::Int(wire.varint()? as i64),
        (4, FIXED64) => Value::Float(f64::from_bits(wire.fixed64()?)),
        (5, LENGTH) => {
            let mut inner = Wire::new(wire.bytes()?);
            while !inner.is_empty() {
                sure(inner.tag()? == (1, LENGTH))?;
                any_value(inner.bytes()?, depth + 1)?;
            }
            Value::Other
        }
        (6, LENGTH) => {
            let mut inner = Wire::new(wire.bytes()?);
            while !inner.is_empty() {
                sure(inner.tag()? == (1, LENGTH))?;
                nested_key_value(inner.bytes()?, depth + 1)?;
            }
            Value::Other
        }
        (7, LENGTH) => {
            wire.bytes()?;
            Value::Other
        }
        _ => return Err(Odd),
    };
    sure(wire.is_empty())?;
    Ok(value)
}
