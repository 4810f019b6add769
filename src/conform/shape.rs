//! The shape of what a recorder wrote down, as data: which members a map has, and of which kind each is. What is
//! compared, and what is only shown, must be what the recorder can have seen; else the file is no recording.

use super::field::Field;
use crate::plan::Problem;

/// What stands at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Any,
    Text,
    /// One of these.
    Word(&'static [&'static str]),
    Flag,
    /// A whole number between these.
    Number(i64, i64),
    /// Or null.
    Or(&'static Shape),
    List(&'static Shape),
    /// A map with any keys.
    Each(&'static Shape),
    /// A map with these keys and no others.
    Members(&'static [Member]),
}

/// A key, what stands under it, whether it must be there.
pub(super) type Member = (&'static str, Shape, bool);

pub(super) const MUST: bool = true;
pub(super) const MAY: bool = false;

/// Any number that Kafka writes.
pub(super) const NUMBER: Shape = Shape::Number(i64::MIN, i64::MAX);
pub(super) const TEXT_OR_NULL: Shape = Shape::Or(&Shape::Text);
pub(super) const TEXTS: Shape = Shape::List(&Shape::Text);

impl Shape {
    pub(super) fn check(self, field: &Field<'_>) -> Result<(), Problem> {
        match self {
            Shape::Any => Ok(()),
            Shape::Text => field.text().map(|_| ()),
            Shape::Word(known) => field.word(known),
            Shape::Flag => field.flag().map(|_| ()),
            Shape::Number(i64::MIN, i64::MAX) => match field.value.is_i64() {
                true => Ok(()),
                false => Err(field.wrong("a whole number")),
            },
            Shape::Number(least, most) => field.number(least, most).map(|_| ()),
            Shape::Or(_) if field.value.is_null() => Ok(()),
            Shape::Or(shape) => shape.check(field).map_err(|mut problem| {
                if problem.path == field.path() {
                    problem = problem.or_map("null");
                }
                problem
            }),
            Shape::List(shape) => field.items()?.try_for_each(|item| shape.check(&item)),
            Shape::Each(shape) => field
                .fields()?
                .try_for_each(|(_, member)| shape.check(&member)),
            Shape::Members(members) => {
                let known: Vec<&'static str> = members.iter().map(|(key, ..)| *key).collect();
                field.only(&known)?;
                check_members(field, members)
            }
        }
    }

    /// What an error says is expected under a key that is missing.
    fn in_words(self) -> &'static str {
        match self {
            Shape::Any => "anything",
            Shape::Text | Shape::Word(_) => "a text",
            Shape::Flag => "true or false",
            Shape::Number(..) => "a whole number",
            Shape::Or(shape) => shape.in_words(),
            Shape::List(_) => "a list",
            Shape::Each(_) | Shape::Members(_) => "a map",
        }
    }
}

/// Checks these members of a map, whatever others it has.
pub(super) fn check_members(field: &Field<'_>, members: &[Member]) -> Result<(), Problem> {
    for (key, shape, must) in members {
        match field.get(key) {
            Some(member) => shape.check(&member)?,
            None if *must => {
                field.need(key, &format!("\"{key}\": {}", shape.in_words()))?;
            }
            None => {}
        }
    }
    Ok(())
}
