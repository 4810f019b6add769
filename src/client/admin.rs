//! An administrator node: runs the plan's commands as Kafka's command-line tools would, each with a
//! `KafkaAdminClient` that knows nothing but the bootstrap servers when it begins. Commands that overlap
//! share one.

use crate::client::Bootstrap;
use crate::client::consumer_group_command::{ConsumerGroupCommand, TIMEOUT_MS};
use crate::client::kafka_admin_client::KafkaAdminClient;
use crate::client::kafka_admin_client::api_driver::Question;
use crate::client::kafka_admin_client::call::{Call, Failure};
use crate::kernel::Duration;
use crate::protocol::config::{AdminConfig, ConfigError, Properties};
use crate::protocol::{
    BrokerId, ConfigResource, Ctx, ElectionType, ErrorCode, Event, Fact, Response, Timer,
    TopicName, TopicPartition,
};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// What an administrator node is built from.
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// Also its `client.id`.
    pub name: String,
    pub bootstrap: Bootstrap,
    pub properties: Properties,
    /// `Timer::Command(n)` runs the n-th of these.
    pub commands: Vec<AdminTask>,
}

/// What an administrator is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminTask {
    Request(AdminCommand),
    /// `kafka-consumer-groups --describe --group`
    DescribeGroup(Rc<str>),
}

impl From<AdminCommand> for AdminTask {
    fn from(command: AdminCommand) -> AdminTask {
        AdminTask::Request(command)
    }
}

/// A request of an administrator. Prints as a phrase, e.g. `create topic t`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminCommand {
    CreateTopic {
        topic: TopicName,
        /// -1: the broker's default.
        partitions: i32,
        /// -1: the broker's default.
        replication_factor: i16,
        /// Replicas of each partition; empty: the broker places them.
        assignment: Vec<Vec<BrokerId>>,
        configs: BTreeMap<String, String>,
    },
    /// The topic is to have so many partitions in all.
    CreatePartitions { topic: TopicName, count: i32 },
    ElectLeaders {
        election_type: ElectionType,
        /// `None`: all partitions.
        partitions: Option<Vec<TopicPartition>>,
    },
    /// Records below this offset; -1: all that are committed.
    DeleteRecords {
        partition: TopicPartition,
        before: i64,
    },
    AlterConfigs {
        resource: ConfigResource,
        /// The topic's name, or the broker's id in digits.
        name: String,
        set: BTreeMap<String, String>,
        delete: Vec<String>,
    },
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminOutcome {
    Done,
    /// Records below this offset are gone.
    Deleted {
        low_watermark: i64,
    },
    /// Each partition that an election was asked for or that it changed: `None`, or the exception.
    Elected(BTreeMap<TopicPartition, Option<Rc<str>>>),
    /// The exception that the application sees.
    Failed {
        exception: Rc<str>,
        message: Rc<str>,
    },
}

impl AdminCommand {
    /// States what is asked for, where it decides which records may be deleted.
    pub(crate) fn state(&self, ctx: &mut Ctx<'_>) {
        let config = |resource, name: &str, set: &BTreeMap<String, String>, delete: &[String]| {
            let set = set.iter().map(|(key, value)| (key, Some(value.clone())));
            let settings = set.chain(delete.iter().map(|key| (key, None)));
            Fact::ConfigAsked {
                resource,
                name: name.into(),
                settings: Rc::new(settings.map(|(key, value)| (key.clone(), value)).collect()),
            }
        };
        match self {
            AdminCommand::CreateTopic { topic, configs, .. } => {
                ctx.fact(config(ConfigResource::Topic, topic, configs, &[]));
            }
            AdminCommand::AlterConfigs {
                resource,
                name,
                set,
                delete,
            } => ctx.fact(config(*resource, name, set, delete)),
            AdminCommand::DeleteRecords { partition, before } => {
                ctx.fact(Fact::DeleteRecordsAsked {
                    partition: partition.clone(),
                    before: *before,
                });
            }
            AdminCommand::ElectLeaders { .. } | AdminCommand::CreatePartitions { .. } => {}
        }
    }
}

impl AdminOutcome {
    /// States what came of a command.
    pub(crate) fn state(
        ctx: &mut Ctx<'_>,
        command: &AdminCommand,
        answer: &Result<Response, Failure>,
    ) {
        if let Ok(Response::DeleteRecords(response)) = answer {
            for (partition, low_watermark, _) in &response.partitions {
                ctx.fact(Fact::RecordsDeleted {
                    partition: partition.clone(),
                    low_watermark: *low_watermark,
                });
            }
        }
        ctx.fact(AdminOutcome::fact(command, answer));
    }

    fn fact(command: &AdminCommand, answer: &Result<Response, Failure>) -> Fact {
        let error = match answer {
            Ok(Response::ElectLeaders(response)) => match &response.results[..] {
                [(_, error)] => *error,
                _ => ErrorCode::None,
            },
            Ok(_) => ErrorCode::None,
            Err(failure) => failure.error,
        };
        Fact::AdminAnswered {
            what: command.to_string().into(),
            creates: match command {
                AdminCommand::CreateTopic { topic, .. } => Some(topic.clone()),
                _ => None,
            },
            error,
        }
    }

    /// The outcome of a call that was a command.
    pub(crate) fn of(answer: Result<Response, Failure>) -> AdminOutcome {
        match answer {
            Ok(Response::ElectLeaders(response)) => {
                let exception = |error: ErrorCode| (!error.is_none()).then(|| error.exception());
                AdminOutcome::Elected(
                    response
                        .results
                        .into_iter()
                        .map(|(partition, error)| (partition, exception(error).map(Rc::from)))
                        .collect(),
                )
            }
            Ok(Response::DeleteRecords(response)) => match response.partitions.first() {
                Some((_, low_watermark, _)) => AdminOutcome::Deleted {
                    low_watermark: *low_watermark,
                },
                None => AdminOutcome::Done,
            },
            Ok(_) => AdminOutcome::Done,
            Err(failure) => AdminOutcome::Failed {
                exception: failure.exception().into(),
                message: failure.message,
            },
        }
    }
}

#[derive(Debug)]
pub struct Admin {
    options: AdminOptions,
    config: AdminConfig,
    library: KafkaAdminClient,
    /// Commands that run, by the library's number.
    running: BTreeMap<u64, u32>,
    /// Tools that ask more than once, by their commands' numbers.
    tools: BTreeMap<u32, ConsumerGroupCommand>,
    outcomes: BTreeMap<u32, AdminOutcome>,
}

/// The library's number among those of this node.
const OWNER: u8 = 0;

impl Admin {
    pub fn new(options: AdminOptions) -> Result<Admin, ConfigError> {
        let config = AdminConfig::parse(&options.properties)?;
        Ok(Admin::fresh(options, config))
    }

    pub fn rebooted(&self) -> Admin {
        Admin::fresh(self.options.clone(), self.config.clone())
    }

    fn fresh(options: AdminOptions, config: AdminConfig) -> Admin {
        Admin {
            library: library(&options, &config),
            options,
            config,
            running: BTreeMap::new(),
            tools: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// Appends a command; `Timer::Command` with the number that is returned runs it.
    pub fn push(&mut self, command: impl Into<AdminTask>) -> u32 {
        self.options.commands.push(command.into());
        self.options.commands.len() as u32 - 1
    }

    /// Groups that it still asks about.
    pub fn describes(&self) -> impl Iterator<Item = &str> {
        self.tools.values().map(ConsumerGroupCommand::group)
    }

    /// What came of each command that has ended.
    pub fn outcomes(&self) -> &BTreeMap<u32, AdminOutcome> {
        &self.outcomes
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => self.library.start(ctx),
            Event::Terminate => {
                ctx.fact(Fact::Exiting {
                    status: 0,
                    why: "asked to stop".into(),
                });
                ctx.exit(0);
            }
            Event::Timer(Timer::Command(number)) => {
                if self.running.is_empty() && !self.outcomes.is_empty() {
                    self.library.close(ctx);
                    self.library = library(&self.options, &self.config);
                    self.library.start(ctx);
                }
                match self.options.commands.get(number as usize).cloned() {
                    Some(AdminTask::Request(command)) => {
                        command.state(ctx);
                        let id = self.library.call(ctx, Call::Command(command));
                        self.running.insert(id, number);
                    }
                    Some(AdminTask::DescribeGroup(group)) => {
                        let (tool, question) = ConsumerGroupCommand::new(group);
                        self.tools.insert(number, tool);
                        self.ask(ctx, number, question);
                    }
                    None => {}
                }
            }
            other => {
                // What is not the library's is of no concern to this node.
                let _ = self.library.on_event(other, ctx);
            }
        }
        while let Some((id, answer)) = self.library.next_answer() {
            let Some(number) = self.running.remove(&id) else {
                continue;
            };
            let Some(tool) = self.tools.get_mut(&number) else {
                self.state_answer(ctx, number, answer);
                continue;
            };
            let failed = answer.as_ref().err().cloned();
            match (tool.go_on(ctx, answer), failed) {
                (Some(question), _) => self.ask(ctx, number, question),
                (None, failed) => {
                    self.tools.remove(&number);
                    let done = AdminOutcome::Done;
                    let outcome = failed.map_or(done, |failure| AdminOutcome::of(Err(failure)));
                    self.outcomes.insert(number, outcome);
                }
            }
        }
    }

    fn ask(&mut self, ctx: &mut Ctx<'_>, number: u32, question: Question) {
        let timeout = Duration::from_millis(TIMEOUT_MS);
        let id = self.library.ask(ctx, question, timeout);
        self.running.insert(id, number);
    }

    fn state_answer(&mut self, ctx: &mut Ctx<'_>, number: u32, answer: Result<Response, Failure>) {
        let task = self.options.commands.get(number as usize);
        if let Some(AdminTask::Request(command)) = task {
            AdminOutcome::state(ctx, command, &answer);
        }
        self.outcomes.insert(number, AdminOutcome::of(answer));
    }
}

fn library(options: &AdminOptions, config: &AdminConfig) -> KafkaAdminClient {
    KafkaAdminClient::new(OWNER, &options.name, &options.bootstrap, config.clone())
}

impl fmt::Display for AdminCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminCommand::CreateTopic { topic, .. } => write!(f, "create topic {topic}"),
            AdminCommand::CreatePartitions { topic, count } => {
                write!(f, "create partitions of {topic} up to {count} in all")
            }
            AdminCommand::ElectLeaders {
                election_type,
                partitions,
            } => {
                let kind = match election_type {
                    ElectionType::Preferred => "preferred",
                    ElectionType::Unclean => "unclean",
                };
                match partitions.as_deref() {
                    None => write!(f, "{kind} election for all partitions"),
                    Some(partitions) => {
                        let names: Vec<String> =
                            partitions.iter().map(TopicPartition::to_string).collect();
                        write!(f, "{kind} election for {}", names.join(", "))
                    }
                }
            }
            AdminCommand::DeleteRecords { partition, before } => match before {
                -1 => write!(f, "delete all records of {partition}"),
                before => write!(f, "delete records of {partition} below {before}"),
            },
            AdminCommand::AlterConfigs {
                resource,
                name,
                set,
                delete,
            } => {
                let kind = match resource {
                    ConfigResource::Topic => "topic",
                    ConfigResource::Broker => "broker",
                };
                let set = set.iter().map(|(key, value)| format!("{key}={value}"));
                let delete = delete
                    .iter()
                    .map(|key| format!("{key} back to its default"));
                let changes: Vec<String> = set.chain(delete).collect();
                write!(f, "alter {kind} {name}: {}", changes.join(", "))
            }
        }
    }
}
