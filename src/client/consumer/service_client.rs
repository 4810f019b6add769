//! How an application calls a service outside of Kafka: one call at a time, again and again until it is answered. A
//! call without an answer may have been heard all the same.

use crate::client::kafka_consumer::ConsumerRecord;
use crate::client::server_link::{Heard, ServerLink};
use crate::kernel::{Address, ConnId, Duration};
use crate::protocol::{ApplicationFact, ClientTimer, Ctx, Event, Message, ServiceCall, Timer};
use std::rc::Rc;

/// How long it waits for an answer, and from one call to the next.
const TIMEOUT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct ServiceClient {
    client: Rc<str>,
    service: Rc<str>,
    /// None: there is no such host, and nobody will ever answer.
    link: Option<ServerLink>,
    call: Option<ServiceCall>,
    /// Nothing is on its way until the timer fires.
    pauses: bool,
    timer: Option<crate::kernel::TimerId>,
    answered: bool,
}

impl ServiceClient {
    pub(super) fn new(client: &str, service: &Rc<str>, address: Option<Address>) -> ServiceClient {
        ServiceClient {
            client: client.into(),
            service: Rc::clone(service),
            link: address.map(ServerLink::new),
            call: None,
            pauses: false,
            timer: None,
            answered: false,
        }
    }

    pub(super) fn call(&mut self, ctx: &mut Ctx<'_>, record: &ConsumerRecord) {
        assert!(self.call.is_none(), "one call at a time");
        self.call = Some(ServiceCall {
            client: Rc::clone(&self.client),
            partition: record.partition.clone(),
            offset: record.offset,
            value: record.value.clone(),
        });
        self.begin(ctx);
    }

    /// True once: the call is answered.
    pub(super) fn take_answer(&mut self) -> bool {
        std::mem::take(&mut self.answered)
    }

    /// Takes an event that is this client's; gives back one that is not.
    pub(super) fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        let Some(link) = &mut self.link else {
            return Err(event);
        };
        if let Event::Timer(Timer::Client(ClientTimer::Service)) = event {
            self.timer = None;
            if std::mem::take(&mut self.pauses) {
                self.begin(ctx);
            } else {
                link.close(ctx);
                self.call_later(ctx, "no answer within 10 s");
            }
            return Ok(());
        }
        match link.on_event(event)? {
            Heard::Up(conn) => self.send(ctx, conn),
            Heard::Said(Message::ServiceAnswer(answer)) => {
                let is_this = |call: &ServiceCall| {
                    call.partition == answer.partition && call.offset == answer.offset
                };
                if self.call.as_ref().is_some_and(is_this) {
                    self.call = None;
                    self.answered = true;
                    self.stop_timer(ctx);
                }
            }
            Heard::Said(_) => {}
            Heard::Lost(why) => self.call_later(ctx, why),
        }
        Ok(())
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>) {
        if self.link.is_none() {
            return;
        }
        self.set_timer(ctx, TIMEOUT);
        let link = self.link.as_mut();
        if let Some(conn) = link.and_then(|link| link.open(ctx)) {
            self.send(ctx, conn);
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if let Some(call) = self.call.as_ref().filter(|_| !self.pauses) {
            ctx.send(conn, Message::ServiceCall(Box::new(call.clone())));
        }
    }

    fn call_later(&mut self, ctx: &mut Ctx<'_>, why: &str) {
        let Some(call) = &self.call else {
            return;
        };
        ctx.fact(
            ApplicationFact::ServiceNotReached {
                service: Rc::clone(&self.service),
                partition: call.partition.clone(),
                offset: call.offset,
                why: why.into(),
            }
            .into(),
        );
        self.pauses = true;
        self.set_timer(ctx, PAUSE);
    }

    fn set_timer(&mut self, ctx: &mut Ctx<'_>, after: Duration) {
        self.stop_timer(ctx);
        self.timer = Some(ctx.set_timer(after, Timer::Client(ClientTimer::Service)));
    }

    fn stop_timer(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_timer(timer);
        }
    }
}
