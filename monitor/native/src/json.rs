//! JSON, read strictly and in one pass; what parsers may see differently (surrogates, exponents, deep nesting) is odd.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::odd::{sure, Odd, Read};

const MOST_DEPTH: u32 = 32;
const LONGEST_NUMBER: usize = 40;

/// What is left of a text.
pub struct Json<'a> {
    text: &'a str,
    pub at: usize,
}

/// A number, as its text.
pub enum Number {
    Int(i64),
    Float(f64),
}

impl<'a> Json<'a> {
    pub fn new(text: &'a str) -> Self {
        Json { text, at: 0 }
    }

    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    #[inline(always)]
    pub fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn eat(&mut self, sign: u8) -> bool {
        let there = self.peek() == sign;
        self.at += usize::from(there);
        there
    }

    pub fn end(&mut self) -> Read<()> {
        self.space();
        sure(self.at == self.text.len())
    }

    pub fn slice(&self, from: usize) -> &'a str {
        &self.text[from..self.at]
    }

    /// Each member of an object; `f` reads its value.
    #[inline(always)]
    pub fn members<E: From<Odd>>(&mut self, mut f: impl FnMut(&mut Self, &'a str) -> Result<(), E>) -> Result<(), E> {
        sure(self.eat(b'{'))?;
        self.space();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            let (key, escaped) = self.raw_string()?;
            sure(!escaped)?;
            self.space();
            sure(self.eat(b':'))?;
            self.space();
            f(self, key)?;
            self.space();
            if self.eat(b'}') {
                return Ok(());
            }
            sure(self.eat(b','))?;
            self.space();
        }
    }

    /// Each item of an array; `f` reads it.
    #[inline(always)]
    pub fn items<E: From<Odd>>(&mut self, mut f: impl FnMut(&mut Self) -> Result<(), E>) -> Result<(), E> {
        sure(self.eat(b'['))?;
        self.space();
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            f(self)?;
            self.space();
            if self.eat(b']') {
                return Ok(());
            }
            sure(self.eat(b','))?;
            self.space();
        }
    }

    /// What stands between the quotes, and whether something is escaped there.
    #[inline(always)]
    fn raw_string(&mut self) -> Read<(&'a str, bool)> {
        sure(self.eat(b'"'))?;
        let (begun, bytes) = (self.at, self.text.as_bytes());
        let mut escaped = false;
        loop {
            match *bytes.get(self.at).ok_or(Odd)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    match *bytes.get(self.at + 1).ok_or(Odd)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                        b'u' => {
                            let digits = bytes.get(self.at + 2..self.at + 6).ok_or(Odd)?;
                            sure(digits.iter().all(u8::is_ascii_hexdigit))?;
                            sure(!matches!(digits[0], b'd' | b'D') || digits[1] < b'8')?;
                            self.at += 6;
                        }
                        _ => return Err(Odd),
                    }
                }
                0..=0x1f => return Err(Odd),
                _ => self.at += 1,
            }
        }
        let said = &self.text[begun..self.at];
        self.at += 1;
        Ok((said, escaped))
    }

    #[inline(always)]
    pub fn string(&mut self) -> Read<Cow<'a, str>> {
        let (raw, escaped) = self.raw_string()?;
        if escaped {
            unescaped(raw).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(raw))
        }
    }

    pub fn number(&mut self) -> Read<Number> {
        let begun = self.at;
        self.eat(b'-');
        let zero = self.peek() == b'0';
        let digits = self.digits();
        sure(digits > 0 && !(zero && digits > 1))?;
        let whole = self.peek() != b'.';
        if !whole {
            self.at += 1;
            sure(self.digits() > 0)?;
        }
        sure(!matches!(self.peek(), b'e' | b'E'))?;
        let said = self.slice(begun);
        sure(said.len() <= LONGEST_NUMBER)?;
        if whole {
            said.parse().map(Number::Int).map_err(|_| Odd)
        } else {
            said.parse().map(Number::Float).map_err(|_| Odd)
        }
    }

    fn digits(&mut self) -> usize {
        let begun = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        self.at - begun
    }

    pub fn word(&mut self, word: &str) -> Read<()> {
        sure(self.text.as_bytes()[self.at..].starts_with(word.as_bytes()))?;
        self.at += word.len();
        Ok(())
    }

    /// Any value, valid through and through.
    pub fn skip(&mut self, depth: u32) -> Read<()> {
        sure(depth < MOST_DEPTH)?;
        match self.peek() {
            b'"' => self.raw_string().map(|_| ()),
            b'{' => self.members(|json, _| json.skip(depth + 1)),
            b'[' => self.items(|json| json.skip(depth + 1)),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(|_| ()),
        }
    }
}

fn unescaped(raw: &str) -> Read<String> {
    let mut said = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        said.push_str(&rest[..at]);
        let sign = *rest.as_bytes().get(at + 1).ok_or(Odd)?;
        let mut size = 2;
        said.push(match sign {
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                size = 6;
                let code = u32::from_str_radix(rest.get(at + 2..at + 6).ok_or(Odd)?, 16).map_err(|_| Odd)?;
                char::from_u32(code).ok_or(Odd)?
            }
            other => char::from(other),
        });
        rest = &rest[at + size..];
    }
    said.push_str(rest);
    Ok(said)
}
