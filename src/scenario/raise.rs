//! Plan to document: what a plan says beyond its defaults, so that it reads like a scenario by hand.

mod predict;

use super::document::{self as doc, Content, Document, File, Latency, NumberOr, Spread};
use super::expected::Expected as ExpectedItem;
use super::words::{OneOrMany, Ordered, Percent, Rate, SignedTime, Size, Time};
use crate::kernel::Duration;
use crate::plan::{
    Action, Assign, BrokerPlan, ClusterPlan, ConsumerPlan, EachRecord, Entry, Expected, Healing,
    Key, Machine, Partition, Plan, Poison, ProducerPlan, SchemaPlan, SchemaRegistryPlan,
    ServicePlan, Step, Targets, Timestamp, TopicPlan, Value, When, ZooKeeperClientPlan,
    ZooKeeperPlan,
};
use crate::protocol::config::Properties;
use crate::serialization::SchemaType;

pub(super) fn document(plan: &Plan) -> Document {
    Document {
        format: doc::FORMAT,
        name: plan.name.clone(),
        about: plan.about.clone(),
        seed: plan.seed,
        duration: Time(plan.duration),
        until: plan.until.map(Time),
        cluster: cluster(&plan.cluster),
        network: doc::Network {
            latency: plan.network.latency.as_ref().map(latency),
            other_rack: plan.network.other_rack.as_ref().map(latency),
            bandwidth: plan.network.bandwidth.map(Rate),
            names: Ordered(
                (plan.network.names.iter())
                    .map(|(name, machines)| (name.clone(), OneOrMany(machines.clone())))
                    .collect(),
            ),
        },
        buggify: (plan.buggify > 0).then_some(Percent(plan.buggify)),
        disk: doc::Disk {
            read: plan.disk.read.as_ref().map(latency),
            sync: plan.disk.sync.as_ref().map(latency),
            bandwidth: plan.disk.bandwidth.map(Rate),
            capacity: plan.disk.capacity.map(Size),
        },
        topics: Ordered(
            plan.topics
                .iter()
                .map(|plan| (plan.name.clone(), topic(plan)))
                .collect(),
        ),
        schemas: Ordered(
            plan.schemas
                .iter()
                .map(|plan| (plan.name.clone(), schema(plan)))
                .collect(),
        ),
        schema_registry: plan.schema_registry.as_ref().map(schema_registry),
        producers: Ordered(
            plan.producers
                .iter()
                .map(|plan| (plan.name.clone(), producer(plan)))
                .collect(),
        ),
        consumers: Ordered(
            plan.consumers
                .iter()
                .map(|plan| (plan.name.clone(), consumer(plan)))
                .collect(),
        ),
        zookeeper_clients: Ordered(
            plan.zookeeper_clients
                .iter()
                .map(|plan| (plan.name.clone(), zookeeper_client(plan)))
                .collect(),
        ),
        services: Ordered(
            plan.services
                .iter()
                .map(|plan| (plan.name.clone(), service(plan)))
                .collect(),
        ),
        timeline: plan.timeline.iter().map(entry).collect(),
        expect: plan.expect.iter().map(expected).collect(),
        predict: plan.predict.iter().map(predict::prediction).collect(),
        rules: Ordered(
            (plan.rules.changed().into_iter())
                .map(|(rule, value)| (rule.into(), value.into()))
                .collect(),
        ),
        found: plan.found.clone().map(|found| doc::Found {
            broken: found.broken,
            event: found.event,
            digest: found.digest,
            version: found.version,
        }),
    }
}

fn cluster(plan: &ClusterPlan) -> doc::Cluster {
    let plain = |place: usize, broker: &BrokerPlan| *broker == BrokerPlan::new(place as i32 + 1);
    let zookeeper = &plan.zookeeper;
    let numbered = ZooKeeperPlan {
        servers: zookeeper.servers,
        ..ZooKeeperPlan::default()
    };
    doc::Cluster {
        kafka_version: Some(plan.kafka_version.to_string()),
        coordination: Some("zookeeper".into()),
        zookeeper: Some(if *zookeeper == numbered {
            NumberOr::Number(zookeeper.servers)
        } else {
            NumberOr::Said(doc::ZooKeeper {
                servers: Some(zookeeper.servers),
                tick_time: Some(zookeeper.tick_time_ms),
                min_session_timeout: zookeeper.min_session_timeout_ms,
                max_session_timeout: zookeeper.max_session_timeout_ms,
                machine: machine(&zookeeper.machine),
            })
        }),
        brokers: Some(
            if plan
                .brokers
                .iter()
                .enumerate()
                .all(|(place, broker)| plain(place, broker))
            {
                NumberOr::Number(plan.brokers.len() as u32)
            } else {
                NumberOr::Said(plan.brokers.iter().map(broker).collect())
            },
        ),
        config: ordered(&plan.config),
    }
}

fn broker(plan: &BrokerPlan) -> doc::Broker {
    doc::Broker {
        id: plan.id,
        rack: plan.rack.clone(),
        config: ordered(&plan.config),
        machine: machine(&plan.machine),
    }
}

fn file(content: &[u8]) -> File {
    match std::str::from_utf8(content) {
        Ok(text) if !text.contains(|c: char| c.is_control() && c != '\n') => File {
            text: Some(text.to_string()),
            hex: None,
        },
        _ => File {
            text: None,
            hex: Some(content.iter().map(|byte| format!("{byte:02x}")).collect()),
        },
    }
}

fn machine(plan: &Machine) -> Option<doc::Machine> {
    let default = Machine::default();
    (*plan != default).then(|| doc::Machine {
        slowness: (plan.slowness != default.slowness).then_some(plan.slowness),
        clock_skew: (plan.clock_skew_ms != 0).then(|| from_millis(plan.clock_skew_ms)),
        clock_drift_ppm: (plan.clock_drift_ppm != 0).then_some(plan.clock_drift_ppm),
        supervisor: plan.supervisor.map(Time),
        start_after: (plan.start_after != Duration::ZERO).then_some(Time(plan.start_after)),
        down_at_start: plan.down_at_start,
        disk_capacity: plan.disk_capacity.map(Size),
        files: Ordered(
            plan.files
                .iter()
                .map(|(path, content)| (path.clone(), file(content)))
                .collect(),
        ),
    })
}

fn latency(plan: &crate::plan::Latency) -> Latency {
    use crate::plan::Latency::{Constant, LogNormal, LongTail, Uniform};
    match plan {
        Constant(time) => Latency::Constant(Time(*time)),
        Uniform { low, high } => Latency::Spread(Spread {
            uniform: Some((Time(*low), Time(*high))),
            ..Spread::default()
        }),
        LogNormal {
            median,
            sigma_percent,
        } => Latency::Spread(Spread {
            log_normal: Some(Time(*median)),
            sigma_percent: Some(*sigma_percent),
            ..Spread::default()
        }),
        LongTail { median } => Latency::Spread(Spread {
            long_tail: Some(Time(*median)),
            ..Spread::default()
        }),
    }
}

fn topic(plan: &TopicPlan) -> doc::Topic {
    doc::Topic {
        about: plan.about.clone(),
        partitions: plan.partitions,
        replication_factor: plan.replication_factor,
        assignment: (!plan.assignment.is_empty()).then(|| plan.assignment.clone()),
        config: ordered(&plan.config),
    }
}

fn schema(plan: &SchemaPlan) -> doc::Schema {
    let text = |language| (plan.language == language).then(|| plan.text.clone());
    doc::Schema {
        avro: text(SchemaType::Avro),
        protobuf: text(SchemaType::Protobuf),
        connect_json: text(SchemaType::Connect),
    }
}

fn schema_registry(plan: &SchemaRegistryPlan) -> doc::SchemaRegistry {
    let subjects = plan.subjects.iter();
    let subjects = subjects.map(|(subject, level)| (subject.clone(), level.to_string()));
    doc::SchemaRegistry {
        about: plan.about.clone(),
        compatibility: Some(plan.compatibility.to_string()),
        subjects: Ordered(subjects.collect()),
    }
}

fn producer(plan: &ProducerPlan) -> doc::Producer {
    let word = |text: &str| Some(Content::Word(text.to_string()));
    let made = |made: doc::Made| Some(Content::Made(made));
    doc::Producer {
        about: plan.about.clone(),
        count: plan.count,
        topic: plan.topic.clone(),
        partition: plan.partition,
        key: match &plan.key {
            Key::None => word("none"),
            Key::TruckId => word("truck_id"),
            Key::TruckNumber => word("truck_number"),
            Key::Constant(text) => made(doc::Made {
                text: Some(text.clone()),
                ..doc::Made::default()
            }),
            Key::Cycle(n) => made(doc::Made {
                cycle: Some(*n),
                ..doc::Made::default()
            }),
        },
        value: match &plan.value {
            Value::Position => word("position"),
            Value::PositionField(field) => word(&field.to_string()),
            Value::Number => word("number"),
            Value::Null => Some(Content::Null),
            Value::Constant(text) => made(doc::Made {
                text: Some(text.clone()),
                ..doc::Made::default()
            }),
            Value::Bytes(n) => made(doc::Made {
                bytes: Some(Size(*n)),
                ..doc::Made::default()
            }),
        },
        timestamp: (plan.timestamp != Timestamp::default()).then(|| plan.timestamp.to_string()),
        every: (!plan.saturate).then_some(Time(plan.every)),
        saturate: plan.saturate,
        on_the_way: plan.on_the_way,
        start: plan.start.map(Time),
        stop: plan.stop.map(Time),
        limit: plan.limit,
        flush: plan.flush,
        key_schema: plan.key_schema.clone(),
        value_schema: plan.value_schema.clone(),
        headers: Ordered(plan.headers.to_vec()),
        acks: plan.acks.map(|acks| acks.to_string()),
        config: ordered(&plan.config),
        bootstrap: plan.bootstrap.clone().map(OneOrMany),
        rack: plan.rack.clone(),
    }
}

fn consumer(plan: &ConsumerPlan) -> doc::Consumer {
    doc::Consumer {
        about: plan.about.clone(),
        count: plan.count,
        topics: match &plan.pattern {
            Some(pattern) => doc::Topics::Matching(doc::Matching {
                pattern: pattern.to_string(),
            }),
            None => doc::Topics::Named(plan.topics.clone()),
        },
        assign: plan.assign.as_ref().map(|assign| match assign {
            Assign::All => OneOrMany(vec!["all partitions".to_owned()]),
            Assign::These(these) => OneOrMany(these.iter().map(ToString::to_string).collect()),
        }),
        start: plan.start.map(Time),
        stop: plan.stop.map(Time),
        seek: plan.seek,
        processing: plan.processing.map(Time),
        commit: plan.commit.map(|commit| commit.to_string()),
        each_record: plan.each_record.as_ref().map(each_record),
        pauses: plan.pauses,
        steps: plan.steps.iter().map(step).collect(),
        fails_on: plan.fails_on,
        listener: plan.listener.map(|listener| listener.to_string()),
        crashes: plan.crashes.map(|crash| crash.to_string()),
        key_schema: plan.key_schema.clone(),
        value_schema: plan.value_schema.clone(),
        poison: plan.poison.as_ref().map(|poison| match poison {
            Poison::Stuck => doc::Poison::Word("stuck".into()),
            Poison::Skip => doc::Poison::Word("skip".into()),
            Poison::DeadLetter(topic) => doc::Poison::Sent(doc::DeadLetter {
                dead_letter: topic.clone(),
            }),
        }),
        config: ordered(&plan.config),
        bootstrap: plan.bootstrap.clone().map(OneOrMany),
        rack: plan.rack.clone(),
    }
}

fn step(plan: &Step) -> doc::Step {
    doc::Step {
        when: plan.when.to_string(),
        what: plan.what(),
    }
}

fn each_record(plan: &EachRecord) -> doc::EachRecord {
    let (mut forward, mut call) = (None, None);
    match plan {
        EachRecord::Count => return doc::EachRecord::Word("count".into()),
        EachRecord::Forward(topic) => forward = Some(topic.clone()),
        EachRecord::Call(service) => call = Some(service.clone()),
    }
    doc::EachRecord::Goes(doc::Goes { forward, call })
}

fn service(plan: &ServicePlan) -> doc::Service {
    doc::Service {
        about: plan.about.clone(),
        takes: (plan.takes != Duration::ZERO).then_some(Time(plan.takes)),
    }
}

fn zookeeper_client(plan: &ZooKeeperClientPlan) -> doc::ZooKeeperClient {
    let default = ZooKeeperClientPlan::new("");
    let servers = plan.servers.as_ref();
    doc::ZooKeeperClient {
        about: plan.about.clone(),
        servers: servers
            .map(|numbers| OneOrMany(numbers.iter().map(|n| format!("zookeeper-{n}")).collect())),
        session_timeout: (plan.session_timeout != default.session_timeout)
            .then_some(Time(plan.session_timeout)),
    }
}

fn entry(plan: &Entry) -> doc::Entry {
    let mut said = doc::Entry {
        about: plan.about.clone(),
        lasting: plan.lasting.map(Time),
        optional: plan.optional.then_some(true),
        roles: (!plan.roles.is_empty()).then(|| OneOrMany(plan.roles.clone())),
        ..doc::Entry::default()
    };
    match &plan.when {
        When::At(at) => said.at = Some(Time(*at)),
        When::Every { every, from, until } => {
            said.every = Some(Time(*every));
            said.from = Some(Time(*from));
            said.until = until.map(Time);
        }
        When::On {
            moment,
            after,
            from,
        } => {
            said.when = Some(moment.to_string());
            said.after = (*after != Duration::ZERO).then_some(Time(*after));
            said.from = (*from != Duration::ZERO).then_some(Time(*from));
        }
    }
    action(&plan.action, &mut said);
    said
}

fn action(action: &Action, said: &mut doc::Entry) {
    match action {
        Action::Crash(who) => said.crash = targets(who),
        Action::PowerFailure(who) => said.power_failure = targets(who),
        Action::Restart(who) => said.restart = targets(who),
        Action::Upgrade { targets: who, set } => {
            said.upgrade = targets(who);
            said.set = Some(ordered(set));
        }
        Action::Pause(who) => said.pause = targets(who),
        Action::Resume(who) => said.resume = targets(who),
        Action::Stop(who) => said.stop = targets(who),
        Action::Cut { from, to, both } => {
            (said.cut_link, said.to) = (targets(from), targets(to));
            said.one_way = (!both).then_some(true);
        }
        Action::Partition(sets) => {
            said.partition_network = Some(sets.iter().filter_map(targets).collect())
        }
        Action::Isolate(who) => said.isolate = targets(who),
        Action::SlowLink { a, b, by } => {
            (said.slow_link, said.to) = (targets(a), targets(b));
            said.by = Some(SignedTime(i64::try_from(by.0).unwrap_or(i64::MAX)));
        }
        Action::ThrottleNetwork { a, b, rate } => {
            (said.throttle_link, said.to) = (targets(a), targets(b));
            said.rate = Some(Rate(*rate));
        }
        Action::StallNetwork { a, b } => (said.stall_link, said.to) = (targets(a), targets(b)),
        Action::ResetConnections { a, b } => (said.reset_link, said.to) = (targets(a), targets(b)),
        Action::LoseMessage { from, to } => {
            (said.lose_message, said.to) = (targets(from), targets(to))
        }
        Action::SlowDisk {
            targets: who,
            times,
        } => (said.slow_disk, said.times) = (targets(who), Some(*times)),
        Action::FillDisk(who) => said.fill_disk = targets(who),
        Action::FailReads { targets: who, file } => {
            (said.fail_reads, said.file) = (targets(who), Some(file.clone()))
        }
        Action::FlipBit {
            targets: who,
            file,
            position,
            bit,
        } => {
            (said.flip_bit, said.file) = (targets(who), Some(file.clone()));
            (said.position, said.bit) = (Some(*position), Some(*bit));
        }
        Action::HangSync(who) => said.hang_sync = targets(who),
        Action::FailSync(who) => said.fail_sync = targets(who),
        Action::WipeDisk(who) => said.wipe_disk = targets(who),
        Action::DeleteFile {
            targets: who,
            file: path,
        } => (said.delete_file, said.file) = (targets(who), Some(path.clone())),
        Action::TruncateFile {
            targets: who,
            file: path,
            size,
        } => {
            (said.truncate_file, said.file) = (targets(who), Some(path.clone()));
            said.size = Some(*size);
        }
        Action::WriteFile {
            targets: who,
            file: path,
            content,
        } => {
            (said.write_file, said.file) = (targets(who), Some(path.clone()));
            let File { text, hex } = file(content);
            (said.text, said.hex) = (text, hex);
        }
        Action::JumpClock {
            targets: who,
            by_ms,
        } => {
            (said.jump_clock, said.by) = (targets(who), Some(from_millis(*by_ms)));
        }
        Action::DriftClock { targets: who, ppm } => {
            (said.drift_clock, said.ppm) = (targets(who), Some(*ppm))
        }
        Action::SlowMachine {
            targets: who,
            times,
        } => (said.slow_machine, said.times) = (targets(who), Some(*times)),
        Action::Heal(Healing::Everything) => said.heal = one("everything"),
        Action::Heal(Healing::Network) => said.heal = one("network"),
        Action::Heal(Healing::Nodes(who)) => said.heal = targets(who),
        Action::CreateTopic(topic) => {
            said.create_topic = Some(topic.name.clone());
            said.partitions = topic.partitions;
            said.replication_factor = topic.replication_factor;
            said.assignment = (!topic.assignment.is_empty()).then(|| topic.assignment.clone());
            said.config = (!topic.config.is_empty()).then(|| ordered(&topic.config));
        }
        Action::AlterTopic { topic, set, delete } => {
            said.alter_topic = Some(topic.clone());
            said.set = (!set.is_empty()).then(|| ordered(set));
            said.delete = (!delete.is_empty()).then(|| OneOrMany(delete.clone()));
        }
        Action::CreatePartitions { topic, partitions } => {
            said.create_partitions = Some(topic.clone());
            said.partitions = Some(*partitions);
        }
        Action::DeleteRecords { partition, before } => {
            said.delete_records = Some(partition.to_string());
            said.before = *before;
        }
        Action::DescribeGroup(group) => said.describe_group = Some(group.clone()),
        Action::ElectPreferred(which) => said.elect_preferred_leader = partitions(which),
        Action::ElectUnclean(which) => said.elect_unclean_leader = partitions(which),
        Action::AskZooKeeper { client, command } => {
            said.ask_zookeeper = Some(command.to_string());
            said.client = Some(client.clone());
        }
    }
}

fn expected(plan: &Expected) -> ExpectedItem {
    ExpectedItem {
        sentence: plan.what.to_string(),
        from: plan.from.map(Time),
        until: plan.until.map(Time),
        because: plan.because.clone(),
    }
}

fn targets(who: &Targets) -> Option<OneOrMany> {
    Some(OneOrMany(who.0.iter().map(ToString::to_string).collect()))
}

fn partitions(which: &Option<Vec<Partition>>) -> Option<OneOrMany> {
    match which {
        None => one("all partitions"),
        Some(partitions) => Some(OneOrMany(
            partitions.iter().map(ToString::to_string).collect(),
        )),
    }
}

fn one(text: &str) -> Option<OneOrMany> {
    Some(OneOrMany(vec![text.to_string()]))
}

fn from_millis(ms: i64) -> SignedTime {
    SignedTime(ms.saturating_mul(1_000_000))
}

fn ordered(properties: &Properties) -> Ordered<String> {
    Ordered(
        properties
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}
