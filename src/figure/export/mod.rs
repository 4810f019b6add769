//! Runs as files for other people's viewers. What they can do better than a figure: zoom, search, fold.

mod perfetto;
mod shiviz;

use super::{Nothing, Recording, Wanted};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Export {
    Perfetto,
    Shiviz,
}

impl Export {
    pub const ALL: &'static [Export] = &[Export::Perfetto, Export::Shiviz];

    /// As `--kind` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Export::Perfetto => "perfetto",
            Export::Shiviz => "shiviz",
        }
    }

    /// As its file is called.
    pub const fn file_name(self) -> &'static str {
        match self {
            Export::Perfetto => "perfetto.json",
            Export::Shiviz => "shiviz.log",
        }
    }

    /// What is in it, in a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Export::Perfetto => {
                "Leadership, ISR, messages and lag as track events, which ui.perfetto.dev opens"
            }
            Export::Shiviz => {
                "Facts with vector clocks, a line an event, which ShiViz opens (bestchai.bitbucket.io/shiviz)"
            }
        }
    }

    /// # Errors
    /// Nothing of what it shows happened in this run, or the trace does not say what brought events about.
    pub fn text(self, recording: &Recording, wanted: &Wanted) -> Result<String, Nothing> {
        match self {
            Export::Perfetto => perfetto::text(recording, wanted),
            Export::Shiviz => shiviz::text(recording, wanted),
        }
    }
}

/// The messages of a trace that does not have them are not to be drawn.
fn has_no_causes() -> Nothing {
    Nothing {
        found: "this trace does not say what brought each event about".to_owned(),
        expected:
            "a trace of \"trial run --out DIR --causes\", or a scenario, which is played then"
                .to_owned(),
    }
}
