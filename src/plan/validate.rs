//! Holds a plan against itself: what it names must be there, what it asks for must be possible.

use super::problem::Problem;
use super::{
    Acks, Action, ClusterPlan, ConsumerPlan, Entry, EventRef, Expectation, Expected, Latency,
    Machine, Moment, Partition, Plan, ProducerPlan, Role, Targets, TopicPlan, When, write_duration,
};
use crate::kernel::Duration;
use crate::protocol::ErrorCode;
use crate::protocol::config::{
    BrokerConfig, ConfigError, KafkaVersion, Properties, Scope, nearest,
};
use std::collections::BTreeMap;

/// More would be a slip of the pen, not a plan.
const MOST_BROKERS: usize = 1_000;
const MOST_REPLICAS: u64 = 200_000;
const MOST_MEMBERS: u32 = 10_000;
/// `broker.id` above `reserved.broker.max.id` is refused by a broker that starts.
const LARGEST_BROKER_ID: i32 = 1_000;
/// `host:port`: the port that brokers listen on.
const PORT: &str = "9092";

impl Plan {
    /// The first thing that is impossible; else what the author should know.
    pub fn validate(&self) -> Result<Vec<Problem>, Problem> {
        let mut check = Check {
            plan: self,
            partitions: self.partition_counts(),
            warnings: Vec::new(),
        };
        check.head()?;
        check.cluster(&self.cluster)?;
        check.latencies()?;
        for topic in &self.topics {
            let config = |key: &str| {
                vec![
                    "topics".to_string(),
                    topic.name.clone(),
                    "config".into(),
                    key.to_string(),
                ]
            };
            check.topic(topic, &["topics", &topic.name])?;
            check.properties(Scope::Topic, &topic.config, config)?;
        }
        check.topic_names()?;
        check.client_names()?;
        for producer in &self.producers {
            check.producer(producer)?;
        }
        for consumer in &self.consumers {
            check.consumer(consumer)?;
        }
        for (i, entry) in self.timeline.iter().enumerate() {
            let below = |problem: Problem| problem.below(&i.to_string()).below("timeline");
            let known = check.warnings.len();
            check.entry(entry).map_err(below)?;
            for warning in &mut check.warnings[known..] {
                *warning = below(warning.clone());
            }
        }
        for (i, expected) in self.expect.iter().enumerate() {
            check
                .expected(expected)
                .map_err(|problem| problem.below(&i.to_string()).below("expect"))?;
        }
        Ok(check.warnings)
    }

    /// Topics that are there at the start or made by the timeline, with their numbers of partitions.
    fn partition_counts(&self) -> BTreeMap<&str, u32> {
        let default = self
            .cluster
            .config
            .get("num.partitions")
            .and_then(|n| n.parse().ok())
            .unwrap_or(1);
        let made = self
            .timeline
            .iter()
            .filter_map(|entry| match &entry.action {
                Action::CreateTopic(topic) => Some(topic),
                _ => None,
            });
        let count = |topic: &TopicPlan| match topic.assignment.len() {
            0 => topic.partitions.unwrap_or(default),
            n => n as u32,
        };
        self.topics
            .iter()
            .chain(made)
            .map(|topic| (topic.name.as_str(), count(topic)))
            .collect()
    }
}

struct Check<'a> {
    plan: &'a Plan,
    partitions: BTreeMap<&'a str, u32>,
    warnings: Vec<Problem>,
}

type Checked = Result<(), Problem>;

impl Check<'_> {
    fn head(&self) -> Checked {
        let name = &self.plan.name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(plain) || name.len() > 64 {
            return Err(Problem::new(["name"], format!("\"{name}\""))
                .expected("lower-case letters, digits and hyphens, at most 64"));
        }
        if self.plan.duration == Duration::ZERO {
            return Err(Problem::new(["duration"], "a run of no length")
                .expected("a duration above 0, such as 2m"));
        }
        Ok(())
    }

    // ---- topology

    fn cluster(&mut self, cluster: &ClusterPlan) -> Checked {
        let version = cluster.kafka_version;
        if version < KafkaVersion::new(2, 7) || version > KafkaVersion::V3_9 {
            let why = if version > KafkaVersion::V3_9 {
                "has no ZooKeeper, or is not known here"
            } else {
                "changes in-sync replicas through ZooKeeper, which is not modelled"
            };
            return Err(Problem::new(
                ["cluster", "kafka_version"],
                format!("Kafka {version} {why}"),
            )
            .expected("a release from 2.7 to 3.9"));
        }
        if version != KafkaVersion::V3_9 {
            self.warnings.push(Problem::new(
                ["cluster", "kafka_version"],
                format!("defaults are those of Kafka {version}; the protocol is that of 3.9"),
            ));
        }
        let zookeeper = &cluster.zookeeper;
        match zookeeper.servers {
            1 => {}
            3 | 5 | 7 => {
                return Err(Problem::new(
                    ["cluster", "zookeeper", "servers"],
                    format!(
                        "{} ZooKeeper servers: an ensemble is not modelled yet",
                        zookeeper.servers
                    ),
                )
                .expected("1"));
            }
            n => {
                return Err(Problem::new(
                    ["cluster", "zookeeper", "servers"],
                    format!("{n} ZooKeeper servers"),
                )
                .expected("1"));
            }
        }
        if zookeeper.tick_time_ms == 0 {
            return Err(
                Problem::new(["cluster", "zookeeper", "tickTime"], "a tick of no length")
                    .expected("milliseconds above 0, such as 2000"),
            );
        }
        let least = zookeeper
            .min_session_timeout_ms
            .unwrap_or(zookeeper.tick_time_ms.saturating_mul(2));
        let most = zookeeper
            .max_session_timeout_ms
            .unwrap_or(zookeeper.tick_time_ms.saturating_mul(20));
        if least > most {
            return Err(Problem::new(
                ["cluster", "zookeeper", "maxSessionTimeout"],
                format!("{most} ms is below minSessionTimeout, {least} ms"),
            )
            .expected("a maxSessionTimeout that is not below minSessionTimeout"));
        }
        self.machine(&zookeeper.machine, &["cluster", "zookeeper", "machine"])?;
        if cluster.brokers.is_empty() {
            return Err(
                Problem::new(["cluster", "brokers"], "no brokers").expected("at least 1 broker")
            );
        }
        if cluster.brokers.len() > MOST_BROKERS {
            return Err(Problem::new(
                ["cluster", "brokers"],
                format!("{} brokers", cluster.brokers.len()),
            )
            .expected(format!("at most {MOST_BROKERS}")));
        }
        let config_at = |key: &str| ["cluster", "config", key].map(str::to_string).to_vec();
        self.properties(Scope::Broker, &cluster.config, config_at)?;
        self.broker_config(&cluster.config, config_at)?;
        for (i, broker) in cluster.brokers.iter().enumerate() {
            let place = i.to_string();
            let path = |key: &str| {
                ["cluster", "brokers", &place, key]
                    .map(str::to_string)
                    .to_vec()
            };
            if !(1..=LARGEST_BROKER_ID).contains(&broker.id) {
                return Err(Problem::new(path("id"), format!("broker id {}", broker.id))
                    .expected(format!("an id from 1 to {LARGEST_BROKER_ID}")));
            }
            if cluster.brokers[..i]
                .iter()
                .any(|other| other.id == broker.id)
            {
                return Err(Problem::new(
                    path("id"),
                    format!("broker id {} for the second time", broker.id),
                )
                .expected("each id once"));
            }
            if broker
                .rack
                .as_deref()
                .is_some_and(|rack| rack.is_empty() || rack.contains(' '))
            {
                return Err(
                    Problem::new(path("rack"), "a rack's name with blanks").expected("one word")
                );
            }
            let config_at = |key: &str| {
                ["cluster", "brokers", &place, "config", key]
                    .map(str::to_string)
                    .to_vec()
            };
            self.properties(Scope::Broker, &broker.config, config_at)?;
            let mut whole = cluster.config.clone();
            whole.extend(broker.config.clone());
            self.broker_config(&whole, config_at)?;
            self.machine(&broker.machine, &["cluster", "brokers", &place, "machine"])?;
        }
        Ok(())
    }

    fn machine(&self, machine: &Machine, path: &[&str]) -> Checked {
        let at = |key: &str| {
            path.iter()
                .copied()
                .chain([key])
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        if machine.slowness == 0 {
            return Err(Problem::new(at("slowness"), "slowness 0").expected("1 (normal) or more"));
        }
        if machine.supervisor == Some(Duration::ZERO) {
            return Err(
                Problem::new(at("supervisor"), "a supervisor that waits for nothing")
                    .expected("a delay above 0, such as 5s"),
            );
        }
        if machine.clock_drift_ppm.unsigned_abs() > 500_000 {
            return Err(Problem::new(
                at("clock_drift_ppm"),
                format!("{} parts per million", machine.clock_drift_ppm),
            )
            .expected("from -500000 to 500000"));
        }
        for (file, _) in &machine.files {
            let plain = !file.is_empty()
                && file
                    .split('/')
                    .all(|part| !part.is_empty() && part != "." && part != "..");
            if !plain {
                return Err(Problem::new(at("files"), format!("the path \"{file}\""))
                    .expected("a relative path without . and .., such as data/meta.properties"));
            }
        }
        Ok(())
    }

    fn latencies(&self) -> Checked {
        let plan = self.plan;
        for (latency, path) in [
            (&plan.network.latency, ["network", "latency"]),
            (&plan.network.other_rack, ["network", "other_rack"]),
            (&plan.disk.read, ["disk", "read"]),
            (&plan.disk.sync, ["disk", "sync"]),
        ] {
            let Some(latency) = latency else { continue };
            match latency {
                Latency::Uniform { low, high } if low > high => {
                    return Err(Problem::new(
                        path,
                        format!("from {} to {}", write_duration(*low), write_duration(*high)),
                    )
                    .expected("the smaller time first"));
                }
                Latency::LogNormal { sigma_percent, .. } if *sigma_percent > 200 => {
                    return Err(Problem::new(path, format!("sigma_percent {sigma_percent}"))
                        .expected("at most 200"));
                }
                _ => {}
            }
        }
        for (bandwidth, path) in [
            (plan.network.bandwidth, ["network", "bandwidth"]),
            (plan.disk.bandwidth, ["disk", "bandwidth"]),
        ] {
            if bandwidth == Some(0) {
                return Err(Problem::new(path, "no bandwidth").expected("more than 0B/s"));
            }
        }
        Ok(())
    }

    // ---- configuration

    fn properties(
        &mut self,
        scope: Scope,
        properties: &Properties,
        path: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        for (key, value) in properties {
            match scope.check(key, value) {
                Ok(known) if !known.modelled => self.warnings.push(
                    Problem::new(path(key), format!("Kafka has the {scope} configuration \"{key}\", but it is not modelled yet and changes nothing"))
                        .on_key(),
                ),
                Ok(_) => {}
                Err(error) => return Err(config_problem(error, &path)),
            }
        }
        Ok(())
    }

    fn broker_config(
        &self,
        properties: &Properties,
        path: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        BrokerConfig::from_properties(properties, self.plan.cluster.kafka_version)
            .map(|_| ())
            .map_err(|error| config_problem(error, &path))
    }

    // ---- topics

    fn topic(&self, topic: &TopicPlan, path: &[&str]) -> Checked {
        let at = |key: &str| {
            path.iter()
                .copied()
                .chain([key])
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        let brokers = self.plan.cluster.brokers.len() as u64;
        let name = &topic.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty()
            || name == "."
            || name == ".."
            || name.len() > 249
            || !name.chars().all(plain)
        {
            return Err(
                Problem::new(path, format!("\"{name}\" is no name for a topic"))
                    .on_key()
                    .expected("at most 249 letters, digits, dots, underscores and hyphens"),
            );
        }
        if topic.partitions == Some(0) {
            return Err(
                Problem::new(at("partitions"), "no partitions").expected("at least 1 partition")
            );
        }
        if topic.replication_factor == Some(0) {
            return Err(
                Problem::new(at("replication.factor"), "replication factor 0")
                    .expected("at least 1"),
            );
        }
        let default_factor = self
            .plan
            .cluster
            .config
            .get("default.replication.factor")
            .and_then(|n| n.parse().ok())
            .unwrap_or(1);
        let factor = topic.replication_factor.unwrap_or(default_factor);
        if topic.assignment.is_empty() && u64::from(factor) > brokers {
            return Err(Problem::new(
                at("replication.factor"),
                format!("replication factor {factor} with {brokers} brokers"),
            )
            .expected(format!(
                "at most {brokers}: each replica needs a broker of its own"
            )));
        }
        let count = self.partitions.get(name.as_str()).copied().unwrap_or(1);
        if u64::from(count) * u64::from(factor.max(1)) > MOST_REPLICAS {
            return Err(Problem::new(
                at("partitions"),
                format!("{count} partitions with {factor} replicas each"),
            )
            .expected(format!("at most {MOST_REPLICAS} replicas")));
        }
        self.assignment(topic, at("assignment"))
    }

    fn assignment(&self, topic: &TopicPlan, path: Vec<String>) -> Checked {
        let Some(first) = topic.assignment.first() else {
            return Ok(());
        };
        if topic.partitions.is_some() || topic.replication_factor.is_some() {
            return Err(Problem::new(
                path,
                "an assignment beside partitions or replication.factor",
            )
            .on_key()
            .expected("one or the other: an assignment says both"));
        }
        for replicas in &topic.assignment {
            if replicas.is_empty() || replicas.len() != first.len() {
                return Err(
                    Problem::new(path, "partitions with different numbers of replicas")
                        .expected("the same number for each partition, at least 1"),
                );
            }
            for (i, id) in replicas.iter().enumerate() {
                if replicas[..i].contains(id) {
                    return Err(
                        Problem::new(path, format!("broker {id} twice for one partition"))
                            .expected("each replica on a broker of its own"),
                    );
                }
                if !self
                    .plan
                    .cluster
                    .brokers
                    .iter()
                    .any(|broker| broker.id == *id)
                {
                    return Err(self.no_such_broker(path, *id));
                }
            }
        }
        Ok(())
    }

    /// Kafka keeps metrics under names in which dots are underscores.
    fn topic_names(&self) -> Checked {
        for (i, topic) in self.plan.topics.iter().enumerate() {
            let same =
                |other: &&TopicPlan| other.name.replace('.', "_") == topic.name.replace('.', "_");
            if let Some(other) = self.plan.topics[..i].iter().find(same) {
                return Err(Problem::new(
                    ["topics", &topic.name],
                    format!("\"{}\" collides with \"{}\"", topic.name, other.name),
                )
                .on_key()
                .expected(
                    "names that differ in more than dots and underscores, as Kafka demands",
                ));
            }
        }
        Ok(())
    }

    fn topic_there(&self, name: &str, path: Vec<String>) -> Checked {
        if self.partitions.contains_key(name) {
            return Ok(());
        }
        let problem = Problem::new(path, format!("there is no topic \"{name}\"")).expected(
            match self.partitions.len() {
                0 => "a topic that stands under topics (there is none)".to_string(),
                _ => format!(
                    "one of {}",
                    self.partitions
                        .keys()
                        .copied()
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            },
        );
        Err(with_suggestion(
            problem,
            nearest(name, self.partitions.keys().copied()),
        ))
    }

    fn partition_there(&self, partition: &Partition, path: Vec<String>) -> Checked {
        self.topic_there(&partition.topic, path.clone())?;
        let count = self.partitions[partition.topic.as_str()];
        if (0..i64::from(count)).contains(&i64::from(partition.partition)) {
            return Ok(());
        }
        Err(
            Problem::new(path, format!("there is no partition {partition}")).expected(
                match count {
                    1 => format!("{}-0, its only one", partition.topic),
                    n => format!("{topic}-0 to {topic}-{}", n - 1, topic = partition.topic),
                },
            ),
        )
    }

    fn no_such_broker(&self, path: Vec<String>, id: i32) -> Problem {
        let ids: Vec<String> = self
            .plan
            .cluster
            .brokers
            .iter()
            .map(|broker| broker.id.to_string())
            .collect();
        Problem::new(path, format!("there is no broker {id}"))
            .expected(format!("one of {}", ids.join(", ")))
    }

    // ---- clients

    fn client_names(&self) -> Checked {
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
        for (room, name, count) in producers.chain(consumers) {
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
            if means_another || name == "everything" || name == "network" {
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
            .chain(self.plan.consumers.iter().flat_map(ConsumerPlan::members));
        let mut all: Vec<String> = members.collect();
        all.sort_unstable();
        if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Problem::new(
                ["producers"],
                format!("two clients are called \"{}\"", pair[0]),
            )
            .on_key()
            .expected("each name once, members of groups included"));
        }
        Ok(())
    }

    fn producer(&mut self, producer: &ProducerPlan) -> Checked {
        let at = |key: &str| {
            vec![
                "producers".to_string(),
                producer.name.clone(),
                key.to_string(),
            ]
        };
        self.topic_there(&producer.topic, at("topic"))?;
        if producer.every == Duration::ZERO && !producer.saturate {
            return Err(Problem::new(at("every"), "a record every 0s")
                .expected("a time above 0, or saturate: true"));
        }
        if producer.limit == Some(0) {
            return Err(Problem::new(at("limit"), "a limit of 0 records").expected("at least 1"));
        }
        if producer.key == super::Key::Cycle(0) {
            return Err(Problem::new(at("key"), "a cycle of 0 keys").expected("at least 1"));
        }
        self.times(producer.start, producer.stop, at)?;
        self.bootstrap(producer.bootstrap.as_deref(), at("bootstrap"))?;
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
        // False is what is modelled; true would be a promise that is not kept.
        match producer.config.get("enable.idempotence") {
            Some(value) if value.trim().eq_ignore_ascii_case("true") => {
                Err(Problem::new(config_at("enable.idempotence"), "enable.idempotence: true, which is not modelled yet")
                    .expected("false, which is what happens here: retries may duplicate records (Kafka 3.9's own default is true)"))
            }
            _ => Ok(()),
        }
    }

    fn consumer(&mut self, consumer: &ConsumerPlan) -> Checked {
        let at = |key: &str| {
            vec![
                "consumers".to_string(),
                consumer.name.clone(),
                key.to_string(),
            ]
        };
        if consumer.topics.is_empty() {
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
            self.topic_there(topic, path)?;
        }
        self.times(consumer.start, consumer.stop, at)?;
        self.bootstrap(consumer.bootstrap.as_deref(), at("bootstrap"))?;
        let name = consumer.name.clone();
        self.properties(Scope::Consumer, &consumer.config, |key| {
            vec![
                "consumers".to_string(),
                name.clone(),
                "config".into(),
                key.to_string(),
            ]
        })
    }

    fn times(
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
            if start.is_some_and(|start| start >= stop) {
                return Err(
                    Problem::new(at("stop"), "a stop that is not after the start")
                        .expected("a later time"),
                );
            }
        }
        Ok(())
    }

    fn bootstrap(&self, servers: Option<&[String]>, path: Vec<String>) -> Checked {
        let Some(servers) = servers else {
            return Ok(());
        };
        let hosts: Vec<String> = self
            .plan
            .cluster
            .brokers
            .iter()
            .map(|broker| format!("broker-{}", broker.id))
            .collect();
        for server in servers {
            let expected = format!("host:port, such as {}:{PORT}", hosts[0]);
            let Some((host, port)) = server.split_once(':') else {
                return Err(
                    Problem::new(path, format!("\"{server}\" has no port")).expected(expected)
                );
            };
            if !hosts.iter().any(|known| known == host) {
                let problem =
                    Problem::new(path, format!("there is no host \"{host}\"")).expected(expected);
                return Err(with_suggestion(
                    problem,
                    nearest(host, hosts.iter().map(String::as_str)),
                ));
            }
            if port != PORT {
                return Err(
                    Problem::new(path, format!("nothing listens on port {port}"))
                        .expected(format!("port {PORT}, on which brokers listen")),
                );
            }
        }
        Ok(())
    }

    // ---- timeline

    fn entry(&mut self, entry: &Entry) -> Checked {
        match &entry.when {
            When::At(at) => self.within_run(*at, vec!["at".into()])?,
            When::Every { every, from, until } => {
                if *every == Duration::ZERO {
                    return Err(Problem::new(["every"], "every 0s").expected("a time above 0"));
                }
                self.within_run(*from, vec!["from".into()])?;
                if let Some(until) = until {
                    self.within_run(*until, vec!["until".into()])?;
                    if until < from {
                        return Err(Problem::new(["until"], "an end before the beginning")
                            .expected(format!("at least {}", write_duration(*from))));
                    }
                }
                if entry.lasting.is_some_and(|lasting| lasting >= *every) {
                    return Err(Problem::new(
                        ["for"],
                        "it would not be over before it begins again",
                    )
                    .expected(format!("less than {}", write_duration(*every))));
                }
            }
            When::On { moment, from, .. } => {
                self.within_run(*from, vec!["from".into()])?;
                self.moment(moment)?;
            }
        }
        if let Some(lasting) = entry.lasting {
            let key = entry.action.key();
            if !entry.action.can_last() {
                return Err(
                    Problem::new(["for"], format!("\"for\" does not go with \"{key}\""))
                        .on_key()
                        .expected("no \"for\": this happens at once"),
                );
            }
            if lasting == Duration::ZERO {
                return Err(Problem::new(["for"], "it would last no time")
                    .expected("a time above 0, or none: to the end"));
            }
        }
        self.action(&entry.action)
    }

    fn moment(&self, moment: &Moment) -> Checked {
        let at = || vec!["when".to_string()];
        match moment {
            Moment::AnotherLeader { partition }
            | Moment::NoLeader { partition }
            | Moment::IsrShrinks { partition }
            | Moment::IsrGrows { partition }
            | Moment::Truncates { partition }
            | Moment::Stalls { partition } => self.partition_there(partition, at()),
            Moment::Serves { id } | Moment::Registers { id } => {
                self.role_there(&Role::Broker { id: *id }, at())
            }
            Moment::Acknowledged { record } => {
                self.client_there(&record.producer, &["producers"], at())
            }
            Moment::ControllerElected | Moment::SessionExpires => Ok(()),
        }
    }

    fn action(&mut self, action: &Action) -> Checked {
        let key = action.key();
        let own = || vec![key.to_string()];
        let to = || vec!["to".to_string()];
        match action {
            Action::Crash(who)
            | Action::PowerFailure(who)
            | Action::Restart(who)
            | Action::Pause(who)
            | Action::Resume(who)
            | Action::Stop(who)
            | Action::Isolate(who)
            | Action::FillDisk(who)
            | Action::HangSync(who)
            | Action::FailSync(who)
            | Action::WipeDisk(who)
            | Action::JumpClock { targets: who, .. }
            | Action::Heal(super::Healing::Nodes(who)) => self.targets(who, own()),
            Action::Cut { from: a, to: b, .. }
            | Action::SlowNetwork { a, b, .. }
            | Action::StallNetwork { a, b }
            | Action::ResetConnections { a, b }
            | Action::LoseMessage { from: a, to: b } => {
                self.targets(a, own())?;
                self.targets(b, to())
            }
            Action::ThrottleNetwork { a, b, rate } => {
                if *rate == 0 {
                    return Err(Problem::new(["rate"], "no bandwidth")
                        .expected("more than 0B/s, or \"cut link\""));
                }
                self.targets(a, own())?;
                self.targets(b, to())
            }
            Action::Partition(sets) => {
                if sets.len() < 2 {
                    return Err(Problem::new(own(), "one set of nodes")
                        .expected("at least 2 sets, such as [[broker-1], [broker-2, broker-3]]"));
                }
                sets.iter().enumerate().try_for_each(|(i, who)| {
                    self.targets(who, vec![key.to_string(), i.to_string()])
                })
            }
            Action::SlowDisk { targets, times } | Action::SlowMachine { targets, times } => {
                if *times == 0 {
                    return Err(Problem::new(["times"], "0 times as long").expected("at least 1"));
                }
                self.targets(targets, own())
            }
            Action::FailReads { targets, .. } => self.targets(targets, own()),
            Action::FlipBit { targets, bit, .. } => {
                if *bit > 7 {
                    return Err(Problem::new(["bit"], format!("bit {bit}")).expected("from 0 to 7"));
                }
                self.targets(targets, own())
            }
            Action::DriftClock { targets, ppm } => {
                if ppm.unsigned_abs() > 500_000 {
                    return Err(Problem::new(["ppm"], format!("{ppm} parts per million"))
                        .expected("from -500000 to 500000"));
                }
                self.targets(targets, own())
            }
            Action::Heal(_) => Ok(()),
            Action::CreateTopic(topic) => self.properties(Scope::Topic, &topic.config, |key| {
                vec!["config".to_string(), key.to_string()]
            }),
            Action::AlterTopic { topic, set, delete } => {
                self.topic_there(topic, own())?;
                self.properties(Scope::Topic, set, |key| {
                    vec!["set".to_string(), key.to_string()]
                })?;
                if set.is_empty() && delete.is_empty() {
                    return Err(Problem::new(own(), "nothing to change")
                        .on_key()
                        .expected("set: {...} or delete: [...] beside it"));
                }
                delete.iter().try_for_each(|name| {
                    Scope::Topic
                        .key(name)
                        .map(|_| ())
                        .map_err(|error| config_problem(error, &|_| vec!["delete".to_string()]))
                })
            }
            Action::ElectPreferred(which) | Action::ElectUnclean(which) => which
                .iter()
                .flatten()
                .try_for_each(|partition| self.partition_there(partition, own())),
        }
    }

    fn targets(&self, targets: &Targets, path: Vec<String>) -> Checked {
        for (i, role) in targets.0.iter().enumerate() {
            let mut path = path.clone();
            if targets.0.len() > 1 {
                path.push(i.to_string());
            }
            self.role_there(role, path)?;
        }
        Ok(())
    }

    fn role_there(&self, role: &Role, path: Vec<String>) -> Checked {
        match role {
            Role::LeaderOf { partition }
            | Role::IsrFollowersOf { partition }
            | Role::FollowerOf { partition }
            | Role::FollowersOf { partition }
            | Role::ReplicasOf { partition }
            | Role::OtherBrokers { partition } => self.partition_there(partition, path),
            Role::Rack { rack } => {
                let racks = || {
                    self.plan
                        .cluster
                        .brokers
                        .iter()
                        .filter_map(|broker| broker.rack.as_deref())
                };
                match racks().any(|known| known == rack) {
                    true => Ok(()),
                    false => Err(with_suggestion(
                        Problem::new(path, format!("there is no rack \"{rack}\""))
                            .expected("a rack that a broker stands in"),
                        nearest(rack, racks()),
                    )),
                }
            }
            Role::Broker { id } => match self
                .plan
                .cluster
                .brokers
                .iter()
                .any(|broker| broker.id == id.0)
            {
                true => Ok(()),
                false => Err(self.no_such_broker(path, id.0)),
            },
            Role::ZooKeeper { number } => match (1..=self.plan.cluster.zookeeper.servers as i32)
                .contains(&number.0)
            {
                true => Ok(()),
                false => {
                    Err(Problem::new(path, format!("there is no {role}")).expected("zookeeper-1"))
                }
            },
            Role::Client { name } => self.client_there(name, &["producers", "consumers"], path),
            Role::Controller
            | Role::ZooKeeperLeader
            | Role::AllBrokers
            | Role::CrashedBrokers
            | Role::StoppedBrokers
            | Role::PausedBrokers
            | Role::AllZooKeepers
            | Role::AllClients
            | Role::Everyone => Ok(()),
        }
    }

    /// A client, or a group of them, by its name.
    fn client_there(&self, name: &str, rooms: &[&str], path: Vec<String>) -> Checked {
        let mut names = Vec::new();
        if rooms.contains(&"producers") {
            names.extend(
                self.plan
                    .producers
                    .iter()
                    .flat_map(|plan| plan.members().into_iter().chain([plan.name.clone()])),
            );
        }
        if rooms.contains(&"consumers") {
            names.extend(
                self.plan
                    .consumers
                    .iter()
                    .flat_map(|plan| plan.members().into_iter().chain([plan.name.clone()])),
            );
        }
        if names.iter().any(|known| known == name) {
            return Ok(());
        }
        let what = if rooms.len() == 2 {
            "node or role".to_string()
        } else {
            rooms[0].trim_end_matches('s').to_string()
        };
        let words = match rooms.len() {
            2 => &["controller", "broker-1", "zookeeper-1", "everyone"][..],
            _ => &[],
        };
        let expected = match rooms.len() {
            2 => {
                "a node such as broker-1, a role such as controller, or a client's name".to_string()
            }
            _ => format!("a name that stands under {}", rooms.join(" or ")),
        };
        let problem =
            Problem::new(path, format!("there is no {what} \"{name}\"")).expected(expected);
        Err(with_suggestion(
            problem,
            nearest(
                name,
                names
                    .iter()
                    .map(String::as_str)
                    .chain(words.iter().copied()),
            ),
        ))
    }

    // ---- expectations

    fn expected(&self, expected: &Expected) -> Checked {
        for (time, key) in [(expected.from, "from"), (expected.until, "until")] {
            if let Some(time) = time {
                if !expected.what.takes_window() {
                    return Err(Problem::new(
                        [key],
                        format!("\"{key}\" does not go with this expectation"),
                    )
                    .on_key()
                    .expected("none: it is about the whole run"));
                }
                self.within_run(time, vec![key.to_string()])?;
            }
        }
        if let (Some(from), Some(until)) = (expected.from, expected.until)
            && from >= until
        {
            return Err(
                Problem::new(["until"], "an end that is not after the beginning")
                    .expected(format!("later than {}", write_duration(from))),
            );
        }
        self.expectation(&expected.what)
    }

    fn expectation(&self, expectation: &Expectation) -> Checked {
        use Expectation::*;
        let at = || vec![String::new()];
        let event = |event: &EventRef| self.event(event);
        match expectation {
            AnotherLeader {
                partition,
                event: of,
                ..
            }
            | IsrShrinks {
                partition,
                event: of,
                ..
            }
            | IsrFullAgain {
                partition,
                event: of,
                ..
            }
            | AcknowledgedAgain {
                partition,
                event: of,
                ..
            } => {
                self.partition_there(partition, at())?;
                event(of)
            }
            LedAtTheEnd { partition, id } => {
                self.partition_there(partition, at())?;
                self.role_there(&Role::Broker { id: *id }, at())
            }
            KeepsLeader { partition }
            | UncleanElection { partition }
            | IsrStays { partition }
            | IsrFull { partition }
            | Truncates { partition }
            | NotAcknowledged { partition }
            | Stalls { partition } => self.partition_there(partition, at()),
            Refused { partition, error } => {
                self.partition_there(partition, at())?;
                match ErrorCode::by_name(&error.0) {
                    Some(_) => Ok(()),
                    None => Err(with_suggestion(
                        Problem::new(
                            at(),
                            format!("Kafka has no error {error}, or it is not met here"),
                        )
                        .expected("an error code such as NOT_ENOUGH_REPLICAS"),
                        nearest(&error.0, ErrorCode::names()),
                    )),
                }
            }
            AnotherController { event: of, .. } | SessionExpires { event: of, .. } => event(of),
            ReadsAgain {
                consumer,
                event: of,
                ..
            } => {
                self.client_there(consumer, &["consumers"], at())?;
                event(of)
            }
            ReadsEverything { consumer }
            | Read { consumer, .. }
            | ReadTwice { consumer, .. }
            | OrderOfKeys { consumer }
            | NoOrderAcross { consumer } => self.client_there(consumer, &["consumers"], at()),
            Acknowledged { producer, .. } | Failed { producer, .. } => {
                self.client_there(producer, &["producers"], at())
            }
            BootstrapsFrom { client, id } => {
                self.client_there(client, &["producers", "consumers"], at())?;
                self.role_there(&Role::Broker { id: *id }, at())
            }
            NoneLost
            | Lost { .. }
            | NoElection
            | NoUncleanElection
            | KeepsController
            | NoSessionExpires
            | EveryIsrFull
            | EveryRecordRead
            | ProduceLatency { .. } => Ok(()),
        }
    }

    fn event(&self, event: &EventRef) -> Checked {
        let entries: Vec<&Entry> = self
            .plan
            .timeline
            .iter()
            .filter(|entry| entry.action.noun() == event.noun)
            .collect();
        let problem =
            |found: String, expected: &str| Err(Problem::new([""; 0], found).expected(expected));
        let which = match (event.ordinal, entries.len()) {
            (_, 0) => {
                return problem(
                    format!("there is no {} in the timeline", event.noun),
                    "an event of the timeline, such as \"the crash\"",
                );
            }
            (None, 1) => 0,
            (None, n) => {
                return problem(
                    format!("the timeline has {n} lines with a {}", event.noun),
                    &format!(
                        "\"the first {}\", \"the second {}\" and so on",
                        event.noun, event.noun
                    ),
                );
            }
            (Some(ordinal), n) if usize::from(ordinal) > n => {
                return problem(
                    format!("there is no {event} in the timeline, which has {n}"),
                    "an event of the timeline",
                );
            }
            (Some(ordinal), _) => usize::from(ordinal) - 1,
        };
        match event.end && entries[which].lasting.is_none() {
            true => problem(
                format!("{event} never comes: it lasts to the end of the run"),
                "\"for: 30s\" in that line of the timeline",
            ),
            false => Ok(()),
        }
    }

    fn within_run(&self, time: Duration, path: Vec<String>) -> Checked {
        match time <= self.plan.duration {
            true => Ok(()),
            false => Err(Problem::new(
                path,
                format!("{} is after the end of the run", write_duration(time)),
            )
            .expected(format!(
                "at most {}, the duration",
                write_duration(self.plan.duration)
            ))),
        }
    }
}

fn config_problem(error: ConfigError, path: &impl Fn(&str) -> Vec<String>) -> Problem {
    match error {
        ConfigError::Unknown {
            scope,
            key,
            nearest,
        } => {
            let problem = Problem::new(
                path(&key),
                format!("Kafka has no {scope} configuration \"{key}\""),
            )
            .on_key()
            .expected(format!("a {scope} configuration of Kafka 3.9"));
            with_suggestion(problem, nearest)
        }
        ConfigError::Value {
            key,
            value,
            expected,
        } => Problem::new(path(key), format!("{key} cannot be \"{value}\"")).expected(expected),
    }
}

fn with_suggestion(problem: Problem, word: Option<&str>) -> Problem {
    match word {
        Some(word) => problem.suggest(format!("\"{word}\"")),
        None => problem,
    }
}
