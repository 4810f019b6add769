//! A broker's one ZooKeeper session, shared by all of its parts (`ZooKeeperClient`).
//!
//! Parts ask through `Calls` and wait; this sends their questions to the session in the order in which
//! they were asked and hands the answers back. A question that ended in CONNECTIONLOSS is asked again
//! once the session is connected (CT11: the write may have happened); after an expiry everything that
//! waits is answered SESSIONEXPIRED. It may not know what the questions mean.

use crate::protocol::Ctx;
use crate::protocol::zookeeper::{Answer, Code, Op, SessionEvent, SessionId, WatchedEvent};
use crate::zookeeper::session::Session;
use std::collections::{BTreeMap, VecDeque};

/// Which table of calls a question came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Caller {
    /// Server start, controller, admin manager and config watcher share one table.
    Server,
    /// The broker, for the names of all topics (`ZkConfigRepository`).
    TopicNames,
    /// The broker, for what was set for one topic.
    TopicConfig,
}

/// What the session brought.
#[derive(Clone, PartialEq, Debug)]
pub enum ZkOutcome {
    Answer {
        caller: Caller,
        token: u64,
        result: Result<Answer, Code>,
    },
    Watch(WatchedEvent),
    /// Connected; `new` if the session is another one than before.
    Connected {
        session: SessionId,
        new: bool,
    },
    Expired,
    /// The session that was to be closed is over.
    Closed,
}

#[derive(Debug)]
struct Question {
    caller: Caller,
    token: u64,
    op: Op,
}

/// See the module's doc.
#[derive(Debug)]
pub struct ZooKeeperClient {
    pub session: Session,
    next_token: u64,
    asked: BTreeMap<u64, Question>,
    /// Lost with a connection; to be asked again, before anything newer.
    lost: VecDeque<Question>,
    last_session: Option<SessionId>,
}

impl ZooKeeperClient {
    pub fn new(session: Session) -> Self {
        ZooKeeperClient {
            session,
            next_token: 0,
            asked: BTreeMap::new(),
            lost: VecDeque::new(),
            last_session: None,
        }
    }

    pub fn ask(&mut self, ctx: &mut Ctx<'_>, caller: Caller, token: u64, op: Op) {
        let question = Question { caller, token, op };
        if !self.lost.is_empty() {
            self.lost.push_back(question);
        } else {
            self.send(ctx, question);
        }
    }

    /// Turns what the session has to say into outcomes; call after every event given to the session.
    pub fn outcomes(&mut self, ctx: &mut Ctx<'_>) -> Vec<ZkOutcome> {
        let mut outcomes = Vec::new();
        for event in self.session.take_events() {
            match event {
                SessionEvent::Connected { session } => {
                    let new = self.last_session != Some(session);
                    self.last_session = Some(session);
                    outcomes.push(ZkOutcome::Connected { session, new });
                    for question in std::mem::take(&mut self.lost) {
                        self.send(ctx, question);
                    }
                }
                SessionEvent::Disconnected | SessionEvent::WatchesForgotten => {}
                SessionEvent::Closed => outcomes.push(ZkOutcome::Closed),
                SessionEvent::Expired => {
                    let lost = std::mem::take(&mut self.lost);
                    let asked = std::mem::take(&mut self.asked);
                    for question in asked.into_values().chain(lost) {
                        outcomes.push(ZkOutcome::Answer {
                            caller: question.caller,
                            token: question.token,
                            result: Err(Code::SessionExpired),
                        });
                    }
                    outcomes.push(ZkOutcome::Expired);
                }
                SessionEvent::Watch(event) => outcomes.push(ZkOutcome::Watch(event)),
                SessionEvent::Answer { token, result } => {
                    let Some(question) = self.asked.remove(&token) else {
                        continue;
                    };
                    match result {
                        Err(Code::ConnectionLoss) => self.lost.push_back(question),
                        result => outcomes.push(ZkOutcome::Answer {
                            caller: question.caller,
                            token: question.token,
                            result,
                        }),
                    }
                }
            }
        }
        if self.session.is_connected() {
            for question in std::mem::take(&mut self.lost) {
                self.send(ctx, question);
            }
        }
        outcomes
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, question: Question) {
        let token = self.next_token;
        self.next_token += 1;
        let op = question.op.clone();
        self.asked.insert(token, question);
        self.session.request(ctx, token, op);
    }
}
