//! What each setting that is acted on means, in a sentence: for editors and the book.
//!
//! May not know of values: defaults and ranges stand with the keys.

/// The setting of this name, whoever's it is.
pub fn meaning(name: &str) -> Option<&'static str> {
    let found = MEANINGS.binary_search_by(|(known, _)| (*known).cmp(name));
    found.ok().map(|place| MEANINGS[place].1)
}

/// By name, sorted.
const MEANINGS: &[(&str, &str)] = &[
    (
        "acks",
        "How many replicas have a record before its producer is told so: `0` none, `1` the leader, `all` every in-sync one.",
    ),
    (
        "advertised.listeners",
        "Where a broker tells others to find it; without it, where it listens.",
    ),
    (
        "allow.auto.create.topics",
        "Whether asking for a topic that is not there may have a broker make it.",
    ),
    (
        "auto.commit.interval.ms",
        "How often the library commits what `poll` has given.",
    ),
    (
        "auto.create.topics.enable",
        "Whether a broker makes a topic that somebody asks for and that is not there.",
    ),
    (
        "auto.leader.rebalance.enable",
        "Whether the controller gives leadership back to preferred leaders by itself.",
    ),
    (
        "auto.offset.reset",
        "Where a consumer begins where nothing is committed, or what was is gone: `earliest`, `latest`, or `none` (an error).",
    ),
    (
        "auto.register.schemas",
        "Whether a serializer adds its schema to the registry, or only looks it up.",
    ),
    (
        "background.threads",
        "Threads for a broker's chores, such as flushing logs and deleting files.",
    ),
    (
        "batch.size",
        "How many bytes a producer gathers for one partition before the batch is full.",
    ),
    (
        "buffer.memory",
        "How many bytes of records a producer holds; beyond that, `send` waits.",
    ),
    (
        "check.crcs",
        "Whether a consumer checks the checksum of what it fetched.",
    ),
    (
        "client.dns.lookup",
        "What a client does with a name that has several addresses.",
    ),
    (
        "client.rack",
        "Where a consumer says that it stands; a leader may send it to a replica near by.",
    ),
    (
        "compression.type",
        "How batches are compressed; a broker or topic that says `producer` leaves them as they come.",
    ),
    (
        "connections.max.idle.ms",
        "How long a connection may be silent before it is closed.",
    ),
    (
        "controlled.shutdown.enable",
        "Whether a broker that is stopped first hands its leaderships over.",
    ),
    (
        "controlled.shutdown.max.retries",
        "How often a stopping broker asks the controller anew.",
    ),
    (
        "controlled.shutdown.retry.backoff.ms",
        "How long a stopping broker waits before it asks anew.",
    ),
    (
        "controller.socket.timeout.ms",
        "How long the controller waits for a broker's answer.",
    ),
    (
        "default.api.timeout.ms",
        "How long a call of a client's library may take in all.",
    ),
    (
        "default.replication.factor",
        "How many replicas a topic gets that does not say it.",
    ),
    (
        "delivery.timeout.ms",
        "How long a record has from `send` to its acknowledgement, all retries included.",
    ),
    (
        "deserializer.encoding",
        "Which encoding text has, where keys and values do not say it apart.",
    ),
    (
        "enable.auto.commit",
        "Whether the library commits by itself what `poll` has given.",
    ),
    (
        "enable.idempotence",
        "Whether records carry numbers by which a broker knows those that it has already.",
    ),
    (
        "fetch.max.bytes",
        "How many bytes one answer to a fetch has at most; one batch is always let through.",
    ),
    (
        "fetch.max.wait.ms",
        "How long a broker waits for more before it answers a fetch.",
    ),
    (
        "fetch.min.bytes",
        "How many bytes a broker gathers before it answers a fetch, unless the wait is over.",
    ),
    (
        "file.delete.delay.ms",
        "How long a deleted segment's files stay on the disk.",
    ),
    (
        "flush.messages",
        "After how many records a partition's log is forced to the disk.",
    ),
    (
        "flush.ms",
        "After how long what was appended is forced to the disk.",
    ),
    (
        "group.id",
        "The group whose offsets a consumer uses, and which shares out partitions where it subscribes.",
    ),
    (
        "group.initial.rebalance.delay.ms",
        "How long a coordinator waits for more members before an empty group's first generation.",
    ),
    (
        "group.instance.id",
        "A name by which a member is known again after a restart: its group does not rebalance while it is away.",
    ),
    (
        "group.max.session.timeout.ms",
        "The longest session that members may ask for.",
    ),
    ("group.max.size", "How many members a group has at most."),
    (
        "group.min.session.timeout.ms",
        "The shortest session that members may ask for.",
    ),
    (
        "heartbeat.interval.ms",
        "How often a member tells its coordinator that it lives.",
    ),
    (
        "index.interval.bytes",
        "After how many bytes of a log the offset index gets an entry.",
    ),
    (
        "inter.broker.listener.name",
        "The listener by which brokers and controller speak to each other.",
    ),
    (
        "isolation.level",
        "Whether a consumer also reads what belongs to transactions that are not committed.",
    ),
    ("key.deserializer", "What makes a key of bytes."),
    (
        "key.deserializer.encoding",
        "Which encoding a key's text has.",
    ),
    ("key.serializer", "What makes bytes of a key."),
    (
        "key.serializer.encoding",
        "Which encoding a key's text is given.",
    ),
    (
        "leader.imbalance.check.interval.seconds",
        "How often the controller looks for leaders that are not the preferred ones.",
    ),
    (
        "leader.imbalance.per.broker.percentage",
        "How many of a broker's partitions may be led by others before that is put right.",
    ),
    (
        "linger.ms",
        "How long a batch that is not full waits for more records.",
    ),
    (
        "listener.security.protocol.map",
        "Which protocol each listener speaks.",
    ),
    ("listeners", "Where a broker listens."),
    (
        "log.flush.interval.messages",
        "After how many records a partition's log is forced to the disk.",
    ),
    (
        "log.flush.interval.ms",
        "After how long what was appended is forced to the disk.",
    ),
    (
        "log.flush.offset.checkpoint.interval.ms",
        "How often a broker writes down how far its logs are on the disk.",
    ),
    (
        "log.flush.scheduler.interval.ms",
        "How often a broker looks for logs that are to be flushed.",
    ),
    (
        "log.flush.start.offset.checkpoint.interval.ms",
        "How often a broker writes down where its logs begin.",
    ),
    (
        "log.index.interval.bytes",
        "After how many bytes of a log the offset index gets an entry.",
    ),
    (
        "log.index.size.max.bytes",
        "How large an index may become; then a new segment begins.",
    ),
    (
        "log.initial.task.delay.ms",
        "How long after its start a broker begins with what it does to logs now and then.",
    ),
    (
        "log.message.timestamp.after.max.ms",
        "How far a record's time may be ahead of the broker's clock.",
    ),
    (
        "log.message.timestamp.before.max.ms",
        "How far a record's time may be behind the broker's clock.",
    ),
    (
        "log.message.timestamp.difference.max.ms",
        "How far a record's time may be from the broker's clock, either way.",
    ),
    (
        "log.message.timestamp.type",
        "Whose time a record has: its producer's, or the broker's at the append.",
    ),
    (
        "log.retention.bytes",
        "How large a partition may become before old segments go.",
    ),
    (
        "log.retention.check.interval.ms",
        "How often a broker looks for segments that are too old or too many.",
    ),
    (
        "log.retention.hours",
        "How old records become before their segment goes, in hours.",
    ),
    (
        "log.retention.minutes",
        "How old records become before their segment goes, in minutes; wins over hours.",
    ),
    (
        "log.retention.ms",
        "How old records become before their segment goes; wins over minutes and hours.",
    ),
    (
        "log.roll.hours",
        "After how long a new segment begins, in hours.",
    ),
    (
        "log.roll.ms",
        "After how long a new segment begins; wins over hours.",
    ),
    (
        "log.segment.bytes",
        "How large a segment becomes before a new one begins.",
    ),
    (
        "log.segment.delete.delay.ms",
        "How long a deleted segment's files stay on the disk.",
    ),
    (
        "max.block.ms",
        "How long `send` waits for metadata or for memory.",
    ),
    (
        "max.in.flight.requests.per.connection",
        "How many requests a producer has unanswered at one broker.",
    ),
    (
        "max.incremental.fetch.session.cache.slots",
        "How many fetch sessions a broker remembers.",
    ),
    (
        "max.message.bytes",
        "How large a batch may be that is appended.",
    ),
    (
        "max.partition.fetch.bytes",
        "How many bytes of one partition one answer has at most; one batch is always let through.",
    ),
    (
        "max.poll.interval.ms",
        "How long an application may take between two calls of `poll` before its library leaves the group.",
    ),
    (
        "max.poll.records",
        "How many records one call of `poll` returns at most.",
    ),
    (
        "max.request.size",
        "How large a producer's record or request may be.",
    ),
    (
        "message.max.bytes",
        "How large a batch may be that is appended.",
    ),
    (
        "message.timestamp.after.max.ms",
        "How far a record's time may be ahead of the broker's clock.",
    ),
    (
        "message.timestamp.before.max.ms",
        "How far a record's time may be behind the broker's clock.",
    ),
    (
        "message.timestamp.difference.max.ms",
        "How far a record's time may be from the broker's clock, either way.",
    ),
    (
        "message.timestamp.type",
        "Whose time a record has: its producer's, or the broker's at the append.",
    ),
    (
        "metadata.max.age.ms",
        "After how long a client asks for metadata anew though nothing went wrong.",
    ),
    (
        "metadata.max.idle.ms",
        "How long a producer keeps metadata of a topic that it does not send to.",
    ),
    (
        "metadata.recovery.strategy",
        "What a client does when none of the brokers that it knows answers: nothing, or begin at its bootstrap servers again.",
    ),
    (
        "min.insync.replicas",
        "How many replicas have to be in sync for a write with `acks=all` to be taken.",
    ),
    (
        "num.io.threads",
        "Threads in which a broker works on requests.",
    ),
    (
        "num.partitions",
        "How many partitions a topic gets that does not say it.",
    ),
    (
        "num.replica.fetchers",
        "Threads by which a broker fetches from each leader.",
    ),
    (
        "offset.metadata.max.bytes",
        "How long the text may be that goes with a committed offset.",
    ),
    (
        "offsets.commit.timeout.ms",
        "How long a coordinator waits until a commit is on all in-sync replicas.",
    ),
    (
        "offsets.load.buffer.size",
        "How many bytes a new coordinator reads at once of what was committed.",
    ),
    (
        "offsets.retention.check.interval.ms",
        "How often a coordinator looks for commits that are too old.",
    ),
    (
        "offsets.retention.minutes",
        "How long a group's commits are kept once it has no members.",
    ),
    (
        "offsets.topic.num.partitions",
        "How many partitions `__consumer_offsets` has; each group belongs to one.",
    ),
    (
        "offsets.topic.replication.factor",
        "How many replicas `__consumer_offsets` has.",
    ),
    (
        "offsets.topic.segment.bytes",
        "How large a segment of `__consumer_offsets` becomes before a new one begins.",
    ),
    (
        "partition.assignment.strategy",
        "How a group's leader may share partitions out: each member votes for its first that all know; most votes win.",
    ),
    (
        "partitioner.adaptive.partitioning.enable",
        "Whether records without a key go more often to brokers that answer quickly.",
    ),
    (
        "partitioner.availability.timeout.ms",
        "How long a broker may leave batches waiting before records without a key avoid it; 0: for ever.",
    ),
    ("partitioner.class", "Who chooses a record's partition."),
    (
        "partitioner.ignore.keys",
        "Whether records with a key are spread as if they had none.",
    ),
    (
        "producer.id.expiration.check.interval.ms",
        "How often a broker looks for producers that it may forget.",
    ),
    (
        "producer.id.expiration.ms",
        "How long a broker remembers the last numbers of an idempotent producer that is silent.",
    ),
    (
        "queued.max.requests",
        "How many requests wait at a broker before it reads no more.",
    ),
    (
        "reconnect.backoff.max.ms",
        "How long a client waits at most before it tries a broker anew.",
    ),
    (
        "reconnect.backoff.ms",
        "How long a client waits at first before it tries a broker anew.",
    ),
    (
        "replica.fetch.backoff.ms",
        "How long a follower waits after a fetch that failed.",
    ),
    (
        "replica.fetch.max.bytes",
        "How many bytes of one partition a follower fetches at once; one batch is always let through.",
    ),
    (
        "replica.fetch.min.bytes",
        "How many bytes a leader gathers before it answers a follower, unless the wait is over.",
    ),
    (
        "replica.fetch.response.max.bytes",
        "How many bytes one answer to a follower has at most; one batch is always let through.",
    ),
    (
        "replica.fetch.wait.max.ms",
        "How long a leader waits for more before it answers a follower.",
    ),
    (
        "replica.high.watermark.checkpoint.interval.ms",
        "How often a broker writes down high watermarks.",
    ),
    (
        "replica.lag.time.max.ms",
        "How long a follower may be behind before it is no longer in sync.",
    ),
    (
        "replica.selector.class",
        "How a leader chooses the replica that a consumer is to read from.",
    ),
    (
        "replica.socket.timeout.ms",
        "How long a follower waits for a leader's answer.",
    ),
    (
        "request.timeout.ms",
        "How long an answer is waited for before the request counts as failed.",
    ),
    (
        "retention.bytes",
        "How large a partition may become before old segments go.",
    ),
    (
        "retention.ms",
        "How old records become before their segment goes.",
    ),
    (
        "retries",
        "How often a request is tried again that failed for a while only.",
    ),
    (
        "retry.backoff.max.ms",
        "How long a client waits at most before it tries a request anew.",
    ),
    (
        "retry.backoff.ms",
        "How long a client waits at first before it tries a request anew.",
    ),
    (
        "schemas.enable",
        "Whether each message of Connect's JsonConverter carries its schema.",
    ),
    (
        "segment.bytes",
        "How large a segment becomes before a new one begins.",
    ),
    (
        "segment.index.bytes",
        "How large an index may become; then a new segment begins.",
    ),
    ("segment.ms", "After how long a new segment begins."),
    (
        "serializer.encoding",
        "Which encoding text is given, where keys and values do not say it apart.",
    ),
    (
        "session.timeout.ms",
        "How long a member may be silent before its coordinator puts it out of the group.",
    ),
    (
        "socket.connection.setup.timeout.max.ms",
        "How long a connection may take at most to be set up.",
    ),
    (
        "socket.connection.setup.timeout.ms",
        "How long a connection may take at first to be set up.",
    ),
    (
        "unclean.leader.election.enable",
        "Whether a replica that is not in sync may lead when no other is there: what it lacks is lost.",
    ),
    ("value.deserializer", "What makes a value of bytes."),
    (
        "value.deserializer.encoding",
        "Which encoding a value's text has.",
    ),
    ("value.serializer", "What makes bytes of a value."),
    (
        "value.serializer.encoding",
        "Which encoding a value's text is given.",
    ),
    (
        "zookeeper.connection.timeout.ms",
        "How long a broker waits for its first connection to ZooKeeper.",
    ),
    (
        "zookeeper.session.timeout.ms",
        "How long a broker may be silent before ZooKeeper takes it for gone.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::config::{Effect, Scope};

    #[test]
    fn each_setting_that_is_acted_on_has_a_meaning_and_no_other() {
        let mut names = Vec::new();
        for scope in [
            Scope::Broker,
            Scope::Topic,
            Scope::Producer,
            Scope::Consumer,
            Scope::Admin,
        ] {
            for key in scope.all() {
                // Of partitioners some values are acted on.
                if matches!(key.effect, Effect::Modelled { .. }) || key.name == "partitioner.class"
                {
                    assert!(meaning(key.name).is_some(), "{}", key.name);
                    names.push(key.name);
                }
            }
        }
        for pair in MEANINGS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
        }
        for (name, _) in MEANINGS {
            assert!(names.contains(name), "{name}");
        }
    }
}
