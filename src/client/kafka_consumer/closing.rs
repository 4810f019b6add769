//! The end of a consumer: after the farewell to its group it ends its sessions with brokers, so that these need not
//! keep them for somebody who does not come back (classes ClassicKafkaConsumer, Fetcher; CC25, CC56).
//!
//! A broker hears of it after what it still works on: a fetch that waits is answered first.

use super::{KafkaConsumer, Question};
use crate::kernel::{Duration, Time};
use crate::protocol::Ctx;
use std::rc::Rc;

/// `KafkaConsumer.close` without a time of its own.
const DEFAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    /// What is not said by then is not waited for.
    until: Time,
    /// Sessions whose end was not confirmed yet; `None`: the group comes first.
    sessions: Option<u32>,
}

impl Closing {
    pub(super) fn until(self) -> Time {
        self.until
    }
}

impl KafkaConsumer {
    /// The application closes it; its process may end once `is_gone`.
    pub fn leave(&mut self, ctx: &mut Ctx<'_>) {
        if self.closing.is_some() {
            return;
        }
        let timeout = DEFAULT_CLOSE_TIMEOUT.min(self.config.common.request_timeout());
        self.closing = Some(Closing {
            until: ctx.wall() + timeout,
            sessions: None,
        });
        self.leave_group(ctx);
        self.poll(ctx);
    }

    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    pub fn is_gone(&self) -> bool {
        let closing = self.closing.as_ref();
        closing.is_some_and(|closing| closing.sessions == Some(0))
    }

    /// The next step of closing; answers when to look again.
    pub(super) fn go_on_closing(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let Some(Closing { until, sessions }) = self.closing else {
            return Time::MAX;
        };
        let waiting = match sessions {
            None if self.has_left_group() => self.close_sessions(ctx, until),
            None => return Time::MAX,
            Some(waiting) if ctx.wall() < until => waiting,
            Some(_) => 0,
        };
        let sessions = Some(waiting);
        self.closing = Some(Closing { until, sessions });
        match waiting {
            0 => Time::MAX,
            _ => until,
        }
    }

    /// To each broker that was fetched from, if it is known and not given up at the moment.
    fn close_sessions(&mut self, ctx: &mut Ctx<'_>, until: Time) -> u32 {
        let mut sent = 0;
        let timeout = self.config.common.request_timeout();
        for (broker, mut session) in std::mem::take(&mut self.sessions) {
            let node = self.client.metadata.node(broker);
            let reachable = node.filter(|node| !self.client.is_backing_off(*node));
            if let Some(node) = reachable.filter(|_| ctx.wall() < until) {
                session.notify_close();
                let request = self.fetch_request(session.build(Vec::new()));
                let question = Rc::new(Question::CloseSession);
                self.client
                    .send(ctx, node, request.into(), timeout, question);
                sent += 1;
            }
        }
        sent
    }

    /// It is ended, or nobody will say so.
    pub(super) fn on_session_closed(&mut self) {
        if let Some(Closing {
            sessions: Some(waiting),
            ..
        }) = &mut self.closing
        {
            *waiting = waiting.saturating_sub(1);
        }
    }
}
