//! A line of the timeline: when, what, to whom.

use super::{assignment, content, millis, properties, sentence};
use crate::kernel::Duration;
use crate::plan::{
    Action, Entry, Healing, Moment, Partition, Problem, Role, Slot, Targets, TopicPlan, When,
    ZooKeeperCommand,
};
use crate::scenario::document as doc;
use crate::scenario::words::{OneOrMany, SignedTime, Time};

pub(super) fn entry(mut said: doc::Entry) -> Result<Entry, Problem> {
    let when = when(&mut said)?;
    let action = action(&mut said)?;
    let entry = Entry {
        when,
        lasting: said.lasting.take().map(|time| time.0),
        optional: said.optional.take().unwrap_or(false),
        roles: said.roles.take().map(|roles| roles.0).unwrap_or_default(),
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
                    .map_err(|error| sentence::<Moment, _>(["when"], &moment, error))?,
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
        upgrade, "upgrade", |who| Action::Upgrade {
            targets: targets("upgrade", who)?,
            set: properties(said.set.take().unwrap_or_default()),
        };
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
        slow_link, "slow link", |who| Action::SlowLink {
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
        delete_file, "delete file", |who| Action::DeleteFile {
            targets: targets("delete file", who)?,
            file: need(&mut said.file, "delete file", "file: data/meta.properties")?,
        };
        truncate_file, "truncate file", |who| Action::TruncateFile {
            targets: targets("truncate file", who)?,
            file: need(&mut said.file, "truncate file", "file: data/meta.properties")?,
            size: need(&mut said.size, "truncate file", "size: 0")?,
        };
        write_file, "write file", |who| Action::WriteFile {
            targets: targets("write file", who)?,
            file: need(&mut said.file, "write file", "file: data/meta.properties")?,
            content: content(doc::File {
                text: said.text.take(),
                hex: said.hex.take(),
            })
            .ok_or_else(|| {
                Problem::new(["write file"], "no content that can be read")
                    .on_key()
                    .expected("text: ... beside it, or hex: ... with two digits a byte")
            })?,
        };
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
            assignment: assignment(said.assignment.take())?,
            config: properties(said.config.take().unwrap_or_default()),
        });
        alter_topic, "alter topic", |topic| Action::AlterTopic {
            topic,
            set: properties(said.set.take().unwrap_or_default()),
            delete: said.delete.take().map(|keys| keys.0).unwrap_or_default(),
        };
        create_partitions, "create partitions", |topic| Action::CreatePartitions {
            topic,
            partitions: need(&mut said.partitions, "create partitions", "partitions: 8")?,
        };
        delete_records, "delete records", |which| Action::DeleteRecords {
            partition: Partition::read(&which).ok_or_else(|| {
                Problem::new(["delete records"], format!("\"{which}\""))
                    .expected("a partition such as trucks_gps-0")
            })?,
            before: said.before.take(),
        };
        describe_group, "describe group", |group| Action::DescribeGroup(group);
        elect_preferred_leader, "elect preferred leader", |which| {
            Action::ElectPreferred(partitions("elect preferred leader", which)?)
        };
        ask_zookeeper, "ask zookeeper", |what| Action::AskZooKeeper {
            client: need(&mut said.client, "ask zookeeper", "client: reader")?,
            command: ZooKeeperCommand::read(&what).ok_or_else(|| {
                Problem::new(["ask zookeeper"], format!("\"{what}\""))
                    .expected(ZooKeeperCommand::FORMS)
            })?,
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
        Action::SlowLink { .. } => "to, by",
        Action::ThrottleNetwork { .. } => "to, rate",
        Action::StallNetwork { .. }
        | Action::ResetConnections { .. }
        | Action::LoseMessage { .. } => "to",
        Action::SlowDisk { .. } | Action::SlowMachine { .. } => "times",
        Action::FailReads { .. } | Action::DeleteFile { .. } => "file",
        Action::TruncateFile { .. } => "file, size",
        Action::WriteFile { .. } => "file, text, hex",
        Action::FlipBit { .. } => "file, position, bit",
        Action::JumpClock { .. } => "by",
        Action::DriftClock { .. } => "ppm",
        Action::CreateTopic(_) => "partitions, replication.factor, assignment, config",
        Action::Upgrade { .. } => "set",
        Action::AlterTopic { .. } => "set, delete",
        Action::CreatePartitions { .. } => "partitions",
        Action::DeleteRecords { .. } => "before",
        Action::AskZooKeeper { .. } => "client",
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
        (said.size.is_some(), "size"),
        (said.text.is_some(), "text"),
        (said.hex.is_some(), "hex"),
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
        (said.client.is_some(), "client"),
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

fn targets(key: &str, who: OneOrMany) -> Result<Targets, Problem> {
    let roles = who.0.iter().enumerate().map(|(i, text)| {
        text.parse::<Role>().map_err(|error| match who.0.len() {
            1 => sentence::<Role, _>([key], text, error),
            _ => sentence::<Role, _>([key, &i.to_string()], text, error),
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
