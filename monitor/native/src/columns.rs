//! Where spans gather, column by column, with their words in a dictionary; what a broken record added is taken back.
#![forbid(unsafe_code)]

use rustc_hash::FxHashMap;

use crate::odd::{sure, Read};

pub const EARLIEST_NS: u64 = 946_684_800 * 1_000_000_000;
const NO_TRACE: [u8; 16] = [0; 16];
const NO_SPAN: [u8; 8] = [0; 8];

/// Why a span cannot be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    UnknownKind,
    NoServiceName,
    BadResource,
    BadId,
    TimeBefore2000,
    TimeInFuture,
}

pub const REASONS: [&str; 6] = ["unknown_kind", "no_service_name", "bad_resource", "bad_id", "time_before_2000", "time_in_future"];

/// A span's name and the words that name its edge. Equal numbers are one word, as in Python, whatever their type.
#[derive(Default)]
pub struct Words {
    pub key: Vec<u8>,
    pub kinds: Vec<u8>,
}

pub const TEXT: u8 = b't';
pub const INT: u8 = b'i';
pub const TRUTH: u8 = b'b';
pub const FLOAT: u8 = b'f';
const NUMBER: u8 = b'n';

impl Words {
    #[inline(always)]
    pub fn begin(&mut self, name: &[u8]) {
        self.key.clear();
        self.kinds.clear();
        self.sized(name);
    }

    #[inline(always)]
    fn sized(&mut self, text: &[u8]) {
        self.key.extend_from_slice(&(text.len() as u32).to_ne_bytes());
        self.key.extend_from_slice(text);
    }

    #[inline(always)]
    pub fn text(&mut self, slot: u8, text: &[u8]) {
        self.kinds.push(TEXT);
        self.key.extend_from_slice(&[slot, TEXT]);
        self.sized(text);
    }

    /// A text that `write` puts behind what is there.
    #[inline(always)]
    pub fn written(&mut self, slot: u8, write: impl FnOnce(&mut Vec<u8>) -> Read<()>) -> Read<()> {
        let (key, kinds) = (self.key.len(), self.kinds.len());
        self.text(slot, b"");
        let begun = self.key.len();
        let done = write(&mut self.key);
        if done.is_err() {
            self.key.truncate(key);
            self.kinds.truncate(kinds);
            return done;
        }
        let size = ((self.key.len() - begun) as u32).to_ne_bytes();
        self.key[begun - 4..begun].copy_from_slice(&size);
        Ok(())
    }

    #[inline(always)]
    pub fn int(&mut self, slot: u8, number: i64, kind: u8) {
        self.kinds.push(kind);
        self.key.extend_from_slice(&[slot, INT]);
        self.key.extend_from_slice(&number.to_ne_bytes());
    }

    pub fn float(&mut self, slot: u8, number: f64) -> Read<()> {
        sure(number.is_finite() && !(number == 0.0 && number.is_sign_negative()))?;
        if number.fract() == 0.0 && number.abs() < 9e18 {
            self.int(slot, number as i64, FLOAT);
        } else {
            self.kinds.push(FLOAT);
            self.key.extend_from_slice(&[slot, NUMBER]);
            self.key.extend_from_slice(&number.to_bits().to_ne_bytes());
        }
        Ok(())
    }
}

/// One word of a kept list, for whoever makes Python's of it.
pub enum Word<'a> {
    Text(&'a str),
    Int(i64),
    Truth(bool),
    Float(f64),
}

fn taken<'a, const N: usize>(rest: &mut &'a [u8]) -> [u8; N] {
    let (begin, after) = rest.split_first_chunk::<N>().copied_chunk();
    *rest = after;
    begin
}

trait CopiedChunk<'a, const N: usize> {
    fn copied_chunk(self) -> ([u8; N], &'a [u8]);
}

impl<'a, const N: usize> CopiedChunk<'a, N> for Option<(&'a [u8; N], &'a [u8])> {
    fn copied_chunk(self) -> ([u8; N], &'a [u8]) {
        self.map_or(([0; N], &[]), |(one, rest)| (*one, rest))
    }
}

fn sized_text<'a>(rest: &mut &'a [u8]) -> &'a str {
    let size = u32::from_ne_bytes(taken::<4>(rest)) as usize;
    let (text, after) = rest.split_at(size.min(rest.len()));
    *rest = after;
    std::str::from_utf8(text).unwrap_or("")
}

/// The name, and each slot with its word.
pub fn unpacked<'a>(key: &'a [u8], kinds: &[u8]) -> (&'a str, Vec<(u8, Word<'a>)>) {
    let mut rest = key;
    let name = sized_text(&mut rest);
    let words = kinds
        .iter()
        .map(|&kind| {
            let [slot, form] = taken::<2>(&mut rest);
            let word = if form == TEXT {
                Word::Text(sized_text(&mut rest))
            } else {
                let bits = taken::<8>(&mut rest);
                let number = i64::from_ne_bytes(bits);
                match (form, kind) {
                    (INT, TRUTH) => Word::Truth(number != 0),
                    (INT, FLOAT) => Word::Float(number as f64),
                    (INT, _) => Word::Int(number),
                    _ => Word::Float(f64::from_bits(u64::from_ne_bytes(bits))),
                }
            };
            (slot, word)
        })
        .collect();
    (name, words)
}

/// Type and name of an operation in one, the type's length first.
fn question(kind: &str, name: &str) -> Vec<u8> {
    let size = (kind.len() as u32).to_ne_bytes();
    [&size, kind.as_bytes(), name.as_bytes()].concat()
}

/// Both out of one.
pub fn unquestioned(key: &[u8]) -> (&str, &str) {
    let mut rest = key;
    let kind = sized_text(&mut rest);
    (kind, std::str::from_utf8(rest).unwrap_or(""))
}

/// Keys in the order in which they came first.
#[derive(Default)]
pub struct Ranks {
    numbers: FxHashMap<Box<[u8]>, i32>,
    pub keys: Vec<(Box<[u8]>, Box<[u8]>)>,
}

impl Ranks {
    #[inline(always)]
    pub fn number(&mut self, key: &[u8], beside: &[u8]) -> i32 {
        if let Some(&known) = self.numbers.get(key) {
            return known;
        }
        let number = self.keys.len() as i32;
        self.numbers.insert(key.into(), number);
        self.keys.push((key.into(), beside.into()));
        number
    }

    fn shorten(&mut self, size: usize) {
        for (key, _) in self.keys.drain(size..) {
            self.numbers.remove(&key);
        }
    }
}

/// A span as it stands in its record.
pub struct Said<'a> {
    pub kind: u8,
    pub trace: &'a [u8],
    pub span: &'a [u8],
    pub parent: &'a [u8],
    pub start_ns: u64,
    pub end_ns: u64,
    pub status: u8,
    pub resource: i32,
    /// What an INTERNAL span tells of GraphQL: type and name of the operation.
    pub asked: Option<(&'a str, &'a str)>,
}

/// Columns of one kind of rows, as bytes in this machine's order.
#[derive(Default)]
pub struct Rows {
    pub count: usize,
    pub record: Vec<u8>,
    pub trace: Vec<u8>,
    pub span: Vec<u8>,
    pub parent: Vec<u8>,
    pub start_ns: Vec<u8>,
    pub end_ns: Vec<u8>,
    pub resource: Vec<u8>,
    /// Of INTERNAL spans only.
    pub asked: Vec<u8>,
}

impl Rows {
    #[inline(always)]
    fn push(&mut self, record: i32, said: &Said, start_ns: u64) {
        self.count += 1;
        self.record.extend_from_slice(&record.to_ne_bytes());
        self.trace.extend_from_slice(said.trace);
        self.span.extend_from_slice(said.span);
        self.parent.extend_from_slice(if said.parent.is_empty() { &NO_SPAN } else { said.parent });
        self.start_ns.extend_from_slice(&start_ns.to_ne_bytes());
        self.end_ns.extend_from_slice(&said.end_ns.to_ne_bytes());
        self.resource.extend_from_slice(&said.resource.to_ne_bytes());
    }

    fn shorten(&mut self, count: usize) {
        self.count = count;
        for (column, width) in [
            (&mut self.record, 4),
            (&mut self.trace, 16),
            (&mut self.span, 8),
            (&mut self.parent, 8),
            (&mut self.start_ns, 8),
            (&mut self.end_ns, 8),
            (&mut self.resource, 4),
            (&mut self.asked, 4),
        ] {
            column.truncate(count * width);
        }
    }
}

/// What a record said in sum.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub record: i64,
    pub seen: i64,
    pub filtered: i64,
    pub refused: i64,
}

/// A span that carries a payload: its row, and the bytes of its resource and of its attributes.
pub type Body = (usize, Vec<u8>, Vec<Vec<u8>>);

#[derive(Default)]
pub struct Columns {
    pub rows: Rows,
    pub kind: Vec<u8>,
    pub status: Vec<u8>,
    pub words: Vec<u8>,
    pub state: Vec<u8>,
    pub inner: Rows,
    pub word_list: Ranks,
    pub states: Ranks,
    pub questions: Ranks,
    pub links: Vec<(usize, [u8; 16], [u8; 8])>,
    pub bodies: Vec<Body>,
    pub counts: Vec<Counts>,
    pub reasons: Vec<(i64, Reason, i64)>,
    pub clamped: usize,
    now: Counts,
    latest_ns: u64,
}

/// How far everything had grown before a record.
#[derive(Clone, Copy)]
pub struct Mark {
    rows: usize,
    inner: usize,
    words: usize,
    states: usize,
    questions: usize,
    links: usize,
    bodies: usize,
    counts: usize,
    reasons: usize,
    clamped: usize,
}

impl Columns {
    /// Everything that follows comes from `record`; spans that end after `latest_ns` are refused.
    pub fn begin(&mut self, record: i64, latest_ns: u64) -> Mark {
        self.now = Counts { record, ..Counts::default() };
        self.latest_ns = latest_ns;
        Mark {
            rows: self.rows.count,
            inner: self.inner.count,
            words: self.word_list.keys.len(),
            states: self.states.keys.len(),
            questions: self.questions.keys.len(),
            links: self.links.len(),
            bodies: self.bodies.len(),
            counts: self.counts.len(),
            reasons: self.reasons.len(),
            clamped: self.clamped,
        }
    }

    pub fn end(&mut self) {
        self.counts.push(self.now);
    }

    /// As if the record had never been read.
    pub fn take_back(&mut self, mark: Mark) {
        self.rows.shorten(mark.rows);
        self.kind.truncate(mark.rows);
        self.status.truncate(mark.rows);
        self.words.truncate(mark.rows * 4);
        self.state.truncate(mark.rows * 4);
        self.inner.shorten(mark.inner);
        self.word_list.shorten(mark.words);
        self.states.shorten(mark.states);
        self.questions.shorten(mark.questions);
        self.links.truncate(mark.links);
        self.bodies.truncate(mark.bodies);
        self.counts.truncate(mark.counts);
        self.reasons.truncate(mark.reasons);
        self.clamped = mark.clamped;
    }

    /// A span that makes no edge.
    #[inline(always)]
    pub fn passed(&mut self, said: &Said) {
        self.now.seen += 1;
        if said.kind > 5 {
            self.refuse(Reason::UnknownKind);
        } else if said.resource == -1 {
            self.refuse(Reason::NoServiceName);
        } else if said.resource == -3 {
            self.refuse(Reason::BadResource);
        } else {
            self.now.filtered += 1;
        }
        let whole = said.trace.len() == 16 && said.span.len() == 8 && matches!(said.parent.len(), 0 | 8);
        let timely = EARLIEST_NS <= said.start_ns && said.start_ns <= said.end_ns && said.end_ns <= self.latest_ns;
        if said.kind == 1 && said.resource >= 0 && whole && timely {
            self.inner.push(self.now.record as i32, said, said.start_ns);
            let asked = said.asked.map_or(0, |(kind, name)| self.questions.number(&question(kind, name), b"") + 1);
            self.inner.asked.extend_from_slice(&asked.to_ne_bytes());
        }
    }

    /// One span that makes an edge; its row, or none when it is refused.
    #[inline(always)]
    pub fn add(&mut self, said: &Said, words: &Words, state: &[u8]) -> Option<usize> {
        self.now.seen += 1;
        let whole = said.trace.len() == 16 && said.span.len() == 8 && matches!(said.parent.len(), 0 | 8);
        if !whole || said.trace == NO_TRACE || said.span == NO_SPAN {
            return self.refuse(Reason::BadId);
        }
        if said.end_ns < EARLIEST_NS || said.start_ns < EARLIEST_NS {
            return self.refuse(Reason::TimeBefore2000);
        }
        if said.end_ns > self.latest_ns {
            return self.refuse(Reason::TimeInFuture);
        }
        self.clamped += usize::from(said.start_ns > said.end_ns);
        let row = self.rows.count;
        self.rows.push(self.now.record as i32, said, said.start_ns.min(said.end_ns));
        self.kind.push(said.kind);
        self.status.push(said.status);
        let words = self.word_list.number(&words.key, &words.kinds);
        self.words.extend_from_slice(&words.to_ne_bytes());
        let state = if state.is_empty() { 0 } else { self.states.number(state, b"") + 1 };
        self.state.extend_from_slice(&state.to_ne_bytes());
        Some(row)
    }

    fn refuse(&mut self, reason: Reason) -> Option<usize> {
        self.now.refused += 1;
        let record = self.now.record;
        match self.reasons.iter_mut().rev().take_while(|one| one.0 == record).find(|one| one.1 == reason) {
            Some(known) => known.2 += 1,
            None => self.reasons.push((record, reason, 1)),
        }
        None
    }
}
