//! What a client knows of the cluster, and when it should ask again (class Metadata).
//!
//! Knows no connections. A leader epoch never goes back (KIP-320): an answer with an older one is
//! not taken over, since it comes from a broker that lags behind.

use crate::client::Bootstrap;
use crate::kernel::{Duration, Time};
use crate::network_client::Node;
use crate::protocol::config::CommonConfig;
use crate::protocol::{
    BrokerEndpoint, BrokerId, Ctx, ErrorCode, Hosts, LeaderIdAndEpoch, MetadataRequest,
    MetadataResponse, NO_LEADER, Place, TopicId, TopicName, TopicPartition, TopicPattern,
    exponential,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Where a broker says that it is to be reached, and where that is, if the host's name is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub host: Rc<str>,
    pub port: i32,
    pub place: Option<Place>,
}

impl Endpoint {
    /// As in `bootstrap.servers`.
    pub fn name(&self) -> Rc<str> {
        format!("{}:{}", self.host, self.port).into()
    }
}

/// A topic as last described.
#[derive(Clone, Debug)]
pub struct Topic {
    /// As the brokers share it, so that they find its partitions fast.
    pub name: TopicName,
    pub topic_id: TopicId,
    /// By partition number, from 0 without gaps.
    pub partitions: Vec<Partition>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partition {
    /// `NO_LEADER` if there is none, or none that is known.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
    pub offline_replicas: Vec<BrokerId>,
    /// CN27: a newer leader was heard of; nobody leads before metadata tell of it.
    is_stale: bool,
}

/// A client's picture of the cluster.
#[derive(Debug)]
pub struct Metadata {
    hosts: Hosts,
    bootstrap: Vec<Endpoint>,
    expire: Duration,
    backoff_ms: (u64, u64),
    /// Empty until a broker of the bootstrap list has answered.
    brokers: BTreeMap<BrokerId, Endpoint>,
    /// Of those that have one.
    racks: BTreeMap<BrokerId, Rc<str>>,
    /// What `nodes` says.
    nodes: Vec<Node>,
    controller: BrokerId,
    topics: BTreeMap<TopicName, Topic>,
    topic_errors: BTreeMap<TopicName, ErrorCode>,
    last_seen_leader_epochs: BTreeMap<TopicPartition, i32>,
    /// CN29: of a producer, with the times until which each is of use.
    wanted: BTreeMap<TopicName, Time>,
    max_idle: Option<Duration>,
    /// CN21: all topics are asked for, and these are of use.
    matching: Option<TopicPattern>,
    /// CN21: wanted topics that no answer has told of yet, which a producer asks about alone.
    new_topics: BTreeSet<TopicName>,
    wants_new_topics: bool,
    /// What is under way is about new topics only, and how many were new by then.
    asked_partially: bool,
    additions: u64,
    asked_after_additions: u64,
    /// Brokers may make what is wanted and not there.
    allow_auto_topic_creation: bool,
    update_requested: bool,
    /// No sooner than this, whatever is requested.
    not_before: Time,
    last_success: Option<Time>,
    failed_attempts: u32,
    equivalent_responses: u32,
    version: u64,
    answers: u64,
}

impl Metadata {
    pub fn new(bootstrap: &Bootstrap, config: &CommonConfig) -> Metadata {
        let servers = bootstrap
            .servers
            .iter()
            .flat_map(|(host, port)| {
                let listed = endpoint(&bootstrap.hosts, host, *port);
                match config.resolve_canonical {
                    true => by_canonical_names(&bootstrap.hosts, listed),
                    false => vec![listed],
                }
            })
            .collect();
        Metadata {
            hosts: bootstrap.hosts.clone(),
            bootstrap: servers,
            expire: Duration::from_millis(config.metadata_max_age_ms),
            backoff_ms: (config.retry_backoff_ms, config.retry_backoff_max_ms),
            brokers: BTreeMap::new(),
            racks: BTreeMap::new(),
            nodes: Vec::new(),
            controller: NO_LEADER,
            topics: BTreeMap::new(),
            topic_errors: BTreeMap::new(),
            last_seen_leader_epochs: BTreeMap::new(),
            wanted: BTreeMap::new(),
            max_idle: config.metadata_max_idle_ms.map(Duration::from_millis),
            matching: None,
            new_topics: BTreeSet::new(),
            wants_new_topics: false,
            asked_partially: false,
            additions: 0,
            asked_after_additions: 0,
            allow_auto_topic_creation: config.allow_auto_create_topics,
            update_requested: true,
            not_before: Time::ZERO,
            last_success: None,
            failed_attempts: 0,
            equivalent_responses: 0,
            version: 0,
            answers: 0,
        }
    }

    /// True once a server of the bootstrap list has named the brokers.
    pub fn is_bootstrapped(&self) -> bool {
        !self.brokers.is_empty()
    }

    pub fn bootstrap_servers(&self) -> &[Endpoint] {
        &self.bootstrap
    }

    /// Whom to ask: the brokers, or the bootstrap list while none is known (CN1); in an order by chance (CN18).
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The server of the bootstrap list that this node stands for.
    pub fn bootstrap_server(&self, node: Node) -> Option<&Endpoint> {
        let index = usize::try_from(-1 - i64::from(node.id)).ok()?;
        self.resolved_servers().nth(index)
    }

    /// Whose host is unknown is left out before ids are given.
    fn resolved_servers(&self) -> impl Iterator<Item = &Endpoint> {
        self.bootstrap.iter().filter(|it| it.place.is_some())
    }

    /// CN18: with each answer (`Cluster`'s constructor).
    pub fn shuffle_nodes(&mut self, ctx: &mut Ctx<'_>) {
        let node = |(id, endpoint): (i32, &Endpoint)| Some(Node::new(id, endpoint.place?));
        self.nodes = match self.is_bootstrapped() {
            true => self.brokers().filter_map(node).collect(),
            false => (i32::MIN..=-1)
                .rev()
                .zip(self.resolved_servers())
                .filter_map(node)
                .collect(),
        };
        for i in (1..self.nodes.len()).rev() {
            let other = ctx.random().below(i as u64 + 1) as usize;
            self.nodes.swap(i, other);
        }
    }

    /// Where brokers say that they are.
    pub fn brokers(&self) -> impl Iterator<Item = (BrokerId, &Endpoint)> {
        self.brokers.iter().map(|(id, endpoint)| (*id, endpoint))
    }

    /// `broker.rack`, as the broker says it.
    pub fn rack(&self, broker: BrokerId) -> Option<&Rc<str>> {
        self.racks.get(&broker)
    }

    /// Where a host and port lead, as far as this machine can look them up.
    pub fn place_of(&self, host: &str, port: i32) -> Option<Place> {
        self.hosts.place(host, port)
    }

    /// What this machine's resolver knows.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    pub fn node(&self, broker: BrokerId) -> Option<Node> {
        let place = self.brokers.get(&broker)?.place?;
        Some(Node::new(broker, place))
    }

    /// -1 if none is known.
    pub fn controller(&self) -> BrokerId {
        self.controller
    }

    pub fn clear_controller(&mut self) {
        self.controller = NO_LEADER;
    }

    pub fn topic(&self, topic: &str) -> Option<&Topic> {
        self.topics.get(topic)
    }

    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.values()
    }

    /// What the last answer said against the topic as a whole.
    pub fn topic_error(&self, topic: &str) -> Option<ErrorCode> {
        self.topic_errors.get(topic).copied()
    }

    pub fn partition(&self, partition: &TopicPartition) -> Option<&Partition> {
        let index = usize::try_from(partition.partition).ok()?;
        self.topics.get(&partition.topic)?.partitions.get(index)
    }

    /// CC28: the machine of a replica, if it is one and is not known to be down (`Cluster.nodeIfOnline`).
    pub fn replica_if_online(&self, partition: &TopicPartition, broker: BrokerId) -> Option<Node> {
        let known = self.partition(partition)?;
        let is_online =
            known.replicas.contains(&broker) && !known.offline_replicas.contains(&broker);
        self.node(broker).filter(|_| is_online)
    }

    /// The leader's id, machine and epoch, if there is one, its machine is known, and no newer one was heard of (CN27).
    pub fn leader(&self, partition: &TopicPartition) -> Option<(BrokerId, Node, i32)> {
        let known = self.partition(partition).filter(|it| !it.is_stale)?;
        let node = self.node(known.leader)?;
        Some((known.leader, node, known.leader_epoch))
    }

    /// Counts what was taken over, of whatever was said of the cluster.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Counts answers about all that is of use.
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Has the topic described with each answer from now on, by a producer as long as it is used. A new one is asked
    /// about at once (CN23).
    pub fn add_topic(&mut self, topic: &TopicName, now: Time) {
        let of_use = self.max_idle.map_or(Time::MAX, |idle| now + idle);
        if let Some(until) = self.wanted.get_mut(topic) {
            *until = of_use;
            return;
        }
        self.wanted.insert(TopicName::clone(topic), of_use);
        self.not_before = Time::ZERO;
        self.equivalent_responses = 0;
        match self.max_idle {
            Some(_) => {
                self.new_topics.insert(TopicName::clone(topic));
                self.wants_new_topics = true;
                self.additions += 1;
            }
            None => self.update_requested = true,
        }
    }

    /// Of use from now on is what matches, whoever has made it.
    pub fn match_topics(&mut self, pattern: TopicPattern) {
        self.matching = Some(pattern);
    }

    /// What it knows of them is as new as it may be (`ensureFreshMetadata`, CN19). Else it is asked for, whatever answers
    /// without news there were.
    pub fn is_fresh(&mut self, now: Time) -> bool {
        if now >= self.not_before {
            self.equivalent_responses = 0;
            self.update_requested = true;
        }
        !self.update_requested && now < self.next_update_at()
    }

    /// The picture is stale: ask again as soon as the back-off allows.
    pub fn request_update(&mut self) {
        self.update_requested = true;
    }

    /// As for a topic that is new to it (CN23): no back-off is waited for.
    pub fn request_update_for_new_topics(&mut self) {
        self.not_before = Time::ZERO;
        self.equivalent_responses = 0;
        self.update_requested = true;
    }

    /// Whether somebody found the picture stale since this was last asked: for who asks at times of its own.
    pub fn take_update_request(&mut self) -> bool {
        std::mem::take(&mut self.update_requested)
    }

    /// CN19: when to ask again.
    pub fn next_update_at(&self) -> Time {
        let Some(last) = self.last_success else {
            return self.not_before;
        };
        let expires = last + self.expire;
        let due = match self.update_requested || self.wants_new_topics {
            true => Time::ZERO,
            false => expires,
        };
        let at = due.max(self.not_before);
        // CN22: what is old is asked for whatever answers without news there were.
        match self.failed_attempts {
            0 => at.min(expires.max(last + Duration::from_millis(self.backoff_ms.0))),
            _ => at,
        }
    }

    /// CN21: all topics, unless it is for new ones that a producer asks.
    pub fn request(&mut self, now: Time) -> MetadataRequest {
        let is_young = |last: Time| now < last + self.expire;
        self.asked_partially = self.max_idle.is_some()
            && !self.update_requested
            && self.last_success.is_some_and(is_young);
        self.asked_after_additions = self.additions;
        let topics = match self.asked_partially {
            true => self.new_topics.iter().cloned().collect(),
            false => self.wanted.keys().cloned().collect(),
        };
        if self.matching.is_some() {
            return MetadataRequest {
                topics: None,
                allow_auto_topic_creation: true,
            };
        }
        MetadataRequest {
            topics: Some(topics),
            allow_auto_topic_creation: self.allow_auto_topic_creation,
        }
    }

    /// Forgets the brokers and begins again with the bootstrap list (KIP-899).
    pub fn rebootstrap(&mut self, ctx: &mut Ctx<'_>) {
        self.brokers.clear();
        self.shuffle_nodes(ctx);
        self.topics.clear();
        self.controller = NO_LEADER;
        self.update_requested = true;
        self.version += 1;
    }

    /// CN24: no answer, or one without brokers: what was known stays.
    pub fn failed_update(&mut self, ctx: &mut Ctx<'_>) {
        let (initial, max) = self.backoff_ms;
        self.not_before = ctx.wall() + exponential(ctx, initial, max, self.failed_attempts);
        self.failed_attempts = self.failed_attempts.saturating_add(1);
        self.equivalent_responses = 0;
    }

    pub fn update(&mut self, ctx: &mut Ctx<'_>, response: MetadataResponse) {
        if response.brokers.is_empty() {
            self.failed_update(ctx);
            return;
        }
        let now = ctx.wall();
        let is_partial = std::mem::take(&mut self.asked_partially);
        self.wants_new_topics = self.asked_after_additions < self.additions;
        self.failed_attempts = 0;
        if !is_partial {
            self.answers += 1;
            self.update_requested = false;
            let before = self.last_success.replace(now);
            if before.is_some_and(|before| now >= before + self.expire) {
                self.equivalent_responses = 0;
            }
        }
        self.version += 1;
        self.equivalent_responses = self.equivalent_responses.saturating_add(1);
        self.controller = response.controller_id;
        self.brokers = response
            .brokers
            .iter()
            .map(|broker| (broker.id, endpoint(&self.hosts, &broker.host, broker.port)))
            .collect();
        let rack = |broker: &BrokerEndpoint| Some((broker.id, broker.rack.clone()?));
        self.racks = response.brokers.iter().filter_map(rack).collect();
        self.shuffle_nodes(ctx);
        let mut old = std::mem::take(&mut self.topics);
        let errors = std::mem::take(&mut self.topic_errors);
        for described in response.topics {
            self.new_topics.remove(&described.name);
            let matches = |pattern: &TopicPattern| pattern.matches(&described.name);
            let is_matched = !described.is_internal && self.matching.as_ref().is_some_and(matches);
            if !is_matched && !self.retains(&described.name, now) {
                continue;
            }
            if !described.error.is_none() {
                // CN25: another answer is wanted, after a pause.
                self.update_requested |= described.error.is_invalid_metadata();
                self.topic_errors.insert(described.name, described.error);
                continue;
            }
            let before = old.remove(&described.name);
            let before = before.as_ref();
            let recreated = described.topic_id != TopicId::ZERO
                && before.is_none_or(|topic| topic.topic_id != described.topic_id);
            let mut partitions = described.partitions;
            partitions.sort_by_key(|partition| partition.partition);
            let partitions = partitions
                .into_iter()
                .map(|new| {
                    self.update_requested |= new.error.is_invalid_metadata();
                    let key = TopicPartition::new(TopicName::clone(&described.name), new.partition);
                    let before = before
                        .and_then(|topic| topic.partitions.get(new.partition as usize))
                        .cloned();
                    let fresh = Partition {
                        leader: new.leader,
                        leader_epoch: new.leader_epoch,
                        replicas: new.replicas,
                        isr: new.isr,
                        offline_replicas: new.offline_replicas,
                        is_stale: false,
                    };
                    self.newest(key, fresh, before, recreated)
                })
                .collect();
            self.topics.insert(
                TopicName::clone(&described.name),
                Topic {
                    name: described.name,
                    topic_id: described.topic_id,
                    partitions,
                },
            );
        }
        // CN24: what was not asked for stays.
        if is_partial {
            let kept = old.into_iter().filter(|(name, _)| self.retains(name, now));
            let kept: Vec<(TopicName, Topic)> = kept.collect();
            self.topics.extend(kept);
            for (topic, error) in errors {
                self.topic_errors.entry(topic).or_insert(error);
            }
        }
        // CN22: answers without news come less and less often.
        let (initial, max) = self.backoff_ms;
        let attempts = self.equivalent_responses.saturating_sub(1);
        self.not_before = now + exponential(ctx, initial, max, attempts);
    }

    /// CN29: not for a topic that nobody has used for `metadata.max.idle.ms`, which is wanted no more then.
    fn retains(&mut self, topic: &TopicName, now: Time) -> bool {
        let Some(of_use) = self.wanted.get(topic).copied() else {
            return false;
        };
        if of_use > now || self.new_topics.contains(topic) {
            return true;
        }
        self.wanted.remove(topic);
        self.last_seen_leader_epochs
            .retain(|partition, _| partition.topic != *topic);
        false
    }

    /// CN27, `updateLastSeenEpochIfNewer`: until metadata of that epoch come, nobody leads.
    pub fn saw_leader_epoch(&mut self, partition: &TopicPartition, leader_epoch: i32) {
        if let Some(seen) = self.last_seen_leader_epochs.get_mut(partition)
            && leader_epoch > *seen
        {
            *seen = leader_epoch;
            self.update_requested = true;
            let topic = self.topics.get_mut(&partition.topic);
            let known = topic.and_then(|it| it.partitions.get_mut(partition.partition as usize));
            if let Some(known) = known {
                known.is_stale = true;
            }
        }
    }

    /// CN28, `updatePartitionLeadership`: takes over a leader that an error response named (KIP-951), if it
    /// is newer than ours and can be reached.
    pub fn update_leader(
        &mut self,
        partition: &TopicPartition,
        new: LeaderIdAndEpoch,
        endpoints: &[BrokerEndpoint],
    ) {
        let index = usize::try_from(partition.partition).unwrap_or(usize::MAX);
        let topic = self.topics.get_mut(&partition.topic);
        let Some(known) = topic.and_then(|topic| topic.partitions.get_mut(index)) else {
            return;
        };
        if new.leader < 0 || new.leader_epoch <= known.leader_epoch {
            return;
        }
        if let Some(found) = endpoints.iter().find(|e| e.id == new.leader) {
            let listens = endpoint(&self.hosts, &found.host, found.port);
            let node = listens.place.map(|place| Node::new(new.leader, place));
            self.nodes.retain(|node| node.id != new.leader);
            self.nodes.extend(node);
            self.brokers.insert(new.leader, listens);
        }
        if self.brokers.contains_key(&new.leader) {
            known.leader = new.leader;
            known.leader_epoch = new.leader_epoch;
            known.is_stale = false;
            self.last_seen_leader_epochs
                .insert(partition.clone(), new.leader_epoch);
            self.version += 1;
        }
    }

    /// CN26, `updateLatestMetadata`: the answer's view of a partition, unless it is older than our own.
    fn newest(
        &mut self,
        partition: TopicPartition,
        new: Partition,
        before: Option<Partition>,
        recreated: bool,
    ) -> Partition {
        match self.last_seen_leader_epochs.get(&partition).copied() {
            Some(seen) if !recreated && new.leader_epoch < seen => match before {
                Some(before) => before,
                None => Partition {
                    leader: NO_LEADER,
                    ..new
                },
            },
            seen => {
                if recreated || seen.is_none_or(|seen| new.leader_epoch > seen) {
                    self.equivalent_responses = 0;
                }
                self.last_seen_leader_epochs
                    .insert(partition, new.leader_epoch);
                new
            }
        }
    }
}

fn endpoint(hosts: &Hosts, host: &str, port: i32) -> Endpoint {
    Endpoint {
        host: host.into(),
        port,
        place: hosts.place(host, port),
    }
}

/// CN11: a server of the bootstrap list for each machine that it stands for, by that machine's own name.
fn by_canonical_names(hosts: &Hosts, listed: Endpoint) -> Vec<Endpoint> {
    let Some(place) = listed.place else {
        return vec![listed];
    };
    let machines = hosts.machines(place.host).into_iter();
    let names = machines.filter_map(|machine| hosts.canonical_name(machine));
    names
        .map(|name| endpoint(hosts, &name, listed.port))
        .collect()
}
