//! API logs in the project's plain form to exchanges: one object a record, of keys that Python met before.
//!
//! Whatever is not of the plainest kind, broken, or new, is left to the reference (`ndjson_reader.py`). What few records differ in
//! (names, method, status) Python reads once, and it is known by its very text from then on.

use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use rustc_hash::FxHashMap;

use crate::json::{Json, Number};
use crate::odd::{sure, Odd, Read};

const MOST_LAYOUTS: usize = 16;
const MOST_ALIKE: usize = 4_096;
const MOST_NAMES: usize = 8_192;
const MOST_HEADERS: usize = 100;
const LONGEST_HEADERS: usize = 2_048;
const LONGEST_PATH: usize = 2_048;
const FIRST_MS: i64 = 946_684_800_000;
const END_MS: i64 = 100_000_000_000_000;
const FUTURE_NS: i128 = 3_600_000_000_000;
const LONGEST_MS: f64 = 30.0 * 86_400_000.0;
const ALIKE: usize = 16;

/// What a member of a record is.
#[derive(Clone, Copy)]
enum Slot {
    Time,
    Path,
    Query,
    Duration,
    Asked,
    Answered,
    Trace,
    Span,
    AskedBody,
    AnsweredBody,
    Few,
    Other,
}

impl Slot {
    fn of(name: &str, few: &[String]) -> Slot {
        match name {
            "time" => Slot::Time,
            "path" => Slot::Path,
            "query" => Slot::Query,
            "duration_ms" => Slot::Duration,
            "request_headers" => Slot::Asked,
            "response_headers" => Slot::Answered,
            "trace_id" => Slot::Trace,
            "span_id" => Slot::Span,
            "request_body" => Slot::AskedBody,
            "response_body" => Slot::AnsweredBody,
            _ if few.iter().any(|one| one == name) => Slot::Few,
            _ => Slot::Other,
        }
    }
}

/// The members of records of one kind, in order.
struct Layout {
    members: Vec<(Box<str>, Slot)>,
}

/// A header's name as it is kept, and what becomes of its value.
struct Name {
    lower: Py<PyString>,
    kind: u8,
    traceparent: bool,
}

const SECRET: u8 = 1;
const COOKIE: u8 = 2;

/// Reads records one by one.
#[pyclass]
pub struct Exchanges {
    make: Py<PyAny>,
    alike: Py<PyAny>,
    name: Py<PyAny>,
    cookies: Py<PyAny>,
    redacted: Py<PyString>,
    http: Py<PyString>,
    few: Vec<String>,
    layouts: Vec<Layout>,
    known: FxHashMap<Box<[u8]>, Option<Py<PyTuple>>>,
    names: FxHashMap<Box<str>, Name>,
    text: String,
    key: Vec<u8>,
}

/// What a record tells of its own.
struct Told<'py> {
    end_ns: i64,
    duration: Option<Option<i64>>,
    path: Option<Bound<'py, PyString>>,
    query: Option<Bound<'py, PyString>>,
    headers: [Option<Bound<'py, PyDict>>; 2],
    traced: bool,
    trace: Option<[u8; 16]>,
    span: Option<[u8; 8]>,
    bodies: [Option<Bound<'py, PyString>>; 2],
}

#[pymethods]
impl Exchanges {
    /// `make` makes an exchange, `alike` reads what few records differ in (None: not so plain), `name` a header's name and what
    /// becomes of its value, `cookies` what is kept of cookies; `few` names the members that `alike` reads.
    #[new]
    fn new(
        py: Python<'_>,
        make: Py<PyAny>,
        alike: Py<PyAny>,
        name: Py<PyAny>,
        cookies: Py<PyAny>,
        redacted: Py<PyString>,
        few: Vec<String>,
    ) -> Self {
        Exchanges {
            make,
            alike,
            name,
            cookies,
            redacted,
            http: PyString::intern(py, "http").unbind(),
            few,
            layouts: Vec::new(),
            known: FxHashMap::default(),
            names: FxHashMap::default(),
            text: String::new(),
            key: Vec::new(),
        }
    }

    /// From now on, records of these keys are read.
    fn learn(&mut self, keys: Vec<String>) {
        if self.layouts.len() < MOST_LAYOUTS {
            let members = keys.iter().map(|key| (key.as_str().into(), Slot::of(key, &self.few))).collect();
            self.layouts.push(Layout { members });
        }
    }

    /// The exchange of a record; None when the reference must read it. Raises nothing.
    fn read<'py>(
        &mut self,
        py: Python<'py>,
        value: &Bound<'py, PyBytes>,
        source_id: &Bound<'py, PyAny>,
        partition: &Bound<'py, PyAny>,
        offset: &Bound<'py, PyAny>,
        record_ms: i64,
    ) -> Option<Bound<'py, PyAny>> {
        let place = [source_id, partition, offset];
        catch_unwind(AssertUnwindSafe(|| self.exchange(py, value, place, record_ms).ok())).ok().flatten()
    }
}

/// Whether an absent header was absent, by the headers themselves: `fields.whole_of` says why.
fn whole_of(asked: Option<&Bound<'_, PyDict>>, answered: Option<&Bound<'_, PyDict>>) -> Read<bool> {
    let there = |one: Option<&Bound<'_, PyDict>>, name: &str| one.map_or(Ok(false), |held| held.contains(name)).map_err(|_| Odd);
    if asked.is_some_and(|held| !held.is_empty()) {
        return Ok(there(asked, "host")? || there(asked, ":authority")?);
    }
    there(answered, "date")
}

impl Exchanges {
    fn exchange<'py>(
        &mut self,
        py: Python<'py>,
        value: &Bound<'py, PyBytes>,
        place: [&Bound<'py, PyAny>; 3],
        record_ms: i64,
    ) -> Read<Bound<'py, PyAny>> {
        sure(!self.layouts.is_empty())?;
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Odd)?;
        let latest_ns = i128::from(record_ms) * 1_000_000 + FUTURE_NS;
        let told = self.told(py, text, latest_ns)?;
        let alike = self.alike(py, value)?;
        let [asked, answered] = told.headers;
        let (trace, span) = match (told.trace, told.span) {
            (Some(trace), span) => (Some(trace), span),
            (None, None) => {
                sure(!told.traced)?;
                (None, None)
            }
            (None, Some(_)) => return Err(Odd),
        };
        let common: [Bound<'py, PyAny>; ALIKE] = std::array::from_fn(|at| alike.get_item(at).unwrap_or_else(|_| py.None().into_bound(py)));
        let [method, route, status, caller, caller_version, callee, callee_version, namespace, environment, side, asked_cut, answered_cut, redacted, whole, status_told, caller_namespace] =
            common;
        sure(callee.is_truthy().map_err(|_| Odd)?)?; // else a header names it
        let none = || py.None().into_bound(py);
        let whole = if whole.is_none() { whole_of(asked.as_ref(), answered.as_ref())?.into_pyobject(py).map_err(|_| Odd)?.to_owned().into_any() } else { whole };
        let headers = |one: Option<Bound<'py, PyDict>>| one.unwrap_or_else(|| PyDict::new(py)).into_any();
        let body = |one: Option<Bound<'py, PyString>>| one.map_or_else(none, Bound::into_any);
        let number = |one: i64| one.into_pyobject(py).map(Bound::into_any).map_err(|_| Odd);
        let [source_id, partition, offset] = place.map(Clone::clone);
        let [asked_body, answered_body] = told.bodies;
        let query_known = told.query.is_some().into_pyobject(py).map_err(|_| Odd)?.to_owned().into_any();
        let query = told.query.unwrap_or_else(|| PyString::new(py, ""));
        let fields = [
            source_id,
            partition,
            offset,
            number(0)?,
            number(told.end_ns)?,
            told.duration.flatten().map_or_else(|| Ok(none()), number)?,
            method,
            told.path.ok_or(Odd)?.into_any(),
            route,
            query.into_any(),
            status,
            caller,
            caller_version,
            callee,
            callee_version,
            namespace,
            environment,
            PyBytes::new(py, trace.as_ref().map_or(&[], |raw| raw.as_slice())).into_any(),
            PyBytes::new(py, span.as_ref().map_or(&[], |raw| raw.as_slice())).into_any(),
            side,
            self.http.bind(py).clone().into_any(),
            headers(asked),
            headers(answered),
            body(asked_body),
            body(answered_body),
            asked_cut,
            answered_cut,
            query_known,
            redacted,
            whole,
            status_told,
            false.into_pyobject(py).map_err(|_| Odd)?.to_owned().into_any(), // what tells of a proxy is not read here
            caller_namespace,
        ];
        self.make.bind(py).call1(PyTuple::new(py, fields).map_err(|_| Odd)?).map_err(|_| Odd)
    }

    /// Reads the record's members, and puts what few differ in into the key.
    fn told<'py>(&mut self, py: Python<'py>, text: &str, latest_ns: i128) -> Read<Told<'py>> {
        let mut told = Told {
            end_ns: 0,
            duration: None,
            path: None,
            query: None,
            headers: [None, None],
            traced: false,
            trace: None,
            span: None,
            bodies: [None, None],
        };
        let (mut json, mut layout, mut at) = (Json::new(text), 0, 0);
        let layouts = std::mem::take(&mut self.layouts);
        self.key.clear();
        let read = json.members(|json, key| {
            layout = following(&layouts, layout, at, key)?;
            let slot = layouts[layout].members[at].1;
            at += 1;
            self.member(py, json, slot, latest_ns, &mut told)
        });
        let whole = layouts[layout].members.len() == at;
        self.layouts = layouts;
        read?;
        sure(whole)?;
        json.end()?;
        self.key.push(layout as u8);
        Ok(told)
    }

    fn member<'py>(&mut self, py: Python<'py>, json: &mut Json<'_>, slot: Slot, latest_ns: i128, told: &mut Told<'py>) -> Read<()> {
        let null = json.peek() == b'n';
        match slot {
            Slot::Other => return json.skip(0),
            Slot::Few => {
                let begun = json.at;
                sure(!matches!(json.peek(), b'{' | b'['))?;
                json.skip(0)?;
                self.key.extend_from_slice(json.slice(begun).as_bytes());
                self.key.push(0);
                return Ok(());
            }
            Slot::Path | Slot::Time if null => return Err(Odd),
            _ if null => return json.word("null"),
            Slot::Time => told.end_ns = time(json, latest_ns)?,
            Slot::Path => {
                let path = json.plain_string()?;
                sure(path.starts_with('/') && path.len() <= LONGEST_PATH && !path.contains(['?', '#']) && !path.contains("://"))?;
                told.path = Some(PyString::new(py, path));
            }
            Slot::Query => told.query = Some(PyString::new(py, json.string()?.trim_start_matches('?'))),
            Slot::Duration => told.duration = Some(Some(duration(json)?)),
            Slot::Asked => {
                let (headers, traced) = self.headers(py, json)?;
                told.traced = traced;
                told.headers[0] = Some(headers);
            }
            Slot::Answered => told.headers[1] = Some(self.headers(py, json)?.0),
            Slot::Trace => told.trace = Some(id(json.plain_string()?)?),
            Slot::Span => told.span = Some(id(json.plain_string()?)?),
            Slot::AskedBody => told.bodies[0] = Some(self.body(py, json)?),
            Slot::AnsweredBody => told.bodies[1] = Some(self.body(py, json)?),
        }
        Ok(())
    }

    fn body<'py>(&mut self, py: Python<'py>, json: &mut Json<'_>) -> Read<Bound<'py, PyString>> {
        self.text.clear();
        json.string_into(&mut self.text)?;
        Ok(PyString::new(py, &self.text))
    }

    /// Headers of plain text, secrets hidden, and whether they tell of a trace. gRPC is odd.
    fn headers<'py>(&mut self, py: Python<'py>, json: &mut Json<'_>) -> Read<(Bound<'py, PyDict>, bool)> {
        let found = PyDict::new(py);
        let (mut count, mut chars, mut traced) = (0, 0, false);
        json.members(|json, key| {
            let text = json.string()?;
            (count, chars) = (count + 1, chars + text.len());
            if !self.names.contains_key(key) {
                self.know(py, key)?;
            }
            let name = &self.names[key];
            traced |= name.traceparent;
            let value = match name.kind {
                SECRET => self.redacted.bind(py).clone().into_any(),
                COOKIE => self.cookies.bind(py).call1((&*text,)).map_err(|_| Odd)?,
                _ => PyString::new(py, &text).into_any(),
            };
            sure(!text.as_bytes().first_chunk().is_some_and(|begin: &[u8; 16]| begin.eq_ignore_ascii_case(b"application/grpc")))?;
            found.set_item(name.lower.bind(py), value).map_err(|_| Odd)
        })?;
        sure(count <= MOST_HEADERS && chars <= LONGEST_HEADERS && found.len() == count)?;
        Ok((found, traced))
    }

    fn know(&mut self, py: Python<'_>, key: &str) -> Read<()> {
        let said = self.name.bind(py).call1((key,)).map_err(|_| Odd)?;
        let (lower, kind): (Bound<'_, PyString>, u8) = said.extract().map_err(|_| Odd)?;
        let text = lower.to_str().map_err(|_| Odd)?;
        sure(!text.is_empty())?;
        if self.names.len() >= MOST_NAMES {
            self.names.clear();
        }
        let traceparent = text == "traceparent";
        self.names.insert(key.into(), Name { lower: lower.unbind(), kind, traceparent });
        Ok(())
    }

    /// What few records differ in.
    fn alike<'py>(&mut self, py: Python<'py>, value: &Bound<'py, PyBytes>) -> Read<Bound<'py, PyTuple>> {
        if let Some(known) = self.known.get(self.key.as_slice()) {
            return known.as_ref().map(|alike| alike.bind(py).clone()).ok_or(Odd);
        }
        let said = self.alike.bind(py).call1((value,)).map_err(|_| Odd)?;
        let alike = said.cast_into::<PyTuple>().ok().filter(|alike| alike.len() == ALIKE);
        if self.known.len() >= MOST_ALIKE {
            self.known.clear();
        }
        self.known.insert(self.key.as_slice().into(), alike.as_ref().map(|alike| alike.clone().unbind()));
        alike.ok_or(Odd)
    }
}

/// The layout that goes on with a key: the same one, or another that begins alike.
#[inline(always)]
fn following(layouts: &[Layout], layout: usize, at: usize, key: &str) -> Read<usize> {
    let goes_on = |one: &Layout| one.members.get(at).is_some_and(|(name, _)| **name == *key);
    if goes_on(&layouts[layout]) {
        return Ok(layout);
    }
    let before = &layouts[layout].members[..at.min(layouts[layout].members.len())];
    let alike = |one: &Layout| one.members.len() > at && before.iter().zip(&one.members).all(|(mine, theirs)| mine.0 == theirs.0);
    layouts.iter().position(|one| alike(one) && goes_on(one)).ok_or(Odd)
}

fn time(json: &mut Json<'_>, latest_ns: i128) -> Read<i64> {
    let end_ns = if json.peek() == b'"' { moment(json.plain_string()?.as_bytes())? } else { milliseconds(json)? };
    sure(i128::from(end_ns) <= latest_ns)?;
    Ok(end_ns)
}

fn milliseconds(json: &mut Json<'_>) -> Read<i64> {
    let Number::Int(said) = json.number()? else { return Err(Odd) };
    sure((FIRST_MS..END_MS).contains(&said))?;
    said.checked_mul(1_000_000).ok_or(Odd)
}

/// A time as RFC 3339 writes it, in UTC, of this millennium's first centuries.
fn moment(text: &[u8]) -> Read<i64> {
    sure(text.len() >= 20 && text[4] == b'-' && text[7] == b'-' && text[10] == b'T' && text[13] == b':' && text[16] == b':')?;
    let number = |from: usize, to: usize, least: i64, most: i64| {
        sure(text[from..to].iter().all(u8::is_ascii_digit))?;
        let said = text[from..to].iter().fold(0, |said, digit| said * 10 + i64::from(digit - b'0'));
        sure((least..=most).contains(&said))?;
        Ok(said)
    };
    let (year, month, day) = (number(0, 4, 2000, 2200)?, number(5, 7, 1, 12)?, number(8, 10, 1, 28)?);
    let (hour, minute, second) = (number(11, 13, 0, 23)?, number(14, 16, 0, 59)?, number(17, 19, 0, 59)?);
    let (rest, zone) = text[19..].split_at(text.len() - 20);
    sure(zone == b"Z" && (rest.is_empty() || (rest[0] == b'.' && (2..=10).contains(&rest.len()))))?;
    let mut fraction = 0;
    for at in 0..9 {
        let digit = rest.get(at + 1).copied().unwrap_or(b'0');
        sure(digit.is_ascii_digit())?;
        fraction = fraction * 10 + i64::from(digit - b'0');
    }
    Ok((days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000_000 + fraction)
}

/// Days since 1970 (https://howardhinnant.github.io/date_algorithms.html#days_from_civil).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let (era, of_era) = (year / 400, year % 400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn duration(json: &mut Json<'_>) -> Read<i64> {
    let milliseconds = match json.number()? {
        Number::Int(said) => said as f64,
        Number::Float(said) => said,
    };
    sure((0.0..=LONGEST_MS).contains(&milliseconds))?;
    Ok((milliseconds * 1e6).round_ties_even() as i64)
}

/// A trace's or a span's id; none of zeros.
fn id<const SIZE: usize>(text: &str) -> Read<[u8; SIZE]> {
    let digits = text.as_bytes();
    sure(digits.len() == 2 * SIZE)?;
    let mut raw = [0; SIZE];
    for (byte, pair) in raw.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16).ok_or(Odd)?;
        let low = char::from(pair[1]).to_digit(16).ok_or(Odd)?;
        *byte = (high * 16 + low) as u8;
    }
    sure(raw != [0; SIZE])?;
    Ok(raw)
}
