//! The logs of all replicas of a partition at a moment: a box an offset, its colour and the number above it the leader
//! epoch in which it was written, hatched beyond the high watermark that this replica knows. Below them how far groups
//! have committed, and where their members read.
//!
//! A replica's own words only: a follower learns a high watermark with its next fetch, and may know an older one than
//! its leader.

mod replicas;

use super::markers::{self, Mark, Marker};
use super::picture::{Anchor, Picture, Style};
use super::words::moment;
use super::{Nothing, Recording, Wanted, letters};
use crate::protocol::counted;
use crate::protocol::{BrokerId, StateWriteReason, TopicPartition};
use replicas::{Cluster, Down, Partition, Replica, Role};
use std::collections::BTreeMap;

const LEFT: i32 = 186;
/// Of all boxes of a log together, at most.
const WIDTH: i32 = 630;
/// So many offsets are shown: the last ones.
const OFFSETS: i32 = 24;
const BOX: i32 = 22;
/// So many partitions at most: who wants others names them.
const MOST: usize = 3;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let asked = wanted.moment(recording);
    let at = asked.unwrap_or(recording.end);
    let said = asked.map_or_else(|| "the end".to_owned(), moment);
    let cluster = Cluster::at(&recording.facts, at);
    let mut all: Vec<(&TopicPartition, &Partition<'_>)> = cluster
        .partitions
        .iter()
        .map(|(partition, it)| (*partition, it))
        .filter(|(partition, it)| wanted.shows(partition) && !it.replicas.is_empty())
        .collect();
    if all.is_empty() {
        let is_named = wanted.partition.is_some() || wanted.topic.is_some();
        return Err(Nothing {
            found: match is_named {
                true => format!("no replica of what is named has a log at {said}"),
                false => format!("no replica has a log at {said}"),
            },
            expected: match is_named {
                true => "a topic or a partition that is there then".to_owned(),
                false => "a moment at which a partition is there".to_owned(),
            },
        });
    }
    let left_out = all.len().saturating_sub(MOST);
    all.sort_by_key(|(_, it)| it.is_calm());
    all.truncate(MOST);
    all.sort_by_key(|(partition, _)| *partition);

    let mut picture = Picture::new(
        format!("{}: the logs at {said}", recording.name),
        "A row a replica, a box an offset. Colour and e-number: the leader epoch in which it was written. Hatched: beyond \
         the high watermark that the replica knows, so not known to be committed. Below: how far groups have committed and \
         where their members read.",
    );
    picture.text((12, 24), picture.title.clone(), Style::Strong);
    let mut top = 44;
    for (partition, it) in all {
        top = push_partition(&mut picture, top, &cluster, partition, it);
    }
    let mut notes = vec![
        "e0: leader epoch; hatched: beyond the replica's high watermark (HW); LSO: last stable offset, here the HW: no transaction is open"
            .to_owned(),
    ];
    if left_out > 0 {
        let partitions = counted(left_out, "more partition");
        notes.push(format!("{partitions} not shown: those with differing replicas come first, and --topic and --partition choose"));
    }
    for note in notes {
        picture.text((12, top + 10), note, Style::Faint);
        top += 14;
    }
    picture.fit(12);
    Ok(picture)
}

/// Which offsets are shown, and where.
#[derive(Clone, Copy)]
struct Window {
    first: i64,
    end: i64,
    pitch: i32,
}

impl Window {
    fn of(partition: &Partition<'_>) -> Window {
        let end = partition.replicas.values().map(|it| it.end).max();
        let end = end.unwrap_or(0);
        let pitch = (letters::width(&end.to_string(), 10) + 8).max(26);
        let count = OFFSETS.min(WIDTH / pitch);
        let start = partition.replicas.values().map(|it| it.start).min();
        let first = (end - i64::from(count)).max(start.unwrap_or(0));
        Window { first, end, pitch }
    }

    /// Of the left edge of an offset's box; what is not shown lies at the edge.
    fn x(&self, offset: i64) -> i32 {
        let place = offset.clamp(self.first, self.end) - self.first;
        LEFT + self.pitch * i32::try_from(place).unwrap_or(0)
    }
}

/// Where the next may begin.
fn push_partition(
    picture: &mut Picture,
    top: i32,
    cluster: &Cluster<'_>,
    name: &TopicPartition,
    partition: &Partition<'_>,
) -> i32 {
    let window = Window::of(partition);
    let mut title = name.to_string();
    if let Some(state) = partition.state {
        let leader = match state.leader {
            0.. => format!("led by broker-{}", state.leader),
            _ => "led by nobody".to_owned(),
        };
        let isr: Vec<String> = state.isr.iter().map(BrokerId::to_string).collect();
        title += &format!(
            ": {leader} in epoch {}, ISR {} (the controller's word)",
            state.leader_epoch,
            isr.join(",")
        );
    }
    if partition
        .replicas
        .values()
        .any(|it| it.start < window.first)
    {
        title += &format!("; offsets below {} not shown", window.first);
    }
    picture.text((12, top + 12), title, Style::Ink);
    let mut y = top + 24;
    for (broker, replica) in &partition.replicas {
        y = push_replica(picture, y, window, (cluster, partition), broker, replica);
    }
    push_readers(picture, y, window, cluster, (name, partition)) + 8
}

fn push_replica(
    picture: &mut Picture,
    top: i32,
    window: Window,
    (cluster, partition): (&Cluster<'_>, &Partition<'_>),
    broker: &str,
    replica: &Replica,
) -> i32 {
    picture.text((12, top + 18), broker, Style::Ink);
    let mut y = top + 31;
    for said in said_of(cluster, partition, broker, replica) {
        picture
            .text((12, y), letters::cut(&said.0, 10, LEFT - 20), Style::Faint)
            .because(said.1);
        y += 12;
    }
    let up = top + 12;
    let mut epoch_before = None;
    for offset in window.first.max(replica.start)..replica.end {
        let x = window.x(offset);
        let epoch = replica.epoch_at(offset);
        let known = epoch.and_then(|epoch| u32::try_from(epoch).ok());
        let committed = replica.high_watermark.is_some_and(|it| offset < it);
        let (style, ink) = match (known, committed) {
            (Some(epoch), true) => (Style::Epoch(epoch), Style::Epoch(epoch)),
            (Some(epoch), false) => (Style::Uncommitted(epoch), Style::Ink),
            (None, _) => (Style::Frame, Style::Ink),
        };
        let written = epoch.map_or_else(
            || format!("offset {offset}, from before this recording"),
            |epoch| format!("offset {offset}, leader epoch {epoch}"),
        );
        let why = match committed {
            true => format!("{written}: committed, below the high watermark"),
            false => format!("{written}: not known here to be committed; no consumer is given it"),
        };
        picture
            .rect((x, up), (window.pitch, BOX), style)
            .because(why.clone());
        let text = offset.to_string();
        if !committed {
            let width = letters::width(&text, 11) + 2;
            let left = x + (window.pitch - width) / 2;
            picture.rect((left, up + 5), (width, 12), Style::Paper);
        }
        picture
            .text_at((x + window.pitch / 2, up + 15), Anchor::Middle, text, ink)
            .because(why);
        if epoch_before != Some(epoch) {
            let number = epoch.map_or_else(|| "e?".to_owned(), |epoch| format!("e{epoch}"));
            picture.text((x + 1, up - 3), number, Style::Faint);
            epoch_before = Some(epoch);
        }
    }
    if replica.start == replica.end {
        picture.text((window.x(replica.end) + 6, up + 15), "empty", Style::Faint);
    }
    let below = markers::draw(picture, up + BOX, edges(window, replica));
    (up + BOX + below + 6).max(y)
}

/// What its log's ends are, by where they lie.
fn edges(window: Window, replica: &Replica) -> Vec<Marker> {
    let mut at: BTreeMap<i64, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    let mut push = |offset: i64, name, why| {
        let (names, whys) = at.entry(offset).or_default();
        names.push(name);
        whys.push(why);
    };
    if replica.start >= window.first && replica.start > 0 {
        let why = "log start: nothing before it is kept (retention, or DeleteRecords)";
        push(replica.start, "log start", why);
    }
    let why = "high watermark: every replica in sync has what lies below it (replica.lag.time.max.ms says who is in sync); \
               last stable offset: no open transaction lies below it (isolation.level=read_committed reads up to here)";
    if let Some(high_watermark) = replica.high_watermark {
        push(high_watermark, "HW = LSO", why);
    }
    let why = "log end: the next record is given this offset";
    push(replica.end, "log end", why);
    at.into_iter()
        .map(|(offset, (names, whys))| Marker {
            x: window.x(offset),
            text: match offset < window.first {
                true => format!("{} {offset}, left of here", names.join(" = ")),
                false => format!("{} {offset}", names.join(" = ")),
            },
            why: whys.join(". "),
            mark: Mark::Edge,
        })
        .collect()
}

/// What a replica is and how it goes, each with its reason.
fn said_of(
    cluster: &Cluster<'_>,
    partition: &Partition<'_>,
    broker: &str,
    replica: &Replica,
) -> Vec<(String, String)> {
    let mut said = Vec::new();
    let down = cluster.down.get(broker);
    let epoch = replica.leader_epoch;
    let role = match replica.role {
        Role::Leads => format!("leads, epoch {epoch}"),
        Role::Follows(leader) => format!("follows broker-{leader}, epoch {epoch}"),
        Role::Stopped => "stopped by the controller".to_owned(),
        Role::Untold => "loaded, told nothing yet".to_owned(),
    };
    let of_role = "its own word, from its last LeaderAndIsr or StopReplica (ReplicaManager)";
    match down {
        Some((since, Down::Ended)) => said.push((
            format!("not running since {}", moment(*since)),
            "what is drawn was in its log then; what its disk has of it is seen when it starts"
                .to_owned(),
        )),
        Some((since, Down::Loading)) => said.push((
            format!("loads its logs since {}", moment(*since)),
            "what is drawn was in its log when it ended; what its disk has of it it says when it has read it (LogManager)"
                .to_owned(),
        )),
        Some((since, Down::Paused)) => {
            said.push((role, of_role.to_owned()));
            said.push((
                format!("stands still since {}", moment(*since)),
                "it does not know that time goes on".to_owned(),
            ));
        }
        None => said.push((role, of_role.to_owned())),
    }
    let id = broker
        .strip_prefix("broker-")
        .and_then(|id| id.parse::<BrokerId>().ok());
    if let Some((since, reason)) = id.and_then(|id| partition.out.get(&id)) {
        let why = match reason {
            StateWriteReason::AlterPartition => {
                "its leader has taken it out: it had not caught up for replica.lag.time.max.ms (AlterPartition)"
            }
            StateWriteReason::ReplicaOffline | StateWriteReason::OfflineElection => {
                "the controller has taken it out: its broker's registration in ZooKeeper was gone \
                 (zookeeper.session.timeout.ms)"
            }
            StateWriteReason::ControlledShutdown => {
                "the controller has taken it out: its broker asked to stop (controlled.shutdown.enable)"
            }
            StateWriteReason::UncleanElection => {
                "nobody of the ISR was there: another leads (unclean.leader.election.enable)"
            }
            StateWriteReason::NewPartition | StateWriteReason::PreferredElection => {
                "the controller has written so"
            }
        };
        said.push((
            format!("out of the ISR since {}", moment(*since)),
            why.to_owned(),
        ));
    }
    said
}

/// How far groups are; where the next may begin.
fn push_readers(
    picture: &mut Picture,
    top: i32,
    window: Window,
    cluster: &Cluster<'_>,
    (name, partition): (&TopicPartition, &Partition<'_>),
) -> i32 {
    let mut of_group: BTreeMap<&str, Vec<Marker>> = BTreeMap::new();
    let beyond = |offset: i64| match offset < window.first {
        true => ", left of here",
        false => "",
    };
    for group in &cluster.groups {
        if let Some(offset) = cluster.committed.of(group, name) {
            of_group.entry(group).or_default().push(Marker {
                x: window.x(offset),
                text: format!("committed {offset}{}", beyond(offset)),
                why: format!(
                    "group {group} reads on at {offset} after a rebalance or a crash: so it stands in __consumer_offsets \
                     (OffsetCommit; enable.auto.commit, auto.commit.interval.ms)"
                ),
                mark: Mark::Arrow,
            });
        }
    }
    for (consumer, offset) in &partition.positions {
        let group = cluster.group_of.get(consumer).copied();
        of_group.entry(group.unwrap_or("")).or_default().push(Marker {
            x: window.x(*offset),
            text: format!("{consumer} reads {offset} next{}", beyond(*offset)),
            why: format!(
                "the position of {consumer}: the next offset that it hands its application; nobody else knows it until it \
                 is committed"
            ),
            mark: Mark::Ring,
        });
    }
    let mut y = top;
    for (group, markers) in of_group {
        let said = match group {
            "" => "no group".to_owned(),
            group => format!("group {group}"),
        };
        let right = window.x(window.end).max(LEFT + 40);
        picture.text(
            (12, y + 10),
            letters::cut(&said, 10, LEFT - 20),
            Style::Faint,
        );
        picture.line((LEFT, y + 6), (right, y + 6), Style::Faint);
        y += 6 + markers::draw(picture, y + 6, markers) + 6;
    }
    y
}
