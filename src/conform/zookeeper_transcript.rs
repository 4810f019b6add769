//! Transcripts of random operations on real ZooKeeper (`vectors/zookeeper/random_*.json`): read, checked,
//! and held as plain values. What is compared stays JSON.

use super::field::Field;
use crate::plan::Problem;
use crate::protocol::zookeeper::{CreateMode, MultiOp, Op, Path as ZnodePath};
use bytes::Bytes;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One transcript of a file.
#[derive(Clone, Debug)]
pub struct ZooKeeperTranscript {
    pub path: PathBuf,
    /// The file's name and the transcript's seed.
    pub name: String,
    /// Servers of the recorded ensemble; 1: one by itself.
    pub servers: u32,
    pub steps: Vec<ZooKeeperStep>,
    /// Every node at the end, with its stat.
    pub final_tree: Value,
}

#[derive(Clone, Debug)]
pub struct ZooKeeperStep {
    /// For the reader.
    pub what: String,
    pub action: ZooKeeperAction,
    /// `result`, `error` and `events` as recorded.
    pub seen: Value,
}

#[derive(Clone, Debug)]
pub enum ZooKeeperAction {
    Connect {
        client: String,
        timeout_ms: u32,
    },
    CloseSession {
        client: String,
    },
    Ask {
        client: String,
        op: Op,
    },
    CrashLeader,
    CrashFollower,
    /// The server that is down.
    Restart,
}

/// Whether a document holds such transcripts.
pub fn is_zookeeper(document: &Value) -> bool {
    document.get("transcripts").is_some()
}

/// The name of one of the older transcripts, which are partly prose: only a test that was written for each
/// can play them.
pub fn prose_transcript(document: &Value) -> Option<&str> {
    let is_of_zookeeper = |server: &str| server.contains("ZooKeeper");
    document["server"].as_str().filter(|s| is_of_zookeeper(s))?;
    document["steps"].as_array()?;
    document["scenario"].as_str()
}

/// The transcripts of a document; a problem has its path in the document.
pub fn zookeeper_transcripts_of(
    path: &Path,
    document: &Value,
) -> Result<Vec<ZooKeeperTranscript>, Problem> {
    let document = Field::root(document);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    document.only(&["server", "transcripts"])?;
    document.may("server", |server| server.text().map(drop))?;
    let transcripts = document.need("transcripts", "\"transcripts\": [...]")?;
    if transcripts.items()?.next().is_none() {
        return Err(transcripts
            .problem("no transcripts")
            .expected("at least one transcript"));
    }
    transcripts
        .items()?
        .map(|transcript| {
            transcript.only(&["seed", "mode", "steps", "final_tree"])?;
            let seed = transcript
                .need("seed", "\"seed\": 1")?
                .number(0, i64::MAX)?;
            let mode = transcript.need("mode", "\"mode\": \"standalone\" or \"ensemble\"")?;
            let servers = match mode.text()? {
                "standalone" => 1,
                "ensemble" => 3,
                _ => return Err(mode.wrong("\"standalone\" or \"ensemble\"")),
            };
            let steps = transcript.need("steps", "\"steps\": [...]")?;
            if steps.items()?.next().is_none() {
                return Err(steps.problem("no steps").expected("at least one step"));
            }
            let final_tree = transcript.need("final_tree", "\"final_tree\": {...}")?;
            for (_, node) in final_tree.fields()? {
                node.map()?;
            }
            Ok(ZooKeeperTranscript {
                path: path.to_path_buf(),
                name: format!("{stem} seed {seed}"),
                servers,
                steps: steps
                    .items()?
                    .map(|step| step_of(&step))
                    .collect::<Result<_, _>>()?,
                final_tree: final_tree.value.clone(),
            })
        })
        .collect()
}

fn step_of(step: &Field<'_>) -> Result<ZooKeeperStep, Problem> {
    step.only(&[
        "cluster", "who", "client", "op", "args", "result", "error", "events",
    ])?;
    step.may("error", |error| error.text().map(drop))?;
    step.may("events", |events| {
        events
            .items()?
            .try_for_each(|event| event.items().map(drop))
    })?;
    let (what, action) = match step.get("cluster") {
        Some(cluster) => cluster_action(step, &cluster)?,
        None => client_action(step)?,
    };
    let parts = ["result", "error", "events"].into_iter();
    let seen = parts.filter_map(|part| Some((part.to_string(), step.value.get(part)?.clone())));
    Ok(ZooKeeperStep {
        what,
        action,
        seen: seen.collect(),
    })
}

fn cluster_action(
    step: &Field<'_>,
    cluster: &Field<'_>,
) -> Result<(String, ZooKeeperAction), Problem> {
    Ok(match cluster.text()? {
        "restart" => ("restart".to_string(), ZooKeeperAction::Restart),
        "crash" => {
            let who = step.need("who", "\"who\": \"leader\" or \"follower\"")?;
            match who.text()? {
                "leader" => (
                    "crash of the leader".to_string(),
                    ZooKeeperAction::CrashLeader,
                ),
                "follower" => (
                    "crash of a follower".to_string(),
                    ZooKeeperAction::CrashFollower,
                ),
                _ => return Err(who.wrong("\"leader\" or \"follower\"")),
            }
        }
        _ => return Err(cluster.wrong("\"crash\" or \"restart\"")),
    })
}

fn client_action(step: &Field<'_>) -> Result<(String, ZooKeeperAction), Problem> {
    let client = step
        .need("client", "\"client\": \"C1\"")?
        .text()?
        .to_string();
    let op = step.need("op", "\"op\": \"get\"")?;
    let empty = Value::Object(serde_json::Map::new());
    let none = Field::root(&empty);
    let args = step.get("args").unwrap_or(none);
    let what = match args.value {
        Value::Object(map) if map.is_empty() => format!("{client}: {}", op.text()?),
        args => format!("{client}: {} {args}", op.text()?),
    };
    let name = op.text()?;
    let known = matches!(name, "connect" | "close_session") || !arguments_of(name).is_empty();
    if known {
        args.only(arguments_of(name))?;
    }
    let action = match name {
        "connect" => {
            let timeout = args.need("timeout_s", "\"timeout_s\": 30")?;
            let timeout_ms = 1_000 * timeout.number(1, 100_000)? as u32;
            ZooKeeperAction::Connect { client, timeout_ms }
        }
        "close_session" => ZooKeeperAction::CloseSession { client },
        name => {
            let op = op_of(name, &args)?.ok_or_else(|| op.wrong("an operation of ZooKeeper"))?;
            ZooKeeperAction::Ask { client, op }
        }
    };
    Ok((what, action))
}

/// What goes with an operation.
fn arguments_of(op: &str) -> &'static [&'static str] {
    match op {
        "connect" => &["timeout_s"],
        "create" => &["path", "value", "ephemeral", "sequence"],
        "set" | "set_data" => &["path", "value", "version"],
        "delete" | "check" => &["path", "version"],
        "get" | "exists" | "get_children" => &["path", "watch"],
        "sync" => &["path"],
        "multi" => &["ops"],
        _ => &[],
    }
}

fn op_of(name: &str, args: &Field<'_>) -> Result<Option<Op>, Problem> {
    let watch = match args.get("watch") {
        Some(watch) => watch.flag()?,
        None => false,
    };
    Ok(Some(match name {
        "create" => Op::Create {
            path: path(args)?,
            data: data(args)?,
            mode: mode(args)?,
        },
        "set" => Op::SetData {
            path: path(args)?,
            data: data(args)?,
            version: version(args)?,
        },
        "delete" => Op::Delete {
            path: path(args)?,
            version: version(args)?,
        },
        "get" => Op::GetData {
            path: path(args)?,
            watch,
        },
        "exists" => Op::Exists {
            path: path(args)?,
            watch,
        },
        "get_children" => Op::GetChildren {
            path: path(args)?,
            watch,
        },
        "sync" => Op::Sync { path: path(args)? },
        "multi" => {
            let ops = args.need("ops", "\"ops\": [...]")?;
            Op::Multi(
                ops.items()?
                    .map(|op| part_of(&op))
                    .collect::<Result<_, _>>()?,
            )
        }
        _ => return Ok(None),
    }))
}

fn part_of(part: &Field<'_>) -> Result<MultiOp, Problem> {
    let op = part.need("op", "\"op\": \"create\"")?;
    let arguments = arguments_of(op.text()?);
    if !arguments.is_empty() {
        part.only(&[&["op"], arguments].concat())?;
    }
    let path = path(part)?;
    Ok(match op.text()? {
        "create" => MultiOp::Create {
            path,
            data: data(part)?,
            mode: mode(part)?,
        },
        "set_data" => MultiOp::SetData {
            path,
            data: data(part)?,
            version: version(part)?,
        },
        "delete" => MultiOp::Delete {
            path,
            version: version(part)?,
        },
        "check" => MultiOp::Check {
            path,
            version: version(part)?,
        },
        _ => return Err(op.wrong("create, set_data, delete or check")),
    })
}

fn path(args: &Field<'_>) -> Result<ZnodePath, Problem> {
    Ok(args.need("path", "\"path\": \"/a\"")?.text()?.into())
}

/// Data is written as Latin-1: one character a byte.
fn data(args: &Field<'_>) -> Result<Bytes, Problem> {
    let Some(value) = args.get("value") else {
        return Ok(Bytes::new());
    };
    let bytes: Result<Vec<u8>, _> = value.text()?.chars().map(u8::try_from).collect();
    bytes.map(Bytes::from).map_err(|_| value.wrong("Latin-1"))
}

fn version(args: &Field<'_>) -> Result<i32, Problem> {
    match args.get("version") {
        Some(version) => Ok(version.number(-1, i64::from(i32::MAX))? as i32),
        None => Ok(-1),
    }
}

fn mode(args: &Field<'_>) -> Result<CreateMode, Problem> {
    let said = |key| match args.get(key) {
        Some(flag) => flag.flag(),
        None => Ok(false),
    };
    Ok(CreateMode {
        ephemeral: said("ephemeral")?,
        sequential: said("sequence")?,
    })
}
