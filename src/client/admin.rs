//! An administrator node: runs the plan's commands with a `KafkaAdminClient`.

use crate::client::{AdminConfig, Bootstrap, ConfigError};
use crate::protocol::config::Properties;
use crate::protocol::{
    BrokerId, ConfigResource, Ctx, ElectionType, Event, TopicName, TopicPartition,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What an administrator node is built from.
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// Also its `client.id`.
    pub name: String,
    pub bootstrap: Bootstrap,
    pub properties: Properties,
    /// `Timer::Command(n)` runs the n-th of these.
    pub commands: Vec<AdminCommand>,
}

/// A request of an administrator.
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
    ElectLeaders {
        election_type: ElectionType,
        /// `None`: all partitions.
        partitions: Option<Vec<TopicPartition>>,
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
    /// Each partition that an election was asked for or that it changed: `None`, or the exception.
    Elected(BTreeMap<TopicPartition, Option<Rc<str>>>),
    /// The exception that the application sees.
    Failed {
        exception: Rc<str>,
        message: Rc<str>,
    },
}

#[derive(Debug)]
pub struct Admin {
    options: AdminOptions,
    config: AdminConfig,
    outcomes: BTreeMap<u32, AdminOutcome>,
}

impl Admin {
    pub fn new(options: AdminOptions) -> Result<Admin, ConfigError> {
        let config = AdminConfig::parse(&options.properties)?;
        Ok(Admin {
            options,
            config,
            outcomes: BTreeMap::new(),
        })
    }
    pub fn rebooted(&self) -> Admin {
        Admin {
            options: self.options.clone(),
            config: self.config.clone(),
            outcomes: BTreeMap::new(),
        }
    }
    /// Appends a command; `Timer::Command` with the number that is returned runs it.
    pub fn push(&mut self, command: AdminCommand) -> u32 {
        self.options.commands.push(command);
        self.options.commands.len() as u32 - 1
    }
    /// What came of each command that has ended.
    pub fn outcomes(&self) -> &BTreeMap<u32, AdminOutcome> {
        &self.outcomes
    }
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let _ = (event, ctx, &self.config);
        todo!()
    }
}
