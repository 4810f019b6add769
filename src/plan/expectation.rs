//! Expectations: what a scenario says will hold, as sentences of a closed table.
//!
//! Properties that must always hold (`check`) are expected without being named; "no acknowledged record
//! is lost" is one of them, and "acknowledged records lost: 5" takes its place. So do "offsets used
//! twice: 5" and "offsets at which replicas differ: 5" for what a loss of every copy breaks beside.

use super::role::{Number, Partition};
use super::sentence::{Sentence, SentenceError, Slot, Within, sentences};
use super::timeline::EventRef;
use super::zookeeper_client::{ZooKeeperAnswer, ZooKeeperCommand};
use crate::kernel::Duration;
use crate::protocol::ErrorCode;
use crate::protocol::zab::SyncMode;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// An expectation, the part of the run that it is about, and why it is so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    pub what: Expectation,
    /// None: the start.
    pub from: Option<Duration>,
    /// None: the end.
    pub until: Option<Duration>,
    /// For the reader: why this is to be expected.
    pub because: Option<String>,
}

impl Expected {
    pub fn from(mut self, from: Duration) -> Self {
        self.from = Some(from);
        self
    }

    pub fn until(mut self, until: Duration) -> Self {
        self.until = Some(until);
        self
    }

    pub fn because(mut self, because: impl Into<String>) -> Self {
        self.because = Some(because.into());
        self
    }
}

impl From<Expectation> for Expected {
    fn from(what: Expectation) -> Self {
        Expected {
            what,
            from: None,
            until: None,
            because: None,
        }
    }
}

sentences! {
    /// What is expected of a run.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub enum Expectation, "an expectation" {
        /// Every acknowledged record stands in the log of its partition's leader at the end, or was deleted by retention or on request.
        NoneLost = "no acknowledged record is lost",
        /// So many acknowledged records are gone at the end; replaces the default expectation.
        Lost { count: Count } = "acknowledged records lost: {count}",
        /// At so many offsets a consumer read one record, and another stood there later; replaces the built-in property that no offset is used twice.
        UsedTwice { count: Count } = "offsets used twice: {count}",
        /// Running replicas hold different records at so many offsets below the lower high watermark at the end; replaces the built-in property that they are equal there.
        ReplicasDiffer { count: Count } = "offsets at which replicas differ: {count}",
        /// The committed leader is another than before the event, in time.
        AnotherLeader { partition: Partition, within: Within, event: EventRef } = "{partition} is led by another broker within {within} of {event}",
        /// The committed leader at the end is this broker.
        LedAtTheEnd { partition: Partition, id: Number } = "{partition} is led by broker-{id} at the end",
        /// The committed leader never changes after the first (in the window).
        KeepsLeader { partition: Partition } = "{partition} keeps its leader",
        /// No partition changes its leader after its first one (in the window).
        NoElection = "no election happens",
        /// No leader is chosen from outside the ISR (in the window).
        NoUncleanElection = "no unclean election happens",
        /// At least one leader is chosen from outside the ISR.
        UncleanElection { partition: Partition } = "{partition} gets a leader from outside the ISR",
        /// Another broker than before the event becomes the active controller, in time.
        AnotherController { within: Within, event: EventRef } = "another controller is elected within {within} of {event}",
        /// No controller is elected after the first (in the window).
        KeepsController = "the controller stays",
        /// No ZooKeeper session expires (in the window).
        NoSessionExpires = "no session expires",
        /// A ZooKeeper session expires, in time.
        SessionExpires { within: Within, event: EventRef } = "a session expires within {within} of {event}",
        /// A member leaves the committed ISR, in time.
        IsrShrinks { partition: Partition, within: Within, event: EventRef } = "the ISR of {partition} shrinks within {within} of {event}",
        /// The committed ISR holds all replicas again, in time (it was smaller after the event).
        IsrFullAgain { partition: Partition, within: Within, event: EventRef } = "the ISR of {partition} is full again within {within} of {event}",
        /// The committed ISR is never written anew with other members (in the window).
        IsrStays { partition: Partition } = "the ISR of {partition} stays as it is",
        /// At the end the committed ISR holds all replicas.
        IsrFull { partition: Partition } = "the ISR of {partition} is full at the end",
        /// At the end the committed ISR of every partition holds all replicas.
        EveryIsrFull = "every ISR is full at the end",
        /// A replica cuts its log at least once (in the window).
        Truncates { partition: Partition } = "a replica of {partition} truncates its log",
        /// Retention deletes segments of it on at least one broker (in the window).
        SegmentsDeleted { partition: Partition } = "old segments of {partition} are deleted",
        /// A broker that starts finds its log damaged and repairs it (in the window).
        LogRepaired { partition: Partition } = "a log of {partition} is repaired at a start",
        /// No broker that starts has to repair a log (in the window).
        NoLogRepaired = "no log is repaired at a start",
        /// Its disk fails it, and it ends (in the window).
        LogDirFails { id: Number } = "broker-{id} gives up its log directory",
        /// It ends with an error before it has served anything (in the window).
        RefusesToStart { id: Number } = "broker-{id} refuses to start",
        /// It meets this error (in the window), given by its Java exception: a call of its library throws it, its application does, or a commit ends with it.
        Meets { consumer: String, exception: ExceptionName } = "{consumer} meets {exception}",
        /// At least one write to it is refused with this error (in the window).
        Refused { partition: Partition, error: ErrorName } = "writes to {partition} are refused with {error}",
        /// No write to it is acknowledged (in the window).
        NotAcknowledged { partition: Partition } = "no write to {partition} is acknowledged",
        /// A write to it is acknowledged, in time.
        AcknowledgedAgain { partition: Partition, within: Within, event: EventRef } = "a write to {partition} is acknowledged within {within} of {event}",
        /// An acks=all write to it waits for a second without the high watermark moving (in the window).
        Stalls { partition: Partition } = "writes to {partition} stall",
        /// Every acknowledged record is read by every consumer that reads its topic from its beginning, or by the members of its group together.
        EveryRecordRead = "every acknowledged record is read",
        /// This consumer (or each of its group) reads every acknowledged record of its topics.
        ReadsEverything { consumer: String } = "{consumer} reads every acknowledged record",
        /// So many records are read by it (all members together).
        Read { consumer: String, count: Count } = "records read by {consumer}: {count}",
        /// So many times its application gets a record again: it was stored twice, or is read again after a start or a seek.
        ReadTwice { consumer: String, count: Count } = "duplicates read by {consumer}: {count}",
        /// It reads a record after the event, in time.
        ReadsAgain { consumer: String, within: Within, event: EventRef } = "{consumer} reads a record within {within} of {event}",
        /// This is the broker that it read the partition from last, as it was told by the leader or by its metadata, after its leader had sent it to another replica.
        ReadsFrom { consumer: String, partition: Partition, id: Number } = "{consumer} reads {partition} from broker-{id}",
        /// From hand-over to reading, its median is longer than that of the other (in the window).
        ReadsLater { consumer: String, other: String } = "{consumer} reads later than {other}",
        /// It reads the records of each key in the order in which their producer made them.
        OrderOfKeys { consumer: String } = "{consumer} reads the records of each key in order",
        /// It reads at least one record before another of the same producer that was produced earlier.
        OutOfOrder { consumer: String } = "{consumer} reads records of one producer out of order",
        /// It reads at least one record before another of the same producer that was produced earlier and lies in another partition.
        NoOrderAcross { consumer: String } = "{consumer} reads records of different partitions out of order",
        /// The acknowledged records of this topic with one key lie in one partition, whichever key that is.
        KeysInOnePartition { topic: String } = "records of each key lie in one partition of {topic}",
        /// Of the keys that both topics have, at least one has its records in partitions of other numbers.
        KeysElsewhere { topic: String, other: String } = "keys of {topic} lie in other partitions of {other}",
        /// So many records were acknowledged to it (all members together).
        Acknowledged { producer: String, count: Count } = "records acknowledged to {producer}: {count}",
        /// So many records were acknowledged in it, whoever sent them (in the window).
        AcknowledgedIn { partition: Partition, count: Count } = "records acknowledged in {partition}: {count}",
        /// So many records were given up by it (all members together).
        Failed { producer: String, count: Count } = "records failed at {producer}: {count}",
        /// Every acknowledged record of the topics of this group (its `group.id`) is processed by a member.
        ProcessesEverything { group: GroupName } = "group {group} processes every acknowledged record",
        /// So many times a member is done with a record that one was done with before.
        ProcessedTwice { group: GroupName, count: Count } = "records processed twice by group {group}: {count}",
        /// So many acknowledged records lie below what the group has committed and no member was ever done with them: the group goes on behind them.
        NeverProcessed { group: GroupName, count: Count } = "records never processed by group {group}: {count}",
        /// So many acknowledged records of its topics no member was ever given, but for those of the last second.
        NeverRead { group: GroupName, count: Count } = "records never read by group {group}: {count}",
        /// So many partitions its group has given to it at the end (to all members of this name together).
        PartitionsAtTheEnd { consumer: String, count: Count } = "partitions of {consumer} at the end: {count}",
        /// After the event its members have partitions again, in time, or nothing had them join again from then on.
        StableAgain { group: GroupName, within: Within, event: EventRef } = "group {group} is stable again within {within} of {event}",
        /// It does not have its members join again (in the window).
        KeepsGeneration { group: GroupName } = "group {group} does not rebalance",
        /// So many times a member gives a partition up, or it is taken from it (in the window): until somebody is given it, nobody of the group reads it.
        StopsReading { group: GroupName, count: Count } = "partitions that group {group} stops reading: {count}",
        /// So many times a member has not called `poll` for `max.poll.interval.ms`, and its own library has it leave (in the window); a static member (`group.instance.id`) does not.
        PollTimeouts { group: GroupName, count: Count } = "times that members leave group {group} since they do not poll: {count}",
        /// So many times a consumer, a member or one that assigns, begins a partition where its group has committed (in the window).
        GoesOn { group: GroupName, count: Count } = "times that group {group} goes on from a commit: {count}",
        /// So many times it commits an offset that is lower than the one that it committed there before.
        CommitsBackwards { group: GroupName, count: Count } = "commits of group {group} that go backwards: {count}",
        /// So many committed records of its topics lie at or behind the offsets that it has committed, at the end. Of a partition where it has committed nothing the lag is unknown: with one that has records only `at least` can hold.
        Lag { group: GroupName, count: Count } = "lag of group {group} at the end: {count}",
        /// Each value that it serializes has so many bytes.
        ValueBytes { producer: String, count: Count } = "bytes of a value of {producer}: {count}",
        /// It (or its members together) cannot deserialize so many records.
        CannotRead { consumer: String, count: Count } = "records that {consumer} cannot deserialize: {count}",
        /// At the end its `poll` throws for a record that it cannot deserialize, and its position is still there.
        StuckAtTheEnd { consumer: String } = "{consumer} is stuck at the end",
        /// Its application seeks past so many records that it cannot deserialize.
        Skipped { consumer: String, count: Count } = "records skipped by {consumer}: {count}",
        /// Its application has so many records that it cannot deserialize acknowledged in its dead-letter topic.
        DeadLettered { consumer: String, count: Count } = "records sent to a dead-letter topic by {consumer}: {count}",
        /// The schema registry has so many versions of this subject at the end.
        SchemaVersions { subject: String, count: Count } = "versions of subject {subject}: {count}",
        /// The schema registry refuses so many times to take a schema for this subject.
        SchemasRefused { subject: String, count: Count } = "schemas refused for subject {subject}: {count}",
        /// So many records its application has sent on, and they were acknowledged; one that was sent on twice counts twice.
        Forwarded { consumer: String, count: Count } = "records forwarded by {consumer}: {count}",
        /// So many times it has sent on a record that it (or another of its name) had sent on before.
        ForwardedTwice { consumer: String, count: Count } = "records forwarded twice by {consumer}: {count}",
        /// This service was called so often.
        Called { service: String, count: Count } = "calls of {service}: {count}",
        /// This service was called so often for a record for which it had been called before.
        CalledTwice { service: String, count: Count } = "repeated calls of {service}: {count}",
        /// The first server that answers it is this broker.
        BootstrapsFrom { client: String, id: Number } = "{client} bootstraps from broker-{id}",
        /// A server of the ensemble comes to lead, and a quorum follows it, after the event, in time; a server by itself serves.
        ZooKeeperLeads { within: Within, event: EventRef } = "zookeeper has a leader within {within} of {event}",
        /// No server of the ensemble becomes its leader (in the window).
        NoZooKeeperLeader = "zookeeper elects no leader",
        /// A server comes to serve without what was committed, since its disk was wiped: epochs begin anew.
        ZooKeeperLosesItsPast = "zookeeper loses its past",
        /// The leader of the ensemble brings this server up to date in this way (in the window).
        BroughtUpToDate { number: Number, mode: SyncMode } = "zookeeper-{number} is brought up to date by {mode}",
        /// This client of ZooKeeper asks this at least once, and is answered so each time (in the window): data, `[names of children]`, the path that was created, `version 3`, `ok`, `nothing`, or an error such as `NoNode`.
        ZooKeeperAnswers { client: String, command: ZooKeeperCommand, answer: ZooKeeperAnswer } = "{client} asks {command} and is answered {answer}",
        /// This part of acknowledged records took at most (or, with `at least 30ms`, the slowest of it took no less than) so long from hand-over to acknowledgement (in the window).
        ProduceLatency { percentile: Percentile, bound: TimeBound } = "{percentile} produce latency: {bound}",
    }
}

impl Expectation {
    /// It can be narrowed by `from` and `until`.
    pub const fn takes_window(&self) -> bool {
        use Expectation::*;
        matches!(
            self,
            KeepsLeader { .. }
                | NoElection
                | NoUncleanElection
                | KeepsController
                | NoSessionExpires
                | IsrStays { .. }
                | Truncates { .. }
                | SegmentsDeleted { .. }
                | LogRepaired { .. }
                | NoLogRepaired
                | LogDirFails { .. }
                | Meets { .. }
                | Refused { .. }
                | NotAcknowledged { .. }
                | Stalls { .. }
                | Read { .. }
                | ReadsFrom { .. }
                | ReadsLater { .. }
                | Acknowledged { .. }
                | AcknowledgedIn { .. }
                | Failed { .. }
                | KeepsGeneration { .. }
                | StopsReading { .. }
                | PollTimeouts { .. }
                | GoesOn { .. }
                | RefusesToStart { .. }
                | CannotRead { .. }
                | Skipped { .. }
                | DeadLettered { .. }
                | Forwarded { .. }
                | Called { .. }
                | SchemasRefused { .. }
                | NoZooKeeperLeader
                | BroughtUpToDate { .. }
                | ZooKeeperAnswers { .. }
                | ProduceLatency { .. }
        )
    }
}

impl FromStr for Expectation {
    type Err = SentenceError;

    fn from_str(text: &str) -> Result<Self, SentenceError> {
        Expectation::read_sentence(text)
    }
}

/// How many: `240`, `at least 240`, `at most 240`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    Exactly(u64),
    AtLeast(u64),
    AtMost(u64),
}

impl Count {
    pub const fn holds(self, number: u64) -> bool {
        match self {
            Count::Exactly(n) => number == n,
            Count::AtLeast(n) => number >= n,
            Count::AtMost(n) => number <= n,
        }
    }
}

impl Slot for Count {
    fn read(words: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        if let Some(rest) = words.strip_prefix("at least ") {
            number(rest).map(Count::AtLeast)
        } else if let Some(rest) = words.strip_prefix("at most ") {
            number(rest).map(Count::AtMost)
        } else {
            number(words).map(Count::Exactly)
        }
    }

    fn pattern() -> String {
        "(at least |at most )?[0-9]+".into()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Exactly(n) => write!(f, "{n}"),
            Count::AtLeast(n) => write!(f, "at least {n}"),
            Count::AtMost(n) => write!(f, "at most {n}"),
        }
    }
}

/// How long: `10ms` at most, or `at least 30ms`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeBound {
    AtMost(Duration),
    AtLeast(Duration),
}

impl TimeBound {
    pub fn holds(self, time: Duration) -> bool {
        match self {
            TimeBound::AtMost(most) => time <= most,
            TimeBound::AtLeast(least) => time >= least,
        }
    }
}

impl Slot for TimeBound {
    fn read(words: &str) -> Option<Self> {
        match words.strip_prefix("at least ") {
            Some(least) => super::parse_duration(least).map(TimeBound::AtLeast),
            None => super::parse_duration(words).map(TimeBound::AtMost),
        }
    }

    fn pattern() -> String {
        format!("(at least )?{}", Within::pattern())
    }
}

impl fmt::Display for TimeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeBound::AtMost(most) => f.write_str(&super::write_duration(*most)),
            TimeBound::AtLeast(least) => write!(f, "at least {}", super::write_duration(*least)),
        }
    }
}

/// A part of all in thousandths: `p50`, `p99`, `p99.9`; `p100` is the slowest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Percentile {
    pub per_mille: u16,
}

impl Slot for Percentile {
    fn read(words: &str) -> Option<Self> {
        let (whole, tenth) = words
            .strip_prefix('p')?
            .split_once('.')
            .unwrap_or((words.strip_prefix('p')?, "0"));
        let digits = |text: &str, most: usize| {
            !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit())
        };
        if !digits(whole, 3) || !digits(tenth, 1) {
            return None;
        }
        let per_mille = whole.parse::<u16>().ok()? * 10 + tenth.parse::<u16>().ok()?;
        (1..=1_000)
            .contains(&per_mille)
            .then_some(Percentile { per_mille })
    }

    fn pattern() -> String {
        r"p[0-9]{1,3}(\.[0-9])?".into()
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.per_mille / 10)?;
        match self.per_mille % 10 {
            0 => Ok(()),
            tenth => write!(f, ".{tenth}"),
        }
    }
}

/// A Kafka error by its constant, e.g. `NOT_ENOUGH_REPLICAS`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorName(pub String);

impl Slot for ErrorName {
    fn read(words: &str) -> Option<Self> {
        let constant =
            !words.is_empty() && words.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        constant.then(|| ErrorName(words.to_string()))
    }

    fn pattern() -> String {
        "[A-Z_]+".into()
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group as its members call it, which may be several words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupName(pub String);

impl Slot for GroupName {
    fn read(words: &str) -> Option<Self> {
        (!words.is_empty()).then(|| GroupName(words.to_string()))
    }

    fn pattern() -> String {
        r"[\s\S]+".into()
    }
}

impl Deref for GroupName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A Java exception by its simple name, e.g. `OffsetOutOfRangeException`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExceptionName(pub String);

/// What consumers throw that stands for no error of a broker.
const OF_CLIENTS: &[&str] = &[
    "BufferExhaustedException",
    "CommitFailedException",
    "IllegalStateException",
    "KafkaException",
    "LogTruncationException",
    "NoOffsetForPartitionException",
    "RecordDeserializationException",
    "RetriableCommitFailedException",
    "RuntimeException",
    "SchemaException",
];

impl ExceptionName {
    /// Those that a consumer may meet: the ones of its library and its application, and those of all errors that a broker
    /// answers with.
    pub fn all() -> impl Iterator<Item = &'static str> {
        OF_CLIENTS.iter().copied().chain(ErrorCode::exceptions())
    }
}

impl Slot for ExceptionName {
    fn read(words: &str) -> Option<Self> {
        let name = words.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_exception = words.ends_with("Exception") && words.len() > "Exception".len();
        (name && is_exception).then(|| ExceptionName(words.to_string()))
    }

    fn pattern() -> String {
        "[A-Za-z0-9]+Exception".into()
    }
}

impl fmt::Display for ExceptionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_the_issue_read_and_write() {
        for text in [
            "no acknowledged record is lost",
            "acknowledged records lost: 5",
            "acknowledged records lost: at least 1",
            "offsets used twice: 2",
            "offsets at which replicas differ: at most 3",
            "trucks_gps-0 is led by another broker within 25s of the crash",
            "trucks_gps-0 is led by another broker within 1m5s of the end of the second cut",
            "every acknowledged record is read",
            "records read by dashboard: at least 240",
            "trucks_gps-0 keeps its leader",
            "the ISR of my-topic-3 is full at the end",
            "no election happens",
            "writes to t-0 are refused with NOT_ENOUGH_REPLICAS",
            "dashboard bootstraps from broker-2",
            "p99.9 produce latency: 10ms",
            "p50 produce latency: at least 30ms",
            "records processed twice by group dashboards: at least 1",
            "group dashboards is stable again within 50s of the crash",
        ] {
            assert_eq!(
                text.parse::<Expectation>()
                    .map(|e| e.to_string())
                    .as_deref(),
                Ok(text)
            );
        }
        assert_eq!(
            "p99 produce latency: 10ms".parse(),
            Ok(Expectation::ProduceLatency {
                percentile: Percentile { per_mille: 990 },
                bound: TimeBound::AtMost(Duration::from_millis(10))
            })
        );
    }

    /// Kafka takes any text, also words that stand in sentences.
    #[test]
    fn a_group_may_be_called_by_several_words() {
        for group in [
            "g at the end",
            "g at the end: 5",
            "g is stable again",
            "a b",
        ] {
            for text in [
                format!("lag of group {group} at the end: 0"),
                format!("group {group} is stable again within 10s of the crash"),
                format!("group {group} does not rebalance"),
                format!("records processed twice by group {group}: at most 3"),
            ] {
                let read = text.parse::<Expectation>();
                let told = format!("{read:?}");
                assert!(told.contains(&format!("GroupName({group:?})")), "{told}");
                assert_eq!(read.unwrap().to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_no_expectation_is_told_the_nearest() {
        for (text, nearest) in [
            (
                "no acknowledged records are lost",
                Some("no acknowledged record is lost"),
            ),
            ("no record is lost", Some("no acknowledged record is lost")),
            (
                "every isr is full at the end",
                Some("every ISR is full at the end"),
            ),
            ("every ISR is full", Some("every ISR is full at the end")),
            (
                "consumer c reads 10 records",
                Some("records read by {consumer}: {count}"),
            ),
            ("t-0 has a leader", None),
            ("p loses nothing", None),
            ("lag of c is 0", None),
            ("latency of p is below 5 ms", None),
            ("broker-1 is down", None),
            ("no duplicates", None),
        ] {
            let error = text.parse::<Expectation>().unwrap_err();
            assert_eq!(error.nearest, nearest, "{text}");
        }
        assert!("p101 produce latency: 10ms".parse::<Expectation>().is_err());
        assert!(
            "t-0 is led by another broker within 25 of the crash"
                .parse::<Expectation>()
                .is_err()
        );
        assert!(
            "t-0 is led by another broker within 25s of the moon"
                .parse::<Expectation>()
                .is_err()
        );
    }
}
