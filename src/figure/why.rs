//! Why things happen: for each kind of fact and of message the rule behind it in words, the Kafka key that governs it, the
//! class or KIP that it is read from, and our rule's id. One table, for every figure, the player and the book; the
//! rule's id leads to the test that proves it (`book/src/rules.md`).

use super::short::tag;
use crate::protocol::{Fact, IsrChange};

/// A line of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Why {
    /// A fact, as a trace names it, or a message's kind; then, where that has several reasons, which.
    pub of: &'static str,
    pub words: &'static str,
    /// `None`: no setting changes it.
    pub key: Option<&'static str>,
    pub source: &'static str,
    /// As `book/src/rules.md` numbers it.
    pub rule: &'static str,
}

/// The rule behind a fact or a message of this name.
pub fn why(of: &str) -> Option<&'static Why> {
    TABLE.iter().find(|it| it.of == of)
}

/// The rule behind a fact: of what is refused, or fails, by its error.
pub fn why_of(fact: &Fact) -> Option<&'static Why> {
    why(&name_of(fact))
}

/// As the table names a fact: its tag and, where the table has that apart, its error or what it changes.
pub fn name_of(fact: &Fact) -> String {
    let tag = tag(fact);
    let which = match fact {
        Fact::ProduceRefused { error, .. } => error.name(),
        Fact::Failed { exception, .. } => exception,
        Fact::IsrChangeAsked {
            change: IsrChange::Expand,
            ..
        } => "expand",
        _ => return tag,
    };
    let both = format!("{tag} {which}");
    match why(&both) {
        Some(_) => both,
        None => tag,
    }
}

/// The rule behind a message of this kind, with this label: behind an answer that refuses a write that of its error.
pub fn why_of_message(kind: &str, label: &str) -> Option<&'static Why> {
    let errors = label
        .split([' ', ','])
        .filter(|_| kind == "ProduceResponse");
    let mut refused = errors.filter_map(|word| why(&format!("produce-refused {word}")));
    refused.next().or_else(|| why(kind))
}

impl Why {
    /// In one line, for a part of a picture.
    pub fn in_a_line(&self) -> String {
        let key = self.key.map_or_else(String::new, |key| format!("; {key}"));
        format!("{} ({}, rule {}{key})", self.words, self.source, self.rule)
    }
}

macro_rules! table {
    ($($of:literal $words:literal $key:literal $source:literal $rule:literal;)*) => {
        /// Facts and messages, by subject.
        pub const TABLE: &[Why] = &[$(Why {
            of: $of,
            words: $words,
            key: key($key),
            source: $source,
            rule: $rule,
        }),*];
    };
}

const fn key(key: &'static str) -> Option<&'static str> {
    if key.is_empty() { None } else { Some(key) }
}

table! {
    // ---- producers
    "record-created" "a record waits in its partition's batch until that is full or has lingered" "linger.ms" "RecordAccumulator" "CP20";
    "Produce" "batches go to the leader of their partition; the request names no leader epoch" "acks" "Sender" "P7";
    "ProduceResponse" "acks=1: the leader has it; acks=all: every replica in sync has it" "acks" "DelayedProduce" "P2";
    "acked" "a record's offset is its batch's and its place in it" "acks" "FutureRecordMetadata" "CP47";
    "retrying" "what may be retried goes to the front of its queue" "retry.backoff.ms" "Sender.canRetry" "CP29";
    "failed" "with a batch each of its records fails" "" "Sender.failBatch" "CP32";
    "failed TimeoutException" "a batch is too old once this has passed since its first record" "delivery.timeout.ms" "ProducerBatch" "CP33";
    "produce-refused NOT_ENOUGH_REPLICAS" "with acks=all a write is refused while too few are in sync" "min.insync.replicas" "Partition.appendRecordsToLeader" "P1";
    "produce-refused NOT_ENOUGH_REPLICAS_AFTER_APPEND" "it is written and stays, but too few are in sync to call it committed" "min.insync.replicas" "Partition.checkEnoughReplicasReachOffset" "P2";
    "produce-refused REQUEST_TIMED_OUT" "not every replica in sync has fetched it in time; what is written stays" "request.timeout.ms" "DelayedProduce" "P3";
    "produce-refused NOT_LEADER_OR_FOLLOWER" "another leads: the producer asks who, and sends it again" "" "Sender.completeBatch" "CP30";
    "produce-refused OUT_OF_ORDER_SEQUENCE_NUMBER" "sequence numbers continue: a batch before this one is missing" "enable.idempotence" "ProducerAppendInfo.checkSequence" "D3";
    "produce-refused INVALID_PRODUCER_EPOCH" "this producer has begun a newer epoch already" "enable.idempotence" "ProducerAppendInfo.checkProducerEpoch" "D3";
    "produce-refused INVALID_TIMESTAMP" "a record's time is too far from the broker's clock: its batch is refused" "message.timestamp.after.max.ms" "LogValidator" "CP32";
    "produce-refused MESSAGE_TOO_LARGE" "a batch of more bytes is refused; of several records it is split" "max.message.bytes" "RecordAccumulator.splitAndReenqueue" "CP31";
    "produce-refused KAFKA_STORAGE_ERROR" "the disk failed: its directory is not used any more, and the last one takes the broker along" "log.dirs" "LogManager" "RL1";
    "InitProducerId" "an idempotent producer asks the least busy broker for its id" "enable.idempotence" "TransactionManager" "CP27";
    // ---- replication
    "appended" "stored, and not committed: a batch carries the epoch of the leader that took it" "" "UnifiedLog.append" "E1";
    "Fetch" "what a follower asks for is what it has: that acknowledges all before it" "replica.fetch.wait.max.ms" "Replica.updateFetchState" "I1";
    "FetchResponse" "a fetch that waits is answered when there is something new, or its time is up" "replica.fetch.wait.max.ms" "DelayedFetch" "F3";
    "high-watermark-moved" "committed up to the lowest log end among the replicas in sync" "" "Partition.maybeIncrementLeaderHW" "HW2";
    "high-watermark-held" "fewer replicas are in sync than this: nothing is committed" "min.insync.replicas" "KAFKA-15583" "HW3";
    "truncated" "a follower cuts its log to the last epoch that it shares with its leader" "" "KIP-279" "E7";
    "isr-change-asked" "who was not caught up for this long leaves the ISR" "replica.lag.time.max.ms" "Partition.maybeShrinkIsr" "I7";
    "isr-change-asked expand" "who has all that is committed, and all from before this epoch, joins the ISR" "" "Partition.maybeExpandIsr" "I5";
    "isr-changed" "a change of the ISR by the leader raises the partition's version, not the leader epoch" "" "Partition" "I9";
    "AlterPartition" "the leader asks the controller to change the ISR" "replica.lag.time.max.ms" "KIP-497" "I7";
    // ---- leaders and the controller
    "state-written" "each write of a controller checks that its epoch is still the controller's" "" "KafkaZkClient" "Z3";
    "LeaderAndIsr" "brokers learn from the controller whom to follow, and refuse what an older one says" "" "KIP-380" "Z4";
    "UpdateMetadata" "brokers refuse what an older controller says" "" "KIP-380" "Z4";
    "became-leader" "a new leader notes its epoch, with its log end, before it appends anything" "" "Partition.makeLeader" "E3";
    "became-follower" "a follower's fetch carries its log end and its newest epoch" "" "Fetch v12" "E5";
    "controller-elected" "each later controller's epoch is one more" "" "KafkaZkClient" "Z1";
    "registered" "a broker's epoch is the transaction that made its registration" "" "KIP-380" "Z5";
    // ---- ZooKeeper
    "session-expired" "the leader alone expires sessions; the ephemerals go with it" "zookeeper.session.timeout.ms" "SessionTracker" "ZK9";
    "session-opened" "a session expires at the tick after its time-out has passed in silence, by the clock of the leader" "zookeeper.session.timeout.ms" "SessionTracker" "ZB14";
    "zoo-keeper-watch-fired" "a watch is told once; a client sets its watches again on each new connection, and hears what it missed" "" "ZKWatchManager" "ZK7";
    // ---- clients
    "Metadata" "metadata are asked for when they are old, or somebody wants them" "metadata.max.age.ms" "Metadata" "CN19";
    "ApiVersions" "the first request on each connection of a client" "" "NetworkClient" "CN3";
    "consumed" "consumers read up to the high watermark" "isolation.level" "FetchIsolation" "F1";
    // ---- groups
    "JoinGroup" "a rebalance waits until every member has joined" "max.poll.interval.ms" "GroupCoordinator" "CG16";
    "SyncGroup" "assignments are committed in the log before any member has them" "" "GroupCoordinator.doSyncGroup" "CG20";
    "FindCoordinator" "a group's coordinator leads the partition that its name's hash says" "" "GroupMetadataManager" "CG2";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ErrorCode, TopicPartition};
    use std::collections::BTreeSet;

    #[test]
    fn each_has_one_line() {
        let names: BTreeSet<&str> = TABLE.iter().map(|it| it.of).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(why("Fetch").map(|it| it.rule), Some("I1"));
        assert_eq!(why("fetch"), None);
    }

    #[test]
    fn what_is_refused_is_so_by_the_rule_of_its_error() {
        let rule = |error| {
            let partition = TopicPartition::new("t", 0);
            let refused = why_of(&Fact::ProduceRefused { partition, error });
            let label = format!("refused t-0 {}", error.name());
            assert_eq!(
                why_of_message("ProduceResponse", &label),
                refused.or(why("ProduceResponse"))
            );
            refused.map(|it| it.rule)
        };
        assert_eq!(rule(ErrorCode::NotEnoughReplicas), Some("P1"));
        assert_eq!(rule(ErrorCode::OutOfOrderSequenceNumber), Some("D3"));
        assert_eq!(rule(ErrorCode::RequestTimedOut), Some("P3"));
        assert_eq!(rule(ErrorCode::UnknownServerError), None);
        let answered = why_of_message("ProduceResponse", "stored t-0 offset 3");
        assert_eq!(answered, why("ProduceResponse"));
    }

    /// So that it leads to a test.
    #[test]
    fn each_rule_is_one_of_the_books() {
        let book = include_str!("../../book/src/rules.md");
        for why in TABLE {
            let row = format!("\n| {} |", why.rule);
            assert!(book.contains(&row), "{} of {} is no rule", why.rule, why.of);
        }
    }
}
