//! A consumer node: an application that reads its topics with a `KafkaConsumer` and states what it reads.
//!
//! Without a group it reads all partitions, as fast as they come. As a member of a group it reads what the
//! group gives it, in a loop: poll, process for as long as the scenario says, commit if that is its own task. It may
//! name its partitions itself (`assigning`); then it only commits under the group.

pub(super) mod assigning;
mod dead_letters;
mod own_producer;
mod reading;
mod service_client;
pub(super) mod steps;
pub(super) mod work;

use crate::client::Bootstrap;
use crate::client::consumer_coordinator::GroupNews;
use crate::client::kafka_consumer::{KafkaConsumer, Polled};
use crate::client::serializers::SchemaOptions;
use crate::protocol::config::{
    ConfigError, ConsumerConfig, KafkaVersion, Properties, SerializerConfig,
};
use crate::protocol::rules::Rules;
use crate::protocol::{
    ClientTimer, Ctx, ErrorCode, Event, Fact, GroupFact, OwnerThen, Timer, TopicName,
    TopicPartition, TopicPattern, content_of,
};
use assigning::Assign;
use reading::Reading;
use std::collections::BTreeMap;
use std::rc::Rc;
use work::{Work, WorkOptions};

/// What a consumer node is built from.
#[derive(Clone, Debug)]
pub struct ConsumerOptions {
    /// Also its `client.id`.
    pub name: String,
    pub bootstrap: Bootstrap,
    pub properties: Properties,
    pub topics: Vec<TopicName>,
    /// A member of a group reads all topics that match, instead of some.
    pub pattern: Option<TopicPattern>,
    /// Which of their partitions the application names itself; `None`: without a group all, in one none.
    pub assign: Option<Assign>,
    /// Where to begin; partitions not named here begin by `auto.offset.reset`.
    pub start: BTreeMap<TopicPartition, i64>,
    /// The same for every partition that is not named.
    pub seek: Option<i64>,
    /// What a member of a group does with what it reads.
    pub work: WorkOptions,
    pub schemas: SchemaOptions,
    pub poison: Poison,
    /// Settings of a producer of the application's own.
    pub own_producer: Properties,
    pub release: KafkaVersion,
    /// How the library does its work; no setting.
    pub rules: Rules,
}

/// What the application does when `poll` throws since a record cannot be deserialized.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Poison {
    /// It calls `poll` again, and again.
    #[default]
    Stuck,
    /// It seeks past the record.
    Skip,
    /// It sends the record to this topic, and seeks past it once that is acknowledged.
    DeadLetter(TopicName),
}

#[derive(Debug)]
pub struct Consumer {
    options: ConsumerOptions,
    config: ConsumerConfig,
    library: KafkaConsumer,
    /// The metadata in which partitions were last looked for.
    seen_metadata: u64,
    records_read: u64,
    /// A member says farewell, or is gone already.
    leaving: Option<Leaving>,
    reading: Reading,
    work: Work,
    has_started: bool,
}

/// Why a member's process ends.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// It is asked to.
    Asked,
    /// `poll` has thrown this.
    Thrown(&'static str),
    /// Its application has thrown.
    Failed,
    /// It says nothing any more.
    Killed,
}

/// The library's number among those of this node, and that of its connection to its group's coordinator.
const OWNER: u8 = 0;
const COORDINATOR_OWNER: u8 = 1;

fn library(options: &ConsumerOptions, config: &ConsumerConfig) -> KafkaConsumer {
    let library = KafkaConsumer::new(OWNER, &options.name, &options.bootstrap, config.clone());
    match &config.group {
        Some(group) if options.assign.is_some() => {
            library.commit_under(COORDINATOR_OWNER, &options.name, group.clone())
        }
        Some(group) => {
            let topics = options.topics.clone();
            let mut library =
                library.subscribe(COORDINATOR_OWNER, &options.name, group.clone(), topics);
            if let Some(pattern) = &options.pattern {
                library.match_topics(pattern);
            }
            if let Some((callback, _)) = options.work.listener {
                library.have_listener_throw(callback);
            }
            library
        }
        None => library,
    }
}

impl Consumer {
    pub fn new(options: ConsumerOptions) -> Result<Consumer, ConfigError> {
        let config = ConsumerConfig {
            rules: options.rules,
            ..ConsumerConfig::parse(&options.properties)?
        };
        SerializerConfig::of_consumer(&options.properties)?;
        Ok(Consumer::fresh(options, config))
    }

    /// What comes to the first process that starts comes to no other.
    pub fn rebooted(&self) -> Consumer {
        let mut options = self.options.clone();
        if self.has_started {
            (options.work.fails_on, options.work.crash) = (None, None);
            options.work.listener = None;
            options.work.steps.clear();
        }
        Consumer::fresh(options, self.config.clone())
    }

    fn fresh(options: ConsumerOptions, config: ConsumerConfig) -> Consumer {
        Consumer {
            library: library(&options, &config),
            reading: Reading::new(&options),
            work: Work::new(&options),
            has_started: false,
            options,
            config,
            seen_metadata: 0,
            records_read: 0,
            leaving: None,
        }
    }

    /// The next offset to read of each partition that has a position.
    pub fn positions(&self) -> BTreeMap<TopicPartition, i64> {
        self.library.positions()
    }

    /// `records-lag` of each partition of which it is known: how far its position is behind the end that it knows of.
    pub fn records_lag(&self) -> BTreeMap<TopicPartition, i64> {
        let assigned = self.library.assignment().into_iter();
        let lag = |partition: TopicPartition| {
            let (lag, _) = self.library.lag_and_lead(&partition);
            Some((partition, lag?))
        };
        assigned.filter_map(lag).collect()
    }

    /// Records read since the process started.
    pub fn records_read(&self) -> u64 {
        self.records_read
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => {
                self.has_started = true;
                for topic in &self.options.topics {
                    self.library.add_topic(topic);
                }
                self.assign_named_partitions(ctx);
                self.library.start(ctx);
                self.start_dead_letters(ctx);
                self.work.start(ctx);
                self.set_step_timers(ctx);
                self.library.begin_poll(ctx);
            }
            Event::Terminate if self.leaving.is_none() => self.stops(ctx),
            Event::Timer(Timer::Client(ClientTimer::Processed)) => self.processed(ctx),
            Event::Timer(Timer::Client(ClientTimer::PollAgain)) => self.poll_again(ctx),
            Event::Timer(Timer::Client(ClientTimer::Step)) => self.step_falls_due(ctx),
            Event::Terminate => {
                ctx.fact(Fact::Exiting {
                    status: 0,
                    why: "asked to stop".into(),
                });
                ctx.exit(0);
            }
            other => {
                let other = self.on_event_of_reading(other, ctx);
                let other = other.and_then(|other| self.work.on_event(other, ctx).err());
                if let Some(other) = other {
                    // What is not the library's is of no concern to this node.
                    let _ = self.library.on_event(other, ctx);
                }
                self.assign_new_partitions(ctx);
            }
        }
        self.take_dead_letters(ctx);
        self.take_answers(ctx);
        self.state_polled(ctx);
        match self.leaving {
            None | Some(Leaving::Killed) => {}
            Some(leaving) if self.library.is_gone() => self.end(ctx, leaving),
            Some(_) => {}
        }
    }

    /// `close`, which an application calls whatever ends it.
    fn leave(&mut self, ctx: &mut Ctx<'_>, why: Leaving) {
        self.leaving = Some(why);
        self.library.leave(ctx);
    }

    fn end(&mut self, ctx: &mut Ctx<'_>, leaving: Leaving) {
        let (status, why) = match leaving {
            Leaving::Asked => (0, "asked to stop".into()),
            Leaving::Thrown(exception) => (1, format!("poll threw {exception}").into()),
            Leaving::Failed => (1, "its application threw".into()),
            Leaving::Killed => return,
        };
        ctx.fact(Fact::Exiting { status, why });
        ctx.exit(status);
    }

    fn state_polled(&mut self, ctx: &mut Ctx<'_>) {
        while !matches!(self.leaving, Some(Leaving::Killed))
            && let Some(polled) = self.next_polled()
        {
            let fact = match polled {
                Polled::Returned if self.work.is_done() => {
                    self.poll(ctx);
                    continue;
                }
                Polled::Returned => {
                    self.process(ctx);
                    continue;
                }
                // Nobody catches it: the application closes its consumer and ends.
                Polled::Group(GroupNews::Exception(exception)) => {
                    if self.leaving.is_none() {
                        self.state_news(ctx, GroupNews::Exception(exception));
                        self.leave(ctx, Leaving::Thrown(exception));
                    }
                    continue;
                }
                Polled::Group(GroupNews::ListenerThrew(callback)) => {
                    self.listener_threw(ctx, callback);
                    continue;
                }
                Polled::Group(GroupNews::CommitReturned) => {
                    self.commit_returns(ctx);
                    continue;
                }
                Polled::Group(news) => {
                    self.state_news(ctx, news);
                    continue;
                }
                Polled::PositionSet {
                    partition,
                    offset,
                    why,
                    by_application,
                } => Fact::PositionSet {
                    partition,
                    offset,
                    why,
                    by_application,
                },
                Polled::ReadReplicaChosen {
                    partition,
                    replica,
                    why,
                } => Fact::ReadReplicaChosen {
                    partition,
                    replica,
                    why,
                },
                Polled::Told {
                    api,
                    partition,
                    result,
                } => {
                    if self.leaving.is_none() {
                        self.is_told(ctx, api, partition, result);
                    }
                    continue;
                }
                Polled::Record(record) => {
                    if !self.deserializes(ctx, &record) {
                        continue;
                    }
                    self.records_read += 1;
                    if self.config.group.is_some() {
                        self.work.give(&record);
                    }
                    if !ctx.states_routine() {
                        continue;
                    }
                    Fact::Consumed {
                        content: content_of(record.key.as_deref(), record.value.as_deref()),
                        partition: record.partition,
                        offset: record.offset,
                        leader_epoch: record.leader_epoch,
                    }
                }
                Polled::Exception {
                    partition,
                    exception,
                } => Fact::ConsumerError {
                    partition,
                    exception: exception.into(),
                },
            };
            ctx.fact(fact);
        }
        self.throw_if_nothing_is_left(ctx);
    }

    fn state_news(&mut self, ctx: &mut Ctx<'_>, news: GroupNews) {
        let Some(group) = &self.config.group else {
            return;
        };
        let is_static = group.group_instance_id.is_some();
        let group = Rc::clone(&group.group_id);
        if let GroupNews::Revoked(partitions) | GroupNews::Lost { partitions, .. } = &news {
            self.reading.give_up(&mut self.library, partitions);
            self.work.give_up(partitions);
        }
        let fact = match news {
            GroupNews::Assigned {
                partitions,
                kept,
                generation,
                member,
                instance,
            } => GroupFact::PartitionsAssigned {
                group,
                generation,
                member,
                instance,
                partitions,
                kept: kept.into(),
            },
            GroupNews::Revoked(partitions) => GroupFact::PartitionsRevoked {
                group,
                partitions,
                owner_then: match self.leaving {
                    Some(Leaving::Thrown(exception))
                        if exception == ErrorCode::FencedInstanceId.exception() =>
                    {
                        OwnerThen::Another
                    }
                    _ if is_static && self.library.is_closing() => OwnerThen::Itself,
                    _ if self.library.leaves_in_silence() => OwnerThen::ItselfInSilence,
                    _ => OwnerThen::Nobody,
                },
            },
            GroupNews::Lost {
                partitions,
                in_rebalance,
                owner_then,
            } => GroupFact::PartitionsLost {
                group,
                partitions,
                in_rebalance,
                owner_then,
            },
            // The coordinator states what it has stored.
            GroupNews::Committed(offsets) => return self.is_told_of_commit(ctx, &offsets),
            GroupNews::CommitReturned | GroupNews::ListenerThrew(_) => return,
            GroupNews::ReadsFrom { partition, offset } => GroupFact::Resumed {
                group,
                partition,
                offset,
            },
            GroupNews::CommitFailed(exception) => GroupFact::CommitFailed {
                group,
                exception: exception.into(),
            },
            GroupNews::Exception(exception) => GroupFact::Failed {
                group,
                exception: exception.into(),
            },
            GroupNews::PollTimeoutExpired {
                interval,
                owner_then,
            } => GroupFact::PollTimeoutExpired {
                group,
                max_poll_interval_ms: interval.as_millis(),
                owner_then,
            },
        };
        ctx.fact(fact.into());
    }
}
