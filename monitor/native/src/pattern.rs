//! Regular expressions of the plainest kind over ASCII text, where every engine says the same; any other is none of ours.
//!
//! A pattern becomes Glushkov's automaton: a bit for each place of a character, so that a step over a byte is a few words' work
//! whatever the text. Places are at most 128, repetitions written out.
#![forbid(unsafe_code)]

use crate::odd::{sure, Odd, Read};

const MOST_PLACES: usize = 128;
const MOST_NESTED: u32 = 16;
const ASCII: u128 = u128::MAX;

/// What a part of a pattern is.
enum Part {
    One(u128),
    Row(Vec<Part>),
    Either(Vec<Part>),
    Times(Box<Part>, u32, Option<u32>),
}

/// A pattern that is read.
pub struct Pattern {
    ways: Vec<Way>,
}

/// One alternative, with its own anchors.
struct Way {
    from_begin: bool,
    to_end: bool,
    empty: bool,
    first: u128,
    last: u128,
    follow: Vec<u128>,
    places: Box<[u128; 128]>,
}

impl Pattern {
    pub fn new(text: &str) -> Read<Pattern> {
        sure(text.is_ascii())?;
        let (any_case, text) = text.strip_prefix("(?i)").map_or((false, text), |rest| (true, rest));
        let mut reader = Reader { text: text.as_bytes(), at: 0, any_case };
        let mut ways = Vec::new();
        loop {
            let from_begin = reader.eat(b'^');
            let row = reader.row(0)?;
            let to_end = reader.eat(b'$');
            ways.push(Way::new(&row, from_begin, to_end)?);
            if reader.at == text.len() {
                return Ok(Pattern { ways });
            }
            sure(reader.eat(b'|'))?;
        }
    }

    /// Whether it is found in a text of printable ASCII; of other texts nothing is said.
    pub fn found(&self, text: &str) -> Read<bool> {
        sure(text.bytes().all(|sign| (0x20..0x7f).contains(&sign)))?;
        Ok(self.ways.iter().any(|way| way.found(text.as_bytes())))
    }
}

impl Way {
    fn new(part: &Part, from_begin: bool, to_end: bool) -> Read<Way> {
        let mut way = Way { from_begin, to_end, empty: false, first: 0, last: 0, follow: Vec::new(), places: Box::new([0; 128]) };
        (way.empty, way.first, way.last) = way.add(part)?;
        Ok(way)
    }

    /// Whether a part may be empty, and its first and last places.
    fn add(&mut self, part: &Part) -> Read<(bool, u128, u128)> {
        match part {
            Part::One(signs) => {
                let place = self.follow.len();
                sure(place < MOST_PLACES)?;
                self.follow.push(0);
                for (sign, places) in self.places.iter_mut().enumerate() {
                    *places |= (signs >> sign & 1) << place;
                }
                Ok((false, 1 << place, 1 << place))
            }
            Part::Row(parts) => {
                let mut whole = (true, 0, 0);
                for part in parts {
                    let next = self.add(part)?;
                    whole = self.after(whole, next);
                }
                Ok(whole)
            }
            Part::Either(parts) => {
                let mut whole = (false, 0, 0);
                for part in parts {
                    let next = self.add(part)?;
                    whole = (whole.0 || next.0, whole.1 | next.1, whole.2 | next.2);
                }
                Ok(whole)
            }
            Part::Times(part, least, most) => {
                let mut whole = (true, 0, 0);
                for _ in 0..*least {
                    let next = self.add(part)?;
                    whole = self.after(whole, next);
                }
                match most {
                    None => {
                        let next = self.add(part)?;
                        self.lead(next.2, next.1);
                        whole = self.after(whole, (true, next.1, next.2));
                    }
                    Some(most) => {
                        for _ in *least..*most {
                            let next = self.add(part)?;
                            whole = self.after(whole, (true, next.1, next.2));
                        }
                    }
                }
                Ok(whole)
            }
        }
    }

    fn after(&mut self, one: (bool, u128, u128), next: (bool, u128, u128)) -> (bool, u128, u128) {
        self.lead(one.2, next.1);
        (one.0 && next.0, one.1 | if one.0 { next.1 } else { 0 }, next.2 | if next.0 { one.2 } else { 0 })
    }

    fn lead(&mut self, from: u128, to: u128) {
        for (place, follow) in self.follow.iter_mut().enumerate() {
            if from >> place & 1 == 1 {
                *follow |= to;
            }
        }
    }

    fn found(&self, text: &[u8]) -> bool {
        if self.empty && (!(self.from_begin && self.to_end) || text.is_empty()) {
            return true;
        }
        let mut now = 0u128;
        for (at, &sign) in text.iter().enumerate() {
            let mut next = if at == 0 || !self.from_begin { self.first } else { 0 };
            let mut left = now;
            while left != 0 {
                next |= self.follow[left.trailing_zeros() as usize];
                left &= left - 1;
            }
            now = next & self.places[usize::from(sign)];
            if now & self.last != 0 && (!self.to_end || at + 1 == text.len()) {
                return true;
            }
            if now == 0 && self.from_begin {
                return false;
            }
        }
        false
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    any_case: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, sign: u8) -> bool {
        let there = self.peek() == Some(sign);
        self.at += usize::from(there);
        there
    }

    /// Parts one after the other, up to an end, a `|`, a `)` or a `$`.
    fn row(&mut self, nested: u32) -> Read<Part> {
        sure(nested < MOST_NESTED)?;
        let mut parts = Vec::new();
        while let Some(sign) = self.peek() {
            let part = match sign {
                b'|' | b')' | b'$' => break,
                b'(' => self.group(nested)?,
                b'[' => Part::One(self.class()?),
                b'\\' => {
                    let signs = self.escape()?;
                    Part::One(self.cased(signs))
                }
                b'^' | b'*' | b'+' | b'?' | b'{' | b'}' | b']' | b'.' => return Err(Odd),
                _ => {
                    self.at += 1;
                    Part::One(self.cased(1 << sign))
                }
            };
            parts.push(self.times(part)?);
        }
        Ok(Part::Row(parts))
    }

    fn group(&mut self, nested: u32) -> Read<Part> {
        self.at += 1;
        if self.eat(b'?') {
            sure(self.eat(b':'))?;
        }
        let mut ways = vec![self.row(nested + 1)?];
        while self.eat(b'|') {
            ways.push(self.row(nested + 1)?);
        }
        sure(self.eat(b')'))?;
        Ok(Part::Either(ways))
    }

    fn times(&mut self, part: Part) -> Read<Part> {
        let (least, most) = match self.peek() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => {
                self.at += 1;
                let least = self.count()?;
                let most = if self.eat(b',') { if self.peek() == Some(b'}') { None } else { Some(self.count()?) } } else { Some(least) };
                sure(self.peek() == Some(b'}') && most.is_none_or(|most| most >= least))?;
                (least, most)
            }
            _ => return Ok(part),
        };
        self.at += 1;
        self.eat(b'?'); // as few as will do: it changes what is taken, not whether
        sure(!matches!(self.peek(), Some(b'*' | b'+' | b'?' | b'{')))?;
        Ok(Part::Times(Box::new(part), least, most))
    }

    fn count(&mut self) -> Read<u32> {
        let begun = self.at;
        while self.peek().is_some_and(|sign| sign.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(&self.text[begun..self.at]).map_err(|_| Odd)?;
        let said: u32 = digits.parse().map_err(|_| Odd)?;
        sure(said as usize <= MOST_PLACES)?;
        Ok(said)
    }

    fn class(&mut self) -> Read<u128> {
        self.at += 1;
        let negated = self.eat(b'^');
        let mut signs = 0u128;
        sure(self.peek() != Some(b']'))?;
        loop {
            let sign = self.peek().ok_or(Odd)?;
            let one = match sign {
                b']' => {
                    self.at += 1;
                    let signs = self.cased(signs);
                    return Ok(if negated { ASCII & !signs } else { signs });
                }
                b'\\' => self.escape()?,
                b'[' | b'&' | b'~' | b'^' => return Err(Odd),
                _ => {
                    self.at += 1;
                    1 << sign
                }
            };
            let range = self.peek() == Some(b'-') && !matches!(self.text.get(self.at + 1), Some(b']') | None);
            if !range {
                signs |= one;
                continue;
            }
            self.at += 1;
            let end = match self.peek() {
                Some(b'\\') => self.escape()?,
                Some(b'[' | b'-' | b'&' | b'~' | b'^') | None => return Err(Odd),
                Some(sign) => {
                    self.at += 1;
                    1 << sign
                }
            };
            sure(one.is_power_of_two() && end.is_power_of_two() && one <= end)?;
            signs |= (end - one) | end;
        }
    }

    /// Signs in either case, where case does not count.
    fn cased(&self, signs: u128) -> u128 {
        const UPPER: u128 = 0x3ff_ffff << 65;
        if self.any_case {
            signs | (signs & UPPER) << 32 | (signs >> 32 & UPPER)
        } else {
            signs
        }
    }

    /// What an escape stands for among ASCII: none, one or several signs.
    fn escape(&mut self) -> Read<u128> {
        let sign = *self.text.get(self.at + 1).ok_or(Odd)?;
        self.at += 2;
        Ok(match sign {
            b'd' => digits(),
            b'D' => !digits(),
            b'w' => word(),
            b'W' => !word(),
            b'n' => 1 << b'\n',
            b'r' => 1 << b'\r',
            b't' => 1 << b'\t',
            b'u' => {
                let code = self.text.get(self.at..self.at + 4).and_then(|code| std::str::from_utf8(code).ok()).ok_or(Odd)?;
                sure(code.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
                self.at += 4;
                let code = u32::from_str_radix(code, 16).map_err(|_| Odd)?;
                if code < 128 {
                    1 << code
                } else {
                    0
                }
            }
            _ if sign.is_ascii_punctuation() => 1 << sign,
            _ => return Err(Odd),
        })
    }
}

fn digits() -> u128 {
    among(u8::is_ascii_digit)
}

fn word() -> u128 {
    among(|sign| sign.is_ascii_alphanumeric() || *sign == b'_')
}

fn among(is: impl Fn(&u8) -> bool) -> u128 {
    (0..128u8).filter(is).fold(0, |signs, sign| signs | 1 << sign)
}
