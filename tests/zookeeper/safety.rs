//! Random operations of clients on an ensemble under crashes, power failures, pauses, cuts and slow
//! disks: what must hold always holds, and once everything is healed a leader serves and all servers
//! come to the same.
//!
//! `cargo test` plays a sample. All 2,000 runs: `ZOOKEEPER_RUNS=2000 cargo test --release --test
//! zookeeper safety`; one of them: `ZOOKEEPER_RUN=17`.

use crate::world::{Do, World, children, create, exists, get};
use bytes::Bytes;
use kafka_trial::campaign::swarm::Random;
use kafka_trial::check::{Checks, Violation};
use kafka_trial::kernel::{Duration, Fault, NodeId, NodeStatus};
use kafka_trial::node::view::{
    ClusterView, CommittedPartition, ReplicaOffsets, ReplicaView, TopicView,
};
use kafka_trial::protocol::rules::Rules;
use kafka_trial::protocol::zab::SyncMode;
use kafka_trial::protocol::zookeeper::{CreateMode, MultiOp, Op, Path};
use kafka_trial::protocol::{BrokerId, Fact, TopicPartition};
use kafka_trial::trace::TraceEntry;
use kafka_trial::zookeeper::ServerConfig;

/// Runs of a plain `cargo test`.
const SAMPLE: u64 = 60;

#[test]
fn zk_abc_hold_under_faults_and_all_servers_converge() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let seeds = match number("ZOOKEEPER_RUN") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ZOOKEEPER_RUNS").unwrap_or(SAMPLE),
    };
    let mut totals = Totals::default();
    for seed in seeds.clone() {
        Run::new(seed, Rules::default()).play(&mut totals);
    }
    println!("{seeds:?}: {totals:?}");
    if seeds.end - seeds.start >= SAMPLE {
        // Runs in which nothing happened would prove nothing.
        assert!(totals.leaders > 2 * SAMPLE && totals.transactions > 50 * SAMPLE);
        assert!(totals.diffs > 0 && totals.truncs > 0 && totals.snaps > 0);
    }
}

/// Agreement is noticed by its own property, without the one that only compares what servers begin to serve with
/// what was committed. An acknowledgement before its fsync, and a log that is not cut, are too rare for chance
/// (tests/runs/broken_brokers plays them).
#[test]
fn zk_a_is_noticed_where_commits_come_too_early() {
    let rules = Rules::parse("zk_commit=first-ack").expect("a rule");
    let noticed = (0..SAMPLE).find_map(|seed| Run::new(seed, rules).notices());
    let expected = "ZooKeeper's servers apply the same transactions in the same order";
    assert_eq!(noticed, Some(expected));
}

#[derive(Debug, Default)]
struct Totals {
    leaders: u64,
    transactions: u64,
    diffs: u64,
    truncs: u64,
    snaps: u64,
}

struct Run {
    seed: u64,
    random: Random,
    world: World,
    clients: Vec<NodeId>,
    checks: Checks,
    violation: Option<Violation>,
    tokens: u64,
}

impl Run {
    fn new(seed: u64, rules: Rules) -> Self {
        let mut random = Random(seed);
        let config = ServerConfig {
            // Small enough that snapshots are taken, and that logs begin after them.
            snap_count: random.range(10..60) as u32,
            rules,
            ..ServerConfig::with_tick(500)
        };
        let count = if random.percent(50) { 3 } else { 5 };
        let mut world = World::members(seed, &config, count);
        for server in world.servers.clone() {
            world.kernel.apply(Fault::Start(server));
        }
        Run {
            seed,
            random,
            world,
            clients: Vec::new(),
            checks: Checks::of_zookeeper(),
            violation: None,
            tokens: 1,
        }
    }

    /// The property that breaks first, if one does before all is healed.
    fn notices(mut self) -> Option<&'static str> {
        self.go_wrong();
        Some(self.violation?.property)
    }

    fn play(mut self, totals: &mut Totals) {
        self.go_wrong();
        self.heal();
        let converged = self.converges();
        if let Some(broken) = &self.violation {
            panic!(
                "seed {}: {} at {:?} on {:?}: {}",
                self.seed, broken.property, broken.time, broken.nodes, broken.sentence
            );
        }
        let (state, ends) = (self.state(), self.ends());
        assert!(converged, "seed {}:\n{state}\n{ends:?}", self.seed);
        let trees: Vec<Vec<_>> = self
            .world
            .servers
            .iter()
            .map(|server| {
                let tree = self.world.server_at(*server).tree();
                tree.iter()
                    .map(|(path, data, stat)| (path.clone(), data.clone(), stat))
                    .collect()
            })
            .collect();
        for tree in &trees {
            assert_eq!(tree, &trees[0], "seed {}: trees differ", self.seed);
        }
        let facts = self.world.take_facts();
        for fact in facts {
            totals.count(&fact);
        }
    }

    /// Operations and faults.
    fn go_wrong(&mut self) {
        for number in 0..4 {
            let timeout_ms = self.random.range(1_000..8_000) as u32;
            let client = self.world.client(&format!("client-{number}"), timeout_ms);
            self.clients.push(client);
        }
        let faulty = self.random.range(3_000..15_000);
        let mut played = 0;
        while played < faulty && self.violation.is_none() {
            let pause = self.random.range(1..150);
            self.run_ms(pause);
            played += pause;
            if self.random.percent(6) {
                self.fault();
            }
            for _ in 0..self.random.range(0..4) {
                self.operate();
            }
        }
    }

    fn run_ms(&mut self, ms: u64) {
        let end = self.world.kernel.now() + Duration::from_millis(ms);
        while self
            .world
            .kernel
            .next_time()
            .is_some_and(|next| next <= end)
        {
            let facts: Vec<TraceEntry> = self.world.step_with_facts();
            if self.violation.is_none() {
                self.violation = self.checks.after_event(&facts, &NoBrokers);
            }
        }
        self.world.kernel.advance_to(end);
    }

    fn operate(&mut self) {
        let client = *self.random.of(&self.clients);
        let op = self.op();
        self.tokens += 1;
        let todo = match self.random.range(0..400) {
            0 => Do::Close,
            1 => Do::Reopen,
            _ => Do::Request(self.tokens, op),
        };
        if self.world.session(client).session_id().is_none()
            && self.world.kernel.status(client) == NodeStatus::Running
            && self.random.percent(20)
        {
            self.world.tell(client, Do::Reopen);
        }
        self.world.tell(client, todo);
    }

    fn path(&mut self) -> Path {
        const PATHS: [&str; 7] = ["/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/p", "/c"];
        (*self.random.of(&PATHS)).into()
    }

    fn data(&mut self) -> Bytes {
        let size = self.random.range(0..40) as usize;
        Bytes::from(vec![self.random.range(0..256) as u8; size])
    }

    fn version(&mut self) -> i32 {
        self.random.range(0..4) as i32 - 1
    }

    fn mode(&mut self) -> CreateMode {
        CreateMode {
            ephemeral: self.random.percent(30),
            sequential: self.random.percent(20),
        }
    }

    fn op(&mut self) -> Op {
        let path = self.path();
        let watch = self.random.percent(30);
        match self.random.range(0..20) {
            0..6 => Op::Create {
                data: self.data(),
                mode: self.mode(),
                path,
            },
            6..8 => Op::Delete {
                path,
                version: self.version(),
            },
            8..11 => Op::SetData {
                path,
                data: self.data(),
                version: self.version(),
            },
            11..13 => get(&path, watch),
            13 => exists(&path, watch),
            14..16 => children(&path, watch),
            16 => Op::Sync { path },
            17 => create("/s-", CreateMode::EPHEMERAL_SEQUENTIAL),
            _ => {
                let count = self.random.range(1..4);
                Op::Multi((0..count).map(|_| self.part()).collect())
            }
        }
    }

    fn part(&mut self) -> MultiOp {
        let path = self.path();
        match self.random.range(0..4) {
            0 => MultiOp::Create {
                data: self.data(),
                mode: self.mode(),
                path,
            },
            1 => MultiOp::Delete {
                path,
                version: self.version(),
            },
            2 => MultiOp::SetData {
                path,
                data: self.data(),
                version: self.version(),
            },
            _ => MultiOp::Check {
                path,
                version: self.version(),
            },
        }
    }

    fn server(&mut self) -> NodeId {
        let servers = &self.world.servers;
        match self.world.leader() {
            Some(leader) if self.random.percent(40) => leader,
            _ => *self.random.of(servers),
        }
    }

    fn fault(&mut self) {
        let node = self.server();
        let status = self.world.kernel.status(node);
        let other = self.server();
        let fault = match self.random.range(0..12) {
            0 | 1 if status == NodeStatus::Down => Fault::Start(node),
            0 => Fault::Crash(node),
            1 => Fault::PowerFailure(node),
            2 | 3 if status == NodeStatus::Paused => Fault::Resume(node),
            2 => Fault::Pause(node),
            3 => Fault::DiskSlow {
                node,
                times: self.random.range(1..60) as u32,
            },
            4 => Fault::Cut {
                from: vec![node],
                to: vec![other],
                both: self.random.percent(50),
            },
            5 => Fault::partition(&[node], &self.others(node)),
            6 => Fault::Reset {
                a: vec![node],
                b: self.others(node),
            },
            7 => {
                let client = *self.random.of(&self.clients);
                Fault::Reset {
                    a: vec![client],
                    b: self.world.servers.clone(),
                }
            }
            8 | 9 => Fault::Heal(None),
            _ => {
                for server in self.world.servers.clone() {
                    match self.world.kernel.status(server) {
                        NodeStatus::Down => drop(self.world.kernel.apply(Fault::Start(server))),
                        NodeStatus::Paused => drop(self.world.kernel.apply(Fault::Resume(server))),
                        _ => {}
                    }
                }
                return;
            }
        };
        self.world.kernel.apply(fault);
    }

    fn others(&self, node: NodeId) -> Vec<NodeId> {
        let all = self.world.servers.iter().chain(&self.clients);
        all.copied().filter(|other| *other != node).collect()
    }

    fn heal(&mut self) {
        self.world.kernel.apply(Fault::Heal(None));
        for node in self.world.servers.clone() {
            self.world.kernel.apply(Fault::DiskSlow { node, times: 1 });
            match self.world.kernel.status(node) {
                NodeStatus::Down => drop(self.world.kernel.apply(Fault::Start(node))),
                NodeStatus::Paused => drop(self.world.kernel.apply(Fault::Resume(node))),
                _ => {}
            }
        }
    }

    /// Within a minute a leader serves, everybody follows it, and all have applied the same.
    fn converges(&mut self) -> bool {
        for _ in 0..600 {
            self.run_ms(100);
            if self.world.all_serve() {
                self.operate();
                self.run_ms(2_000);
                let state = |server: &NodeId| {
                    let view = self.world.server_at(*server).quorum().expect("a member");
                    (view.current_epoch, view.last_committed)
                };
                let first = state(&self.world.servers[0]);
                if self.world.all_serve()
                    && self
                        .world
                        .servers
                        .iter()
                        .all(|server| state(server) == first)
                {
                    return true;
                }
            }
        }
        false
    }

    /// Why servers ended by themselves.
    fn ends(&self) -> Vec<Fact> {
        let facts = self.world.facts().iter();
        let ends = facts.filter(|fact| matches!(fact, Fact::Exiting { .. }));
        ends.cloned().collect()
    }

    fn state(&self) -> String {
        let state = |server: &NodeId| {
            format!(
                "{:?} {:?}",
                self.world.kernel.status(*server),
                self.world.server_at(*server).quorum()
            )
        };
        let states: Vec<String> = self.world.servers.iter().map(state).collect();
        states.join("\n")
    }
}

impl Totals {
    fn count(&mut self, fact: &Fact) {
        match fact {
            Fact::ZooKeeperLeads { .. } => self.leaders += 1,
            Fact::TxnApplied { .. } => self.transactions += 1,
            Fact::LearnerSynchronised { mode, .. } => match mode {
                SyncMode::Diff => self.diffs += 1,
                SyncMode::Trunc => self.truncs += 1,
                SyncMode::Snap => self.snaps += 1,
            },
            _ => {}
        }
    }
}

/// There are none.
struct NoBrokers;

impl ClusterView for NoBrokers {
    fn running_brokers(&self) -> Vec<BrokerId> {
        Vec::new()
    }
    fn replica(&self, _: BrokerId, _: &TopicPartition) -> Option<ReplicaView> {
        None
    }
    fn replica_offsets(&self, _: BrokerId, _: &TopicPartition) -> Option<ReplicaOffsets> {
        None
    }
    fn replicas(&self) -> Vec<ReplicaView> {
        Vec::new()
    }
    fn committed(&self) -> Vec<CommittedPartition> {
        Vec::new()
    }
    fn log_files(&self, _: BrokerId, _: &TopicPartition) -> Vec<(String, Vec<Bytes>)> {
        Vec::new()
    }
    fn controller(&self) -> Option<(BrokerId, i32)> {
        None
    }
    fn topics(&self) -> Vec<TopicView> {
        Vec::new()
    }
}
