//! A program outside of Kafka that applications call: it sends text messages, charges cards. What it has done is
//! done: it knows no record again, and counts each call.
//!
//! May not know topics, groups or who has called before: only what it is asked.

use crate::kernel::{ConnId, Duration};
use crate::protocol::{
    ApplicationFact, Ctx, Event, Fact, Message, ServiceAnswer, ServiceCall, Timer,
};
use std::collections::BTreeMap;

/// The port that it listens on.
pub const PORT: u16 = 8080;

#[derive(Clone, Debug)]
pub struct Service {
    /// What it takes for a call.
    takes: Duration,
    /// Calls that it works on, by number.
    working: BTreeMap<u64, (ConnId, ServiceAnswer)>,
    calls: u64,
}

impl Service {
    pub fn new(takes: Duration) -> Service {
        Service {
            takes,
            working: BTreeMap::new(),
            calls: 0,
        }
    }

    pub fn rebooted(&self) -> Service {
        Service::new(self.takes)
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Message {
                conn,
                message: Message::ServiceCall(call),
            } => self.begin(ctx, conn, *call),
            Event::Message { conn, .. } => ctx.close(conn),
            Event::Timer(Timer::Service(number)) => {
                if let Some((conn, answer)) = self.working.remove(&number) {
                    ctx.send(conn, Message::ServiceAnswer(Box::new(answer)));
                }
            }
            // Who hears no answer does not know whether it was done.
            Event::Closed { conn, .. } => self.working.retain(|_, (of, _)| *of != conn),
            Event::Terminate => {
                ctx.fact(Fact::Exiting {
                    status: 0,
                    why: "asked to stop".into(),
                });
                ctx.exit(0);
            }
            Event::Started
            | Event::Timer(_)
            | Event::Connected(_)
            | Event::Accepted { .. }
            | Event::Disk { .. } => {}
        }
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, call: ServiceCall) {
        self.calls += 1;
        ctx.fact(
            ApplicationFact::ServiceCalled {
                client: call.client,
                partition: call.partition.clone(),
                offset: call.offset,
            }
            .into(),
        );
        let answer = ServiceAnswer {
            partition: call.partition,
            offset: call.offset,
        };
        self.working.insert(self.calls, (conn, answer));
        ctx.set_timer(self.takes, Timer::Service(self.calls));
    }
}
