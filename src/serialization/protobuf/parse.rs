//! Reads a `.proto` file.

use super::{Enum, Field, Kind, Label, Message, Protobuf, SCALARS};
use crate::serialization::SchemaError;

pub(super) fn file(text: &str) -> Result<Protobuf, SchemaError> {
    if text.trim().is_empty() {
        return Err(SchemaError::whole("an empty text")
            .expected("syntax = \"proto3\"; and a message Name { ... }"));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        end: place_of(text, text.trim_end().len()),
        package: String::new(),
        messages: Vec::new(),
        enums: Vec::new(),
    };
    parser.file()?;
    parser.resolve()
}

struct Token {
    text: String,
    place: (u32, u32),
}

/// A message as it was read: the kinds of its fields are words until all messages are known.
struct Raw {
    name: String,
    indexes: Vec<u32>,
    fields: Vec<(Field, Token)>,
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: (u32, u32),
    package: String,
    messages: Vec<Raw>,
    enums: Vec<Enum>,
}

/// Deepest nesting of messages.
const DEEPEST: usize = 32;
/// The greatest number of a field, and those that Protobuf keeps for itself.
const MOST: u32 = (1 << 29) - 1;
const RESERVED: std::ops::RangeInclusive<u32> = 19_000..=19_999;

impl Parser {
    fn file(&mut self) -> Result<(), SchemaError> {
        self.expect("syntax")?;
        self.expect("=")?;
        let place = self.here();
        let syntax = self.take()?.text;
        if syntax.trim_matches(['"', '\'']) != "proto3" {
            return Err(error(place, format!("syntax {syntax}")).expected("\"proto3\""));
        }
        self.expect(";")?;
        let mut messages = 0;
        while self.next < self.tokens.len() {
            let token = self.take()?;
            match token.text.as_str() {
                "package" => {
                    self.package = self.take()?.text;
                    self.expect(";")?;
                }
                "option" => self.skip_statement()?,
                "message" => {
                    let name = self.package.clone();
                    self.message(&name, &[], messages)?;
                    messages += 1;
                }
                "enum" => {
                    let name = self.package.clone();
                    self.enumeration(&name)?;
                }
                ";" => {}
                other => {
                    let error = error(token.place, format!("\"{other}\""));
                    return Err(error.expected("package, option, message or enum"));
                }
            }
        }
        match self.messages.is_empty() {
            true => Err(error(self.end, "a file without a message".to_owned())
                .expected("message Name { ... }")),
            false => Ok(()),
        }
    }

    fn message(&mut self, around: &str, above: &[u32], index: u32) -> Result<(), SchemaError> {
        let name = self.name()?;
        let name = below(around, &name);
        let indexes = [above, &[index]].concat();
        let place = self.messages.len();
        if above.len() == DEEPEST {
            return Err(error(
                self.here(),
                format!("messages within messages, deeper than {DEEPEST}"),
            )
            .expected("messages that stand beside each other"));
        }
        self.messages.push(Raw {
            name: name.clone(),
            indexes: indexes.clone(),
            fields: Vec::new(),
        });
        self.expect("{")?;
        let mut inner = 0;
        let mut in_oneof = false;
        loop {
            let token = self.take()?;
            let label = match token.text.as_str() {
                "}" if in_oneof => {
                    in_oneof = false;
                    continue;
                }
                "}" => return Ok(()),
                ";" => continue,
                "option" | "reserved" => {
                    self.skip_statement()?;
                    continue;
                }
                "message" => {
                    self.message(&name, &indexes, inner)?;
                    inner += 1;
                    continue;
                }
                "enum" => {
                    self.enumeration(&name)?;
                    continue;
                }
                "oneof" if !in_oneof => {
                    self.name()?;
                    self.expect("{")?;
                    in_oneof = true;
                    continue;
                }
                label @ ("repeated" | "optional") if in_oneof => {
                    return Err(error(token.place, format!("\"{label}\" in a oneof"))
                        .expected("a field without a label: one of them is there at most"));
                }
                "repeated" => Label::Repeated,
                "optional" => Label::Optional,
                "required" | "group" | "extensions" | "extend" | "map" => {
                    let what = format!(
                        "\"{}\", which this reader of proto3 does not know",
                        token.text
                    );
                    return Err(error(token.place, what).expected("a field, such as int32 a = 1;"));
                }
                _ => {
                    self.next -= 1;
                    match in_oneof {
                        true => Label::Optional,
                        false => Label::Plain,
                    }
                }
            };
            let begin = self.here();
            let field = self.field(label)?;
            let fields = &mut self.messages[place].fields;
            let is_known = |(known, _): &&(Field, Token)| {
                known.number == field.0.number || known.name == field.0.name
            };
            if let Some((known, _)) = fields.iter().find(is_known) {
                let what = format!(
                    "field {} = {} beside {} = {}",
                    field.0.name, field.0.number, known.name, known.number
                );
                return Err(error(begin, what).expected("each name and each number once"));
            }
            fields.push(field);
        }
    }

    fn field(&mut self, label: Label) -> Result<(Field, Token), SchemaError> {
        let kind = self.take()?;
        let name = self.name()?;
        self.expect("=")?;
        let place = self.here();
        let number = self.take()?.text;
        let known = number.parse::<u32>().ok();
        let known = known.filter(|n| (1..=MOST).contains(n) && !RESERVED.contains(n));
        let Some(number) = known else {
            let error = error(place, format!("the number {number} of field {name}"));
            return Err(error.expected(format!(
                "1 to {MOST}, but none from {} to {}",
                RESERVED.start(),
                RESERVED.end()
            )));
        };
        if self.peek() == Some("[") {
            while self.take()?.text != "]" {}
        }
        self.expect(";")?;
        let field = Field {
            name,
            number,
            label,
            // Until all messages are known.
            kind: Kind::Bytes,
        };
        Ok((field, kind))
    }

    fn enumeration(&mut self, around: &str) -> Result<(), SchemaError> {
        let name = self.name()?;
        self.expect("{")?;
        let begin = self.here();
        let mut symbols = Vec::new();
        loop {
            let place = self.here();
            match self.take()?.text.as_str() {
                "}" => break,
                ";" => {}
                "option" | "reserved" => self.skip_statement()?,
                symbol => {
                    let symbol = symbol.to_owned();
                    self.expect("=")?;
                    let number = self.take()?.text;
                    let Ok(number) = number.parse() else {
                        let error = error(place, format!("the number {number} of {symbol}"));
                        return Err(error.expected("a whole number of 32 bits"));
                    };
                    symbols.push((symbol, number));
                    self.expect(";")?;
                }
            }
        }
        if symbols.first().is_none_or(|(_, number)| *number != 0) {
            let what = format!("enum {name}, whose first symbol is not 0");
            return Err(error(begin, what).expected("a first symbol with the number 0"));
        }
        let name = below(around, &name);
        self.enums.push(Enum { name, symbols });
        Ok(())
    }

    /// Gives the words of fields their meaning: the innermost message of a name is meant.
    fn resolve(self) -> Result<Protobuf, SchemaError> {
        let names: Vec<String> = self.messages.iter().map(|raw| raw.name.clone()).collect();
        let find = |word: &str, around: &str| {
            if let Some((_, scalar)) = SCALARS.iter().find(|(known, _)| *known == word) {
                return Some(*scalar);
            }
            let mut around = Some(around);
            loop {
                let full = match word.strip_prefix('.') {
                    Some(full) => full.to_owned(),
                    None => below(around.unwrap_or_default(), word),
                };
                if let Some(place) = names.iter().position(|name| *name == full) {
                    return Some(Kind::Message(place));
                }
                if let Some(place) = self.enums.iter().position(|known| known.name == full) {
                    return Some(Kind::Enum(place));
                }
                around = match around? {
                    "" => return None,
                    name => Some(name.rsplit_once('.').map_or("", |(outer, _)| outer)),
                };
            }
        };
        let mut messages = Vec::new();
        for raw in &self.messages {
            let mut fields = Vec::new();
            for (field, word) in &raw.fields {
                let kind = find(&word.text, &raw.name).ok_or_else(|| {
                    let what = format!("no type is called \"{}\"", word.text);
                    error(word.place, what).expected(
                        "a scalar type of proto3 such as int32 or string, or a message or enum of this file",
                    )
                })?;
                fields.push(Field {
                    kind,
                    ..field.clone()
                });
            }
            fields.sort_by_key(|field| field.number);
            messages.push(Message {
                name: raw.name.clone(),
                indexes: raw.indexes.clone(),
                fields,
            });
        }
        Ok(Protobuf {
            messages,
            enums: self.enums,
        })
    }

    // ---- tokens

    fn here(&self) -> (u32, u32) {
        self.tokens
            .get(self.next)
            .map_or(self.end, |token| token.place)
    }

    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.next).map(|token| token.text.as_str())
    }

    fn take(&mut self) -> Result<Token, SchemaError> {
        let end = error(self.end, "it ends in the middle".to_owned())
            .expected("more, such as the } of a message");
        let token = self.tokens.get_mut(self.next).ok_or(end)?;
        self.next += 1;
        Ok(Token {
            text: token.text.clone(),
            place: token.place,
        })
    }

    fn expect(&mut self, text: &str) -> Result<(), SchemaError> {
        let token = self.take()?;
        match token.text == text {
            true => Ok(()),
            false => {
                let found = error(token.place, format!("\"{}\"", token.text));
                Err(found.expected(format!("\"{text}\"")))
            }
        }
    }

    fn name(&mut self) -> Result<String, SchemaError> {
        let token = self.take()?;
        match token
            .text
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        {
            true => Ok(token.text),
            false => Err(error(token.place, format!("\"{}\"", token.text)).expected("a name")),
        }
    }

    fn skip_statement(&mut self) -> Result<(), SchemaError> {
        while self.take()?.text != ";" {}
        Ok(())
    }
}

fn below(around: &str, name: &str) -> String {
    match around.is_empty() {
        true => name.to_owned(),
        false => format!("{around}.{name}"),
    }
}

fn error(place: (u32, u32), what: String) -> SchemaError {
    SchemaError::at(what, place)
}

/// Names with their dots, numbers, texts in quotes, and single signs.
fn tokens(text: &str) -> Result<Vec<Token>, SchemaError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            '/' if rest.starts_with("//") => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                let Some(end) = rest[2..].find("*/") else {
                    let place = place_of(text, text.len() - rest.len());
                    let open = error(place, "a comment that opens here is not closed".to_owned());
                    return Err(open.expected("*/ where it ends"));
                };
                rest = &rest[end + 4..];
                continue;
            }
            '"' | '\'' => match rest[1..].find(first) {
                Some(end) => end + 2,
                None => {
                    let place = place_of(text, text.len() - rest.len());
                    let open = error(place, "text without its second quote".to_owned());
                    return Err(open.expected(format!("{first} where it ends")));
                }
            },
            c if is_of_word(c) || c == '-' => {
                let end = rest[1..].find(|c| !is_of_word(c));
                end.map_or(rest.len(), |end| end + 1)
            }
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(Token {
            text: token.to_owned(),
            place: place_of(text, text.len() - rest.len()),
        });
        rest = after;
    }
    Ok(tokens)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// Line and column of a byte, from 1.
fn place_of(text: &str, byte: usize) -> (u32, u32) {
    let before = &text[..byte];
    let line = before.matches('\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() as u32 + 1)
}
