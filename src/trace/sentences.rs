//! Each fact as a sentence of its own, in the transcript's words, for who shows one event at a time.
//!
//! Nothing is folded or left out: how much a sentence matters stands beside it.

use super::TraceEntry;
use super::stalls::Stalls;
use super::story::Story;
use super::telling::{Telling, Weight, end_of_stall, stall, tell};
use crate::kernel::{Duration, Time};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What repeats is news again after this silence.
const SILENCE: Duration = Duration::from_secs(10);

/// How much a sentence matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Importance {
    /// A line of the story.
    Story,
    /// It was told a moment ago.
    Again,
    /// What only `--verbose` tells.
    Detail,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    pub time: Time,
    pub node: Rc<str>,
    pub text: String,
    pub importance: Importance,
}

/// What there is to say when a fact is stated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Stalls that began before it.
    pub before: Vec<Sentence>,
    pub of_fact: Sentence,
    /// Stalls that it ends.
    pub after: Vec<Sentence>,
}

/// Puts a trace into sentences, entry by entry.
#[derive(Debug, Default)]
pub struct Sentences {
    story: Story,
    stalls: Stalls,
    /// What repeats, by node and words, and when it was heard last.
    heard: BTreeMap<(Rc<str>, String), Time>,
}

impl Sentences {
    pub fn say(&mut self, entry: &TraceEntry) -> Said {
        let begun = self.stalls.pass(entry.time, &self.story);
        let before = begun.iter().map(|begun| {
            let telling = stall(begun, &self.story);
            of_stall(begun.at, &begun.leader, &telling)
        });
        let before = before.collect();
        let telling = tell(entry, &self.story);
        let importance = self.importance(entry, &telling);
        let of_fact = Sentence {
            time: entry.time,
            node: entry.node.clone(),
            text: telling.with_short_ids().sentence(&entry.node),
            importance,
        };
        let ended = self.stalls.learn(entry);
        let after = ended.iter().flat_map(|ended| {
            let tellings = end_of_stall(ended).into_iter();
            tellings.map(|telling| of_stall(entry.time, &ended.leader, &telling))
        });
        let after = after.collect();
        self.story.learn(entry);
        Said {
            before,
            of_fact,
            after,
        }
    }

    fn importance(&mut self, entry: &TraceEntry, telling: &Telling) -> Importance {
        match telling.weight {
            _ if entry.fact.is_routine() => Importance::Detail,
            Weight::Quiet => Importance::Detail,
            Weight::Loud => Importance::Story,
            Weight::Episode => {
                let key = (entry.node.clone(), telling.before.clone());
                let last = self.heard.insert(key, entry.time);
                match last.is_some_and(|last| entry.time.since(last) < SILENCE) {
                    true => Importance::Again,
                    false => Importance::Story,
                }
            }
        }
    }
}

/// A stall is told by the reader, under the name of the leader.
fn of_stall(time: Time, leader: &Rc<str>, telling: &Telling) -> Sentence {
    Sentence {
        time,
        node: leader.clone(),
        text: telling.sentence(leader),
        importance: Importance::Story,
    }
}
