//! What a broker's start and clean stop make of a data directory, by the code that runs in the simulator:
//! a cluster of one broker is started on it, and asked to stop as soon as it serves.
//!
//! The cluster has no topics, so nothing is led, and the logs come out as loading leaves them.

use super::Unreadable;
use super::lab::Lab;
use super::recovery_case::collect;
use crate::kernel::{Config, Duration, Fault, NodeId, NodeStatus, Time};
use crate::log::MetaProperties;
use crate::log::offset_checkpoint::{self, REPLICATION_OFFSET_CHECKPOINT};
use crate::metadata::znode;
use crate::node::ShellCommand;
use crate::plan::Plan;
use crate::protocol::config::Properties;
use crate::protocol::{Fact, TopicPartition};
use crate::run::Unbuildable;
use bytes::Bytes;
use std::path::Path;

/// Every file below a broker's data directory: path and content. A path that ends in `/` is an empty
/// directory.
#[derive(Clone, Debug)]
pub struct DataDirectory {
    pub files: Vec<(String, Vec<u8>)>,
}

/// What came of a start and a clean stop.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// What was done, one sentence each.
    pub steps: Vec<String>,
    /// The status with which the start failed; the directory is then as that left it.
    pub refused: Option<i32>,
    /// The directory afterwards.
    pub directory: DataDirectory,
}

/// When the broker is started; ZooKeeper has its nodes before.
const START: Time = Time(10_000_000_000);
/// A start or a stop takes longer than this only if it hangs.
const PATIENCE: Duration = Duration::from_secs(3600);

impl DataDirectory {
    /// Reads it from the machine's own disk.
    pub fn read(path: &Path) -> Result<DataDirectory, Unreadable> {
        let mut files = Vec::new();
        collect(path, "", &mut files)?;
        Ok(DataDirectory { files })
    }

    fn meta_properties(&self) -> Option<MetaProperties> {
        let named = |(name, _): &&(String, Vec<u8>)| name == "meta.properties";
        let (_, content) = self.files.iter().find(named)?;
        MetaProperties::parse(content).ok()
    }
}

/// Starts and stops a broker on `directory`. `config`: its server.properties; `at_ms`: its wall clock at
/// the start.
///
/// # Errors
/// A configuration that no broker could start with.
pub fn recover(
    directory: &DataDirectory,
    config: &Properties,
    at_ms: i64,
) -> Result<Recovered, Unbuildable> {
    let meta = directory.meta_properties();
    let mut plan = Plan::new("recovery").brokers(1);
    plan.duration = Duration::MAX;
    plan.cluster.config.clone_from(config);
    let broker = &mut plan.cluster.brokers[0];
    broker.id = meta.as_ref().and_then(|meta| meta.broker_id).unwrap_or(1);
    let id = broker.id;
    let at_start =
        Config::default().calendar_start_ms + i64::try_from(START.as_millis()).unwrap_or(0);
    broker.machine.down_at_start = true;
    broker.machine.clock_skew_ms = at_ms.saturating_sub(at_start);
    broker.machine.files = directory
        .files
        .iter()
        .map(|(path, content)| (format!("data/{path}"), content.clone()))
        .collect();

    let mut lab = Lab::start(&plan)?;
    lab.start_shell();
    if let Some(cluster_id) = meta.and_then(|meta| meta.cluster_id) {
        for (path, data) in [
            ("/cluster", Bytes::new()),
            (znode::CLUSTER_ID, znode::encode_cluster_id(&cluster_id)),
        ] {
            lab.shell(ShellCommand::Create {
                path: path.to_string(),
                data,
            });
            lab.run_until(START, Lab::shell_is_done);
        }
    }
    lab.run.until(START);
    let node = lab.broker(id)?;
    let is_down = |lab: &Lab| lab.run.view().kernel.status(node) == NodeStatus::Down;
    let serves = |lab: &Lab| {
        let mut facts = lab.run.trace().iter().rev();
        facts.any(|entry| entry.fact == Fact::Serving)
    };
    lab.run.fault(Fault::Start(node), None);
    lab.run_until(START + PATIENCE, |lab| serves(lab) || is_down(lab));
    let served = serves(&lab);
    let bad_high_watermarks = high_watermarks_problem(&lab, node).filter(|_| served);
    if bad_high_watermarks.is_some() {
        lab.run.fault(Fault::Crash(node), None);
    } else if served {
        lab.run.fault(Fault::Terminate(node), None);
        let end = lab.run.now() + PATIENCE;
        lab.run_until(end, is_down);
    }

    let mut refused = None;
    let mut steps = Vec::new();
    for entry in lab.run.trace() {
        if let Fact::Exiting { status, .. } = &entry.fact {
            refused = Some(*status);
        }
        steps.extend(step(&entry.fact));
    }
    if let Some(problem) = bad_high_watermarks {
        refused = Some(1);
        steps.push(format!(
            "refused to go on, with status 1, once it is told what it hosts: {problem}"
        ));
    } else if served && refused.is_none() {
        let stop = "stopped cleanly: logs flushed and closed, checkpoints and clean marker written";
        steps.push(stop.to_string());
    }
    let disk = lab.run.view().kernel.disk(node);
    let mut files = Vec::new();
    for (path, file) in disk.files() {
        if let Some(name) = path.strip_prefix("data/") {
            files.push((name.to_string(), disk.peek(file).concat()));
        }
    }
    for dir in disk.list("data") {
        let path = format!("data/{dir}");
        if disk.is_dir(&path) && disk.list(&path).is_empty() {
            files.push((format!("{dir}/"), Vec::new()));
        }
    }
    Ok(Recovered {
        steps,
        refused,
        directory: DataDirectory { files },
    })
}

/// RL1: the file that a broker reads only when the controller has told it what it hosts.
fn high_watermarks_problem(lab: &Lab, node: NodeId) -> Option<String> {
    let disk = lab.run.view().kernel.disk(node);
    let path = format!("data/{REPLICATION_OFFSET_CHECKPOINT}");
    let content = disk.peek(disk.open(&path)?).concat();
    let problem = offset_checkpoint::parse(&content).err()?;
    Some(format!("{path}: {problem}"))
}

/// A fact of the start in words; `None` for what is about the cluster.
fn step(fact: &Fact) -> Option<String> {
    let of = |partition: &TopicPartition, what: &str| Some(format!("{partition}: {what}"));
    match fact {
        Fact::SegmentScanned {
            partition,
            base_offset,
            bytes,
        } => of(
            partition,
            &format!("scanned segment {base_offset}: {bytes} bytes are good"),
        ),
        Fact::LogRepaired { partition, what } | Fact::LogLoaded { partition, what } => {
            of(partition, what)
        }
        Fact::LogsLoaded {
            partitions,
            recovered: 0,
        } => Some(format!(
            "{partitions} logs are loaded; the last stop was clean"
        )),
        Fact::LogsLoaded { partitions, .. } => Some(format!(
            "{partitions} logs are loaded and checked; the last stop was not clean"
        )),
        Fact::LogDirFailed { why } => Some(format!("the log directory is given up: {why}")),
        Fact::Exiting { status, why } => {
            Some(format!("refused to start, with status {status}: {why}"))
        }
        _ => None,
    }
}
