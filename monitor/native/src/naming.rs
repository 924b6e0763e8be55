//! Which attributes name an edge, as Python says it: no list of names stands here.
#![forbid(unsafe_code)]

use rustc_hash::FxHashMap;

use crate::columns::Words;
use crate::odd::{Odd, Read};
use crate::wordy;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Plain,
    /// One that names the route.
    Route,
    Path,
    Url,
    Query,
    Body,
}

#[derive(Clone, Copy)]
pub struct Slot {
    pub number: u8,
    pub to: Use,
}

/// The slots by their attributes' names, and what Python must do.
pub struct Naming {
    pub slots: FxHashMap<Box<[u8]>, Slot>,
    pub names: Vec<String>,
    pub error_type: u8,
    pub failure: u8,
    pub linked: u8,
    /// Type and name of an operation of GraphQL.
    pub asked: [u8; 2],
}

/// What only Python does; an error of it leaves the record to the reference.
pub trait Python {
    /// The index of a resource by its bytes, which are JSON or protobuf.
    fn resource(&mut self, raw: &[u8], json: bool) -> Read<i32>;
    /// A failure's message as a template.
    fn template(&mut self, message: &str) -> Read<String>;
    /// What an attribute of much text is cut down to.
    fn cut_down(&mut self, slot: &str, text: &str, routed: bool) -> Read<String>;
}

impl Naming {
    pub fn new(names: Vec<(String, String)>, error_type: &str, failure: &str, linked: &str, asked: [&str; 2]) -> Read<Self> {
        let mut slots = FxHashMap::default();
        let mut known: Vec<String> = Vec::new();
        for (name, to) in names {
            let to = match to.as_str() {
                "plain" => Use::Plain,
                "route" => Use::Route,
                "path" => Use::Path,
                "url" => Use::Url,
                "query" => Use::Query,
                "body" => Use::Body,
                _ => return Err(Odd),
            };
            let number = u8::try_from(known.len()).map_err(|_| Odd)?;
            slots.insert(name.as_bytes().into(), Slot { number, to });
            known.push(name);
        }
        let mut slot_of = |name: &str| match slots.get(name.as_bytes()) {
            Some(slot) => Ok(slot.number),
            None => {
                known.push(name.to_string());
                u8::try_from(known.len() - 1).map_err(|_| Odd)
            }
        };
        let (error_type, failure, linked) = (slot_of(error_type)?, slot_of(failure)?, slot_of(linked)?);
        let asked = [slot_of(asked[0])?, slot_of(asked[1])?];
        Ok(Naming { slots, names: known, error_type, failure, linked, asked })
    }

    #[inline(always)]
    pub fn slot(&self, key: &[u8]) -> Option<Slot> {
        self.slots.get(key).copied()
    }

    /// An attribute of much text onto the words.
    #[inline(always)]
    pub fn cut(&self, slot: Slot, text: &str, routed: bool, words: &mut Words, python: &mut impl Python) -> Read<()> {
        let done = words.written(slot.number, |out| match slot.to {
            Use::Query => wordy::verb(text, out),
            Use::Url => wordy::cut_url(text, routed, out),
            _ if routed => Ok(()),
            _ => wordy::template_path(text, out),
        });
        if done.is_err() {
            let said = python.cut_down(&self.names[slot.number as usize], text, routed)?;
            words.text(slot.number, said.as_bytes());
        }
        Ok(())
    }
}
