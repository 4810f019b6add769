//! An operator's ZooKeeper client (`zkCli`): carries out commands one by one, each until it is done.
//!
//! `Timer::Command(n)` begins the n-th command. It has a session of its own, as any client has.

use crate::kernel::NodeId;
use crate::protocol::zookeeper::{
    Answer, Code, CreateMode, Op, SessionEvent, SessionId, WatchedEvent,
};
use crate::protocol::{Ctx, Event, LostCommand, Message, ShellFact, Timer};
use crate::zookeeper::session::Session;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the operator types.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ShellCommand {
    /// A plain node; its parents must be there.
    Create {
        path: String,
        data: Bytes,
    },
    Delete {
        path: String,
    },
    /// Any request.
    Ask(Op),
    /// A request whose outcome is told, in `zkCli`'s words; none is made a second time.
    Tell {
        text: Rc<str>,
        op: Op,
    },
}

/// See the module's doc.
#[derive(Debug)]
pub struct ZooKeeperShell {
    servers: Vec<NodeId>,
    timeout_ms: u32,
    is_witness: bool,
    commands: Vec<ShellCommand>,
    session: Session,
    results: BTreeMap<u32, Result<Answer, Code>>,
    watch_events: Vec<WatchedEvent>,
    forgets_watches: bool,
    has_forgotten_watches: bool,
    /// The command that ends its session.
    closes: Option<u32>,
}

impl ZooKeeperShell {
    pub fn new(servers: Vec<NodeId>, timeout_ms: u32) -> Self {
        ZooKeeperShell {
            session: Session::new(servers.clone(), timeout_ms),
            servers,
            timeout_ms,
            is_witness: false,
            commands: Vec::new(),
            results: BTreeMap::new(),
            watch_events: Vec::new(),
            forgets_watches: false,
            has_forgotten_watches: false,
            closes: None,
        }
    }

    /// Tells all that it asks and hears, for properties to be held against.
    pub fn as_witness(mut self) -> Self {
        self.session = self.session.as_witness();
        self.is_witness = true;
        self
    }

    /// Gives its watches up with its connection, as kazoo does.
    pub fn forgetting_watches(mut self) -> Self {
        self.session.forget_watches_with_connection();
        self.forgets_watches = true;
        self
    }

    pub fn rebooted(&self) -> Self {
        let shell = ZooKeeperShell::new(self.servers.clone(), self.timeout_ms);
        let shell = match self.forgets_watches {
            true => shell.forgetting_watches(),
            false => shell,
        };
        let shell = match self.is_witness {
            true => shell.as_witness(),
            false => shell,
        };
        ZooKeeperShell {
            commands: self.commands.clone(),
            ..shell
        }
    }

    /// Appends a command; `Timer::Command` with the number that is returned carries it out.
    pub fn push(&mut self, command: ShellCommand) -> u32 {
        self.commands.push(command);
        self.commands.len() as u32 - 1
    }

    /// What each command that has ended came to.
    pub fn results(&self) -> &BTreeMap<u32, Result<Answer, Code>> {
        &self.results
    }

    /// What its watches have told since the last call.
    pub fn take_watch_events(&mut self) -> Vec<WatchedEvent> {
        std::mem::take(&mut self.watch_events)
    }

    /// Whether watches were given up with the connection since the last call.
    pub fn take_forgotten_watches(&mut self) -> bool {
        std::mem::take(&mut self.has_forgotten_watches)
    }

    pub fn session_id(&self) -> Option<SessionId> {
        self.session.session_id()
    }

    pub fn zookeeper_session(&self) -> &Session {
        &self.session
    }

    pub fn is_connected(&self) -> bool {
        self.session.is_connected()
    }

    /// Whether every command has ended.
    pub fn is_done(&self) -> bool {
        self.results.len() == self.commands.len()
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => self.session.start(ctx),
            Event::Terminate => self.session.close(ctx),
            Event::Timer(Timer::Session(timer)) => self.session.on_timer(ctx, timer),
            Event::Timer(Timer::Command(number)) => self.begin(number, ctx),
            Event::Connected(conn) => self.session.on_connected(ctx, conn),
            Event::Message {
                conn,
                message: Message::ZooKeeperReply(reply),
            } => {
                self.session.on_message(ctx, conn, *reply);
            }
            Event::Message { conn, .. } => ctx.close(conn),
            Event::Closed { conn, reason } => self.session.on_closed(ctx, conn, reason),
            Event::Accepted { conn, .. } => ctx.close(conn),
            Event::Timer(_) | Event::Disk { .. } => {}
        }
        for event in self.session.take_events() {
            match event {
                SessionEvent::Answer { token, result } => self.end(token as u32, result, ctx),
                SessionEvent::Expired => self.session.reopen(ctx),
                SessionEvent::Closed => {
                    if let Some(number) = self.closes.take() {
                        self.end(number, Ok(Answer::SessionClosed), ctx);
                    }
                    ctx.exit(0);
                }
                SessionEvent::Watch(event) => {
                    if self.tells() {
                        let news = format!("{:?} {}", event.kind, event.path).into();
                        ctx.fact(ShellFact::News { news }.into());
                    }
                    self.watch_events.push(event);
                }
                SessionEvent::WatchesForgotten => self.has_forgotten_watches = true,
                SessionEvent::Connected { .. } | SessionEvent::Disconnected => {}
            }
        }
    }

    /// Whether it was told by a scenario what to ask.
    fn tells(&self) -> bool {
        let mut commands = self.commands.iter();
        commands.any(|command| matches!(command, ShellCommand::Tell { .. }))
    }

    fn end(&mut self, number: u32, result: Result<Answer, Code>, ctx: &mut Ctx<'_>) {
        let command = self.commands.get(number as usize);
        if let Some(ShellCommand::Tell { text, op }) = command {
            let lost = (result == Err(Code::ConnectionLoss)).then(|| match op.is_write() {
                true => LostCommand::Write,
                false => LostCommand::Read,
            });
            let ended = ShellFact::Ended {
                command: text.clone(),
                answer: in_words(&result).into(),
                lost,
            };
            ctx.fact(ended.into());
        } else if result == Err(Code::ConnectionLoss) {
            return self.begin(number, ctx);
        }
        self.results.insert(number, result);
    }

    fn begin(&mut self, number: u32, ctx: &mut Ctx<'_>) {
        let Some(command) = self.commands.get(number as usize) else {
            return;
        };
        let op = match command {
            ShellCommand::Create { path, data } => Op::Create {
                path: path.as_str().into(),
                data: data.clone(),
                mode: CreateMode::PERSISTENT,
            },
            ShellCommand::Delete { path } => Op::Delete {
                path: path.as_str().into(),
                version: -1,
            },
            ShellCommand::Ask(op) => op.clone(),
            ShellCommand::Tell { text, op } => {
                let command = text.clone();
                ctx.fact(ShellFact::Asked { command }.into());
                op.clone()
            }
        };
        if op == Op::CloseSession {
            self.closes = Some(number);
            return self.session.close(ctx);
        }
        self.session.request(ctx, u64::from(number), op);
    }
}

/// As `zkCli` shows it, on one line.
fn in_words(result: &Result<Answer, Code>) -> String {
    match result {
        Ok(Answer::Data { data, .. }) if data.is_empty() => "nothing".to_owned(),
        Ok(Answer::Data { data, .. }) => String::from_utf8_lossy(data).into_owned(),
        Ok(Answer::Created { path, .. }) => path.to_string(),
        Ok(Answer::Children { children, .. }) => format!("[{}]", children.join(", ")),
        Ok(Answer::Exists(stat) | Answer::SetData(stat)) => format!("version {}", stat.version),
        Ok(_) => "ok".to_owned(),
        Err(code) => format!("{code:?}"),
    }
}
