//! Which batches can be sent, and what goes into a request (CP12, CP13, CP20 to CP25).

use super::{NodeLatency, RecordAccumulator, Settings, TopicInfo};
use crate::client::cluster::{Cluster, Leader};
use crate::client::producer_batch::ProducerBatch;
use crate::client::transaction_manager::TransactionManager;
use crate::kernel::{Duration, Time};
use crate::network_client::Node;
use crate::protocol::{BrokerId, Ctx, TopicName, TopicPartition, exponential};
use std::collections::BTreeSet;

/// What a look at all queues has found.
#[derive(Debug)]
pub(in crate::client) struct ReadyCheck {
    /// Leaders with something to send, by id.
    pub(in crate::client) nodes: Vec<(BrokerId, Node)>,
    /// The rest is to be looked at again after this; `None`: only an event can help.
    pub(in crate::client) again_in: Option<Duration>,
    /// Topics of which something waits for a partition without a known leader.
    pub(in crate::client) leader_unknown: Vec<TopicName>,
}

/// What is decided by for all queues.
struct Look<'a> {
    settings: &'a Settings,
    muted: &'a BTreeSet<TopicPartition>,
    /// Whatever waits goes now: somebody needs its memory or waits for its answer, or the producer is being closed.
    everything: bool,
    found: ReadyCheck,
}

impl RecordAccumulator {
    /// CP22. `nodes`: an empty list to be filled.
    pub(in crate::client) fn ready(
        &mut self,
        ctx: &mut Ctx<'_>,
        cluster: &Cluster,
        nodes: Vec<(BrokerId, Node)>,
    ) -> ReadyCheck {
        let mut look = Look {
            settings: &self.settings,
            muted: &self.muted,
            everything: self.pool.is_exhausted() || self.closed || self.flushing,
            found: ReadyCheck {
                nodes,
                again_in: None,
                leader_unknown: Vec::new(),
            },
        };
        for (name, info) in &mut self.topics {
            let Some(topic) = cluster.topic(name) else {
                if info.batches.values().any(|queue| !queue.is_empty()) {
                    look.found.leader_unknown.push(TopicName::clone(name));
                }
                continue;
            };
            let adaptive = self.settings.adaptive && info.batches.len() >= topic.all.len();
            let loads = info.built_in.forget_load();
            for (number, queue) in &mut info.batches {
                let leader = topic.leader(*number);
                let is_slow = leader.is_some_and(|leader| {
                    let latency = || self.latencies.get(&leader.id);
                    let timeout = self.settings.availability_timeout;
                    !queue.is_empty() && latency().is_some_and(|it| it.exceeds(timeout))
                });
                if adaptive && leader.is_some() && !is_slow {
                    loads.push((*number, queue.len()));
                }
                let length = queue.len();
                if let Some(first) = queue.front_mut() {
                    look.at(ctx, first, length, leader);
                }
            }
            if adaptive {
                let left_out = loads.len() < info.batches.len();
                info.built_in.update_load(left_out);
            }
        }
        let mut found = look.found;
        found.nodes.sort_by_key(|(broker, _)| *broker);
        found
    }

    /// What `ready` does to the tables of loads while nothing waits anywhere.
    pub(in crate::client) fn nothing_ready(&mut self) {
        let topics = self.topics.values_mut();
        topics.for_each(|info| {
            info.built_in.forget_load();
        });
    }

    /// CP13: a broker with something to send to was looked at; `takes`: it takes a request.
    pub(in crate::client) fn saw_node(&mut self, broker: BrokerId, now: Time, takes: bool) {
        if self.settings.availability_timeout == Duration::ZERO {
            return;
        }
        let fresh = NodeLatency {
            ready: now,
            drained: now,
        };
        let latency = self.latencies.entry(broker).or_insert(fresh);
        latency.ready = now;
        if takes {
            latency.drained = now;
        }
    }

    /// CP23, CB9: takes the batches of a request to this broker; one that may not go yet for its sequence numbers
    /// keeps those after it back too (CP36). True: something was passed over since it backs off, though not for
    /// long.
    pub(in crate::client) fn drain(
        &mut self,
        ctx: &mut Ctx<'_>,
        cluster: &Cluster,
        mut transactions: Option<&mut TransactionManager>,
        broker: BrokerId,
        drained: &mut Vec<ProducerBatch>,
    ) -> bool {
        let now = ctx.wall();
        let partitions = cluster.led_by(broker);
        let (mut passed_over, mut size) = (false, 0);
        if partitions.is_empty() {
            return passed_over;
        }
        let index = self.drain_index.entry(broker).or_default();
        let start = *index % partitions.len();
        for step in 0..partitions.len() {
            let place = (start + step) % partitions.len();
            *index = place;
            let partition = &partitions[place];
            if self.muted.contains(partition) {
                continue;
            }
            let Some(info) = self.topics.get_mut(&partition.topic) else {
                continue;
            };
            let Some(queue) = info.batches.get_mut(&partition.partition) else {
                continue;
            };
            let Some(first) = queue.front_mut() else {
                continue;
            };
            let known = cluster.topic(&partition.topic);
            if let Some(leader) = known.and_then(|topic| topic.leader(partition.partition)) {
                first.saw_leader_epoch(leader.epoch);
            }
            if self.settings.backs_off(ctx, first, now) {
                passed_over = true;
                continue;
            }
            if size + first.estimated_size() > self.settings.max_request_size && !drained.is_empty()
            {
                break;
            }
            let transactions = transactions.as_deref_mut();
            if transactions.as_ref().is_some_and(|it| it.keeps_back(first)) {
                break;
            }
            let Some(mut batch) = queue.pop_front() else {
                continue;
            };
            self.queued -= 1;
            if let Some(transactions) = transactions {
                transactions.number(&mut batch);
            }
            info.close(&mut batch);
            self.overwritten.extend(batch.overwrite());
            size += batch.estimated_size();
            drained.push(batch);
        }
        passed_over
    }
}

impl Look<'_> {
    /// A queue's first batch, of so many.
    fn at(
        &mut self,
        ctx: &mut Ctx<'_>,
        first: &mut ProducerBatch,
        length: usize,
        leader: Option<Leader>,
    ) {
        let Some(leader) = leader else {
            let topic = TopicName::clone(&first.partition.topic);
            self.found.leader_unknown.push(topic);
            return;
        };
        let now = ctx.wall();
        first.saw_leader_epoch(leader.epoch);
        let backs_off = self.settings.backs_off(ctx, first, now);
        let is_there = self
            .found
            .nodes
            .iter()
            .any(|(known, _)| *known == leader.id);
        if is_there || self.muted.contains(&first.partition) {
            return;
        }
        let wait = if backs_off {
            self.settings.backoff(ctx, first)
        } else {
            self.settings.linger
        };
        let waited = first.waited(now);
        let is_full = length > 1 || first.is_full();
        if !backs_off && (is_full || waited >= wait || self.everything) {
            self.found.nodes.push((leader.id, leader.node));
        } else {
            let left = wait.saturating_sub(waited);
            let again_in = self.found.again_in;
            self.found.again_in = Some(again_in.map_or(left, |known| known.min(left)));
        }
    }
}

impl Settings {
    /// CP20, CP21: how long a retry waits is drawn anew with each look.
    fn backs_off(&self, ctx: &mut Ctx<'_>, batch: &ProducerBatch, now: Time) -> bool {
        batch.attempts > 0
            && batch.waited(now) < self.backoff(ctx, batch)
            && !batch.has_leader_changed_for_the_ongoing_retry()
    }

    fn backoff(&self, ctx: &mut Ctx<'_>, batch: &ProducerBatch) -> Duration {
        let (first, longest) = self.retry_backoff_ms;
        exponential(ctx, first, longest, batch.attempts.saturating_sub(1))
    }
}

impl NodeLatency {
    fn exceeds(self, timeout: Duration) -> bool {
        timeout > Duration::ZERO && self.ready.since(self.drained) > timeout
    }
}

impl TopicInfo {
    /// Packs a batch that is about to be sent for the first time, and learns from it.
    fn close(&mut self, batch: &mut ProducerBatch) {
        if let Some(packed) = batch.close() {
            self.ratio.saw(packed);
        }
    }
}
