//! JSON, read strictly and in one pass; what parsers may see differently (half a pair of surrogates, exponents, deep nesting) is odd.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::odd::{sure, Odd, Read};

const MOST_DEPTH: u32 = 32;
const LONGEST_NUMBER: usize = 40;
const SURELY_INT: usize = 18;

/// What is left of a text.
pub struct Json<'a> {
    text: &'a str,
    pub at: usize,
    halves: bool,
}

/// A number, as its text.
pub enum Number {
    Int(i64),
    Float(f64),
}

impl<'a> Json<'a> {
    pub fn new(text: &'a str) -> Self {
        Json { text, at: 0, halves: false }
    }

    /// The same, where half a pair of surrogates stands for some sign: for who asks where things stand, and not what they say.
    pub fn with_halves(text: &'a str) -> Self {
        Json { text, at: 0, halves: true }
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
        let begun = self.at;
        let mut escaped = false;
        loop {
            self.plain_signs();
            match self.peek() {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(Odd),
            }
        }
        let said = &self.text[begun..self.at];
        self.at += 1;
        Ok((said, escaped))
    }

    /// Goes to the next quote, backslash or control sign, eight at a time; or to the end.
    #[inline(always)]
    fn plain_signs(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(eight) = bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let found = special(u64::from_le_bytes(*eight));
            if found != 0 {
                self.at += (found.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        while bytes.get(self.at).is_some_and(|sign| !matches!(sign, b'"' | b'\\' | 0..=0x1f)) {
            self.at += 1;
        }
    }

    /// What an escape stands for; goes past it.
    #[inline(always)]
    fn escape(&mut self) -> Read<char> {
        let bytes = self.text.as_bytes();
        let sign = *bytes.get(self.at + 1).ok_or(Odd)?;
        self.at += 2;
        Ok(match sign {
            b'"' | b'\\' | b'/' => char::from(sign),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let code = self.four_digits()?;
                char::from_u32(code).map_or_else(|| self.second_half(code), Ok)?
            }
            _ => return Err(Odd),
        })
    }

    fn four_digits(&mut self) -> Read<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(Odd)?;
        let mut code = 0;
        for digit in digits {
            code = code * 16 + char::from(*digit).to_digit(16).ok_or(Odd)?;
        }
        self.at += 4;
        Ok(code)
    }

    /// What a pair of surrogates stands for, its first half passed. A half alone is odd.
    #[cold]
    fn second_half(&mut self, first: u32) -> Read<char> {
        let after = self.at;
        if (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[after..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(Odd);
            }
        }
        sure(self.halves)?;
        self.at = after;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    #[inline(always)]
    pub fn string(&mut self) -> Read<Cow<'a, str>> {
        let begun = self.at;
        let (raw, escaped) = self.raw_string()?;
        if !escaped {
            return Ok(Cow::Borrowed(raw));
        }
        self.at = begun;
        let mut said = String::with_capacity(raw.len());
        self.string_into(&mut said)?;
        Ok(Cow::Owned(said))
    }

    /// Adds a string to a text, in one pass.
    pub fn string_into(&mut self, said: &mut String) -> Read<()> {
        sure(self.eat(b'"'))?;
        loop {
            let begun = self.at;
            self.plain_signs();
            said.push_str(&self.text[begun..self.at]);
            match self.peek() {
                b'"' => break,
                b'\\' => said.push(self.escape()?),
                _ => return Err(Odd),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// A string in which nothing is escaped.
    pub fn plain_string(&mut self) -> Read<&'a str> {
        let (raw, escaped) = self.raw_string()?;
        sure(!escaped)?;
        Ok(raw)
    }

    pub fn number(&mut self) -> Read<Number> {
        let begun = self.at;
        let whole = self.number_text()?;
        let said = self.slice(begun);
        if whole {
            said.parse().map(Number::Int).map_err(|_| Odd)
        } else {
            said.parse().map(Number::Float).map_err(|_| Odd)
        }
    }

    /// Goes past a number that `number` reads; one of so many digits that it might be none is odd.
    pub fn skip_number(&mut self) -> Read<()> {
        let begun = self.at;
        let whole = self.number_text()?;
        sure(!whole || self.at - begun <= SURELY_INT)
    }

    /// Goes past the text of a number; whether it is a whole one.
    #[inline(always)]
    fn number_text(&mut self) -> Read<bool> {
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
        sure(self.at - begun <= LONGEST_NUMBER)?;
        Ok(whole)
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

/// The high bit of each byte that is a quote, a backslash or a control sign; of bytes after the first such one it may be wrong.
#[inline(always)]
fn special(eight: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;
    let zeros = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let control = eight.wrapping_sub(ONES * 0x20) & !eight;
    (zeros(eight ^ (ONES * 0x22)) | zeros(eight ^ (ONES * 0x5c)) | control) & HIGH
}
