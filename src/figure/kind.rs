//! The kinds of figures, by the names that `trial chart --kind` takes.

use super::{Around, Picture, Recording, gantt, space_time};
use crate::kernel::Time;
use crate::protocol::{TopicName, TopicPartition, is_internal_topic};

/// What is to be drawn of a recording, where there is a choice.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only partitions of this topic, or this one.
    pub topic: Option<TopicName>,
    pub partition: Option<TopicPartition>,
    pub from: Option<Time>,
    pub until: Option<Time>,
    /// What a slice is cut around.
    pub around: Option<Around>,
}

/// There is nothing to draw: what was missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nothing {
    pub found: String,
    pub expected: String,
}

macro_rules! kinds {
    ($($variant:ident $name:literal $about:literal => $draw:expr;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Kind { $(#[doc = $about] $variant),* }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];

            /// As `--kind` names it, and as its file is called.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$variant => $name),* }
            }

            /// What it shows, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Kind::$variant => $about),* }
            }

            /// Draws it.
            ///
            /// # Errors
            /// Nothing of what it shows happened in this run.
            pub fn draw(self, recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
                let draw: fn(&Recording, &Wanted) -> Result<Picture, Nothing> = match self {
                    $(Kind::$variant => $draw),*
                };
                draw(recording, wanted)
            }
        }
    };
}

kinds! {
    Messages "messages"
        "Who sent what to whom around one record, event or moment, and what each then knew"
        => space_time::draw;
    Leadership "leadership"
        "Who led each partition and who was in sync, over time; and when writes with acks=all were taken"
        => gantt::draw;
}

impl Kind {
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Wanted {
    /// Brokers' own topics only where they are asked for.
    pub(super) fn shows(&self, partition: &TopicPartition) -> bool {
        match (&self.topic, &self.partition) {
            (None, None) => !is_internal_topic(&partition.topic),
            (topic, one) => {
                topic.as_ref().is_none_or(|topic| *topic == partition.topic)
                    && one.as_ref().is_none_or(|one| one == partition)
            }
        }
    }
}
