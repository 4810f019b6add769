//! Keys of old rules, and of what a campaign found with them.

use super::{Form, Key, Room, forms, may, must};
use crate::protocol::rules::{About, Rules};

/// As many as there are.
const COUNT: usize = Rules::ALL.len();

static KEYS: [Key; COUNT] = {
    let mut keys = [const { of(&Rules::ALL[0]) }; COUNT];
    let mut place = 0;
    while place < COUNT {
        keys[place] = of(&Rules::ALL[place]);
        place += 1;
    }
    keys
};

const fn of(rule: &'static About) -> Key {
    // A doc comment begins with a blank.
    may(
        rule.name,
        Form::Rule(rule),
        rule.says.split_at(1).1,
        rule.now,
    )
}

pub(super) static RULES: Room = Room::new("Old rules", "`rules`", &KEYS);

pub(super) static FOUND: Room = Room::new(
    "Found",
    "`found`",
    &[
        must("broken", Form::Text, "what broke, as a sentence"),
        may(
            "event",
            forms::COUNT,
            "the first event that shows it",
            "only the end shows it",
        ),
        must("digest", Form::Text, "the digest of the run"),
        must("version", Form::Text, "the version of trial that found it"),
    ],
);
