//! The timeline: faults and admin actions at a time, every so often, or when something happens.

use super::role::{Partition, Record, Role, Targets};
use super::sentence::{Sentence, SentenceError, Slot, sentences};
use super::zookeeper_client::ZooKeeperCommand;
use super::{Number, TopicPlan};
use crate::kernel::Duration;
use crate::protocol::config::Properties;
use std::fmt;
use std::str::FromStr;

/// One line of the timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub when: When,
    pub action: Action,
    /// A lasting fault ends after this: a crashed process is started again, a cut healed, and so on.
    pub lasting: Option<Duration>,
    /// Nobody fitting is no failure.
    pub optional: bool,
    /// In a recorded run: the roles by which the nodes in `action` were found, one for each set of nodes.
    pub roles: Vec<String>,
    /// For the reader: why this is done.
    pub about: Option<String>,
}

impl Entry {
    pub fn new(when: When, action: Action) -> Self {
        Entry {
            when,
            action,
            lasting: None,
            optional: false,
            roles: Vec::new(),
            about: None,
        }
    }

    pub fn lasting(mut self, lasting: Duration) -> Self {
        self.lasting = Some(lasting);
        self
    }

    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }
}

/// When an entry takes place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum When {
    /// At a time since the start.
    At(Duration),
    /// At `from`, and every `every` after it, up to `until` (none: the end).
    Every {
        every: Duration,
        from: Duration,
        until: Option<Duration>,
    },
    /// So long after the first such moment that is not before `from`.
    On {
        moment: Moment,
        after: Duration,
        from: Duration,
    },
}

sentences! {
    /// Something that happens in a run.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub enum Moment, "a moment" {
        /// The committed leader is another broker than before.
        AnotherLeader { partition: Partition } = "{partition} is led by another broker",
        /// The partition has no leader in the committed metadata.
        NoLeader { partition: Partition } = "{partition} has no leader",
        /// A member leaves the committed ISR.
        IsrShrinks { partition: Partition } = "the ISR of {partition} shrinks",
        /// A member joins the committed ISR.
        IsrGrows { partition: Partition } = "the ISR of {partition} grows",
        /// A replica cuts its log.
        Truncates { partition: Partition } = "a replica of {partition} truncates its log",
        /// An acks=all write has waited for a second without the high watermark moving.
        Stalls { partition: Partition } = "writes to {partition} stall",
        /// A broker becomes the active controller.
        ControllerElected = "a controller is elected",
        /// A broker serves requests.
        Serves { id: Number } = "broker-{id} serves",
        /// A broker is registered in ZooKeeper.
        Registers { id: Number } = "broker-{id} registers",
        /// A ZooKeeper session is declared expired.
        SessionExpires = "a session expires",
        /// A producer learns that this record of its is stored.
        Acknowledged { record: Record } = "{record} is acknowledged",
    }
}

impl FromStr for Moment {
    type Err = SentenceError;

    fn from_str(text: &str) -> Result<Self, SentenceError> {
        Moment::read_sentence(text)
    }
}

/// What is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    // ---- processes
    /// kill -9.
    Crash(Targets),
    /// The machine goes dark; what was not synced may be gone.
    PowerFailure(Targets),
    /// Starts processes that are not running.
    Restart(Targets),
    /// Starts brokers that are not running, with changed lines in their `server.properties`.
    Upgrade {
        targets: Targets,
        set: Properties,
    },
    Pause(Targets),
    Resume(Targets),
    /// SIGTERM: a broker does its controlled shutdown.
    Stop(Targets),
    // ---- network
    /// Nothing gets from one side to the other; `both`: nor back.
    Cut {
        from: Targets,
        to: Targets,
        both: bool,
    },
    /// Only nodes of one set reach each other; nodes in no set reach all.
    Partition(Vec<Targets>),
    /// Cut from everybody else.
    Isolate(Targets),
    /// So much more latency each trip, both ways.
    SlowLink {
        a: Targets,
        b: Targets,
        by: Duration,
    },
    /// Bytes a second, both ways.
    ThrottleNetwork {
        a: Targets,
        b: Targets,
        rate: u64,
    },
    /// Messages are held until the end, then delivered in order.
    StallNetwork {
        a: Targets,
        b: Targets,
    },
    /// Every connection between the two is reset, once.
    ResetConnections {
        a: Targets,
        b: Targets,
    },
    /// The next message is lost, and its connection reset.
    LoseMessage {
        from: Targets,
        to: Targets,
    },
    // ---- disks
    /// Every operation takes so many times as long.
    SlowDisk {
        targets: Targets,
        times: u32,
    },
    FillDisk(Targets),
    /// Reads fail of every file that is there and has `file` in its path.
    FailReads {
        targets: Targets,
        file: String,
    },
    /// One bit flips in every file that is there, has `file` in its path and is long enough.
    FlipBit {
        targets: Targets,
        file: String,
        position: u64,
        bit: u8,
    },
    /// fsync hangs.
    HangSync(Targets),
    /// fsync fails.
    FailSync(Targets),
    /// Everything on the disk is gone.
    WipeDisk(Targets),
    // ---- files of nodes that are down
    /// A file, or with a path that ends in `/` a directory, is gone.
    DeleteFile {
        targets: Targets,
        file: String,
    },
    /// A file is cut to so many bytes.
    TruncateFile {
        targets: Targets,
        file: String,
        size: u64,
    },
    /// A file holds this and nothing else; it is made if it is not there.
    WriteFile {
        targets: Targets,
        file: String,
        content: Vec<u8>,
    },
    // ---- machines
    /// The wall clock jumps; milliseconds, negative is back.
    JumpClock {
        targets: Targets,
        by_ms: i64,
    },
    /// Clocks run so many parts per million fast (or slow).
    DriftClock {
        targets: Targets,
        ppm: i32,
    },
    /// Work takes so many times as long.
    SlowMachine {
        targets: Targets,
        times: u32,
    },
    /// Ends faults that last.
    Heal(Healing),
    // ---- administration
    CreateTopic(TopicPlan),
    /// Dynamic configuration of a topic.
    AlterTopic {
        topic: String,
        set: Properties,
        delete: Vec<String>,
    },
    /// A topic is to have so many partitions in all.
    CreatePartitions {
        topic: String,
        partitions: u32,
    },
    /// DeleteRecords; none: all that are committed.
    DeleteRecords {
        partition: Partition,
        before: Option<i64>,
    },
    /// `kafka-consumer-groups --describe` of a group by this name.
    DescribeGroup(String),
    /// None: all partitions.
    ElectPreferred(Option<Vec<Partition>>),
    /// None: all partitions.
    ElectUnclean(Option<Vec<Partition>>),
    /// One of the plan's ZooKeeper clients asks this.
    AskZooKeeper {
        client: String,
        command: ZooKeeperCommand,
    },
}

impl Action {
    pub fn crash(role: Role) -> Action {
        Action::Crash(role.into())
    }

    pub fn restart(role: Role) -> Action {
        Action::Restart(role.into())
    }

    /// Its sets of nodes, in the order in which scenarios name them.
    pub fn targets_mut(&mut self) -> Vec<&mut Targets> {
        match self {
            Action::Crash(targets)
            | Action::PowerFailure(targets)
            | Action::Restart(targets)
            | Action::Upgrade { targets, .. }
            | Action::Pause(targets)
            | Action::Resume(targets)
            | Action::Stop(targets)
            | Action::Isolate(targets)
            | Action::SlowDisk { targets, .. }
            | Action::FillDisk(targets)
            | Action::FailReads { targets, .. }
            | Action::FlipBit { targets, .. }
            | Action::HangSync(targets)
            | Action::FailSync(targets)
            | Action::WipeDisk(targets)
            | Action::DeleteFile { targets, .. }
            | Action::TruncateFile { targets, .. }
            | Action::WriteFile { targets, .. }
            | Action::JumpClock { targets, .. }
            | Action::DriftClock { targets, .. }
            | Action::SlowMachine { targets, .. }
            | Action::Heal(Healing::Nodes(targets)) => vec![targets],
            Action::Cut { from: a, to: b, .. }
            | Action::SlowLink { a, b, .. }
            | Action::ThrottleNetwork { a, b, .. }
            | Action::StallNetwork { a, b }
            | Action::ResetConnections { a, b }
            | Action::LoseMessage { from: a, to: b } => vec![a, b],
            Action::Partition(sets) => sets.iter_mut().collect(),
            Action::Heal(_)
            | Action::CreateTopic(_)
            | Action::AlterTopic { .. }
            | Action::CreatePartitions { .. }
            | Action::DeleteRecords { .. }
            | Action::DescribeGroup(_)
            | Action::ElectPreferred(_)
            | Action::ElectUnclean(_)
            | Action::AskZooKeeper { .. } => Vec::new(),
        }
    }

    /// The key by which scenarios name it.
    pub const fn key(&self) -> &'static str {
        match self {
            Action::Crash(_) => "crash",
            Action::PowerFailure(_) => "power failure",
            Action::Restart(_) => "restart",
            Action::Upgrade { .. } => "upgrade",
            Action::Pause(_) => "pause",
            Action::Resume(_) => "resume",
            Action::Stop(_) => "stop",
            Action::Cut { .. } => "cut link",
            Action::Partition(_) => "partition network",
            Action::Isolate(_) => "isolate",
            Action::SlowLink { .. } => "slow link",
            Action::ThrottleNetwork { .. } => "throttle link",
            Action::StallNetwork { .. } => "stall link",
            Action::ResetConnections { .. } => "reset link",
            Action::LoseMessage { .. } => "lose message",
            Action::SlowDisk { .. } => "slow disk",
            Action::FillDisk(_) => "fill disk",
            Action::FailReads { .. } => "fail reads",
            Action::FlipBit { .. } => "flip bit",
            Action::HangSync(_) => "hang sync",
            Action::FailSync(_) => "fail sync",
            Action::WipeDisk(_) => "wipe disk",
            Action::DeleteFile { .. } => "delete file",
            Action::TruncateFile { .. } => "truncate file",
            Action::WriteFile { .. } => "write file",
            Action::JumpClock { .. } => "jump clock",
            Action::DriftClock { .. } => "drift clock",
            Action::SlowMachine { .. } => "slow machine",
            Action::Heal(_) => "heal",
            Action::CreateTopic(_) => "create topic",
            Action::AlterTopic { .. } => "alter topic",
            Action::CreatePartitions { .. } => "create partitions",
            Action::DeleteRecords { .. } => "delete records",
            Action::DescribeGroup(_) => "describe group",
            Action::ElectPreferred(_) => "elect preferred leader",
            Action::ElectUnclean(_) => "elect unclean leader",
            Action::AskZooKeeper { .. } => "ask zookeeper",
        }
    }

    /// The noun by which sentences refer to it: "within 25s of the crash".
    pub const fn noun(&self) -> &'static str {
        match self {
            Action::Crash(_) => "crash",
            Action::PowerFailure(_) => "power failure",
            Action::Restart(_) => "restart",
            Action::Upgrade { .. } => "upgrade",
            Action::Pause(_) => "pause",
            Action::Resume(_) => "resume",
            Action::Stop(_) => "stop",
            Action::Cut { .. } => "cut",
            Action::Partition(_) => "partition",
            Action::Isolate(_) => "isolation",
            Action::SlowLink { .. } => "slow link",
            Action::ThrottleNetwork { .. } => "throttle",
            Action::StallNetwork { .. } => "stall",
            Action::ResetConnections { .. } => "reset",
            Action::LoseMessage { .. } => "loss",
            Action::SlowDisk { .. } => "slow disk",
            Action::FillDisk(_) => "full disk",
            Action::FailReads { .. } => "read error",
            Action::FlipBit { .. } => "bit flip",
            Action::HangSync(_) => "hanging sync",
            Action::FailSync(_) => "failing sync",
            Action::WipeDisk(_) => "wipe",
            Action::DeleteFile { .. } => "file deletion",
            Action::TruncateFile { .. } => "file truncation",
            Action::WriteFile { .. } => "file change",
            Action::JumpClock { .. } => "clock jump",
            Action::DriftClock { .. } => "clock drift",
            Action::SlowMachine { .. } => "slow machine",
            Action::Heal(_) => "healing",
            Action::CreateTopic(_) => "creation",
            Action::AlterTopic { .. } => "change",
            Action::CreatePartitions { .. } => "growth",
            Action::DeleteRecords { .. } => "deletion",
            Action::DescribeGroup(_) => "description",
            Action::ElectPreferred(_) | Action::ElectUnclean(_) => "election",
            Action::AskZooKeeper { .. } => "request",
        }
    }

    /// All nouns, for messages.
    pub const NOUNS: &'static [&'static str] = &[
        "crash",
        "power failure",
        "restart",
        "upgrade",
        "pause",
        "resume",
        "stop",
        "cut",
        "partition",
        "isolation",
        "slow link",
        "throttle",
        "stall",
        "reset",
        "loss",
        "slow disk",
        "full disk",
        "read error",
        "bit flip",
        "hanging sync",
        "failing sync",
        "wipe",
        "file deletion",
        "file truncation",
        "file change",
        "clock jump",
        "clock drift",
        "slow machine",
        "healing",
        "creation",
        "change",
        "growth",
        "deletion",
        "description",
        "election",
        "request",
    ];

    /// It can be given a length of time, after which it is undone.
    pub const fn can_last(&self) -> bool {
        !matches!(
            self,
            Action::Restart(_)
                | Action::Upgrade { .. }
                | Action::Resume(_)
                | Action::ResetConnections { .. }
                | Action::LoseMessage { .. }
                | Action::FlipBit { .. }
                | Action::WipeDisk(_)
                | Action::DeleteFile { .. }
                | Action::TruncateFile { .. }
                | Action::WriteFile { .. }
                | Action::JumpClock { .. }
                | Action::Heal(_)
                | Action::CreateTopic(_)
                | Action::AlterTopic { .. }
                | Action::CreatePartitions { .. }
                | Action::DeleteRecords { .. }
                | Action::DescribeGroup(_)
                | Action::ElectPreferred(_)
                | Action::ElectUnclean(_)
                | Action::AskZooKeeper { .. }
        )
    }
}

/// What a healing ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Healing {
    /// Every lasting fault of network, disks and machines; paused processes go on, dead ones stay dead.
    Everything,
    /// Every lasting fault of the network.
    Network,
    /// Lasting faults of these nodes' disks and machines.
    Nodes(Targets),
}

/// An entry of the timeline, as sentences refer to it: "the crash", "the second pause", "the end of the
/// cut".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventRef {
    /// From 1 among entries with this noun; none: there must be exactly one.
    pub ordinal: Option<u8>,
    /// As in `Action::noun`.
    pub noun: &'static str,
    /// When its `lasting` is over.
    pub end: bool,
}

const ORDINALS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];

impl Slot for EventRef {
    fn read(words: &str) -> Option<Self> {
        let (end, words) = match words.strip_prefix("the end of ") {
            Some(rest) => (true, rest),
            None => (false, words),
        };
        let words = words.strip_prefix("the ")?;
        let (ordinal, words) = match words.split_once(' ') {
            Some((first, rest)) if ORDINALS.contains(&first) => (
                ORDINALS
                    .iter()
                    .position(|o| *o == first)
                    .map(|i| i as u8 + 1),
                rest,
            ),
            _ => (None, words),
        };
        let noun = Action::NOUNS.iter().find(|noun| **noun == words)?;
        Some(EventRef { ordinal, noun, end })
    }

    fn pattern() -> String {
        format!(
            "(the end of )?the (({}) )?({})",
            ORDINALS.join("|"),
            Action::NOUNS.join("|")
        )
    }
}

impl fmt::Display for EventRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.end { "the end of the " } else { "the " })?;
        if let Some(ordinal) = self.ordinal {
            write!(
                f,
                "{} ",
                ORDINALS
                    .get(usize::from(ordinal.saturating_sub(1)))
                    .unwrap_or(&"last")
            )?;
        }
        f.write_str(self.noun)
    }
}
