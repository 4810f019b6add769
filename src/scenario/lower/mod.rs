//! Document to plan: words become types. What a plan as a whole must hold is checked by `Plan::validate`.

mod applications;
mod predict;
mod schemas;
mod timeline;

use super::document::{self as doc, Content, Document, File, Latency, NumberOr, Spread};
use super::expected::Expected as ExpectedItem;
use super::words::{Ordered, SignedTime};
use crate::kernel::Duration;
use crate::plan::{
    Acks, BrokerPlan, ClusterPlan, ConsumerPlan, Coordination, DiskPlan, Expectation, Expected,
    Found, Key, MOST_BROKERS, Machine, Misnumbered, Moment, NetworkPlan, Plan, Poison,
    PositionField, Problem, ProducerPlan, Role, Sentence, SentenceError, Timestamp, TopicPlan,
    Value, ZooKeeperClientPlan, ZooKeeperPlan, misnumbered,
};
use crate::protocol::config::{KafkaVersion, Properties, nearest};
use crate::protocol::rules::Rules;

/// The plan that a document describes.
pub(super) fn plan(document: Document) -> Result<Plan, Problem> {
    if document.format != doc::FORMAT {
        return Err(
            Problem::new(["format"], format!("format {}", document.format)).expected(format!(
                "format {}, the only one that this version of trial reads",
                doc::FORMAT
            )),
        );
    }
    let mut plan = Plan::new(document.name)
        .about(document.about.trim())
        .seed(document.seed)
        .duration(document.duration.0);
    plan.until = document.until.map(|time| time.0);
    plan.cluster = cluster(document.cluster)?;
    plan.network = NetworkPlan {
        latency: latency(document.network.latency, ["network", "latency"])?,
        other_rack: latency(document.network.other_rack, ["network", "other_rack"])?,
        bandwidth: document.network.bandwidth.map(|rate| rate.0),
        names: (document.network.names.0.into_iter())
            .map(|(name, machines)| (name, machines.0))
            .collect(),
    };
    plan.buggify = document.buggify.map_or(0, |percent| percent.0);
    plan.disk = DiskPlan {
        read: latency(document.disk.read, ["disk", "read"])?,
        sync: latency(document.disk.sync, ["disk", "sync"])?,
        bandwidth: document.disk.bandwidth.map(|rate| rate.0),
        capacity: document.disk.capacity.map(|size| size.0),
    };
    for (rule, value) in &document.rules.0 {
        set_rule(&mut plan.rules, rule, value)?;
    }
    plan.found = document.found.map(|found| Found {
        broken: found.broken,
        event: found.event,
        digest: found.digest,
        version: found.version,
    });
    for (name, said) in document.topics.0 {
        plan.topics.push(topic(name, said)?);
    }
    for (name, said) in document.schemas.0 {
        plan.schemas.push(schemas::schema(name, said)?);
    }
    plan.schema_registry = document
        .schema_registry
        .map(schemas::registry)
        .transpose()?;
    for (name, said) in document.producers.0 {
        plan.producers.push(producer(name, said)?);
    }
    for (name, said) in document.consumers.0 {
        plan.consumers.push(consumer(name, said)?);
    }
    for (name, said) in document.zookeeper_clients.0 {
        plan.zookeeper_clients.push(zookeeper_client(name, said)?);
    }
    for (name, said) in document.services.0 {
        plan.services.push(applications::service(name, said));
    }
    for (i, said) in document.timeline.into_iter().enumerate() {
        plan.timeline.push(
            timeline::entry(said)
                .map_err(|problem| problem.below(&i.to_string()).below("timeline"))?,
        );
    }
    for (i, said) in document.expect.into_iter().enumerate() {
        plan.expect
            .push(expected(said).map_err(|problem| problem.below(&i.to_string()).below("expect"))?);
    }
    for (i, said) in document.predict.into_iter().enumerate() {
        let below = |problem: Problem| problem.below(&i.to_string()).below("predict");
        plan.predict.push(predict::prediction(said).map_err(below)?);
    }
    Ok(plan)
}

fn cluster(said: doc::Cluster) -> Result<ClusterPlan, Problem> {
    let mut plan = ClusterPlan::default();
    if let Some(version) = said.kafka_version {
        plan.kafka_version = KafkaVersion::parse(&version).ok_or_else(|| {
            Problem::new(["cluster", "kafka_version"], format!("\"{version}\""))
                .expected("a release such as \"3.9\"")
        })?;
    }
    if let Some(coordination) = said.coordination {
        plan.coordination = match coordination.as_str() {
            "zookeeper" => Coordination::ZooKeeper,
            "kraft" => {
                return Err(Problem::new(
                    ["cluster", "coordination"],
                    "\"kraft\", which is not modelled yet",
                )
                .expected("zookeeper"));
            }
            other => return Err(word(["cluster", "coordination"], other, &["zookeeper"])),
        };
    }
    match said.zookeeper {
        None => {}
        Some(NumberOr::Number(servers)) => plan.zookeeper.servers = servers,
        Some(NumberOr::Said(zookeeper)) => {
            let default = ZooKeeperPlan::default();
            plan.zookeeper = ZooKeeperPlan {
                servers: zookeeper.servers.unwrap_or(default.servers),
                tick_time_ms: zookeeper.tick_time.unwrap_or(default.tick_time_ms),
                min_session_timeout_ms: zookeeper.min_session_timeout,
                max_session_timeout_ms: zookeeper.max_session_timeout,
                machine: machine(zookeeper.machine)
                    .map_err(|problem| problem.below("zookeeper").below("cluster"))?,
            };
        }
    }
    match said.brokers {
        None => {}
        Some(NumberOr::Number(count)) => {
            if count as usize > MOST_BROKERS {
                return Err(
                    Problem::new(["cluster", "brokers"], format!("{count} brokers"))
                        .expected(format!("at most {MOST_BROKERS}")),
                );
            }
            plan.brokers = (1..=count as i32).map(BrokerPlan::new).collect();
        }
        Some(NumberOr::Said(brokers)) => {
            plan.brokers.clear();
            for (i, broker) in brokers.into_iter().enumerate() {
                plan.brokers.push(BrokerPlan {
                    id: broker.id,
                    rack: broker.rack,
                    config: properties(broker.config),
                    machine: machine(broker.machine).map_err(|problem| {
                        problem
                            .below(&i.to_string())
                            .below("brokers")
                            .below("cluster")
                    })?,
                });
            }
        }
    }
    plan.config = properties(said.config);
    Ok(plan)
}

fn machine(said: Option<doc::Machine>) -> Result<Machine, Problem> {
    let said = said.unwrap_or_default();
    let mut files = Vec::new();
    for (path, file) in said.files.0 {
        let Some(content) = content(file) else {
            return Err(
                Problem::new(["machine", "files", &path], "no content that can be read")
                    .expected("{text: ...}, or {hex: ...} with two digits a byte"),
            );
        };
        files.push((path, content));
    }
    Ok(Machine {
        slowness: said.slowness.unwrap_or(1),
        clock_skew_ms: said
            .clock_skew
            .map_or(Ok(0), |skew| millis(skew, ["machine", "clock_skew"]))?,
        clock_drift_ppm: said.clock_drift_ppm.unwrap_or(0),
        supervisor: said.supervisor.map(|delay| delay.0),
        start_after: said.start_after.map_or(Duration::ZERO, |delay| delay.0),
        down_at_start: said.down_at_start,
        disk_capacity: said.disk_capacity.map(|size| size.0),
        files,
    })
}

/// Exactly one of the ways to say what is in a file.
fn content(file: File) -> Option<Vec<u8>> {
    match file {
        File {
            text: Some(text),
            hex: None,
        } => Some(text.into_bytes()),
        File {
            text: None,
            hex: Some(hex),
        } => from_hex(&hex),
        _ => None,
    }
}

fn latency(
    said: Option<Latency>,
    path: [&str; 2],
) -> Result<Option<crate::plan::Latency>, Problem> {
    use crate::plan::Latency::{Constant, LogNormal, LongTail, Uniform};
    Ok(match said {
        None => None,
        Some(Latency::Constant(time)) => Some(Constant(time.0)),
        Some(Latency::Spread(spread)) => Some(match spread {
            Spread {
                uniform: Some((low, high)),
                log_normal: None,
                sigma_percent: None,
                long_tail: None,
            } => Uniform {
                low: low.0,
                high: high.0,
            },
            Spread {
                uniform: None,
                log_normal: Some(median),
                sigma_percent,
                long_tail: None,
            } => LogNormal {
                median: median.0,
                sigma_percent: sigma_percent.unwrap_or(25),
            },
            Spread {
                uniform: None,
                log_normal: None,
                sigma_percent: None,
                long_tail: Some(median),
            } => LongTail { median: median.0 },
            _ => {
                return Err(Problem::new(path, "not exactly one distribution")
                    .expected("one of uniform: [200us, 400us], log_normal: 500us (with sigma_percent), long_tail: 500us"));
            }
        }),
    })
}

fn topic(name: String, said: doc::Topic) -> Result<TopicPlan, Problem> {
    Ok(TopicPlan {
        assignment: assignment(said.assignment)
            .map_err(|problem| problem.below(&name).below("topics"))?,
        name,
        about: said.about,
        partitions: said.partitions,
        replication_factor: said.replication_factor,
        config: properties(said.config),
    })
}

/// An assignment says how many partitions there are: one without any makes no topic.
fn assignment(said: Option<Vec<Vec<i32>>>) -> Result<Vec<Vec<i32>>, Problem> {
    match said {
        None => Ok(Vec::new()),
        Some(partitions) if partitions.is_empty() => Err(Problem::new(
            ["assignment"],
            "an assignment without partitions",
        )
        .expected("the replicas of each partition, such as [[1, 2], [2, 3]], or no assignment")),
        Some(partitions) => Ok(partitions),
    }
}

fn producer(name: String, said: doc::Producer) -> Result<ProducerPlan, Problem> {
    let path = |key: &'static str| ["producers".to_string(), name.clone(), key.to_string()];
    let key = match said.key {
        None | Some(Content::Null) => Key::None,
        Some(Content::Word(text)) => match text.as_str() {
            "none" => Key::None,
            "truck_id" => Key::TruckId,
            "truck_number" => Key::TruckNumber,
            other => {
                return Err(
                    word(path("key"), other, &["none", "truck_id", "truck_number"])
                        .or_map("{text: ...}, {cycle: 10}"),
                );
            }
        },
        Some(Content::Made(doc::Made {
            text: Some(text),
            cycle: None,
            bytes: None,
        })) => Key::Constant(text),
        Some(Content::Made(doc::Made {
            text: None,
            cycle: Some(n),
            bytes: None,
        })) => Key::Cycle(n),
        Some(Content::Made(_)) => {
            return Err(Problem::new(path("key"), "not exactly one kind of key")
                .expected("none, truck_id, truck_number, {text: ...} or {cycle: 10}"));
        }
    };
    let value = match said.value {
        None => Value::default(),
        Some(Content::Null) => Value::Null,
        Some(Content::Word(text)) => match text.as_str() {
            "position" => Value::Position,
            "number" => Value::Number,
            other => match PositionField::parse(other) {
                Some(field) => Value::PositionField(field),
                None => {
                    return Err(word(path("value"), other, VALUES)
                        .or_map("null, {text: ...}, {bytes: 1KiB}"));
                }
            },
        },
        Some(Content::Made(doc::Made {
            text: Some(text),
            cycle: None,
            bytes: None,
        })) => Value::Constant(text),
        Some(Content::Made(doc::Made {
            text: None,
            cycle: None,
            bytes: Some(size),
        })) => Value::Bytes(size.0),
        Some(Content::Made(_)) => {
            return Err(Problem::new(path("value"), "not exactly one kind of value")
                .expected("position, number, null, {text: ...} or {bytes: 1KiB}"));
        }
    };
    let timestamp = match said.timestamp {
        None => Timestamp::default(),
        Some(text) => Timestamp::parse(&text).ok_or_else(|| {
            Problem::new(path("timestamp"), format!("\"{text}\"")).expected(Timestamp::EXPECTED)
        })?,
    };
    if timestamp.leads_before_1970() {
        let found = format!("\"{timestamp}\", before 1970, of which no ProducerRecord can be made");
        return Err(
            Problem::new(path("timestamp"), found).expected("a time from 1970 on, such as -8d")
        );
    }
    let acks = match said.acks {
        None => None,
        Some(text) => Some(Acks::parse(&text).ok_or_else(|| {
            Problem::new(path("acks"), format!("\"{text}\"")).expected("0, 1 or all")
        })?),
    };
    if said.saturate && said.every.is_some() {
        return Err(
            Problem::new(path("every"), "\"every\" beside \"saturate: true\"")
                .on_key()
                .expected("one or the other: saturate sends as fast as records are acknowledged"),
        );
    }
    Ok(ProducerPlan {
        about: said.about,
        count: said.count,
        topic: said.topic,
        partition: said.partition,
        key,
        value,
        timestamp,
        every: said.every.map_or(Duration::from_secs(1), |every| every.0),
        saturate: said.saturate,
        on_the_way: said.on_the_way,
        start: said.start.map(|time| time.0),
        stop: said.stop.map(|time| time.0),
        limit: said.limit,
        flush: said.flush,
        key_schema: said.key_schema,
        value_schema: said.value_schema,
        headers: said.headers.0.into_iter().collect(),
        acks,
        config: properties(said.config),
        bootstrap: said.bootstrap.map(|servers| servers.0),
        rack: said.rack,
        name,
    })
}

/// Words for values.
const VALUES: &[&str] = &[
    "position",
    "number",
    "position.truck",
    "position.number",
    "position.time",
    "position.latitude",
    "position.longitude",
];

fn consumer(name: String, said: doc::Consumer) -> Result<ConsumerPlan, Problem> {
    let poison = match said.poison {
        None => None,
        Some(doc::Poison::Sent(sent)) => Some(Poison::DeadLetter(sent.dead_letter)),
        Some(doc::Poison::Word(text)) => Some(match text.as_str() {
            "stuck" => Poison::Stuck,
            "skip" => Poison::Skip,
            other => {
                let path = ["consumers", &name, "poison"];
                return Err(word(path, other, &["stuck", "skip"]).or_map("{dead_letter: t.dead}"));
            }
        }),
    };
    let path = |key: &'static str| ["consumers".to_string(), name.clone(), key.to_string()];
    let commit = applications::commit(said.commit, path("commit"))?;
    let each_record = applications::each_record(said.each_record, path("each_record"))?;
    let crashes = applications::crash(said.crashes, path("crashes"))?;
    let listener = applications::listener(said.listener, path("listener"))?;
    let steps = applications::steps(said.steps, &name)?;
    let assign = applications::assign(said.assign, &name)?;
    let (topics, pattern) = applications::topics(said.topics, &name)?;
    Ok(ConsumerPlan {
        name,
        about: said.about,
        count: said.count,
        topics,
        pattern,
        assign,
        start: said.start.map(|time| time.0),
        stop: said.stop.map(|time| time.0),
        seek: said.seek,
        processing: said.processing.map(|time| time.0),
        commit,
        each_record,
        pauses: said.pauses,
        steps,
        fails_on: said.fails_on,
        listener,
        crashes,
        key_schema: said.key_schema,
        value_schema: said.value_schema,
        poison,
        config: properties(said.config),
        bootstrap: said.bootstrap.map(|servers| servers.0),
        rack: said.rack,
    })
}

fn zookeeper_client(
    name: String,
    said: doc::ZooKeeperClient,
) -> Result<ZooKeeperClientPlan, Problem> {
    let number = |server: &String| match server.parse() {
        Ok(Role::ZooKeeper { number }) => u32::try_from(number.0).ok(),
        _ => None,
    };
    let mut client = ZooKeeperClientPlan::new(name);
    client.about = said.about;
    if let Some(servers) = said.servers {
        let wrong = |server: &String| {
            let path = ["zookeeper_clients", client.name.as_str(), "servers"];
            Problem::new(path, format!("\"{server}\""))
                .expected("servers of the ensemble, such as zookeeper-1")
        };
        let numbers = servers.0.iter().map(|s| number(s).ok_or_else(|| wrong(s)));
        client.servers = Some(numbers.collect::<Result<_, _>>()?);
    }
    if let Some(timeout) = said.session_timeout {
        client.session_timeout = timeout.0;
    }
    Ok(client)
}

fn expected(said: ExpectedItem) -> Result<Expected, Problem> {
    let what = said
        .sentence
        .parse::<Expectation>()
        .map_err(|error| sentence::<Expectation, _>([""; 0], &said.sentence, error))?;
    Ok(Expected {
        what,
        from: said.from.map(|time| time.0),
        until: said.until.map(|time| time.0),
        because: said.because,
    })
}

fn millis<S: AsRef<str>>(
    time: SignedTime,
    path: impl IntoIterator<Item = S>,
) -> Result<i64, Problem> {
    match time.0 % 1_000_000 {
        0 => Ok(time.0 / 1_000_000),
        _ => Err(Problem::new(path, "a time between milliseconds")
            .expected("whole milliseconds, as clocks show")),
    }
}

/// What is expected of a text that is not read: other numbers, if they are all that is wrong with it.
fn expected_of(text: &str, reads: impl Fn(&str) -> bool, otherwise: &str) -> String {
    match misnumbered(text, reads) {
        Some(Misnumbered::Negative) => "a number that is not negative".to_owned(),
        Some(Misnumbered::TooLarge) => "a smaller number".to_owned(),
        Some(Misnumbered::TooSmall) => "a larger number".to_owned(),
        Some(Misnumbered::Zeros) => {
            "a number without zeros before it, such as trucks_gps-0".to_owned()
        }
        None => otherwise.to_owned(),
    }
}

fn sentence<T: Sentence, S: AsRef<str>>(
    path: impl IntoIterator<Item = S>,
    text: &str,
    error: SentenceError,
) -> Problem {
    let found = format!("\"{text}\" is not {} that trial knows", error.what);
    let known = format!("{}; \"trial sentences\" lists all", error.what);
    let reads = |text: &str| T::read_sentence(text).is_ok();
    let problem = Problem::new(path, found).expected(expected_of(text, reads, &known));
    match error.nearest {
        Some(nearest) => problem.suggest(format!("\"{nearest}\"")),
        None => problem,
    }
}

fn word<S: AsRef<str>>(
    path: impl IntoIterator<Item = S>,
    found: &str,
    words: &'static [&'static str],
) -> Problem {
    let problem = Problem::new(path, format!("\"{found}\"")).expected(words.join(" or "));
    match nearest(found, words.iter().copied()) {
        Some(word) => problem.suggest(format!("\"{word}\"")),
        None => problem,
    }
}

fn properties(said: Ordered<String>) -> Properties {
    said.0.into_iter().collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high * 16 + low).collect())
}

/// All tables of sentences, for the book and for help.
pub fn sentence_tables() -> Vec<(&'static str, &'static [(&'static str, &'static str)])> {
    vec![
        (Role::WHAT, Role::TEMPLATES),
        (Moment::WHAT, Moment::TEMPLATES),
        ("an action", crate::scenario::actions::ACTIONS),
        (Expectation::WHAT, Expectation::TEMPLATES),
    ]
}

fn set_rule(rules: &mut Rules, rule: &str, value: &str) -> Result<(), Problem> {
    let names: Vec<&str> = Rules::ALL.iter().map(|it| it.name).collect();
    let Some(about) = Rules::ALL.iter().find(|it| it.name == rule) else {
        let problem = Problem::new(["rules", rule], format!("there is no rule \"{rule}\""))
            .expected(format!("one of {}", names.join(", ")));
        let near = nearest(rule, names.iter().copied());
        return Err(match near {
            Some(near) => problem.suggest(format!("\"{near}\"")),
            None => problem,
        });
    };
    if rules.set(rule, value) {
        return Ok(());
    }
    let others = about.others.iter().map(|(name, _)| *name);
    let values: Vec<&str> = [about.now].into_iter().chain(others).collect();
    Err(
        Problem::new(["rules", rule], format!("{rule} cannot be \"{value}\""))
            .expected(values.join(", ")),
    )
}
