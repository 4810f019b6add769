//! Processes, ZooKeeper's sessions and the lives of brokers in words.

use super::not_reached::of_start_unfinished;
use super::{Telling, episode, loud, meaning, quiet};
use crate::kernel::Duration;
use crate::protocol::zab::TxnBody;
use crate::protocol::zookeeper::Code;
use crate::protocol::{ErrorCode, Fact, LinkFault, MachineFault, TopicPartition, counted};
use crate::trace::TraceEntry;
use crate::trace::story::{Story, broker_id};
use std::rc::Rc;

pub(super) fn of_process(entry: &TraceEntry, story: &Story) -> Telling {
    match &entry.fact {
        Fact::Started if !story.has_run(&entry.node) => quiet("starts"),
        Fact::Started if is_server(&entry.node) => loud("starts again with what is on its disk"),
        Fact::Started if keeps_what_it_knew(entry) => loud("starts again and has its schemas back"),
        Fact::Started => loud("starts again; what it knew is gone"),
        Fact::Crashed if entry.node.starts_with("zookeeper-") => {
            loud("crashes (kill -9): its memory is gone, its disk is not")
        }
        Fact::Crashed if is_server(&entry.node) => loud(format!(
            "crashes (kill -9): its memory is gone, its disk is not; ZooKeeper keeps its session for a while{}",
            what_it_led(story.led_by(broker_id(&entry.node)), entry, story)
        )),
        Fact::Crashed if keeps_what_it_knew(entry) => {
            loud("crashes (kill -9); its schemas are kept")
        }
        Fact::Crashed => loud("crashes (kill -9): what it knew is gone"),
        Fact::Lingers => loud(
            "runs no more, but was in an fsync that hangs: the operating system ends it only when the disk answers; \
             until then its connections stay open and silent, its port is taken, and it cannot be started anew",
        ),
        Fact::Gone => {
            loud("is gone at last: its connections are closed, and it can be started anew")
        }
        Fact::PowerFailed => loud(format!(
            "loses power: its memory is gone, and so may be what was not synced to disk{}",
            what_it_led(story.led_by(broker_id(&entry.node)), entry, story)
        )),
        Fact::Paused => loud(format!(
            "is paused: it answers nothing and its timers stand still{}",
            what_waits(entry, story)
        )),
        Fact::Resumed => loud("goes on where it was paused, not knowing that time has passed"),
        Fact::TerminateAsked => loud("is asked to stop (SIGTERM)"),
        Fact::Exiting { status, why } => loud(format!(
            "ends with status {status}: {why}{}",
            what_it_led(story.begun_to_lead(&entry.node), entry, story)
        )),
        Fact::TimelineEvent { text, .. } => loud(&**text),
        Fact::NobodyFits { text, .. } => loud(&**text),
        Fact::StartUnfinished { lacks } => of_start_unfinished(lacks),
        // The timeline's line has said it in words.
        Fact::MachineFault { fault, on } => quiet(match (fault, on) {
            (MachineFault::DiskHangs, true) => "its disk hangs",
            (MachineFault::DiskHangs, false) => "its disk hangs no longer",
            (MachineFault::DiskSlow, true) => "its disk is slow",
            (MachineFault::DiskSlow, false) => "its disk is slow no longer",
            (MachineFault::MachineSlow, true) => "its machine is slow",
            (MachineFault::MachineSlow, false) => "its machine is slow no longer",
        }),
        Fact::LinkFault {
            number,
            fault,
            sides,
        } => {
            let sides = sides.iter().map(|side| side.join(", "));
            let sides: Vec<String> = sides.collect();
            quiet(format!(
                "fault {number} of the network: {} {}",
                sides.join(" | "),
                match fault {
                    LinkFault::Cut => "are cut off from each other",
                    LinkFault::Stalled => "hear of each other only when it is over",
                    LinkFault::Slow => "hear of each other late",
                    LinkFault::Throttled => "hear of each other at a low rate",
                }
            ))
        }
        Fact::LinkHealed { number } => quiet(format!("fault {number} of the network is over")),
        Fact::LogDirFailed { why } => loud(format!("gives up its log directory: {why}")),
        other => unreachable!("not of a process: {other:?}"),
    }
}

/// What the end of a leader means for its partitions: something only where somebody reads or writes.
fn what_it_led<'a>(
    led: impl Iterator<Item = &'a TopicPartition>,
    entry: &TraceEntry,
    story: &'a Story,
) -> String {
    match story.who_waits(led, entry.time) {
        Some(wait) => format!("; until somebody leads again, {wait} on what it led"),
        None => String::new(),
    }
}

/// It has a disk, and a place in the cluster.
fn is_server(node: &str) -> bool {
    node.starts_with("broker-") || node.starts_with("zookeeper-")
}

/// A schema registry has its schemas in a topic of Kafka's.
fn keeps_what_it_knew(entry: &TraceEntry) -> bool {
    *entry.node == *"schema-registry"
}

pub(super) fn of_zookeeper(fact: &Fact, story: &Story) -> Telling {
    let owner = |session| story.owner(session).unwrap_or("a client").to_owned();
    match fact {
        Fact::ZooKeeperServing { last_zxid: 0 } => {
            loud("serves with an empty tree: no transaction yet")
        }
        Fact::ZooKeeperServing { last_zxid } => {
            loud(format!("serves; its last zxid is 0x{last_zxid:x}"))
        }
        Fact::AheadClientRefused { seen, last_zxid } => episode(
            "turns clients away that have seen more than it has, as if it had lost transactions: ",
            format!("a client has seen zxid 0x{seen:x}, it has 0x{last_zxid:x}"),
        ),
        Fact::SessionOpened {
            session,
            timeout_ms,
        } => quiet(format!(
            "opens session 0x{session:x} with timeout {timeout_ms} ms"
        )),
        Fact::SessionResumed { session } => quiet(format!(
            "session 0x{session:x} of {} goes on",
            owner(*session)
        )),
        Fact::SessionExpired {
            session,
            ephemerals,
        } => loud(format!(
            "gives up {} session of {}: nothing heard for its timeout{}",
            if story.is_left_behind(*session) {
                "an earlier"
            } else {
                "the"
            },
            owner(*session),
            gone(ephemerals)
        )),
        Fact::SessionClosed {
            session,
            ephemerals,
        } => loud(format!(
            "closes the session of {} at its wish{}",
            owner(*session),
            gone(ephemerals)
        )),
        Fact::ZooKeeperLooks { round, last_zxid } => quiet(format!(
            "looks for a leader (round {round}); its last zxid is 0x{last_zxid:x}"
        )),
        Fact::ZooKeeperElects { leader, round } => {
            quiet(format!("elects server {leader} in round {round}"))
        }
        Fact::LearnerSynchronised {
            learner,
            last_zxid,
            mode,
            transactions,
        } => loud(format!(
            "brings server {learner}, whose last zxid is 0x{last_zxid:x}, up to date by {mode}{}",
            match transactions {
                0 => String::new(),
                1 => " and 1 transaction".to_owned(),
                n => format!(" and {n} transactions"),
            }
        )),
        Fact::ZooKeeperLeads {
            epoch, last_zxid, ..
        } => loud(format!(
            "leads epoch {epoch}: a quorum has all that it has, up to zxid 0x{last_zxid:x}"
        )),
        Fact::ZooKeeperFollows { leader, epoch, .. } => loud(format!(
            "follows server {leader} in epoch {epoch} and serves"
        )),
        Fact::ZooKeeperLeaves { why } => loud(format!("cuts its clients off: {why}")),
        Fact::TxnApplied { txn } if txn.body == TxnBody::Error(Code::SessionMoved) => {
            loud(format!(
                "applies zxid 0x{:x}: a write of {} is refused, since it came by a server that its session has left",
                txn.zxid,
                owner(txn.session)
            ))
        }
        Fact::TxnApplied { txn } => quiet(format!("applies zxid 0x{:x}: {}", txn.zxid, txn.body)),
        Fact::ZooKeeperAsked { xid, op, .. } => quiet(format!("asks ZooKeeper ({xid}): {op:?}")),
        Fact::ZooKeeperAnswered { xid, zxid, .. } => {
            quiet(format!("is answered ({xid}) with zxid 0x{zxid:x}"))
        }
        Fact::ZooKeeperWatchFired { change, .. } => quiet(format!("is told {change}")),
        Fact::ZooKeeperConnected { resumed: false, .. } => quiet("has a session with ZooKeeper"),
        Fact::ZooKeeperConnected { resumed: true, .. } => {
            loud("is connected to ZooKeeper again, its session lives")
        }
        Fact::ZooKeeperDisconnected { session } if story.is_over(*session) => loud(
            "has lost its connection to ZooKeeper, and does not know yet that its session is over",
        ),
        Fact::ZooKeeperDisconnected { .. } => {
            loud("has lost its connection to ZooKeeper; its session lives on until it times out")
        }
        Fact::ZooKeeperWatchesForgotten { .. } => quiet("forgets all that it watched for"),
        Fact::ZooKeeperSessionLost { .. } => loud("learns that ZooKeeper has given up its session"),
        other => unreachable!("not of ZooKeeper: {other:?}"),
    }
}

pub(super) fn of_broker(entry: &TraceEntry, story: &Story) -> Telling {
    match &entry.fact {
        Fact::BrokerConfigured {
            replica_lag_time_max_ms,
        } => quiet(format!(
            "works by replica.lag.time.max.ms={replica_lag_time_max_ms}"
        )),
        Fact::LogsLoaded { partitions: 0, .. } if story.has_held_replicas(&entry.node) => {
            loud("finds no log on its disk: what it holds it has to copy anew")
        }
        Fact::LogsLoaded { partitions: 0, .. } => quiet("has no logs yet"),
        Fact::LogsLoaded {
            partitions,
            recovered: 0,
        } => loud(format!(
            "loads the logs of {}",
            counted(partitions, "partition")
        )),
        Fact::LogsLoaded {
            partitions,
            recovered,
        } => loud(format!(
            "loads the logs of {} and checks {recovered}, since it did not stop cleanly",
            counted(partitions, "partition")
        )),
        Fact::SegmentScanned {
            partition,
            base_offset,
            bytes,
        } => quiet(format!(
            "checks {partition}: segment {base_offset} is good, {bytes} bytes"
        )),
        Fact::LogLoaded {
            partition, what, ..
        } => quiet(format!("{partition}: {what}")),
        Fact::LogRepaired { partition, what } => loud(format!("loads {partition}: {what}")),
        Fact::Registered { broker_epoch } => loud(format!(
            "registers in ZooKeeper: /{}, broker epoch {broker_epoch}",
            entry.node.replace("broker-", "brokers/ids/")
        )),
        Fact::RegistrationRefused { .. } => {
            loud("may not register: its old session still holds its place")
        }
        Fact::Serving => quiet("serves requests"),
        Fact::ControllerObeyed {
            controller_epoch, ..
        } => quiet(format!("obeys the controller of epoch {controller_epoch}")),
        Fact::ControlledShutdownBegins => {
            loud("asks the controller to move its leaderships away before it stops")
        }
        Fact::ControlledShutdownEnds { remaining, alone } => loud(match (remaining, &alone[..]) {
            (0, []) => "leads nothing any more and stops".to_owned(),
            (0, alone) => format!(
                "has handed over what others can lead, and stops; nobody else holds {}{}",
                alone
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
                match story.who_waits(alone, entry.time) {
                    Some(wait) => format!(": {wait} there"),
                    None => String::new(),
                }
            ),
            (remaining, _) => format!(
                "stops while it still leads {}",
                counted(remaining, "partition")
            ),
        }),
        Fact::FlushWaited {
            partition,
            ms,
            waiting,
        } => {
            let others = match waiting {
                0 => String::new(),
                1 => "; another thread waited for the lock".to_owned(),
                n => format!("; {n} other threads waited for the lock"),
            };
            loud(format!(
                "an append to {partition} has waited {} s for its flush, with the log locked{others}",
                ms / 1_000
            ))
        }
        Fact::TopicMissed {
            topic,
            client,
            partitions,
            replication_factor,
        } => episode(
            "is asked about a topic that is not there, and makes it (auto.create.topics.enable): "
                .to_owned(),
            format!(
                "{topic}, for {client}, with {} (num.partitions) and replication factor \
                 {replication_factor} (default.replication.factor)",
                counted(partitions, "partition")
            ),
        ),
        Fact::TopicAutoCreated {
            topic,
            error: ErrorCode::None,
        } => loud(format!(
            "has put the new topic {topic} into ZooKeeper, where the controller will see it; who asked hears \
             LEADER_NOT_AVAILABLE, and asks again"
        )),
        Fact::TopicAutoCreated {
            topic,
            error: ErrorCode::TopicAlreadyExists,
        } => quiet(format!("need not make {topic}: others just have")),
        Fact::TopicAutoCreated { topic, error } => episode(
            format!(
                "cannot make what it is asked for: {error}{}: ",
                meaning(*error)
            ),
            topic.to_string(),
        ),
        other => unreachable!("not of a broker: {other:?}"),
    }
}

/// What a pause holds up, in words that keep a beginner from taking it for a bug (CT33): to everybody else
/// a paused broker is like a dead one, but no connection tells so.
fn what_waits(entry: &TraceEntry, story: &Story) -> String {
    let broker = broker_id(&entry.node);
    if !story.is_in_some_isr(broker) || !story.has_session(broker) {
        return String::new();
    }
    let mut waits = Vec::new();
    if let Some(wait) = story.who_waits(story.led_by(broker), entry.time) {
        waits.push(format!("{wait} on what it leads"));
    }
    waits.push(match story.is_written_with_acks_all() {
        true => "acks=all waits wherever it is in the ISR".to_owned(),
        false => "nothing is committed wherever it is in the ISR".to_owned(),
    });
    format!(
        "; {}, until it goes on, or ZooKeeper gives up its session ({} after the pause), or a leader has missed it for replica.lag.time.max.ms: this is no bug",
        waits.join(", and "),
        expiry_window(story.session_timeout(broker))
    )
}

/// When a session expires after a broker falls silent: the last ping may be a third of the timeout old, and
/// servers round up to a tick (3 s by ZooKeeper's own default).
pub(super) fn expiry_window(timeout: Duration) -> String {
    let (from, to) = expiry(timeout);
    span(from, to)
}

/// The earliest and the latest of `expiry_window`.
pub(super) fn expiry(timeout: Duration) -> (Duration, Duration) {
    let seconds = timeout.as_millis() / 1_000;
    (
        Duration::from_secs(seconds - seconds / 3),
        Duration::from_secs(seconds + 3),
    )
}

/// `12 to 21 s`, `0.5 to 0.75 s`.
pub(super) fn span(from: Duration, to: Duration) -> String {
    format!("{} to {} s", seconds(from), seconds(to))
}

fn seconds(duration: Duration) -> String {
    let ms = duration.as_millis();
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn gone(ephemerals: &[Rc<str>]) -> String {
    if ephemerals.is_empty() {
        return String::new();
    }
    let verb = if ephemerals.len() == 1 { "goes" } else { "go" };
    format!("; {} {verb} with it", ephemerals.join(" and "))
}
