//! What a client states that a scenario has speak with ZooKeeper (`zkCli`).

use super::Fact;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// A command that was sent and not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LostCommand {
    Read,
    /// It may have taken effect, or not.
    Write,
}

/// What such a client states.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum ShellFact {
    /// It was told to ask this; `zkCli`'s words.
    #[serde(rename = "zoo-keeper-command")]
    Asked { command: Rc<str> },
    /// What came of it: data, children, `ok`, or an error such as `NoNode`.
    #[serde(rename = "zoo-keeper-command-ended")]
    Ended {
        command: Rc<str>,
        answer: Rc<str>,
        /// There was no answer: the connection was lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<LostCommand>,
    },
    /// One of its watches fired.
    #[serde(rename = "zoo-keeper-news")]
    News { news: Rc<str> },
}

impl From<ShellFact> for Fact {
    fn from(fact: ShellFact) -> Fact {
        Fact::Shell(fact)
    }
}
