//! The state of a run as a flat list of slots, each with one value at a time: what a broker's log end is, who owns a
//! partition. An event is then a list of slots with their new values, and the page can undo it, since it knows the old
//! ones. What a slot means is said by its kind; the page's modules read them by it.

use serde_json::Value;
use std::collections::BTreeMap;

/// A kind, and what it is of: a node, a partition, both, a group.
type Name = (&'static str, String, String);

#[derive(Debug, Default)]
pub(super) struct Slots {
    numbers: BTreeMap<Name, usize>,
    names: Vec<Name>,
    values: Vec<Value>,
    /// What changed since it was asked for.
    changed: BTreeMap<usize, Value>,
}

impl Slots {
    pub(super) fn set(&mut self, kind: &'static str, of: &str, and: &str, value: Value) {
        let name = (kind, of.to_owned(), and.to_owned());
        let number = match self.numbers.get(&name) {
            Some(number) => *number,
            // What was never there need not go.
            None if value.is_null() => return,
            None => {
                let number = self.names.len();
                self.numbers.insert(name.clone(), number);
                self.names.push(name);
                self.values.push(Value::Null);
                number
            }
        };
        if self.values[number] != value {
            self.values[number] = value.clone();
            self.changed.insert(number, value);
        }
    }

    pub(super) fn get(&self, kind: &'static str, of: &str, and: &str) -> &Value {
        let name = (kind, of.to_owned(), and.to_owned());
        let number = self.numbers.get(&name);
        number.map_or(&Value::Null, |number| &self.values[*number])
    }

    /// The slots of a kind, as what they are of.
    pub(super) fn of_kind(&self, kind: &'static str) -> Vec<(String, String)> {
        let first = (kind, String::new(), String::new());
        let names = self.numbers.range(first..).map(|(name, _)| name);
        let names = names.take_while(|name| name.0 == kind);
        names
            .map(|(_, of, and)| (of.clone(), and.clone()))
            .collect()
    }

    /// Slot, value, slot, value: what changed since this was asked last.
    pub(super) fn take_changes(&mut self) -> Vec<Value> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        changed
            .flat_map(|(number, value)| [Value::from(number), value])
            .collect()
    }

    pub(super) fn into_names(self) -> Vec<Name> {
        self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_as_it_was_is_no_change() {
        let mut slots = Slots::default();
        slots.set("end", "broker-1", "t-0", Value::Null);
        slots.set("end", "broker-1", "t-0", 3.into());
        slots.set("end", "broker-1", "t-0", 4.into());
        assert_eq!(slots.take_changes(), [Value::from(0), Value::from(4)]);
        slots.set("end", "broker-1", "t-0", 4.into());
        assert!(slots.take_changes().is_empty());
        assert_eq!(slots.into_names().len(), 1);
    }
}
