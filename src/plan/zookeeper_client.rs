//! Clients that speak with ZooKeeper by themselves, as `zkCli` does, and what they may be told to ask.

use super::sentence::Slot;
use crate::kernel::Duration;
use crate::protocol::zab::SyncMode;
use crate::protocol::zookeeper::{CreateMode, Op};
use bytes::Bytes;
use std::fmt;

/// A client with a session of its own; the timeline says what it asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZooKeeperClientPlan {
    pub name: String,
    /// For the reader: who this is.
    pub about: Option<String>,
    /// Numbers of the servers that it knows, from 1; none: all.
    pub servers: Option<Vec<u32>>,
    /// The session timeout that it asks for: how long it may be silent.
    pub session_timeout: Duration,
}

impl ZooKeeperClientPlan {
    /// Knows all servers and asks for 30 s, as `zkCli` does.
    pub fn new(name: impl Into<String>) -> Self {
        ZooKeeperClientPlan {
            name: name.into(),
            about: None,
            servers: None,
            session_timeout: Duration::from_secs(30),
        }
    }

    pub fn servers(mut self, numbers: impl Into<Vec<u32>>) -> Self {
        self.servers = Some(numbers.into());
        self
    }

    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }
}

/// A command as one types it into `zkCli`: `set /route south`, `create -e /lock mine`, `get -w /route`.
///
/// It is kept as it is written, since a request shares what it holds within one thread, and plans go from one to
/// another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZooKeeperCommand(String);

impl ZooKeeperCommand {
    /// The request that it sends.
    pub fn op(&self) -> Op {
        read(&self.0).expect("only what can be read is kept")
    }

    /// How commands are written, for messages.
    pub const FORMS: &'static str = "create [-e] [-s] /path [data], set [-v version] /path data, \
        delete [-v version] /path, get [-w] /path, stat [-w] /path, ls [-w] /path, sync /path or close";
}

impl Slot for ZooKeeperCommand {
    fn read(words: &str) -> Option<Self> {
        read(words).map(|op| ZooKeeperCommand(written(&op)))
    }

    fn pattern() -> String {
        r"(create|set|delete|get|stat|ls|sync|close)[\s\S]*".into()
    }
}

fn read(words: &str) -> Option<Op> {
    let mut words = Words(words);
    let verb = words.next()?;
    let mut flags = Flags::default();
    while words.0.starts_with('-') {
        match (verb, words.next()?) {
            ("create", "-e") if !flags.ephemeral => flags.ephemeral = true,
            ("create", "-s") if !flags.sequential => flags.sequential = true,
            ("get" | "stat" | "ls", "-w") if !flags.watch => flags.watch = true,
            ("set" | "delete", "-v") if flags.version.is_none() => {
                flags.version = Some(words.next()?.parse().ok().filter(|v| *v >= 0)?);
            }
            _ => return None,
        }
    }
    let op = match verb {
        "close" => Op::CloseSession,
        _ => request(
            verb,
            words.next().filter(|path| is_path(path))?,
            &flags,
            &mut words,
        )?,
    };
    words.0.is_empty().then_some(op)
}

fn request(verb: &str, path: &str, flags: &Flags, words: &mut Words<'_>) -> Option<Op> {
    let path = path.into();
    let watch = flags.watch;
    let version = flags.version.unwrap_or(-1);
    Some(match verb {
        "create" => Op::Create {
            path,
            data: words.rest(),
            mode: CreateMode {
                ephemeral: flags.ephemeral,
                sequential: flags.sequential,
            },
        },
        "set" => Op::SetData {
            path,
            data: Some(words.rest()).filter(|data| !data.is_empty())?,
            version,
        },
        "delete" => Op::Delete { path, version },
        "get" => Op::GetData { path, watch },
        "stat" => Op::Exists { path, watch },
        "ls" => Op::GetChildren { path, watch },
        "sync" => Op::Sync { path },
        _ => return None,
    })
}

#[derive(Default)]
struct Flags {
    ephemeral: bool,
    sequential: bool,
    watch: bool,
    version: Option<i32>,
}

/// What is left of a command.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        Some(word).filter(|word| !word.is_empty())
    }

    fn rest(&mut self) -> Bytes {
        Bytes::copy_from_slice(std::mem::take(&mut self.0).as_bytes())
    }
}

/// `PathUtils.validatePath`, less the characters that no scenario needs.
fn is_path(text: &str) -> bool {
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..") && name.chars().all(|c| !c.is_control() && c != ' ')
    };
    match text.strip_prefix('/') {
        Some("") => true,
        Some(rest) => rest.split('/').all(is_name),
        None => false,
    }
}

impl fmt::Display for ZooKeeperCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request as one types it.
fn written(op: &Op) -> String {
    let flag = |there: bool, flag: &'static str| if there { flag } else { "" };
    let version = |version: i32| match version {
        -1 => String::new(),
        version => format!("-v {version} "),
    };
    let data = |data: &Bytes| String::from_utf8_lossy(data).into_owned();
    match op {
        Op::Create {
            path,
            data: content,
            mode,
        } => {
            let (e, s) = (flag(mode.ephemeral, "-e "), flag(mode.sequential, "-s "));
            let content = match content.is_empty() {
                true => String::new(),
                false => format!(" {}", data(content)),
            };
            format!("create {e}{s}{path}{content}")
        }
        Op::SetData {
            path,
            data: content,
            version: v,
        } => format!("set {}{path} {}", version(*v), data(content)),
        Op::Delete { path, version: v } => format!("delete {}{path}", version(*v)),
        Op::GetData { path, watch } => format!("get {}{path}", flag(*watch, "-w ")),
        Op::Exists { path, watch } => format!("stat {}{path}", flag(*watch, "-w ")),
        Op::GetChildren { path, watch } => format!("ls {}{path}", flag(*watch, "-w ")),
        Op::Sync { path } => format!("sync {path}"),
        Op::CloseSession => "close".into(),
        other => other.name().into(),
    }
}

/// What a command is answered: data, names of children, `ok`, or an error such as `NoNode`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZooKeeperAnswer(pub String);

impl Slot for ZooKeeperAnswer {
    fn read(words: &str) -> Option<Self> {
        let plain = !words.is_empty() && words.trim() == words;
        plain.then(|| ZooKeeperAnswer(words.to_string()))
    }

    fn pattern() -> String {
        r"[\s\S]+".into()
    }
}

impl fmt::Display for ZooKeeperAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Slot for SyncMode {
    fn read(words: &str) -> Option<Self> {
        SyncMode::ALL
            .into_iter()
            .find(|mode| mode.to_string() == words)
    }

    fn pattern() -> String {
        SyncMode::ALL.map(|mode| mode.to_string()).join("|")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_and_write() {
        for text in [
            "create /route",
            "create -e -s /lock- held by a",
            "set /route south",
            "set -v 3 /route far south",
            "delete -v 0 /route",
            "get /route",
            "get -w /route",
            "stat -w /route",
            "ls /",
            "sync /route",
            "close",
        ] {
            let command = ZooKeeperCommand::read(text);
            assert_eq!(command.map(|c| c.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_zkcli_would_not_take_is_no_command() {
        for text in [
            "",
            "look /route",
            "get",
            "get route",
            "get /route/",
            "get /a//b",
            "get /a/../b",
            "get -e /route",
            "get -w -w /route",
            "get /route now",
            "set /route",
            "set -v -2 /route a",
            "set -v x /route a",
            "close /route",
        ] {
            assert_eq!(ZooKeeperCommand::read(text), None, "{text:?}");
        }
    }
}
