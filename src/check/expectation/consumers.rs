//! Expectations about consumers: what they read, how often, in which order, and how they found the cluster.

use super::history::{History, is, seconds, within};
use super::records::not_tallied;
use super::tally::{After, Found};
use super::{Verdict, verdict_of};
use crate::check::millis;
use crate::kernel::Duration;
use crate::plan::{ConsumerPlan, Count, EventRef, Partition, ProducerPlan};
use crate::protocol::{
    ApplicationFact, BrokerId, Fact, GroupFact, MessageFact, RecordId, TopicPartition, counted,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is acknowledged so shortly before the end need not have been read.
pub(super) const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// How often each place (offset and leader epoch) was read.
type Places = BTreeMap<(i64, i32), u64>;

pub(super) fn meets(history: &History<'_>, consumer: &str, exception: &str) -> Verdict {
    let members = history.members(consumer);
    let mut others: BTreeSet<&str> = BTreeSet::new();
    for entry in history.window() {
        if !members.iter().any(|name| **name == *entry.node) {
            continue;
        }
        match thrown(&entry.fact) {
            Some((met, whereabouts)) if met == exception => {
                let at = seconds(entry.time.since(crate::kernel::Time::ZERO));
                return Ok(format!("at {at}, {whereabouts}"));
            }
            Some((other, _)) => {
                others.insert(other);
            }
            None => {}
        }
    }
    Err(match others.is_empty() {
        true => "it did not".to_owned(),
        false => {
            let others: Vec<&str> = others.into_iter().collect();
            format!("it met only {}", others.join(", "))
        }
    })
}

/// What a consumer's library or application throws, and where; an exception that a commit ends with is one too, whether
/// `commitSync` throws it, a callback is given it, or the library notes it.
fn thrown(fact: &Fact) -> Option<(&str, String)> {
    match fact {
        Fact::ConsumerError {
            partition,
            exception,
        } => Some((exception, format!("in {partition}"))),
        Fact::Message(MessageFact::NotDeserialized {
            partition, offset, ..
        }) => {
            let whereabouts = format!("for {partition} offset {offset}");
            Some(("RecordDeserializationException", whereabouts))
        }
        Fact::Message(MessageFact::DeadLetterFailed {
            partition,
            offset,
            exception,
        }) => {
            let whereabouts = format!("as it sends on {partition} offset {offset}");
            Some((exception, whereabouts))
        }
        Fact::Group(GroupFact::Failed { group, exception }) => {
            Some((exception, format!("out of poll, in group {group}")))
        }
        Fact::Group(GroupFact::CommitFailed { group, exception }) => {
            Some((exception, format!("as it commits for group {group}")))
        }
        Fact::Application(ApplicationFact::CallThrew {
            call,
            partition,
            exception,
        }) => Some((exception, format!("as it calls {call} for {partition}"))),
        Fact::Application(ApplicationFact::ListenerThrew { callback, .. }) => {
            Some(("KafkaException", format!("as its {callback} throws")))
        }
        Fact::Application(ApplicationFact::Failed {
            partition,
            offset,
            why,
        }) => Some((why, format!("as it works on {partition} offset {offset}"))),
        _ => None,
    }
}

/// Those that read from the beginning are those whose first position was 0, in a partition in which there is something
/// to be read. Members of a group share the work.
pub(super) fn every_record_read(history: &History<'_>) -> Verdict {
    let mut readers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for consumer in &history.plan.consumers {
        match consumer.group_id() {
            Some(group) => {
                let members = readers.entry(format!("group {group}")).or_default();
                members.extend(consumer.members());
            }
            None => {
                let each = consumer.members().into_iter();
                readers.extend(each.map(|name| (name.clone(), vec![name])));
            }
        }
    }
    let acknowledged = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Acked { partition, .. } => Some(partition),
            _ => None,
        });
    let written: BTreeSet<&TopicPartition> = acknowledged.collect();
    let mut figures = Vec::new();
    let mut others = Vec::new();
    for (reader, members) in &readers {
        let positions = first_positions(history, members);
        let why = why_not_from_the_beginning(history, members, &positions);
        let from_beginning: BTreeSet<&TopicPartition> = positions
            .into_iter()
            .filter(|(partition, offset)| *offset == 0 && written.contains(partition))
            .map(|(partition, _)| partition)
            .collect();
        if !from_beginning.is_empty() {
            let partitions = |partition: &TopicPartition| from_beginning.contains(partition);
            figures.push(has_read_all(history, reader, members, partitions)?);
        } else {
            others.push(format!("{reader} {why}"));
        }
    }
    if !figures.is_empty() {
        return Ok(figures.join("; "));
    }
    Err(match (written.is_empty(), others.is_empty()) {
        (true, _) => "none was acknowledged".to_owned(),
        (false, true) => "nobody reads".to_owned(),
        (false, false) => others.join("; "),
    })
}

fn why_not_from_the_beginning(
    history: &History<'_>,
    members: &[String],
    positions: &BTreeMap<&TopicPartition, i64>,
) -> &'static str {
    if !positions.is_empty() {
        return "does not read from the beginning";
    }
    let was_given_some = history.entries.iter().any(|entry| {
        matches!(&entry.fact, Fact::Group(GroupFact::PartitionsAssigned { partitions, .. }) if !partitions.is_empty())
            && members.iter().any(|member| **member == *entry.node)
    });
    let is_member = |plan: &ConsumerPlan| {
        plan.subscribes_in().is_some() && plan.members().iter().any(|it| members.contains(it))
    };
    match history.plan.consumers.iter().any(is_member) && !was_given_some {
        true => "read 0 of them: it never got a partition",
        false => "read 0 of them: it never learned where to begin",
    }
}

pub(super) fn reads_everything(history: &History<'_>, consumer: &str) -> Verdict {
    let plans = history.plan.consumers.iter();
    let of_it: Vec<&ConsumerPlan> = plans
        .filter(|plan| plan.name == consumer || plan.members().iter().any(|name| name == consumer))
        .collect();
    let figures: Result<Vec<_>, _> = history
        .members(consumer)
        .iter()
        .map(|member| {
            has_read_all(history, member, std::slice::from_ref(member), |partition| {
                let mut of_it = of_it.iter();
                of_it.any(|plan| plan.may_read(&partition.topic, partition.partition))
            })
        })
        .collect();
    figures.map(|figures| figures.join("; "))
}

pub(super) fn read(history: &History<'_>, count: Count) -> Verdict {
    let Found::Read(read) = history.tally.found else {
        return not_tallied();
    };
    verdict_of(count.holds(read), format!("{read} read"))
}

pub(super) fn read_twice(history: &History<'_>, consumer: &str, count: Count) -> Verdict {
    // Records may be equal: so many were made.
    let mut made: BTreeMap<(&TopicPartition, u64), u64> = BTreeMap::new();
    for entry in history.entries {
        if let Fact::RecordCreated {
            partition, content, ..
        } = &entry.fact
        {
            *made.entry((partition, *content)).or_default() += 1;
        }
    }
    let mut twice = 0;
    for member in history.members(consumer) {
        // How often what lies at each place was read.
        let mut reads: BTreeMap<(&TopicPartition, u64), Places> = BTreeMap::new();
        for read in consumed_by(history, &member) {
            let equal = reads.entry((read.partition, read.content)).or_default();
            *equal.entry((read.offset, read.leader_epoch)).or_default() += 1;
        }
        for (what, places) in reads {
            let made = made.get(&what).copied().unwrap_or(1);
            let again: u64 = places.values().map(|times| times - 1).sum();
            twice += again + (places.len() as u64).saturating_sub(made);
        }
    }
    verdict_of(count.holds(twice), format!("{twice} read again"))
}

/// Not of one consumer: of all that any of them saw.
pub(super) fn used_twice(history: &History<'_>, count: Count) -> Verdict {
    let Found::Offsets(reads) = &history.tally.found else {
        return not_tallied();
    };
    let mut reads = reads.clone();
    reads.look_at_logs(history.end);
    let twice = reads.used_twice();
    let figures = format!("{twice}, in {}", counted(reads.count, "read"));
    verdict_of(count.holds(twice), figures)
}

pub(super) fn reads_from(
    history: &History<'_>,
    consumer: &str,
    partition: &Partition,
    id: BrokerId,
) -> Verdict {
    let members = history.members(consumer);
    for member in &members {
        let chosen = history.window().filter_map(|entry| match &entry.fact {
            Fact::ReadReplicaChosen {
                partition: of,
                replica,
                ..
            } if *entry.node == **member && is(of, partition) => Some((entry.time, *replica)),
            _ => None,
        });
        match chosen.last() {
            Some((_, replica)) if replica == id => {}
            Some((time, replica)) => {
                let since = seconds(time.since(crate::kernel::Time::ZERO));
                return Err(format!(
                    "{member} does so from broker-{replica}, since {since}"
                ));
            }
            None => return Err(format!("{member} was sent to no other replica")),
        }
    }
    Ok(counted(members.len(), "consumer"))
}

pub(super) fn reads_later(history: &History<'_>, consumer: &str, other: &str) -> Verdict {
    let Found::Delays(delays) = &history.tally.found else {
        return not_tallied();
    };
    let of = |name: &str| {
        let [half, most] =
            [500, 990].map(|per_mille| delays.of(&history.members(name)).at(per_mille));
        match (half, most) {
            (Some(half), Some(most)) => Ok((half, most)),
            _ => Err(format!("{name} read none that was made in time")),
        }
    };
    let ((one, one_most), (two, two_most)) = (of(consumer)?, of(other)?);
    let figures = format!(
        "{consumer} p50 {}, p99 {}; {other} p50 {}, p99 {}",
        millis(one),
        millis(one_most),
        millis(two),
        millis(two_most)
    );
    verdict_of(one > two, figures)
}

pub(super) fn reads_again(history: &History<'_>, limit: Duration, event: &EventRef) -> Verdict {
    let event = history.event(event)?;
    match history.tally.found {
        Found::ReadAfter(After {
            first: Some(time), ..
        }) => within(history.time(event), time, limit, "the first was read"),
        _ => Err("none was read".to_owned()),
    }
}

pub(super) fn order_of_keys(history: &History<'_>, consumer: &str) -> Verdict {
    let produced = Produced::of(history);
    let mut read = 0;
    for member in history.members(consumer) {
        // Nothing orders what two producers write.
        let mut latest: BTreeMap<(&str, &str), (usize, &RecordId)> = BTreeMap::new();
        for FirstRead {
            record, place, key, ..
        } in produced.first_reads(history, &member)
        {
            let Some(key) = key else { continue };
            read += 1;
            let before = latest.insert((&record.producer, key), (place, record));
            if let Some((_, other)) = before.filter(|(before, _)| *before > place) {
                return Err(format!(
                    "{member} read {} of key {key} after {}, which was produced later",
                    name(record),
                    name(other)
                ));
            }
        }
    }
    verdict_of(
        read > 0,
        format!("{} with keys read", counted(read, "record")),
    )
}

pub(super) fn out_of_order(history: &History<'_>, consumer: &str) -> Verdict {
    overtaken(history, consumer, |_, _| true)
}

pub(super) fn no_order_across(history: &History<'_>, consumer: &str) -> Verdict {
    overtaken(history, consumer, |one, other| one != other)
}

/// It read a record before one that its producer had made earlier; `counts` is asked of their partitions.
fn overtaken(
    history: &History<'_>,
    consumer: &str,
    counts: impl Fn(&TopicPartition, &TopicPartition) -> bool,
) -> Verdict {
    let produced = Produced::of(history);
    for member in history.members(consumer) {
        // The latest record of each producer in each partition. A process that starts again may number anew: what
        // counts is when they were made.
        let mut latest: BTreeMap<&str, BTreeMap<&TopicPartition, (usize, &RecordId)>> =
            BTreeMap::new();
        for read in produced.first_reads(history, &member) {
            let of_it = latest.entry(&*read.record.producer).or_default();
            let mut before = of_it.iter().filter(|(partition, (other, _))| {
                *other > read.place && counts(partition, read.partition)
            });
            if let Some((_, (_, other))) = before.next() {
                return Ok(format!(
                    "{member} read {} before {}",
                    name(other),
                    name(read.record)
                ));
            }
            let this = (read.place, read.record);
            let known = of_it.entry(read.partition).or_insert(this);
            if known.0 < read.place {
                *known = this;
            }
        }
    }
    Err("each producer's records were read in the order in which it made them".to_owned())
}

pub(super) fn bootstraps_from(history: &History<'_>, client: &str, id: BrokerId) -> Verdict {
    let members = history.members(client);
    let server = format!("broker-{id}");
    let mut figures = Vec::new();
    for member in &members {
        let first = history.entries.iter().find_map(|entry| match &entry.fact {
            Fact::Bootstrapped { from } if *entry.node == **member => Some(from),
            _ => None,
        });
        let Some(from) = first else {
            return Err(format!("nobody answered {member}"));
        };
        let host = from.split(':').next().unwrap_or_default();
        if host.rsplit('/').next() != Some(server.as_str()) {
            return Err(format!("{from} was the first to answer {member}"));
        }
        figures.push(format!("{from} was the first to answer {member}"));
    }
    Ok(figures.join("; "))
}

/// Every record that was acknowledged in these partitions, but for the last moment, was read.
fn has_read_all(
    history: &History<'_>,
    reader: &str,
    members: &[String],
    partitions: impl Fn(&TopicPartition) -> bool,
) -> Verdict {
    // An offset may have held several records; those of different epochs are different, equal or not.
    let read: BTreeSet<(&TopicPartition, i64, u64, i32)> = members
        .iter()
        .flat_map(|member| consumed_by(history, member))
        .map(|read| (read.partition, read.offset, read.content, read.leader_epoch))
        .collect();
    let mut unclaimed: BTreeMap<(&TopicPartition, i64, u64), u32> = BTreeMap::new();
    for (partition, offset, content, _) in read {
        *unclaimed.entry((partition, offset, content)).or_default() += 1;
    }
    let end = history.last;
    let mut due = 0;
    let mut on_its_way = 0;
    for entry in history.entries {
        let Fact::Acked {
            record,
            partition,
            offset,
            content,
            ..
        } = &entry.fact
        else {
            continue;
        };
        if !partitions(partition) || *offset < 0 {
            continue;
        }
        let of_it = unclaimed.get_mut(&(partition, *offset, *content));
        if let Some(read) = of_it.filter(|read| **read > 0) {
            *read -= 1;
            due += 1;
        } else if end.since(entry.time) < ON_ITS_WAY {
            on_its_way += 1;
        } else {
            return Err(format!(
                "{reader} did not read {} ({partition} offset {offset})",
                name(record)
            ));
        }
    }
    let late = match on_its_way {
        0 => String::new(),
        late => format!(
            ", and {late} of the last {} are on their way",
            seconds(ON_ITS_WAY)
        ),
    };
    verdict_of(due > 0, format!("{reader} read {due} of them{late}"))
}

fn first_positions<'a>(
    history: &History<'a>,
    members: &[String],
) -> BTreeMap<&'a TopicPartition, i64> {
    let mut positions = BTreeMap::new();
    for entry in history.entries {
        if let Fact::PositionSet {
            partition, offset, ..
        } = &entry.fact
            && members.iter().any(|member| **member == *entry.node)
        {
            positions.entry(partition).or_insert(*offset);
        }
    }
    positions
}

/// A record that a consumer got.
struct Read<'a> {
    partition: &'a TopicPartition,
    offset: i64,
    content: u64,
    leader_epoch: i32,
}

/// Everything that a consumer got, in its order.
fn consumed_by<'a>(history: &History<'a>, reader: &str) -> impl Iterator<Item = Read<'a>> {
    history
        .entries
        .iter()
        .filter_map(move |entry| match &entry.fact {
            Fact::Consumed {
                partition,
                offset,
                content,
                leader_epoch,
            } if *entry.node == *reader => Some(Read {
                partition,
                offset: *offset,
                content: *content,
                leader_epoch: *leader_epoch,
            }),
            _ => None,
        })
}

fn name(record: &RecordId) -> String {
    format!("{}#{}", record.producer, record.number)
}

/// Every record that was made: where in the order, and with which key.
struct Produced<'a> {
    /// By partition and content; the first that was made, where two are equal.
    by_content: BTreeMap<(&'a TopicPartition, u64), (usize, &'a RecordId, Option<String>)>,
}

impl<'a> Produced<'a> {
    fn of(history: &History<'a>) -> Self {
        let producers: BTreeMap<String, (&ProducerPlan, usize)> = history
            .plan
            .producers
            .iter()
            .flat_map(|plan| {
                plan.members()
                    .into_iter()
                    .enumerate()
                    .map(move |(i, name)| (name, (plan, i + 1)))
            })
            .collect();
        let mut by_content = BTreeMap::new();
        for (place, entry) in history.entries.iter().enumerate() {
            let Fact::RecordCreated {
                record,
                partition,
                content,
                ..
            } = &entry.fact
            else {
                continue;
            };
            let key = producers
                .get(&*record.producer)
                .and_then(|(plan, member)| plan.key.of(*member as u32, record.number));
            by_content
                .entry((partition, *content))
                .or_insert((place, record, key));
        }
        Produced { by_content }
    }

    /// What a consumer read, each the first time, in its order.
    fn first_reads<'b>(&'b self, history: &History<'a>, reader: &str) -> Vec<FirstRead<'a, 'b>> {
        let mut seen = BTreeSet::new();
        consumed_by(history, reader)
            .filter_map(|read| {
                let (place, record, key) = self.by_content.get(&(read.partition, read.content))?;
                seen.insert(*place).then_some(FirstRead {
                    record,
                    place: *place,
                    key: key.as_deref(),
                    partition: read.partition,
                })
            })
            .collect()
    }
}

/// A record that a consumer got for the first time.
struct FirstRead<'a, 'b> {
    record: &'a RecordId,
    /// Where among all that were made.
    place: usize,
    key: Option<&'b str>,
    partition: &'a TopicPartition,
}
