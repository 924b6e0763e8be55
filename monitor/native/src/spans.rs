//! An ExportTraceServiceRequest in protobuf to columns. Field numbers: opentelemetry-proto, trace/v1/trace.proto.
#![forbid(unsafe_code)]

use crate::columns::{Columns, Said, Words, INT, TRUTH};
use crate::naming::{Naming, Python, Slot, Use};
use crate::odd::{sure, Odd, Read};
use crate::wire::{key_value, text, Value, Wire, FIXED32, FIXED64, LENGTH, VARINT};

const MOST_LINKS: usize = 1000;

/// What is used again from span to span.
#[derive(Default)]
pub struct Scratch {
    pub words: Words,
}

/// A span's fields, as they stand in its bytes.
#[derive(Default)]
struct Fields<'a> {
    trace: &'a [u8],
    span: &'a [u8],
    parent: &'a [u8],
    state: &'a [u8],
    name: &'a [u8],
    kind: u64,
    start_ns: u64,
    end_ns: u64,
    status: &'a [u8],
    attributes: Vec<&'a [u8]>,
    events: Vec<&'a [u8]>,
    links: Vec<&'a [u8]>,
}

/// All spans of a request; odd where one look at the first does not tell that it is one.
pub fn read(value: &[u8], columns: &mut Columns, scratch: &mut Scratch, naming: &Naming, python: &mut impl Python) -> Read<()> {
    let mut told = false;
    let mut request = Wire::new(value);
    let mut fields = Fields::default();
    while !request.is_empty() {
        let (field, wire) = request.tag()?;
        if field != 1 {
            request.skip(wire)?;
            continue;
        }
        sure(wire == LENGTH)?;
        let block = request.bytes()?;
        let raw_resource = resource_of(block)?;
        let resource = python.resource(raw_resource, false)?;
        let mut scopes = Wire::new(block);
        while !scopes.is_empty() {
            let (field, wire) = scopes.tag()?;
            if field != 2 {
                scopes.skip(wire)?;
                continue;
            }
            sure(wire == LENGTH)?;
            let mut spans = Wire::new(scopes.bytes()?);
            while !spans.is_empty() {
                let (field, wire) = spans.tag()?;
                if field != 2 {
                    spans.skip(wire)?;
                    continue;
                }
                sure(wire == LENGTH)?;
                read_span(spans.bytes()?, &mut fields)?;
                sure(told || fields.start_ns != 0 || fields.end_ns != 0)?;
                told = true;
                one_span(&fields, resource, raw_resource, columns, scratch, naming, python)?;
            }
        }
    }
    sure(told)
}

/// The bytes of a block's resource, which may stand behind its spans.
#[inline(always)]
fn resource_of(block: &[u8]) -> Read<&[u8]> {
    let mut resource: &[u8] = b"";
    let mut fields = Wire::new(block);
    while !fields.is_empty() {
        match fields.tag()? {
            (1, LENGTH) => resource = fields.bytes()?,
            (1, _) => return Err(Odd),
            (_, wire) => fields.skip(wire)?,
        }
    }
    Ok(resource)
}

#[inline(always)]
fn read_span<'a>(raw: &'a [u8], fields: &mut Fields<'a>) -> Read<()> {
    fields.attributes.clear();
    fields.events.clear();
    fields.links.clear();
    (fields.trace, fields.span, fields.parent, fields.state, fields.name, fields.status) = (b"", b"", b"", b"", b"", b"");
    (fields.kind, fields.start_ns, fields.end_ns) = (0, 0, 0);
    let mut wire = Wire::new(raw);
    while !wire.is_empty() {
        match wire.tag()? {
            (9, LENGTH) => fields.attributes.push(wire.bytes()?),
            (1, LENGTH) => fields.trace = wire.bytes()?,
            (2, LENGTH) => fields.span = wire.bytes()?,
            (3, LENGTH) => fields.state = wire.bytes()?,
            (4, LENGTH) => fields.parent = wire.bytes()?,
            (5, LENGTH) => fields.name = wire.bytes()?,
            (6, VARINT) => fields.kind = wire.varint()?,
            (7, FIXED64) => fields.start_ns = wire.fixed64()?,
            (8, FIXED64) => fields.end_ns = wire.fixed64()?,
            (11, LENGTH) => fields.events.push(wire.bytes()?),
            (13, LENGTH) => fields.links.push(wire.bytes()?),
            (15, LENGTH) => fields.status = wire.bytes()?,
            (1..=9 | 11 | 13 | 15, _) => return Err(Odd),
            (_, kind) => wire.skip(kind)?,
        }
    }
    sure(fields.kind < 0x80)
}

#[inline(always)]
fn one_span(
    fields: &Fields,
    resource: i32,
    raw_resource: &[u8],
    columns: &mut Columns,
    scratch: &mut Scratch,
    naming: &Naming,
    python: &mut impl Python,
) -> Read<()> {
    let mut said = Said {
        kind: fields.kind as u8,
        trace: fields.trace,
        span: fields.span,
        parent: fields.parent,
        start_ns: fields.start_ns,
        end_ns: fields.end_ns,
        status: 0,
        resource,
        asked: None,
    };
    if said.kind < 2 || said.kind > 5 || resource < 0 {
        if said.kind == 1 {
            said.asked = asked(&fields.attributes, naming)?;
        }
        columns.passed(&said);
        return Ok(());
    }
    let words = &mut scratch.words;
    text(fields.name)?;
    words.begin(fields.name);
    let told = name(fields, words, naming, python)?;
    if !fields.status.is_empty() {
        let (code, message) = status(fields.status)?;
        said.status = code;
        if code == 2 {
            failure(message, &fields.events, told.error_type, words, naming, python)?;
        }
    }
    let outgoing = said.kind == 3 || said.kind == 4;
    if outgoing && !fields.links.is_empty() {
        words.int(naming.linked, 1, INT);
    }
    text(fields.state)?;
    let links = if said.kind == 3 || said.kind == 5 { links(&fields.links)? } else { Vec::new() };
    if told.body {
        for raw in &fields.attributes {
            key_value(raw)?;
        }
    }
    if let Some(row) = columns.add(&said, words, fields.state) {
        columns.links.extend(links.into_iter().map(|(trace, span)| (row, trace, span)));
        if told.body {
            let attributes = fields.attributes.iter().map(|raw| raw.to_vec()).collect();
            columns.bodies.push((row, raw_resource.to_vec(), attributes));
        }
    }
    Ok(())
}

/// Type and name of an operation of GraphQL, as an INTERNAL span tells them.
#[inline(always)]
fn asked<'a>(attributes: &[&'a [u8]], naming: &Naming) -> Read<Option<(&'a str, &'a str)>> {
    let (mut kind, mut name) = ("", "");
    for &raw in attributes {
        if !raw.starts_with(b"\x0a\x16graphql.operation.") {
            continue;
        }
        let (key, value) = key_value(raw)?;
        let slot = naming.slot(key.as_bytes()).map(|slot| slot.number);
        let into = match slot {
            Some(number) if number == naming.asked[0] => &mut kind,
            Some(number) if number == naming.asked[1] => &mut name,
            _ => continue,
        };
        *into = match value {
            Value::Text(word) => word,
            Value::Nothing => "",
            _ => return Err(Odd),
        };
    }
    Ok((!name.is_empty()).then_some((kind, name)))
}

/// What the attributes told beside words.
struct Told {
    error_type: bool,
    body: bool,
}

/// The words of the attributes: those of much text after the others, since a route makes them needless.
#[inline(always)]
fn name(fields: &Fields, words: &mut Words, naming: &Naming, python: &mut impl Python) -> Read<Told> {
    let mut told = Told { error_type: false, body: false };
    let mut routed = false;
    let mut wordy: [Option<(Slot, &[u8])>; 4] = [None; 4];
    let mut later = 0;
    for &raw in &fields.attributes {
        let [0x0a, size @ 0..=0x7f, rest @ ..] = raw else {
            return Err(Odd);
        };
        let key = &rest[..rest.len().min(*size as usize)];
        let Some(slot) = naming.slot(key) else {
            sure(!rest.is_empty())?;
            continue;
        };
        match slot.to {
            Use::Plain | Use::Route => {
                let (_, value) = key_value(raw)?;
                let number = slot.number;
                match value {
                    Value::Nothing => continue,
                    Value::Text(word) => words.text(number, word.as_bytes()),
                    Value::Int(word) => words.int(number, word, INT),
                    Value::Truth(word) => words.int(number, i64::from(word), TRUTH),
                    Value::Float(word) => words.float(number, word)?,
                    Value::Other => return Err(Odd),
                }
                routed |= slot.to == Use::Route;
                told.error_type |= number == naming.error_type;
            }
            Use::Body => {
                key_value(raw)?;
                told.body = true;
            }
            _ => {
                *wordy.get_mut(later).ok_or(Odd)? = Some((slot, raw));
                later += 1;
            }
        }
    }
    for (slot, raw) in wordy.iter().flatten() {
        let (_, Value::Text(word)) = key_value(raw)? else {
            return Err(Odd);
        };
        naming.cut(*slot, word, routed, words, python)?;
    }
    Ok(told)
}

#[inline(always)]
fn status(raw: &[u8]) -> Read<(u8, &str)> {
    let (mut code, mut message) = (0, "");
    let mut wire = Wire::new(raw);
    while !wire.is_empty() {
        match wire.tag()? {
            (2, LENGTH) => message = text(wire.bytes()?)?,
            (3, VARINT) => code = wire.varint()?,
            _ => return Err(Odd),
        }
    }
    sure(code < 0x80)?;
    Ok((code as u8, message))
}

/// What failed, and what was said of it, of the last exception where the span does not tell it itself.
fn failure(
    message: &str,
    events: &[&[u8]],
    named: bool,
    words: &mut Words,
    naming: &Naming,
    python: &mut impl Python,
) -> Read<()> {
    let (mut kind, mut message) = ("", message);
    if !(named && !message.is_empty()) {
        for raw in events.iter().rev() {
            if let Some((thrown, said)) = exception(raw)? {
                kind = thrown;
                message = if message.is_empty() { said } else { message };
                break;
            }
        }
    }
    let template = if message.is_empty() { String::new() } else { python.template(message)? };
    if !kind.is_empty() && !named {
        words.text(naming.error_type, kind.as_bytes());
    }
    if !template.is_empty() {
        words.text(naming.failure, template.as_bytes());
    }
    Ok(())
}

/// Type and message of an event that is an exception.
fn exception(raw: &[u8]) -> Read<Option<(&str, &str)>> {
    let (mut name, mut kind, mut message) = ("", "", "");
    let mut wire = Wire::new(raw);
    while !wire.is_empty() {
        match wire.tag()? {
            (1, FIXED64) => wire.skip(FIXED64)?,
            (2, LENGTH) => name = text(wire.bytes()?)?,
            (3, LENGTH) => {
                let (key, value) = key_value(wire.bytes()?)?;
                let said = if let Value::Text(said) = value { said } else { "" };
                match key {
                    "exception.type" => kind = said,
                    "exception.message" => message = said,
                    _ => (),
                }
            }
            (4, VARINT) => wire.skip(VARINT)?,
            _ => return Err(Odd),
        }
    }
    Ok((name == "exception").then_some((kind, message)))
}

/// The first 1,000 links that have ids; all are read.
fn links(raws: &[&[u8]]) -> Read<Vec<([u8; 16], [u8; 8])>> {
    let mut good = Vec::new();
    for raw in raws {
        let (mut trace, mut span): (&[u8], &[u8]) = (b"", b"");
        let mut wire = Wire::new(raw);
        while !wire.is_empty() {
            match wire.tag()? {
                (1, LENGTH) => trace = wire.bytes()?,
                (2, LENGTH) => span = wire.bytes()?,
                (3, LENGTH) => text(wire.bytes()?).map(|_| ())?,
                (4, LENGTH) => key_value(wire.bytes()?).map(|_| ())?,
                (5, VARINT) => wire.skip(VARINT)?,
                (6, FIXED32) => wire.skip(FIXED32)?,
                _ => return Err(Odd),
            }
        }
        if let (Ok(trace), Ok(span)) = (trace.try_into(), span.try_into()) {
            if good.len() < MOST_LINKS {
                good.push((trace, span));
            }
        }
    }
    Ok(good)
}
