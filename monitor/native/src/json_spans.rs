//! An ExportTraceServiceRequest in OTLP/JSON to columns, as `monitor/decode/span_json.py` and `plain_span.py` read it.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::columns::{Columns, Said, Words, INT, TRUTH};
use crate::json::{Json, Number};
use crate::naming::{Naming, Python, Slot, Use};
use crate::odd::{sure, Odd, Read};

const MOST_LINKS: usize = 1000;
const MOST_DEPTH: u32 = 16;
const OLD_WORDS: [&str; 3] = ["\"resource_spans\"", "\"instrumentationLibrarySpans\"", "\"instrumentation_library_spans\""];

enum Value<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Int(i64),
    Truth(bool),
    Float(f64),
    Other,
}

/// An id of no or all digits.
#[derive(Default)]
struct Id {
    bytes: [u8; 16],
    size: usize,
}

impl Id {
    fn said(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

#[derive(Default)]
struct Fields<'a> {
    seen: u32,
    kind: u8,
    trace: Id,
    span: Id,
    parent: Id,
    start_ns: u64,
    end_ns: u64,
    name: Cow<'a, str>,
    state: Cow<'a, str>,
    status: u8,
    message: Cow<'a, str>,
    attributes: Vec<(Slot, Value<'a>)>,
    events: Vec<&'a str>,
    links: Vec<&'a str>,
}

/// All spans of a request.
pub fn read(value: &[u8], columns: &mut Columns, words: &mut Words, naming: &Naming, python: &mut impl Python) -> Read<()> {
    let text = std::str::from_utf8(value).map_err(|_| Odd)?;
    sure(!OLD_WORDS.iter().any(|word| text.contains(word)))?;
    let mut json = Json::new(text);
    let (mut requests, mut blocks) = (0, 0);
    let mut each = |json: &mut Json| {
        blocks += 1;
        block(json, columns, words, naming, python)
    };
    json.space();
    // Tempo answers with `batches`, perhaps in a `trace`
    json.members(|json, key| match key {
        "resourceSpans" | "batches" => {
            requests += 1;
            json.items(&mut each)
        }
        "trace" if json.peek() == b'{' => json.members(|json, key| match key {
            "resourceSpans" | "batches" => {
                requests += 1;
                json.items(&mut each)
            }
            _ => json.skip(2),
        }),
        _ => json.skip(1),
    })?;
    json.end()?;
    sure(requests == 1 && blocks > 0)
}

fn block(json: &mut Json, columns: &mut Columns, words: &mut Words, naming: &Naming, python: &mut impl Python) -> Read<()> {
    let (mut resource, mut scopes) = (None, 0);
    json.members(|json, key| match key {
        "resource" => {
            sure(resource.is_none() && json.peek() == b'{')?;
            let from = json.at;
            json.skip(1)?;
            resource = Some(python.resource(json.slice(from).as_bytes(), true)?);
            Ok(())
        }
        "scopeSpans" => {
            scopes += 1;
            let resource = resource.ok_or(Odd)?; // one that stands behind its spans is rare
            json.items(|json| scope(json, resource, columns, words, naming, python))
        }
        _ => json.skip(1),
    })?;
    sure(resource.is_some() && scopes <= 1)
}

fn scope(
    json: &mut Json,
    resource: i32,
    columns: &mut Columns,
    words: &mut Words,
    naming: &Naming,
    python: &mut impl Python,
) -> Read<()> {
    let mut lists = 0;
    json.members(|json, key| {
        if key != "spans" {
            return json.skip(1);
        }
        lists += 1;
        json.items(|json| {
            let fields = read_span(json, naming)?;
            one_span(&fields, resource, columns, words, naming, python)
        })
    })?;
    sure(lists <= 1)
}

#[inline(always)]
fn read_span<'a>(json: &mut Json<'a>, naming: &Naming) -> Read<Fields<'a>> {
    let mut fields = Fields::default();
    json.members(|json, key| {
        let bit = match key {
            "kind" => 0,
            "traceId" => 1,
            "spanId" => 2,
            "parentSpanId" => 3,
            "startTimeUnixNano" => 4,
            "endTimeUnixNano" => 5,
            "name" => 6,
            "traceState" => 7,
            "status" => 8,
            "attributes" => 9,
            "events" => 10,
            "links" => 11,
            _ => return json.skip(1),
        };
        sure(fields.seen & 1 << bit == 0)?;
        fields.seen |= 1 << bit;
        match bit {
            0 => fields.kind = kind(json)?,
            1 => fields.trace = id(json, 16)?,
            2 => fields.span = id(json, 8)?,
            3 => fields.parent = id(json, 8)?,
            4 => fields.start_ns = nanoseconds(json)?,
            5 => fields.end_ns = nanoseconds(json)?,
            6 => fields.name = json.string()?,
            7 => fields.state = json.string()?,
            8 => status(json, &mut fields)?,
            9 => attributes(json, naming, &mut fields.attributes)?,
            10 => slices(json, &mut fields.events)?,
            _ => slices(json, &mut fields.links)?,
        }
        Ok(())
    })?;
    Ok(fields)
}

fn slices<'a>(json: &mut Json<'a>, into: &mut Vec<&'a str>) -> Read<()> {
    json.items(|json| {
        let from = json.at;
        sure(json.peek() == b'{')?;
        json.skip(1)?;
        into.push(json.slice(from));
        Ok(())
    })
}

fn small(json: &mut Json) -> Read<u8> {
    match json.number()? {
        Number::Int(number @ 0..=127) => Ok(number as u8),
        _ => Err(Odd),
    }
}

fn kind(json: &mut Json) -> Read<u8> {
    if json.peek() != b'"' {
        return small(json);
    }
    match json.string()?.as_ref() {
        "SPAN_KIND_UNSPECIFIED" => Ok(0),
        "SPAN_KIND_INTERNAL" => Ok(1),
        "SPAN_KIND_SERVER" => Ok(2),
        "SPAN_KIND_CLIENT" => Ok(3),
        "SPAN_KIND_PRODUCER" => Ok(4),
        "SPAN_KIND_CONSUMER" => Ok(5),
        _ => Err(Odd),
    }
}

fn status<'a>(json: &mut Json<'a>, fields: &mut Fields<'a>) -> Read<()> {
    let (mut codes, mut messages) = (0, 0);
    json.members(|json, key| {
        match key {
            "code" => {
                codes += 1;
                fields.status = if json.peek() == b'"' {
                    match json.string()?.as_ref() {
                        "STATUS_CODE_UNSET" => 0,
                        "STATUS_CODE_OK" => 1,
                        "STATUS_CODE_ERROR" => 2,
                        _ => return Err(Odd),
                    }
                } else {
                    small(json)?
                };
            }
            "message" => {
                messages += 1;
                fields.message = json.string()?;
            }
            _ => json.skip(1)?,
        }
        Ok(())
    })?;
    sure(codes <= 1 && messages <= 1)
}

fn id(json: &mut Json, size: usize) -> Read<Id> {
    let text = json.string()?;
    let mut id = Id::default();
    if text.is_empty() {
        return Ok(id);
    }
    if text.len() == size.div_ceil(3) * 4 {
        from_base64(text.as_bytes(), size, &mut id.bytes)?;
        id.size = size;
        return Ok(id);
    }
    sure(text.len() == 2 * size)?;
    for (at, pair) in text.as_bytes().chunks_exact(2).enumerate() {
        let high = char::from(pair[0]).to_digit(16).ok_or(Odd)?;
        let low = char::from(pair[1]).to_digit(16).ok_or(Odd)?;
        id.bytes[at] = (high << 4 | low) as u8;
    }
    id.size = size;
    Ok(id)
}

/// Base64 of that many bytes, as protobuf's own JSON mapping writes ids; bits that are left over are odd.
fn from_base64(text: &[u8], size: usize, into: &mut [u8; 16]) -> Read<()> {
    let digits = (size * 8).div_ceil(6);
    sure(text[digits..].iter().all(|sign| *sign == b'='))?;
    let (mut held, mut bits, mut at) = (0u32, 0, 0);
    for sign in &text[..digits] {
        let digit = match sign {
            b'A'..=b'Z' => sign - b'A',
            b'a'..=b'z' => sign - b'a' + 26,
            b'0'..=b'9' => sign - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(Odd),
        };
        held = held << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            into[at] = (held >> bits) as u8;
            held &= (1 << bits) - 1;
            at += 1;
        }
    }
    sure(at == size && held == 0)
}

fn nanoseconds(json: &mut Json) -> Read<u64> {
    if json.peek() == b'"' {
        let text = json.string()?;
        sure(text.len() <= 19 && !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit()))?;
        return text.parse().map_err(|_| Odd);
    }
    match json.number()? {
        Number::Int(number) => u64::try_from(number).map_err(|_| Odd),
        Number::Float(_) => Err(Odd),
    }
}

/// The attributes that name an edge; one that comes twice has its first place and its last value.
fn attributes<'a>(json: &mut Json<'a>, naming: &Naming, into: &mut Vec<(Slot, Value<'a>)>) -> Read<()> {
    json.items(|json| {
        let (key, value) = pair(json, 0)?;
        if let Some(slot) = naming.slot(key.as_bytes()) {
            sure(slot.to != Use::Body)?;
            match into.iter_mut().find(|known| known.0.number == slot.number) {
                Some(known) => known.1 = value,
                None => into.push((slot, value)),
            }
        }
        Ok(())
    })
}

fn pair<'a>(json: &mut Json<'a>, depth: u32) -> Read<(Cow<'a, str>, Value<'a>)> {
    let (mut name, mut held) = (None, None);
    json.members(|json, key| {
        match key {
            "key" => {
                sure(name.is_none())?;
                name = Some(json.string()?);
            }
            "value" => {
                sure(held.is_none())?;
                held = Some(any_value(json, depth)?);
            }
            _ => json.skip(1)?,
        }
        Ok(())
    })?;
    Ok((name.ok_or(Odd)?, held.unwrap_or(Value::Nothing)))
}

fn any_value<'a>(json: &mut Json<'a>, depth: u32) -> Read<Value<'a>> {
    sure(depth < MOST_DEPTH)?;
    let mut held = None;
    json.members(|json, name| {
        sure(held.is_none())?;
        held = Some(match name {
            "intValue" => Value::Int(int(json)?),
            "arrayValue" => {
                values(json, |json| any_value(json, depth + 1).map(|_| ()))?;
                Value::Other
            }
            "kvlistValue" => {
                values(json, |json| pair(json, depth + 1).map(|_| ()))?;
                Value::Other
            }
            _ => scalar(json)?,
        });
        Ok(())
    })?;
    Ok(held.unwrap_or(Value::Nothing))
}

fn values<'a>(json: &mut Json<'a>, mut each: impl FnMut(&mut Json<'a>) -> Read<()>) -> Read<()> {
    let mut lists = 0;
    json.members(|json, name| {
        sure(name == "values")?;
        lists += 1;
        json.items(&mut each)
    })?;
    sure(lists <= 1)
}

fn int(json: &mut Json) -> Read<i64> {
    if json.peek() == b'"' {
        let text = json.string()?;
        let digits = text.strip_prefix('-').unwrap_or(&text);
        sure((1..=18).contains(&digits.len()) && digits.bytes().all(|one| one.is_ascii_digit()))?;
        return text.parse().map_err(|_| Odd);
    }
    match json.number()? {
        Number::Int(number) => Ok(number),
        Number::Float(_) => Err(Odd),
    }
}

fn scalar<'a>(json: &mut Json<'a>) -> Read<Value<'a>> {
    Ok(match json.peek() {
        b'"' => Value::Text(json.string()?),
        b't' => {
            json.word("true")?;
            Value::Truth(true)
        }
        b'f' => {
            json.word("false")?;
            Value::Truth(false)
        }
        b'n' => {
            json.word("null")?;
            Value::Nothing
        }
        b'{' | b'[' => {
            json.skip(1)?;
            Value::Other
        }
        _ => match json.number()? {
            Number::Int(number) => Value::Int(number),
            Number::Float(number) => Value::Float(number),
        },
    })
}

#[inline(always)]
fn one_span(
    fields: &Fields,
    resource: i32,
    columns: &mut Columns,
    words: &mut Words,
    naming: &Naming,
    python: &mut impl Python,
) -> Read<()> {
    let mut said = Said {
        kind: fields.kind,
        trace: fields.trace.said(),
        span: fields.span.said(),
        parent: fields.parent.said(),
        start_ns: fields.start_ns,
        end_ns: fields.end_ns,
        status: fields.status,
        resource,
        asked: None,
    };
    if said.kind < 2 || said.kind > 5 || resource < 0 {
        if said.kind == 1 {
            said.asked = asked(fields, naming)?;
        }
        columns.passed(&said);
        return Ok(());
    }
    words.begin(fields.name.as_bytes());
    let named = name(fields, words, naming, python)?;
    if fields.status == 2 {
        failure(fields, named, words, naming, python)?;
    }
    let mut links = Vec::new();
    for raw in &fields.links {
        links.push(link(raw)?);
    }
    if (said.kind == 3 || said.kind == 4) && !links.is_empty() {
        words.int(naming.linked, 1, INT);
    }
    if let Some(row) = columns.add(&said, words, fields.state.as_bytes()) {
        if said.kind == 3 || said.kind == 5 {
            let good = links.iter().filter(|(trace, span)| trace.size == 16 && span.size == 8).take(MOST_LINKS);
            columns.links.extend(good.filter_map(|(trace, span)| Some((row, trace.bytes, span.said().try_into().ok()?))));
        }
    }
    Ok(())
}

/// Type and name of an operation of GraphQL, as an INTERNAL span tells them.
fn asked<'a>(fields: &'a Fields, naming: &Naming) -> Read<Option<(&'a str, &'a str)>> {
    let mut words = ["", ""];
    for (slot, value) in &fields.attributes {
        for (number, word) in naming.asked.iter().zip(&mut words) {
            if slot.number == *number {
                *word = match value {
                    Value::Text(text) => text,
                    Value::Nothing => "",
                    _ => return Err(Odd),
                };
            }
        }
    }
    Ok((!words[1].is_empty()).then_some((words[0], words[1])))
}

/// The words of the attributes; whether one of them is the error's type.
#[inline(always)]
fn name(fields: &Fields, words: &mut Words, naming: &Naming, python: &mut impl Python) -> Read<bool> {
    let mut named = false;
    for (slot, value) in &fields.attributes {
        if !matches!(slot.to, Use::Plain | Use::Route) {
            continue;
        }
        named |= slot.number == naming.error_type && !matches!(value, Value::Nothing);
        match value {
            Value::Nothing => (),
            Value::Text(word) => words.text(slot.number, word.as_bytes()),
            Value::Int(word) => words.int(slot.number, *word, INT),
            Value::Truth(word) => words.int(slot.number, i64::from(*word), TRUTH),
            Value::Float(word) => words.float(slot.number, *word)?,
            Value::Other => return Err(Odd),
        }
    }
    let routed = fields.attributes.iter().any(|(slot, _)| slot.to == Use::Route);
    for (slot, value) in &fields.attributes {
        if matches!(slot.to, Use::Plain | Use::Route) {
            continue;
        }
        match value {
            Value::Nothing => (),
            Value::Text(word) => naming.cut(*slot, word, routed, words, python)?,
            _ => return Err(Odd),
        }
    }
    Ok(named)
}

fn failure(fields: &Fields, named: bool, words: &mut Words, naming: &Naming, python: &mut impl Python) -> Read<()> {
    let (mut kind, mut thrown) = (Cow::Borrowed(""), Cow::Borrowed(""));
    for raw in fields.events.iter().rev() {
        if let Some(found) = exception(raw)? {
            (kind, thrown) = found;
            break;
        }
    }
    let message = if fields.message.is_empty() { &thrown } else { &fields.message };
    let template = if message.is_empty() { String::new() } else { python.template(message)? };
    if !kind.is_empty() && !named {
        words.text(naming.error_type, kind.as_bytes());
    }
    if !template.is_empty() {
        words.text(naming.failure, template.as_bytes());
    }
    Ok(())
}

type Thrown<'a> = (Cow<'a, str>, Cow<'a, str>);

fn exception(raw: &str) -> Read<Option<Thrown<'_>>> {
    let (mut names, mut lists, mut thrown) = (0, 0, false);
    let (mut kind, mut message) = (Cow::Borrowed(""), Cow::Borrowed(""));
    Json::new(raw).members(|json, key| {
        match key {
            "name" => {
                names += 1;
                thrown = json.string()? == "exception";
            }
            "attributes" => {
                lists += 1;
                json.items(|json| {
                    let (key, value) = pair(json, 0)?;
                    let into = match key.as_ref() {
                        "exception.type" => &mut kind,
                        "exception.message" => &mut message,
                        _ => return Ok(()),
                    };
                    *into = match value {
                        Value::Text(text) => text,
                        Value::Nothing => Cow::Borrowed(""),
                        _ => return Err(Odd),
                    };
                    Ok(())
                })?;
            }
            _ => json.skip(1)?,
        }
        Ok(())
    })?;
    sure(names <= 1 && lists <= 1)?;
    Ok(thrown.then_some((kind, message)))
}

fn link(raw: &str) -> Read<(Id, Id)> {
    let (mut trace, mut span) = (None, None);
    Json::new(raw).members(|json, key| {
        match key {
            "traceId" => {
                sure(trace.is_none())?;
                trace = Some(id(json, 16)?);
            }
            "spanId" => {
                sure(span.is_none())?;
                span = Some(id(json, 8)?);
            }
            _ => json.skip(1)?,
        }
        Ok(())
    })?;
    Ok((trace.unwrap_or_default(), span.unwrap_or_default()))
}
