//! What these readers do with anything out of the ordinary: they leave the whole record to the reference.
#![forbid(unsafe_code)]

/// Something that only the reference is sure to judge rightly: broken, rare, or newer than this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd;

pub type Read<T> = Result<T, Odd>;

/// `Ok` when it holds.
#[inline(always)]
pub fn sure(holds: bool) -> Read<()> {
    if holds {
        Ok(())
    } else {
        Err(Odd)
    }
}
