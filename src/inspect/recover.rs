//! What a broker's start and clean stop make of a data directory, by the code that runs in the simulator:
//! a cluster of one broker is started on it, and asked to stop as soon as it serves.
//!
//! The cluster has no topics, so nothing is led, and the logs come out as loading leaves them.

use crate::kernel::{Config, Duration, Fault, NodeId, NodeStatus, Time};
use crate::log::MetaProperties;
use crate::log::offset_checkpoint::{self, REPLICATION_OFFSET_CHECKPOINT};
use crate::metadata::znode;
use crate::node::{Node, ShellCommand, ZooKeeperShell};
use crate::plan::Plan;
use crate::protocol::config::Properties;
use crate::protocol::{Fact, Timer, TopicPartition, counted};
use crate::run::{Run, Unbuildable};
use bytes::Bytes;

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
/// Where a simulated broker's `log.dirs` is.
const LOG_DIR: &str = "data";
/// A start or a stop takes longer than this only if it hangs.
const PATIENCE: Duration = Duration::from_secs(3600);

impl DataDirectory {
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
    let at_start =
        Config::default().calendar_start_ms + i64::try_from(START.as_millis()).unwrap_or(0);
    broker.machine.down_at_start = true;
    broker.machine.clock_skew_ms = at_ms.saturating_sub(at_start);
    broker.machine.files = directory
        .files
        .iter()
        .map(|(path, content)| (format!("{LOG_DIR}/{path}"), content.clone()))
        .collect();

    let mut bench = Bench::start(&plan)?;
    if let Some(cluster_id) = meta.and_then(|meta| meta.cluster_id) {
        bench.create("/cluster", Bytes::new());
        bench.create(znode::CLUSTER_ID, znode::encode_cluster_id(&cluster_id));
    }
    bench.run.until(START);
    bench.run.fault(Fault::Start(bench.broker), None);
    bench.run_until(|bench| bench.serves() || bench.is_down());
    let served = bench.serves();
    let bad_high_watermarks = bench.high_watermarks_problem().filter(|_| served);
    if bad_high_watermarks.is_some() {
        bench.run.fault(Fault::Crash(bench.broker), None);
    } else if served {
        bench.run.fault(Fault::Terminate(bench.broker), None);
        bench.run_until(Bench::is_down);
    }

    let mut refused = None;
    let mut steps = Vec::new();
    for entry in bench.run.trace() {
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
    Ok(Recovered {
        steps,
        refused,
        directory: bench.directory(),
    })
}

/// The cluster of one broker, with an operator's ZooKeeper client.
struct Bench {
    run: Run,
    shell: NodeId,
    broker: NodeId,
}

/// Any seed must do: nothing of a start is drawn by lot.
const SEED: u64 = 1;
const SHELL: &str = "operator-of-zookeeper";
const SHELL_TIMEOUT_MS: u32 = 30_000;

impl Bench {
    fn start(plan: &Plan) -> Result<Bench, Unbuildable> {
        let run = Run::start_with(plan, SEED, |_, zookeepers| {
            let shell = ZooKeeperShell::new(zookeepers.to_vec(), SHELL_TIMEOUT_MS);
            Ok(vec![(
                SHELL.to_string(),
                Node::ZooKeeperShell(Box::new(shell)),
            )])
        })?;
        let layout = run.view().layout;
        let shell = layout.clients.iter().find(|(name, _)| name == SHELL);
        let missing = |what: &str| Unbuildable(format!("no node is {what}"));
        let shell = shell.ok_or_else(|| missing(SHELL))?.1;
        let broker = *layout
            .brokers
            .values()
            .next()
            .ok_or_else(|| missing("a broker"))?;
        let mut bench = Bench { run, shell, broker };
        bench.run.fault(Fault::Start(shell), None);
        Ok(bench)
    }

    /// Makes a znode before the broker is started.
    fn create(&mut self, path: &str, data: Bytes) {
        let path = path.to_string();
        if let Node::ZooKeeperShell(shell) = self.run.node_mut(self.shell) {
            let number = shell.push(ShellCommand::Create { path, data });
            self.run.poke(self.shell, Timer::Command(number));
        }
        let is_done = |run: &Run, node| match run.view().kernel.actor(node) {
            Node::ZooKeeperShell(shell) => shell.is_done(),
            _ => true,
        };
        while !is_done(&self.run, self.shell) && self.run.now() < START && self.run.step() {}
    }

    fn run_until(&mut self, done: impl Fn(&Bench) -> bool) {
        let end = self.run.now() + PATIENCE;
        while !done(self) && self.run.now() < end && self.run.step() {}
    }

    fn is_down(&self) -> bool {
        self.run.view().kernel.status(self.broker) == NodeStatus::Down
    }

    fn serves(&self) -> bool {
        let mut facts = self.run.trace().iter().rev();
        facts.any(|entry| entry.fact == Fact::Serving)
    }

    /// RL1: the file that a broker reads only when the controller has told it what it hosts.
    fn high_watermarks_problem(&self) -> Option<String> {
        let disk = self.run.view().kernel.disk(self.broker);
        let path = format!("{LOG_DIR}/{REPLICATION_OFFSET_CHECKPOINT}");
        let content = disk.peek(disk.open(&path)?).concat();
        let problem = offset_checkpoint::parse(&content).err()?;
        Some(format!("{path}: {problem}"))
    }

    /// What lies on the broker's disk.
    fn directory(&self) -> DataDirectory {
        let disk = self.run.view().kernel.disk(self.broker);
        let mut files = Vec::new();
        for (path, file) in disk.files() {
            if let Some(name) = path
                .strip_prefix(LOG_DIR)
                .and_then(|rest| rest.strip_prefix('/'))
            {
                files.push((name.to_string(), disk.peek(file).concat()));
            }
        }
        for dir in disk.list(LOG_DIR) {
            let path = format!("{LOG_DIR}/{dir}");
            if disk.is_dir(&path) && disk.list(&path).is_empty() {
                files.push((format!("{dir}/"), Vec::new()));
            }
        }
        DataDirectory { files }
    }
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
        Fact::LogRepaired { partition, what }
        | Fact::LogLoaded {
            partition, what, ..
        } => of(partition, what),
        Fact::LogsLoaded {
            partitions,
            recovered: 0,
        } => Some(format!(
            "{} loaded; the last stop was clean",
            counted(partitions, "log")
        )),
        Fact::LogsLoaded { partitions, .. } => Some(format!(
            "{} loaded and checked; the last stop was not clean",
            counted(partitions, "log")
        )),
        Fact::LogDirFailed { why } => Some(format!("the log directory is given up: {why}")),
        Fact::Exiting { status, why } => {
            Some(format!("refused to start, with status {status}: {why}"))
        }
        _ => None,
    }
}
