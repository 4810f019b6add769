//! Checks producers, consumers and clients of ZooKeeper.

use super::{Check, Checked, MOST_RECORDS, config_problem};
use crate::kernel::Duration;
use crate::plan::{
    Acks, ConsumerPlan, EachRecord, Key, Problem, ProducerPlan, Role, Value, ZooKeeperClientPlan,
    write_duration, write_size,
};
use crate::protocol::config::{ConsumerConfig, ProducerConfig, Scope};
use std::collections::BTreeMap;

/// More would be a slip of the pen, not a plan.
const MOST_MEMBERS: u32 = 10_000;
/// Of all members together; a producer's buffer holds fewer.
const MOST_ON_THE_WAY: u64 = 1_000_000;
/// Many times what a broker takes by default, and yet made and copied in a moment.
const MOST_VALUE_BYTES: u64 = 100 << 20;
/// Of all values of one size that a run makes: each is made and summed, though no broker may take it.
const MOST_BYTES: u64 = 16 << 30;

/// A client with less gives each server up before it has answered.
const LEAST_TIMEOUT_MS: u64 = 1_000;
/// An hour.
const MOST_TIMEOUT_MS: u64 = 3_600_000;

/// Names under which a run tells of others: of its own administrator, of the timeline, of clients together;
/// and words that stand for more than one node.
const RESERVED: &[&str] = &[
    "admin",
    "clients",
    "everything",
    "network",
    "operator",
    "schema-registry",
    "timeline",
];

impl Check<'_> {
    pub(super) fn client_names(&self) -> Checked {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let producers = self
            .plan
            .producers
            .iter()
            .map(|plan| ("producers", plan.name.as_str(), plan.count));
        let consumers = self
            .plan
            .consumers
            .iter()
            .map(|plan| ("consumers", plan.name.as_str(), plan.count));
        let of_zookeeper = self.plan.zookeeper_clients.iter();
        let of_zookeeper = of_zookeeper.map(|plan| ("zookeeper_clients", plan.name.as_str(), None));
        let services = self.plan.services.iter();
        let services = services.map(|plan| ("services", plan.name.as_str(), None));
        let all = producers.chain(consumers).chain(of_zookeeper);
        for (room, name, count) in all.chain(services) {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            let path = [room, name];
            if name.is_empty() || !name.chars().all(plain) || name.len() > 100 {
                return Err(
                    Problem::new(path, format!("\"{name}\" is no name for a client"))
                        .on_key()
                        .expected("letters, digits, underscores and hyphens"),
                );
            }
            let means_another = !matches!(name.parse(), Ok(Role::Client { .. }))
                || name.starts_with("broker-")
                || name.starts_with("zookeeper-");
            if means_another || RESERVED.contains(&name) {
                return Err(Problem::new(
                    path,
                    format!("the name \"{name}\" means something else"),
                )
                .on_key()
                .expected("another name"));
            }
            if let Some(other) = seen.insert(name, room) {
                return Err(Problem::new(
                    path,
                    format!("\"{name}\" is the name of one of the {other} too"),
                )
                .on_key()
                .expected("each name once"));
            }
            match count {
                Some(0) => {
                    return Err(Problem::new([room, name, "count"], "a group of nobody")
                        .expected("at least 1"));
                }
                Some(n) if n > MOST_MEMBERS => {
                    return Err(Problem::new([room, name, "count"], format!("{n} members"))
                        .expected(format!("at most {MOST_MEMBERS}")));
                }
                _ => {}
            }
        }
        // Members of groups have names too.
        let members = self
            .plan
            .producers
            .iter()
            .flat_map(ProducerPlan::members)
            .chain(self.plan.consumers.iter().flat_map(ConsumerPlan::members))
            .chain(
                self.plan
                    .zookeeper_clients
                    .iter()
                    .map(|plan| plan.name.clone()),
            )
            .chain(self.plan.services.iter().map(|plan| plan.name.clone()))
            .chain(self.plan.consumers.iter().flat_map(forwarders));
        let mut all: Vec<String> = members.collect();
        all.sort_unstable();
        if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Problem::new(
                ["producers"],
                format!("two clients are called \"{}\"", pair[0]),
            )
            .on_key()
            .expected("each name once, members of groups and NAME-forwarder of those that send on included"));
        }
        Ok(())
    }

    pub(super) fn producer(&mut self, producer: &ProducerPlan) -> Checked {
        let at = |key: &str| {
            vec![
                "producers".to_string(),
                producer.name.clone(),
                key.to_string(),
            ]
        };
        self.topic_of_client(&producer.topic, at("topic"))?;
        if let Some(partition) = producer.partition.filter(|it| *it < 0) {
            return Err(Problem::new(
                at("partition"),
                format!("partition {partition}, of which no ProducerRecord can be made"),
            )
            .expected("a partition from 0 on; one that the topic does not have is waited for"));
        }
        if producer.every == Duration::ZERO && !producer.saturate {
            return Err(Problem::new(at("every"), "a record every 0s")
                .expected("a time above 0, or saturate: true"));
        }
        if producer.on_the_way.is_some() && !producer.saturate {
            return Err(Problem::new(
                at("on_the_way"),
                "records on their way at a pace of its own",
            )
            .on_key()
            .expected(
                "saturate: true beside it: as many records as that, and another for each answer",
            ));
        }
        if producer.on_the_way == Some(0) {
            return Err(
                Problem::new(at("on_the_way"), "no record on its way").expected("at least 1")
            );
        }
        let members = u64::from(producer.count.unwrap_or(1));
        let on_the_way = u64::from(producer.on_the_way.unwrap_or(1)) * members;
        if producer.on_the_way.is_some() && on_the_way > MOST_ON_THE_WAY {
            let found = match members {
                1 => format!("{on_the_way} records on their way"),
                _ => format!("{on_the_way} records on their way, of {members} members"),
            };
            return Err(Problem::new(at("on_the_way"), found)
                .expected(format!("at most {MOST_ON_THE_WAY} of all members together")));
        }
        let records = self.records_made_by(producer);
        self.bytes_made_by(producer, records, at("value"))?;
        let earlier = self.plan.producers.iter();
        let earlier = earlier.take_while(|other| other.name != producer.name);
        let earlier: u64 = earlier.map(|other| self.records_made_by(other)).sum();
        if records.saturating_add(earlier) > MOST_RECORDS {
            let made = match earlier {
                0 => format!("this makes {records} records"),
                _ => format!("this makes {records} records, and producers before it {earlier}"),
            };
            return Err(Problem::new(at("every"), made)
                .expected(format!("at most {MOST_RECORDS} in a run")));
        }
        if producer.limit == Some(0) {
            return Err(Problem::new(at("limit"), "a limit of 0 records").expected("at least 1"));
        }
        if producer.flush == Some(0) {
            return Err(
                Problem::new(at("flush"), "a flush after every 0 records").expected("at least 1")
            );
        }
        if producer.key == Key::Cycle(0) {
            return Err(Problem::new(at("key"), "a cycle of 0 keys").expected("at least 1"));
        }
        self.times(producer.start, producer.stop, at)?;
        self.bootstrap(producer.bootstrap.as_deref(), at("bootstrap"))?;
        self.rack(producer.rack.as_deref(), at("rack"))?;
        let written = producer.config.get("acks");
        if let (Some(acks), Some(written)) = (producer.acks, written)
            && Acks::parse(written.trim()) != Some(acks)
        {
            return Err(Problem::new(
                at("acks"),
                format!("acks {acks} here, and {written} in config"),
            )
            .expected("acks in one place"));
        }
        let name = producer.name.clone();
        let config_at = |key: &str| {
            vec![
                "producers".to_string(),
                name.clone(),
                "config".into(),
                key.to_string(),
            ]
        };
        self.properties(Scope::Producer, &producer.config, config_at)?;
        let mut config = producer.config.clone();
        if let Some(acks) = producer.acks {
            config.insert("acks".into(), acks.to_string());
        }
        let place = |key: &str| match key {
            "acks" if producer.acks.is_some() => at("acks"),
            key => config_at(key),
        };
        let config = (self.plan.cluster.kafka_version).client_properties(Scope::Producer, &config);
        ProducerConfig::parse(&config).map_err(|error| config_problem(error, &place))?;
        Ok(())
    }

    fn bytes_made_by(&self, producer: &ProducerPlan, records: u64, path: Vec<String>) -> Checked {
        let Value::Bytes(each) = producer.value else {
            return Ok(());
        };
        let path: Vec<String> = path.into_iter().chain(["bytes".to_string()]).collect();
        let problem = |found, most| {
            Err(Problem::new(path, found).expected(format!("at most {}", write_size(most))))
        };
        if each > MOST_VALUE_BYTES {
            return problem(format!("a value of {}", write_size(each)), MOST_VALUE_BYTES);
        }
        match each.checked_mul(records) {
            Some(all) if all <= MOST_BYTES => Ok(()),
            _ => problem(
                format!("{records} values of {} each", write_size(each)),
                MOST_BYTES,
            ),
        }
    }

    /// So many at most by all its members; of one that saturates nobody knows.
    fn records_made_by(&self, producer: &ProducerPlan) -> u64 {
        if producer.saturate {
            return 0;
        }
        let start = producer.start.unwrap_or(Duration::ZERO);
        let stop = producer.stop.unwrap_or(self.plan.duration);
        let each = stop.saturating_sub(start).0 / producer.every.0;
        let each = each.min(producer.limit.unwrap_or(u64::MAX));
        each.saturating_mul(u64::from(producer.count.unwrap_or(1)))
    }

    pub(super) fn consumer(&mut self, consumer: &ConsumerPlan) -> Checked {
        let at = |key: &str| {
            vec![
                "consumers".to_string(),
                consumer.name.clone(),
                key.to_string(),
            ]
        };
        if let Some(pattern) = &consumer.pattern {
            self.subscribes_to_pattern(consumer, pattern, at)?;
        } else if consumer.topics.is_empty() {
            return Err(Problem::new(at("topics"), "no topic to read").expected("at least 1 topic"));
        }
        for (i, topic) in consumer.topics.iter().enumerate() {
            let path = vec![
                "consumers".to_string(),
                consumer.name.clone(),
                "topics".into(),
                i.to_string(),
            ];
            if consumer.topics[..i].contains(topic) {
                return Err(
                    Problem::new(path, format!("\"{topic}\" for the second time"))
                        .expected("each topic once"),
                );
            }
            self.topic_of_client(topic, path)?;
        }
        self.assigned_by_hand(consumer, at)?;
        self.times(consumer.start, consumer.stop, at)?;
        if let Some(offset) = consumer.seek.filter(|offset| *offset < 0) {
            return Err(Problem::new(at("seek"), format!("offset {offset}"))
                .expected("an offset from 0 on"));
        }
        self.bootstrap(consumer.bootstrap.as_deref(), at("bootstrap"))?;
        self.rack(consumer.rack.as_deref(), at("rack"))?;
        let name = consumer.name.clone();
        let config_at = |key: &str| {
            vec![
                "consumers".to_string(),
                name.clone(),
                "config".into(),
                key.to_string(),
            ]
        };
        let reset = consumer.config.get("auto.offset.reset");
        if let Some(reset) = reset.filter(|it| it.trim().starts_with("by_duration")) {
            let found = format!("\"{reset}\", which comes with Kafka 4.0 (KIP-1106)");
            return Err(Problem::new(config_at("auto.offset.reset"), found)
                .expected("latest, earliest or none"));
        }
        self.properties(Scope::Consumer, &consumer.config, config_at)?;
        let config =
            (self.plan.cluster.kafka_version).client_properties(Scope::Consumer, &consumer.config);
        let config =
            ConsumerConfig::parse(&config).map_err(|error| config_problem(error, &config_at))?;
        self.member_of_group(consumer, config.group.as_ref(), at)
    }

    pub(super) fn zookeeper_client(&self, client: &ZooKeeperClientPlan) -> Checked {
        let at = |key: &str| ["zookeeper_clients", client.name.as_str(), key].map(str::to_string);
        let last = self.plan.cluster.zookeeper.servers;
        let servers = client.servers.as_deref().unwrap_or_default();
        for (i, number) in servers.iter().enumerate() {
            if !(1..=last).contains(number) {
                let mut path = at("servers").to_vec();
                path.extend((servers.len() > 1).then(|| i.to_string()));
                return Err(
                    Problem::new(path, format!("there is no zookeeper-{number}"))
                        .expected(self.zookeeper_names()),
                );
            }
        }
        if client.servers.as_ref().is_some_and(Vec::is_empty) {
            return Err(Problem::new(at("servers"), "no server to speak with")
                .expected("at least one, or leave it out: all"));
        }
        match client.session_timeout.as_millis() {
            LEAST_TIMEOUT_MS..=MOST_TIMEOUT_MS => Ok(()),
            _ => Err(Problem::new(
                at("session_timeout"),
                format!(
                    "a session timeout of {}",
                    write_duration(client.session_timeout)
                ),
            )
            .expected("from 1s to 1h; ZooKeeper fits it into its own bounds")),
        }
    }

    pub(super) fn times(
        &self,
        start: Option<Duration>,
        stop: Option<Duration>,
        at: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        if let Some(start) = start {
            self.within_run(start, at("start"))?;
        }
        if let Some(stop) = stop {
            self.within_run(stop, at("stop"))?;
            if start.unwrap_or(Duration::ZERO) >= stop {
                return Err(
                    Problem::new(at("stop"), "a stop that is not after the start")
                        .expected("a later time"),
                );
            }
        }
        Ok(())
    }

    /// Of a broker or of a client.
    pub(super) fn rack(&self, rack: Option<&str>, path: Vec<String>) -> Checked {
        match rack {
            Some(rack) if rack.is_empty() || rack.contains(' ') => {
                Err(Problem::new(path, "a rack's name with blanks").expected("one word"))
            }
            Some(_) if self.plan.cluster.brokers.iter().all(|it| it.rack.is_none()) => {
                Err(Problem::new(path, "a rack, and no broker has one")
                    .expected("brokers in racks, such as brokers: [{id: 1, rack: a}]"))
            }
            _ => Ok(()),
        }
    }
}

/// The producers of a consumer's members, if they send on what they read.
fn forwarders(consumer: &ConsumerPlan) -> Vec<String> {
    match consumer.each_record {
        Some(EachRecord::Forward(_)) => {
            let members = consumer.members().into_iter();
            members.map(|it| format!("{it}-forwarder")).collect()
        }
        _ => Vec::new(),
    }
}
