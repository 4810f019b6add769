//! Misconceptions: what people often believe of Kafka and is not so, each with a name and with what is so.
//!
//! Wrong options of predictions name the one that they stand for. Where they come from: what courses, questions
//! and answers on Kafka say again and again; what is so is what Kafka 3.9 does, and what the run shows.
//!
//! May not know which scenario asks about one.

/// The name, and what is so instead, in a sentence or two for somebody who believed it.
pub const MISCONCEPTIONS: &[(&str, &str)] = &[
    (
        "a-topic-is-a-queue",
        "A topic is a log. Reading takes nothing away: each group, and each consumer without one, reads all records for itself.",
    ),
    (
        "order-across-partitions",
        "Kafka keeps order within a partition. Between partitions there is none: a consumer takes what comes first from each.",
    ),
    (
        "keys-keep-their-partition",
        "The partition of a key is its hash modulo the number of partitions. With another number, most keys go elsewhere; what they have written stays.",
    ),
    (
        "a-key-is-a-partition",
        "A key does not have a partition for itself. Keys are hashed, so several share a partition, and one may stay empty.",
    ),
    (
        "no-key-means-one-by-one",
        "Records without a key are not dealt out one by one. A producer stays with one partition until a batch is full, and then takes another.",
    ),
    (
        "read-means-deleted",
        "Records are deleted by age or size, or on request, whether somebody has read them or not.",
    ),
    (
        "retention-waits-for-readers",
        "Retention does not know how far anybody has read. Who stays away for longer than that misses records.",
    ),
    (
        "kafka-knows-formats",
        "For brokers keys and values are bytes. What they mean is between the producer's serializer and the consumer's deserializer.",
    ),
    (
        "a-bad-record-is-skipped",
        "A consumer never skips by itself. poll throws at the same record again and again until the application seeks past it.",
    ),
    (
        "bytes-are-compressed-for-you",
        "A value takes what its serializer makes of it. Kafka compresses only where the producer asks for it.",
    ),
    (
        "a-partition-is-shared",
        "Within a group a partition has one reader at a time. Members beyond the number of partitions have nothing to do.",
    ),
    (
        "groups-share-records",
        "Two groups do not share records. Each gets all of them, and each has offsets of its own.",
    ),
    (
        "a-dead-member-is-seen-at-once",
        "A member that dies says nothing. Its group hears of it by silence, after session.timeout.ms (45 seconds unless set).",
    ),
    (
        "commit-means-processed",
        "A commit says where to go on, not what was done. Who commits before the work loses it in a crash.",
    ),
    (
        "processed-means-committed",
        "Work that was done and not committed is done again after a crash: nobody remembers it but the commit.",
    ),
    (
        "kafka-undoes-work",
        "Kafka knows nothing of what an application does with a record. What it did before it crashed stays done.",
    ),
    (
        "retry-repeats-nothing",
        "A producer that hears no answer cannot tell whether the record was stored. Without idempotence its retry may store it twice.",
    ),
    (
        "retry-is-lost",
        "A lost answer is no lost record: the record stands in the log, and the producer sends it again.",
    ),
    (
        "ack-means-replicated",
        "With acks=1 the leader alone acknowledges. A record that no follower has fetched dies with it.",
    ),
    (
        "a-failover-is-instant",
        "Nobody tells the cluster of a crash. The broker's ZooKeeper session must run out first, and that takes seconds.",
    ),
    (
        "a-failover-stops-the-cluster",
        "A failover is about the partitions that the dead broker led. The others go on.",
    ),
    (
        "stored-means-readable",
        "Consumers read up to the high watermark: what every in-sync replica has. A record above it is stored, and hidden.",
    ),
    (
        "min-insync-stops-reading",
        "min.insync.replicas is about writes with acks=all. Reading goes on as long as there is a leader.",
    ),
    (
        "every-write-is-on-disk",
        "Kafka does not wait for the disk. A record is in the memory of the machines that keep it (the page cache), and their systems write it out later.",
    ),
    (
        "bootstrap-is-where-records-go",
        "bootstrap.servers is only asked who is there. Records go to the leader of their partition.",
    ),
    (
        "bootstrap-must-name-all",
        "One server that answers is enough: from it a client learns of all brokers.",
    ),
    (
        "one-bootstrap-server-is-enough",
        "One is enough while it answers. A client that starts while the only one is down knows nobody, and waits.",
    ),
    (
        "clients-follow-the-address-they-used",
        "A client goes to the addresses that brokers advertise, not to the one that it asked first.",
    ),
    (
        "clients-talk-to-zookeeper",
        "Producers and consumers know brokers alone. ZooKeeper is for brokers and their controller.",
    ),
    (
        "zookeeper-is-in-the-way-of-records",
        "No record and no offset goes through ZooKeeper. Without it brokers go on with what they know; what ends is change.",
    ),
    (
        "zookeeper-changes-nothing",
        "Who leads is decided in ZooKeeper. While it is away, no leader can be elected and no ISR can change.",
    ),
    (
        "more-servers-survive-more",
        "ZooKeeper needs more than half of its servers. Of four, three; so four survive the loss of one, as three do.",
    ),
    (
        "zookeeper-half-is-enough",
        "A majority is more than half. Servers that are fewer than that answer nobody, though each is well.",
    ),
    (
        "writers-wait-for-readers",
        "Producers know nothing of consumers. They write to the log; who reads it, and when, is no matter to them.",
    ),
    (
        "no-order-at-all",
        "Within a partition records are read in the order in which they stand in its log.",
    ),
    (
        "reset-is-for-new-groups",
        "auto.offset.reset also decides where to go on when the committed offset is no longer in the log.",
    ),
    (
        "a-full-disk-makes-room",
        "Only retention deletes, by what is configured. A full disk is no reason for it.",
    ),
    (
        "a-full-disk-is-read-only",
        "A log directory on which a write fails is given up as a whole, and a broker without another one ends.",
    ),
    (
        "offsets-count-files",
        "An offset counts the records of a partition. In which file one lies is the broker's own affair.",
    ),
    (
        "a-group-refuses-members",
        "A group takes more members than there are partitions. Those without one wait to take over.",
    ),
    (
        "partitions-belong-to-a-member",
        "Partitions are lent. When a member is gone, they are given to those who are left.",
    ),
    (
        "idempotence-is-for-consumers",
        "enable.idempotence is between a producer and its leaders: the producer numbers its batches, and the leader stores each once.",
    ),
    (
        "isr-alone-decides",
        "acks=all waits for the in-sync replicas, however few they are; and min.insync.replicas says when they are too few to write at all.",
    ),
    (
        "a-refused-write-is-kept",
        "A write that is refused is not stored. The producer may send it again, or give it up.",
    ),
    (
        "the-old-leader-brings-its-records",
        "A broker that comes back follows the new leader, and cuts off what that one does not have.",
    ),
    (
        "kafka-needs-a-majority",
        "Kafka's replicas do not vote. What counts is the set of those in sync, of which one is enough to lead.",
    ),
    (
        "min-insync-is-enough",
        "acks=all waits for every replica that is in sync. min.insync.replicas is the least that there must be, not how many are waited for.",
    ),
    (
        "slow-means-out-of-sync",
        "A follower leaves the ISR when it has not caught up for replica.lag.time.max.ms (30 seconds). Until then all wait for it, slow or not.",
    ),
    (
        "zookeeper-needs-an-odd-number",
        "ZooKeeper works with an even number too. It only bears no more losses than with one server less.",
    ),
    (
        "a-failover-loses-acknowledged",
        "With acks=all a record counts as sent when every in-sync replica has it. The next leader is one of these, and has it too.",
    ),
    (
        "a-partition-waits-for-its-leader",
        "A partition does not wait for the broker that led it. Any other replica that is in sync takes over.",
    ),
    (
        "an-election-cures-all",
        "An election replaces a leader that is gone. It makes no copy more, and where the leader is well there is none.",
    ),
    (
        "brokers-pass-records-on",
        "A broker that does not lead a partition refuses its records. The client must find the leader itself, at the address that is advertised.",
    ),
    (
        "readers-begin-with-the-first",
        "A consumer begins where it is told to: at an offset, at what its group has committed, or where auto.offset.reset says.",
    ),
    (
        "a-group-watches-the-work",
        "A group watches heartbeats and calls of poll. What a member makes of the records it does not see.",
    ),
    (
        "a-woken-leader-leads-on",
        "Who was replaced leads no more, whatever it believes. Its followers have moved on to a newer epoch, and without them nothing that it takes is acknowledged with acks=all.",
    ),
    (
        "a-controller-is-voted-for",
        "Brokers do not vote for a controller. ZooKeeper has room for one node /controller, and the broker that makes it is the controller.",
    ),
    (
        "brokers-need-a-controller-to-serve",
        "A controller decides what changes. What a broker leads it goes on serving without one.",
    ),
    (
        "what-is-lost-is-sent-again",
        "A producer forgets a record once it is acknowledged. If it is lost after that, nobody sends it again.",
    ),
];

/// What is so instead of a misconception.
pub fn misconception(name: &str) -> Option<&'static str> {
    let found = MISCONCEPTIONS.iter().find(|(known, _)| *known == name);
    found.map(|(_, explained)| *explained)
}
