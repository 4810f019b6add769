//! Plays a recording of clients: the same deeds, each once what the recorder watched has come to what it saw.

use super::members::{Heard, process};
use super::offsets_log;
use super::producers;
use super::recording::{BrokerDeed, ClientRecording, ClientStep, Deed};
use super::requests::{Aliases, Commits, as_recorded, before_the_end, compared, wanted};
use crate::client::{AdminCommand, Bootstrap, DriverOperation, DriverRecord};
use crate::conform::compare::{Difference, differences};
use crate::conform::lab::{Lab, SEED, plan_named};
use crate::conform::play::{Outcome, StepDifference};
use crate::conform::recorder_client::{operation_of, result_in_recorded_shape};
use crate::conform::recording::shared_settings;
use crate::kernel::{Duration, Fault, NodeId, NodeStatus, Time};
use crate::node::Node;
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{BrokerId, GROUP_METADATA_TOPIC, TopicPartition};
use crate::run::Unbuildable;
use crate::trace::excerpt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Where the group's partition of `__consumer_offsets` lies is drawn when the topic is made, and who becomes the
/// controller is a race. A recording shows how it came once: so many seeds are tried for one in which it comes so.
const RACES: u64 = 60;
/// The recorder waited until nothing had changed for so long.
const QUIET: Duration = Duration::from_secs(2);
/// A step that has not settled by then never will: longer than any session.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// So many lines of the transcript are shown of the time before a step that differs.
const LINES_BEFORE: usize = 10;

/// Plays `recording`; ends at the first step that differs unless `all` is asked for.
///
/// # Errors
/// A configuration that no process could start with.
pub fn play_clients(recording: &ClientRecording, all: bool) -> Result<Outcome, Unbuildable> {
    if let Some(why) = &recording.needs {
        return Ok(Outcome::Skipped { why: why.clone() });
    }
    // Of those that came otherwise the one that came furthest, and as the recording did by where it was.
    let mut furthest: Option<((usize, bool), Outcome)> = None;
    for seed in SEED..SEED + RACES {
        let (outcome, chance) = play_seed(recording, all, seed)?;
        let Some(chance) = chance else {
            return Ok(outcome);
        };
        let differs_at = match &outcome {
            Outcome::Differed(steps) => steps.first().map_or(0, |step| step.step),
            _ => 0,
        };
        let reached = (differs_at, chance == Chance::Hashes);
        if furthest.as_ref().is_none_or(|(best, _)| reached > *best) {
            furthest = Some((reached, outcome));
        }
    }
    match furthest {
        Some((_, outcome)) => Ok(outcome),
        None => Err(Unbuildable("no seed was tried".to_owned())),
    }
}

/// What was drawn otherwise than in the recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chance {
    /// Another broker than the recorded one came to coordinate the group, or to lead the cluster.
    Places,
    Hashes,
}

/// Plays with one seed; and what was drawn otherwise, if that decides the first step that differs.
fn play_seed(
    recording: &ClientRecording,
    all: bool,
    seed: u64,
) -> Result<(Outcome, Option<Chance>), Unbuildable> {
    let mut player = Player::start(recording, seed)?;
    let mut differed: Vec<StepDifference> = Vec::new();
    let controller = player.lab.run.view().controller().map(|(id, _)| id);
    if let Some((step, recorded)) = recording.controller()
        && Some(recorded) != controller
    {
        let found = Difference {
            field: "the controller, who gives out ids of producers".to_owned(),
            kafka: Some(json!(recorded)),
            ours: controller.map(|id| json!(id)),
        };
        let what = recording.steps.get(step);
        let what = what.map_or("start", |step| &step.what);
        let seen = player.lab.run.trace().len();
        player.tell(&mut differed, step + 1, what, vec![found], seen);
        return Ok((Outcome::Differed(differed), Some(Chance::Places)));
    }
    let last = recording.steps.len();
    for (number, step) in (1..).zip(&recording.steps) {
        let first = player.lab.run.trace().len();
        let found = match player.step(step, number == last)? {
            Settled::Elsewhere(found) => {
                player.tell(&mut differed, number, &step.what, found, first);
                return Ok((Outcome::Differed(differed), Some(Chance::Places)));
            }
            Settled::Came(found) => found,
        };
        player.tell(&mut differed, number, &step.what, found, first);
        if !differed.is_empty() && !all {
            break;
        }
    }
    if differed.is_empty() || all {
        let first = player.lab.run.trace().len();
        let found = player.compare_logs(recording);
        player.tell(&mut differed, last + 1, "the logs at the end", found, first);
    }
    let by_chance = came_otherwise(&differed).then_some(Chance::Hashes);
    let outcome = match differed.is_empty() {
        true => Outcome::Agreed { steps: last },
        false => Outcome::Differed(differed),
    };
    Ok((outcome, by_chance))
}

/// Whether the first step that differs hangs on the hashes of member ids, which are drawn: who leads after a leader
/// that has gone (CG23), and who of equals keeps one partition more (CA10, where a leader gives out by a sticky
/// assignor).
fn came_otherwise(differed: &[StepDifference]) -> bool {
    let mut first = differed.iter().take(1).flat_map(|step| &step.differences);
    first.any(|it| {
        let is_of = |field: &str| it.field.ends_with(field);
        let both = it.kafka.is_some() && it.ours.is_some();
        both && (is_of("JOIN_GROUP.response.leader") || is_of("SYNC_GROUP.request.assignments"))
    })
}

enum Settled {
    Came(Vec<Difference>),
    /// The group has another coordinator than it had in the recording.
    Elsewhere(Vec<Difference>),
}

struct Player {
    lab: Lab,
    bootstrap: Bootstrap,
    members: BTreeMap<String, NodeId>,
    heard: BTreeMap<String, Heard>,
    producers: BTreeSet<String>,
    /// Facts that members were heard in.
    listened: usize,
    /// In the recorder's form.
    requests: Vec<(Time, Value)>,
    theirs: Side,
    ours: Side,
}

/// What is remembered of a side from step to step.
#[derive(Default)]
struct Side {
    aliases: Aliases,
    commits: Commits,
}

pub(super) fn plan_of(recording: &ClientRecording) -> Plan {
    let mut plan = plan_named(&recording.name)
        .about(recording.about.clone())
        .brokers(recording.brokers);
    plan.duration = Duration::MAX;
    plan.cluster.zookeeper.tick_time_ms = 1000;
    plan.cluster.zookeeper.min_session_timeout_ms = Some(2000);
    plan.cluster.zookeeper.max_session_timeout_ms = Some(60_000);
    let own = [
        ("zookeeper.session.timeout.ms", "6000"),
        ("replica.lag.time.max.ms", "5000"),
        ("replica.fetch.wait.max.ms", "100"),
        ("auto.leader.rebalance.enable", "false"),
    ];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    plan.cluster.config.extend(shared_settings());
    plan.cluster.config.extend(own);
    plan.cluster.config.extend(recording.config.clone());
    plan
}

impl Player {
    fn start(recording: &ClientRecording, seed: u64) -> Result<Player, Unbuildable> {
        let mut bootstrap = Bootstrap::default();
        let lab = Lab::start_with(&plan_of(recording), seed, |servers| {
            bootstrap = servers.clone();
            let mut members: Vec<(String, Node)> = Vec::new();
            for step in &recording.steps {
                if let Deed::Join { member, .. } = &step.deed
                    && !members.iter().any(|(known, _)| known == member)
                {
                    members.push((member.clone(), process(&step.deed, servers.clone())?));
                }
            }
            Ok(members)
        })?;
        let clients = lab.run.view().layout.clients.clone();
        let mut player = Player {
            members: clients.into_iter().collect(),
            lab,
            bootstrap,
            heard: BTreeMap::new(),
            producers: recording.producers(),
            listened: 0,
            requests: Vec::new(),
            theirs: Side::default(),
            ours: Side::default(),
        };
        player.set_up(recording)?;
        Ok(player)
    }

    /// The servers, the topics, and what is in them.
    fn set_up(&mut self, recording: &ClientRecording) -> Result<(), Unbuildable> {
        let brokers = recording.brokers as usize;
        let limit = self.lab.run.now() + PATIENCE;
        self.lab.run_until(limit, |lab| {
            lab.run.view().registered_brokers().len() == brokers
        });
        self.lab.start_driver();
        for (topic, known) in &recording.topics {
            let replicas = |partition: i32| {
                let place = |n: i32| (partition + n) % recording.brokers as i32 + 1;
                (0..recording.brokers.min(3) as i32).map(place).collect()
            };
            self.command(DriverOperation::Admin(AdminCommand::CreateTopic {
                topic: Rc::clone(topic),
                partitions: -1,
                replication_factor: -1,
                assignment: (0..known.partitions).map(replicas).collect(),
                configs: BTreeMap::new(),
            }))?;
            // Whoever produces at once may meet a leader that has not heard of it.
            self.lab.run.until(self.lab.run.now() + QUIET);
            for (partition, values) in &known.values {
                let records = values.iter().map(|value| DriverRecord {
                    key: None,
                    value: Some(value.clone()),
                    timestamp_ms: None,
                });
                self.command(DriverOperation::Produce {
                    topic: Rc::clone(topic),
                    partition: Some(*partition),
                    producer: "default".to_owned(),
                    properties: BTreeMap::from([("acks".to_owned(), "all".to_owned())]),
                    records: records.collect(),
                })?;
            }
        }
        // Every broker has heard of them by now.
        self.lab.run.until(self.lab.run.now() + QUIET);
        let all: Vec<BrokerId> = self.lab.brokers.keys().copied().collect();
        all.into_iter().for_each(|id| self.keep_requests(id));
        Ok(())
    }

    /// An operation of the recorder's client, up to its answer.
    fn command(&mut self, operation: DriverOperation) -> Result<(), Unbuildable> {
        let number = self.lab.operate(operation)?;
        match self.lab.answer(number) {
            Some(_) => Ok(()),
            None => Err(Unbuildable(
                "the recorder's client has no answer".to_owned(),
            )),
        }
    }

    fn step(&mut self, step: &ClientStep, is_last: bool) -> Result<Settled, Unbuildable> {
        let answered = self.act(step)?;
        let kafka = looked_at(&step.seen);
        let ends = self.lab.run.now() + PATIENCE;
        let mut equal_since: Option<Time> = None;
        let mut unequal = Vec::new();
        loop {
            let now = self.lab.run.now();
            self.listen();
            let ours = self.look(step);
            let found = differences(&kafka, &ours, &[]);
            if found.is_empty() {
                let since = *equal_since.get_or_insert(now);
                if now.since(since) >= QUIET {
                    break;
                }
            } else {
                equal_since = None;
                if let Some(elsewhere) = elsewhere(&found) {
                    return Ok(Settled::Elsewhere(vec![elsewhere]));
                }
                if now >= ends {
                    unequal = found;
                    break;
                }
            }
            if self.lab.run.is_over() {
                unequal = found;
                unequal.push(Difference {
                    field: "run".to_owned(),
                    kafka: None,
                    ours: Some(Value::from("a property broke, and ended it")),
                });
                break;
            }
            self.lab.run.until(now + PAUSE);
        }
        self.heard.values_mut().for_each(Heard::looked_at);
        if let Some(result) = step.seen.get("result") {
            let (kafka, ours) = (json!({ "result": result }), json!({ "result": answered }));
            unequal.extend(differences(&kafka, &ours, &[]));
        }
        unequal.extend(self.compare_offsets(step, ends));
        unequal.extend(self.compare_requests(step, is_last));
        Ok(Settled::Came(unequal))
    }

    /// What a client was answered, where a step is an operation of one.
    fn act(&mut self, step: &ClientStep) -> Result<Value, Unbuildable> {
        for id in &step.crashed {
            self.collect_requests();
            let node = self.lab.broker(*id)?;
            self.lab.run.fault(Fault::Crash(node), None);
        }
        let deed = &step.deed;
        match deed {
            Deed::Nothing => {}
            Deed::Join { member, .. } => {
                let node = self.member(member)?;
                let limit = self.lab.run.now() + PATIENCE;
                self.lab.run_until(limit, |lab| {
                    lab.run.view().kernel.status(node) == NodeStatus::Down
                });
                *self.lab.run.node_mut(node) = process(deed, self.bootstrap.clone())?;
                self.heard.insert(member.clone(), Heard::nothing());
                self.lab.run.fault(Fault::Start(node), None);
            }
            Deed::Close(member) => self.befalls(member, Fault::Terminate)?,
            Deed::Crash(member) => self.befalls(member, Fault::Crash)?,
            Deed::Freeze(member) => self.befalls(member, Fault::Pause)?,
            Deed::Thaw(member) => self.befalls(member, Fault::Resume)?,
            Deed::Brokers(deed, ids) => {
                for id in ids {
                    self.collect_requests();
                    let node = self.lab.broker(*id)?;
                    let fault = match deed {
                        BrokerDeed::Crash => Fault::Crash(node),
                        BrokerDeed::Stop => Fault::Terminate(node),
                        BrokerDeed::Start => Fault::Start(node),
                        BrokerDeed::Pause => Fault::Pause(node),
                        BrokerDeed::Resume => Fault::Resume(node),
                    };
                    self.lab.run.fault(fault, None);
                    if *deed == BrokerDeed::Start {
                        self.keep_requests(*id);
                    }
                }
            }
            Deed::AddPartitions { topic, count } => {
                self.command(DriverOperation::Admin(AdminCommand::CreatePartitions {
                    topic: Rc::clone(topic),
                    count: *count,
                }))?;
            }
            Deed::Produce { command, .. } => {
                let number = self.lab.operate(operation_of(command)?)?;
                let limit = self.lab.run.now() + PATIENCE;
                let result = self.lab.answer_by(number, limit);
                let result = result.as_ref().map(result_in_recorded_shape);
                return Ok(json!({ "results": result }));
            }
        }
        Ok(Value::Null)
    }

    fn member(&self, name: &str) -> Result<NodeId, Unbuildable> {
        let found = self.members.get(name).copied();
        found.ok_or_else(|| Unbuildable(format!("{name} has never joined")))
    }

    fn befalls(
        &mut self,
        name: &str,
        fault: impl FnOnce(NodeId) -> Fault,
    ) -> Result<(), Unbuildable> {
        let node = self.member(name)?;
        self.lab.run.fault(fault(node), None);
        Ok(())
    }

    // ---- looking

    fn listen(&mut self) {
        let trace = self.lab.run.trace();
        for entry in &trace[self.listened..] {
            if let Some(heard) = self.heard.get_mut(&*entry.node) {
                heard.hear(entry);
            }
        }
        self.listened = trace.len();
    }

    /// Members that the recorder shows, and the group as an administrator is told of it.
    fn look(&self, step: &ClientStep) -> Value {
        let members = step.members().filter_map(|(name, _)| {
            let heard = self.heard.get(name)?;
            Some((name.to_owned(), heard.shown()))
        });
        let members: serde_json::Map<_, _> = members.collect();
        let mut seen = json!({ "members": members });
        let groups = self.lab.run.view().groups();
        if let (Some(group), true) = (groups.first(), step.seen.get("group").is_some()) {
            let offsets = group.committed.iter();
            let offsets = offsets.map(|(partition, it)| (partition.to_string(), json!(it)));
            seen["group"] = json!({
                "state": group.state,
                "assignor": group.protocol.as_deref().unwrap_or_default(),
                "coordinator": group.coordinator,
                "members": group.members.len(),
                "offsets": offsets.collect::<serde_json::Map<_, _>>(),
            });
        }
        seen
    }

    /// The offsets of topics, once they are as the recorder saw them, or not by then.
    fn compare_offsets(&mut self, step: &ClientStep, by: Time) -> Vec<Difference> {
        let Some(Value::Object(mut kafka)) = step.seen.get("offsets").cloned() else {
            return Vec::new();
        };
        for partition in kafka.values_mut().filter_map(Value::as_object_mut) {
            let fields = partition.values_mut().filter_map(Value::as_object_mut);
            // The offset of the largest timestamp: records may share a millisecond.
            fields.for_each(|it| drop(it.remove("max_timestamp")));
        }
        loop {
            let topics = kafka.keys();
            let ours: serde_json::Map<_, _> = topics
                .map(|topic| (topic.clone(), self.lab.offsets(topic)))
                .collect();
            let found = differences(
                &json!({ "offsets": kafka }),
                &json!({ "offsets": ours }),
                &[],
            );
            let now = self.lab.run.now();
            if found.is_empty() || now >= by || self.lab.run.is_over() {
                return found;
            }
            self.lab.run.until(now + PAUSE);
        }
    }

    // ---- requests

    fn keep_requests(&mut self, id: BrokerId) {
        let Some(node) = self.lab.brokers.get(&id).copied() else {
            return;
        };
        if let Node::Broker(server) = self.lab.run.node_mut(node) {
            server.broker_mut().keep_requests(wanted);
        }
    }

    fn collect_requests(&mut self) {
        let brokers: Vec<(BrokerId, NodeId)> = self
            .lab
            .brokers
            .iter()
            .map(|(id, node)| (*id, *node))
            .collect();
        for (id, node) in brokers {
            if let Node::Broker(server) = self.lab.run.node_mut(node) {
                let completed = server.broker_mut().take_requests();
                let shown = completed.iter().map(|it| (it.time, as_recorded(id, it)));
                self.requests.extend(shown);
            }
        }
        self.requests.sort_by_key(|(time, _)| *time);
    }

    fn compare_requests(&mut self, step: &ClientStep, is_last: bool) -> Vec<Difference> {
        self.collect_requests();
        let ours = std::mem::take(&mut self.requests);
        let ours: Vec<Value> = ours.into_iter().map(|(_, request)| request).collect();
        let members = &self.heard;
        let is_member = |client: &str| members.contains_key(client);
        let mut kafka: Vec<Value> = step.requests().cloned().collect();
        let newcomer = match &step.deed {
            Deed::Join { member, .. } | Deed::Thaw(member) => Some(member.as_str()),
            _ => None,
        };
        let is_about_brokers = matches!(
            step.deed,
            Deed::Brokers(BrokerDeed::Crash | BrokerDeed::Stop | BrokerDeed::Pause, _)
        );
        if is_last && !is_about_brokers {
            let end = before_the_end(&kafka, newcomer, is_member);
            kafka.truncate(end);
        }
        let of_producers = (
            producers::asked(&kafka, &self.producers()),
            producers::asked(&ours, &self.producers()),
        );
        let is_member = |client: &str| self.heard.contains_key(client);
        let (theirs, mine) = (&mut self.theirs, &mut self.ours);
        let kafka = compared(&kafka, &mut theirs.aliases, &mut theirs.commits, is_member);
        let ours = compared(&ours, &mut mine.aliases, &mut mine.commits, is_member);
        let ours = ours.without_what_only_others_show(&kafka);
        let kafka = kafka.shown(&theirs.commits);
        let mut found = differences(&kafka, &ours.shown(&mine.commits), &[]);
        found.extend(differences(&of_producers.0, &of_producers.1, &[]));
        found
    }

    /// Those of the recording, but for the recorder's own.
    fn producers(&self) -> BTreeSet<&str> {
        self.producers.iter().map(String::as_str).collect()
    }

    // ---- logs

    fn compare_logs(&mut self, recording: &ClientRecording) -> Vec<Difference> {
        let generations = recording
            .steps
            .last()
            .into_iter()
            .flat_map(ClientStep::members);
        let generations = generations.filter_map(|(_, seen)| seen.get("generation")?.as_i64());
        let last = generations.max();
        let mut found = Vec::new();
        for (name, lines) in &recording.logs {
            let Some((topic, number)) = name.rsplit_once('-') else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            let partition = TopicPartition::new(topic, number);
            let view = self.lab.run.view();
            let states = view.committed();
            let leader = states.iter().find(|it| it.partition == partition);
            let files = leader.map(|it| view.log_files(it.leader, &partition));
            if recording.is_written(topic) {
                let ours = producers::our_log(&files.unwrap_or_default());
                let kafka = json!({ name: producers::recorded_log(lines) });
                found.extend(differences(&kafka, &json!({ name: ours }), &[]));
                continue;
            }
            if topic != GROUP_METADATA_TOPIC {
                continue;
            }
            let ours = offsets_log::ours(&files.unwrap_or_default());
            let kafka = offsets_log::recorded(lines).compared(last, &mut self.theirs.aliases);
            let ours = ours.compared(last, &mut self.ours.aliases);
            let here = json!({ name: ours.shown(&kafka) });
            let there = json!({ name: kafka.shown(&ours) });
            found.extend(differences(&there, &here, &[]));
        }
        found
    }

    fn tell(
        &self,
        differed: &mut Vec<StepDifference>,
        step: usize,
        what: &str,
        differences: Vec<Difference>,
        first: usize,
    ) {
        if differences.is_empty() {
            return;
        }
        let (before, meanwhile) = excerpt(self.lab.run.trace(), first, LINES_BEFORE);
        differed.push(StepDifference {
            step,
            what: what.to_owned(),
            differences,
            before,
            meanwhile,
        });
    }
}

/// What the recorder saw of members and group.
fn looked_at(seen: &Value) -> Value {
    let part = ["members", "group"].into_iter();
    let part = part.filter_map(|key| Some((key.to_owned(), seen.get(key)?.clone())));
    Value::from(part.collect::<serde_json::Map<_, _>>())
}

/// Both sides have a coordinator, and not the same.
fn elsewhere(found: &[Difference]) -> Option<Difference> {
    let mut found = found.iter();
    let other = found.find(|it| {
        let mut both = it.kafka.iter().chain(&it.ours);
        it.field == "group.coordinator" && both.all(Value::is_number)
    });
    other.cloned()
}
