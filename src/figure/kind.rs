//! The kinds of figures, by the names that `trial chart --kind` takes.

#[cfg(feature = "charts")]
use super::chart;
use super::{
    Around, Picture, Recording, Stand, bytes, gantt, links, logs, map, message, outage, rebalance,
    space_time, znodes,
};
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
    /// The moment of a picture of one moment; without it the end.
    pub at: Option<Time>,
}

/// There is nothing to draw: what was missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nothing {
    pub found: String,
    pub expected: String,
}

impl Nothing {
    /// What processes held and did not say.
    pub(super) fn in_a_trace(what: &str) -> Nothing {
        Nothing {
            found: format!("a trace does not hold {what}"),
            expected: "a scenario: it is played, and looked at".to_owned(),
        }
    }
}

macro_rules! kinds {
    ($($(#[$only:meta])* $variant:ident $name:literal $about:literal => $draw:expr;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Kind { $($(#[$only])* #[doc = $about] $variant),* }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$($(#[$only])* Kind::$variant),*];

            /// As `--kind` names it, and as its file is called.
            pub const fn name(self) -> &'static str {
                match self { $($(#[$only])* Kind::$variant => $name),* }
            }

            /// What it shows, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $($(#[$only])* Kind::$variant => $about),* }
            }

            /// Draws it.
            ///
            /// # Errors
            /// Nothing of what it shows happened in this run.
            pub fn draw(self, recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
                let draw: fn(&Recording, &Wanted) -> Result<Picture, Nothing> = match self {
                    $($(#[$only])* Kind::$variant => $draw),*
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
    Logs "logs"
        "What each replica of a partition has at a moment (--at), how much of it is committed, and how far groups have read"
        => logs::draw;
    Rebalance "rebalance"
        "Who of a group reads which partition, through its rebalances; when nobody did, and what was processed twice"
        => rebalance::draw;
    Outage "outage"
        "How long each phase of an outage took, from the fault (the last before --at) to normal service, and by which key"
        => outage::draw;
    #[cfg(feature = "charts")]
    Lag "lag"
        "How far each reader was behind in each partition, over time, and how long it took to drain"
        => chart::lag::draw;
    #[cfg(feature = "charts")]
    Throughput "throughput"
        "Records made, acknowledged and read in each second"
        => chart::throughput::draw;
    #[cfg(feature = "charts")]
    Latency "latency"
        "How long producers waited for an acknowledgement: p50 and p99 of each second"
        => chart::latency::draw;
    #[cfg(feature = "charts")]
    LatencyHistogram "latency-histogram"
        "How many records waited how long for their acknowledgement"
        => chart::latency::draw_histogram;
    Links "links"
        "How many links programs need that are wired to each other, and around a log; and who waits for one that is down"
        => links::draw;
    Bytes "bytes"
        "The bytes of a batch on a broker's disk (of the first record, or of --around), and the field that each belongs to"
        => bytes::draw;
    Message "message"
        "What each serializer makes of a message: how many bytes, and which"
        => message::draw;
    Znodes "znodes"
        "ZooKeeper's tree at a moment (--at), with the sessions that ephemeral nodes go with, and who watches what"
        => znodes::draw;
    Map "map"
        "Where readers see the trucks at a moment (--at), and the ways that these seem to have driven"
        => map::draw;
}

impl Kind {
    /// Whether it is drawn from causes and messages, too.
    pub const fn needs_messages(self) -> bool {
        matches!(self, Kind::Messages | Kind::Outage)
    }

    /// How the same figure of several runs stands: aligned in time.
    pub const fn stand(self) -> Stand {
        match self {
            Kind::Messages | Kind::Rebalance => Stand::Beside,
            _ => Stand::Below,
        }
    }

    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Wanted {
    /// The moment that is looked at, if one was named.
    pub(super) fn moment(&self, recording: &Recording) -> Option<Time> {
        let around = match &self.around {
            Some(Around::Moment(time)) => Some(*time),
            Some(Around::Event(event)) => {
                let of_fact = recording.facts.iter().find(|it| it.event == *event);
                let of_cause = || recording.causes.iter().find(|it| it.event == *event);
                let time = of_fact.map(|it| it.time);
                time.or_else(|| of_cause().map(|it| it.time))
            }
            Some(Around::Record(_) | Around::Offset(..)) | None => None,
        };
        self.at.or(around)
    }

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
