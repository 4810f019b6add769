//! Document to plan: words become types. What a plan as a whole must hold is checked by `Plan::validate`.

use super::document::{self as doc, Content, Document, File, Latency, NumberOr, Spread};
use super::words::{OneOrMany, Ordered, SignedTime, Time};
use crate::kernel::Duration;
use crate::plan::{
    Acks, Action, BrokerPlan, ClusterPlan, ConsumerPlan, Coordination, DiskPlan, Entry,
    Expectation, Expected, Healing, Key, Machine, Moment, NetworkPlan, Partition, Plan, Problem,
    ProducerPlan, Role, Sentence, SentenceError, Slot, Targets, TopicPlan, Value, When,
    ZooKeeperPlan,
};
use crate::protocol::config::{KafkaVersion, Properties, nearest};

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
    plan.cluster = cluster(document.cluster)?;
    plan.network = NetworkPlan {
        latency: latency(document.network.latency, ["network", "latency"])?,
        other_rack: latency(document.network.other_rack, ["network", "other_rack"])?,
        bandwidth: document.network.bandwidth.map(|rate| rate.0),
    };
    plan.disk = DiskPlan {
        read: latency(document.disk.read, ["disk", "read"])?,
        sync: latency(document.disk.sync, ["disk", "sync"])?,
        bandwidth: document.disk.bandwidth.map(|rate| rate.0),
    };
    plan.topics = document
        .topics
        .0
        .into_iter()
        .map(|(name, said)| topic(name, said))
        .collect();
    for (name, said) in document.producers.0 {
        plan.producers.push(producer(name, said)?);
    }
    plan.consumers = document
        .consumers
        .0
        .into_iter()
        .map(|(name, said)| consumer(name, said))
        .collect();
    for (i, said) in document.timeline.into_iter().enumerate() {
        plan.timeline
            .push(entry(said).map_err(|problem| problem.below(&i.to_string()).below("timeline"))?);
    }
    for (i, said) in document.expect.into_iter().enumerate() {
        plan.expect
            .push(expected(said).map_err(|problem| problem.below(&i.to_string()).below("expect"))?);
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
            // How many are too many is for the plan to say; this only keeps memory from being the judge.
            plan.brokers = (1..=count.min(100_000))
                .map(|id| BrokerPlan::new(id as i32))
                .collect();
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
        let content = match file {
            File {
                text: Some(text),
                hex: None,
            } => Some(text.into_bytes()),
            File {
                text: None,
                hex: Some(hex),
            } => from_hex(&hex),
            _ => None,
        };
        let Some(content) = content else {
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
        down_at_start: said.down_at_start,
        files,
    })
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

fn topic(name: String, said: doc::Topic) -> TopicPlan {
    TopicPlan {
        name,
        about: said.about,
        partitions: said.partitions,
        replication_factor: said.replication_factor,
        assignment: said.assignment,
        config: properties(said.config),
    }
}

fn producer(name: String, said: doc::Producer) -> Result<ProducerPlan, Problem> {
    let path = |key: &'static str| ["producers".to_string(), name.clone(), key.to_string()];
    let key = match said.key {
        None => Key::None,
        Some(Content::Word(text)) => match text.as_str() {
            "none" => Key::None,
            "truck_id" => Key::TruckId,
            other => {
                return Err(word(path("key"), other, &["none", "truck_id"])
                    .or_map("{text: ...}, {cycle: 10}"));
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
                .expected("none, truck_id, {text: ...} or {cycle: 10}"));
        }
    };
    let value = match said.value {
        None => Value::default(),
        Some(Content::Word(text)) => match text.as_str() {
            "position" => Value::Position,
            "number" => Value::Number,
            other => {
                return Err(word(path("value"), other, &["position", "number"])
                    .or_map("{text: ...}, {bytes: 1KiB}"));
            }
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
                .expected("position, number, {text: ...} or {bytes: 1KiB}"));
        }
    };
    let acks = match said.acks {
        None => None,
        Some(text) => Some(Acks::parse(&text).ok_or_else(|| {
            Problem::new(path("acks"), format!("\"{text}\"")).expected("0, 1 or all")
        })?),
    };
    Ok(ProducerPlan {
        about: said.about,
        count: said.count,
        topic: said.topic,
        key,
        value,
        every: said.every.map_or(Duration::from_secs(1), |every| every.0),
        saturate: said.saturate,
        start: said.start.map(|time| time.0),
        stop: said.stop.map(|time| time.0),
        limit: said.limit,
        acks,
        config: properties(said.config),
        bootstrap: said.bootstrap.map(|servers| servers.0),
        name,
    })
}

fn consumer(name: String, said: doc::Consumer) -> ConsumerPlan {
    ConsumerPlan {
        name,
        about: said.about,
        count: said.count,
        topics: said.topics,
        start: said.start.map(|time| time.0),
        stop: said.stop.map(|time| time.0),
        config: properties(said.config),
        bootstrap: said.bootstrap.map(|servers| servers.0),
    }
}

fn entry(mut said: doc::Entry) -> Result<Entry, Problem> {
    let when = when(&mut said)?;
    let action = action(&mut said)?;
    let entry = Entry {
        when,
        lasting: said.lasting.take().map(|time| time.0),
        optional: said.optional.take().unwrap_or(false),
        role: said.role.take(),
        about: said.about.take(),
        action,
    };
    // What is left was not taken by the action.
    match leftover(&said) {
        Some(key) => Err(Problem::new(
            [key],
            format!("\"{key}\" does not go with \"{}\"", entry.action.key()),
        )
        .on_key()
        .expected(arguments(&entry.action))),
        None => Ok(entry),
    }
}

fn when(said: &mut doc::Entry) -> Result<When, Problem> {
    let from = said.from.take().map(|time| time.0);
    let until = said.until.take().map(|time| time.0);
    let after = said.after.take().map(|time| time.0);
    let misplaced = |key: &'static str, goes_with: &str| {
        Err(
            Problem::new([key], format!("\"{key}\" does not go with this"))
                .on_key()
                .expected(format!("{goes_with} beside it")),
        )
    };
    match (said.at.take(), said.every.take(), said.when.take()) {
        (Some(Time(at)), None, None) => match (from, until, after) {
            (None, None, None) => Ok(When::At(at)),
            (Some(_), _, _) => misplaced("from", "\"every\" or \"when\""),
            (_, Some(_), _) => misplaced("until", "\"every\""),
            _ => misplaced("after", "\"when\""),
        },
        (None, Some(Time(every)), None) => match after {
            None => Ok(When::Every {
                every,
                from: from.unwrap_or(every),
                until,
            }),
            Some(_) => misplaced("after", "\"when\""),
        },
        (None, None, Some(moment)) => match until {
            None => Ok(When::On {
                moment: moment
                    .parse::<Moment>()
                    .map_err(|error| sentence(["when"], &moment, error))?,
                after: after.unwrap_or(Duration::ZERO),
                from: from.unwrap_or(Duration::ZERO),
            }),
            Some(_) => misplaced("until", "\"every\""),
        },
        (None, None, None) => Err(Problem::new([""; 0], "this line says no time")
            .expected("one of at: 30s, every: 10s, when: <a moment>")),
        _ => Err(Problem::new([""; 0], "this line says more than one time")
            .expected("one of at, every, when")),
    }
}

fn action(said: &mut doc::Entry) -> Result<Action, Problem> {
    let mut found = Vec::new();
    macro_rules! take {
        ($($field:ident, $key:literal, |$value:ident| $action:expr;)*) => {
            $(if let Some($value) = said.$field.take() {
                found.push(($key, $action));
            })*
        };
    }
    take! {
        crash, "crash", |who| Action::Crash(targets("crash", who)?);
        power_failure, "power failure", |who| Action::PowerFailure(targets("power failure", who)?);
        restart, "restart", |who| Action::Restart(targets("restart", who)?);
        pause, "pause", |who| Action::Pause(targets("pause", who)?);
        resume, "resume", |who| Action::Resume(targets("resume", who)?);
        stop, "stop", |who| Action::Stop(targets("stop", who)?);
        cut_link, "cut link", |who| Action::Cut {
            from: targets("cut link", who)?,
            to: targets("to", need(&mut said.to, "cut link", "to: broker-2")?)?,
            both: !said.one_way.take().unwrap_or(false),
        };
        partition_network, "partition network", |sets| Action::Partition(
            sets.into_iter().enumerate().map(|(i, who)| {
                targets(&i.to_string(), who).map_err(|problem| problem.below("partition network"))
            }).collect::<Result<_, _>>()?
        );
        isolate, "isolate", |who| Action::Isolate(targets("isolate", who)?);
        slow_link, "slow link", |who| Action::SlowNetwork {
            a: targets("slow link", who)?,
            b: targets("to", need(&mut said.to, "slow link", "to: broker-2")?)?,
            by: later(need(&mut said.by, "slow link", "by: 50ms")?)?,
        };
        throttle_link, "throttle link", |who| Action::ThrottleNetwork {
            a: targets("throttle link", who)?,
            b: targets("to", need(&mut said.to, "throttle link", "to: broker-2")?)?,
            rate: need(&mut said.rate, "throttle link", "rate: 64KiB/s")?.0,
        };
        stall_link, "stall link", |who| Action::StallNetwork {
            a: targets("stall link", who)?,
            b: targets("to", need(&mut said.to, "stall link", "to: broker-2")?)?,
        };
        reset_link, "reset link", |who| Action::ResetConnections {
            a: targets("reset link", who)?,
            b: targets("to", need(&mut said.to, "reset link", "to: broker-2")?)?,
        };
        lose_message, "lose message", |who| Action::LoseMessage {
            from: targets("lose message", who)?,
            to: targets("to", need(&mut said.to, "lose message", "to: broker-2")?)?,
        };
        slow_disk, "slow disk", |who| Action::SlowDisk {
            targets: targets("slow disk", who)?,
            times: need(&mut said.times, "slow disk", "times: 10")?,
        };
        fill_disk, "fill disk", |who| Action::FillDisk(targets("fill disk", who)?);
        fail_reads, "fail reads", |who| Action::FailReads {
            targets: targets("fail reads", who)?,
            file: need(&mut said.file, "fail reads", "file: trucks_gps-0")?,
        };
        flip_bit, "flip bit", |who| Action::FlipBit {
            targets: targets("flip bit", who)?,
            file: need(&mut said.file, "flip bit", "file: trucks_gps-0")?,
            position: need(&mut said.position, "flip bit", "position: 100")?,
            bit: said.bit.take().unwrap_or(0),
        };
        hang_sync, "hang sync", |who| Action::HangSync(targets("hang sync", who)?);
        fail_sync, "fail sync", |who| Action::FailSync(targets("fail sync", who)?);
        wipe_disk, "wipe disk", |who| Action::WipeDisk(targets("wipe disk", who)?);
        jump_clock, "jump clock", |who| Action::JumpClock {
            targets: targets("jump clock", who)?,
            by_ms: millis(need(&mut said.by, "jump clock", "by: -5s")?, ["by"])?,
        };
        drift_clock, "drift clock", |who| Action::DriftClock {
            targets: targets("drift clock", who)?,
            ppm: need(&mut said.ppm, "drift clock", "ppm: 200")?,
        };
        slow_machine, "slow machine", |who| Action::SlowMachine {
            targets: targets("slow machine", who)?,
            times: need(&mut said.times, "slow machine", "times: 4")?,
        };
        heal, "heal", |what| Action::Heal(match &what.0[..] {
            [one] if one == "everything" => Healing::Everything,
            [one] if one == "network" || one == "the network" => Healing::Network,
            _ => Healing::Nodes(targets("heal", what)?),
        });
        create_topic, "create topic", |name| Action::CreateTopic(TopicPlan {
            name,
            about: None,
            partitions: said.partitions.take(),
            replication_factor: said.replication_factor.take(),
            assignment: said.assignment.take().unwrap_or_default(),
            config: properties(said.config.take().unwrap_or_default()),
        });
        alter_topic, "alter topic", |topic| Action::AlterTopic {
            topic,
            set: properties(said.set.take().unwrap_or_default()),
            delete: said.delete.take().map(|keys| keys.0).unwrap_or_default(),
        };
        elect_preferred_leader, "elect preferred leader", |which| {
            Action::ElectPreferred(partitions("elect preferred leader", which)?)
        };
        elect_unclean_leader, "elect unclean leader", |which| Action::ElectUnclean(partitions("elect unclean leader", which)?);
    }
    match found.len() {
        1 => Ok(found.remove(0).1),
        0 => Err(Problem::new([""; 0], "this line says nothing to do")
            .expected("one action, such as crash: broker-1")),
        _ => {
            let second = found[1].0;
            Err(
                Problem::new([second], format!("\"{second}\" beside \"{}\"", found[0].0))
                    .on_key()
                    .expected("one action a line"),
            )
        }
    }
}

/// What goes with an action, for a message.
fn arguments(action: &Action) -> String {
    let own = match action {
        Action::Cut { .. } => "to, one way",
        Action::SlowNetwork { .. } => "to, by",
        Action::ThrottleNetwork { .. } => "to, rate",
        Action::StallNetwork { .. }
        | Action::ResetConnections { .. }
        | Action::LoseMessage { .. } => "to",
        Action::SlowDisk { .. } | Action::SlowMachine { .. } => "times",
        Action::FailReads { .. } => "file",
        Action::FlipBit { .. } => "file, position, bit",
        Action::JumpClock { .. } => "by",
        Action::DriftClock { .. } => "ppm",
        Action::CreateTopic(_) => "partitions, replication.factor, assignment, config",
        Action::AlterTopic { .. } => "set, delete",
        _ => "",
    };
    let common = match action.can_last() {
        true => "for, optional, about, as",
        false => "optional, about, as",
    };
    match own {
        "" => format!("only {common}"),
        own => format!("only {own}, {common}"),
    }
}

fn leftover(said: &doc::Entry) -> Option<&'static str> {
    [
        (said.to.is_some(), "to"),
        (said.one_way.is_some(), "one way"),
        (said.rate.is_some(), "rate"),
        (said.times.is_some(), "times"),
        (said.file.is_some(), "file"),
        (said.position.is_some(), "position"),
        (said.bit.is_some(), "bit"),
        (said.by.is_some(), "by"),
        (said.ppm.is_some(), "ppm"),
        (said.partitions.is_some(), "partitions"),
        (said.replication_factor.is_some(), "replication.factor"),
        (said.assignment.is_some(), "assignment"),
        (said.config.is_some(), "config"),
        (said.set.is_some(), "set"),
        (said.delete.is_some(), "delete"),
    ]
    .into_iter()
    .find_map(|(there, key)| there.then_some(key))
}

fn need<T>(field: &mut Option<T>, key: &'static str, example: &str) -> Result<T, Problem> {
    field.take().ok_or_else(|| {
        Problem::new(
            [key],
            format!(
                "\"{key}\" without its \"{}\"",
                example.split(':').next().unwrap_or_default()
            ),
        )
        .on_key()
        .expected(format!("{example} beside it"))
    })
}

fn later(time: SignedTime) -> Result<Duration, Problem> {
    match u64::try_from(time.0) {
        Ok(nanos) => Ok(Duration(nanos)),
        Err(_) => {
            Err(Problem::new(["by"], "a negative time").expected("a time to add, such as 50ms"))
        }
    }
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

fn targets(key: &str, who: OneOrMany) -> Result<Targets, Problem> {
    let roles = who.0.iter().enumerate().map(|(i, text)| {
        text.parse::<Role>().map_err(|error| match who.0.len() {
            1 => sentence([key], text, error),
            _ => sentence([key, &i.to_string()], text, error),
        })
    });
    Ok(Targets(roles.collect::<Result<_, _>>()?))
}

/// None: all.
fn partitions(key: &str, which: OneOrMany) -> Result<Option<Vec<Partition>>, Problem> {
    if which.0 == ["all partitions"] {
        return Ok(None);
    }
    let partitions = which.0.iter().map(|text| {
        Partition::read(text).ok_or_else(|| {
            Problem::new([key], format!("\"{text}\""))
                .expected("a partition such as trucks_gps-0, or all partitions")
        })
    });
    Ok(Some(partitions.collect::<Result<_, _>>()?))
}

fn expected(said: doc::Expected) -> Result<Expected, Problem> {
    let what = said
        .sentence
        .parse::<Expectation>()
        .map_err(|error| sentence([""; 0], &said.sentence, error))?;
    Ok(Expected {
        what,
        from: said.from.map(|time| time.0),
        until: said.until.map(|time| time.0),
        because: said.because,
    })
}

fn sentence<S: AsRef<str>>(
    path: impl IntoIterator<Item = S>,
    text: &str,
    error: SentenceError,
) -> Problem {
    Problem::new(
        path,
        format!("\"{text}\" is not {} that trial knows", error.what),
    )
    .expected(format!("{}; \"trial sentences\" lists all", error.what))
    .suggest(format!("\"{}\"", error.nearest))
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
        (Expectation::WHAT, Expectation::TEMPLATES),
    ]
}
