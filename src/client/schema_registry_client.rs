//! A client of a schema registry (CachedSchemaRegistryClient without its cache, RestService): one question at a
//! time, each with an answer or a reason why there is none. It never asks twice.

use crate::client::server_link::{Heard, ServerLink};
use crate::kernel::{Address, ConnId, Duration, TimerId};
use crate::protocol::{
    ClientTimer, Ctx, Event, Message, RegistryCall, RegistryRequest, RegistryResponse, Timer,
};
use std::rc::Rc;

/// `http.connect.timeout.ms` and `http.read.timeout.ms`.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct SchemaRegistryClient {
    client: Rc<str>,
    /// None: its host is unknown.
    registry: Option<ServerLink>,
    asked: Option<(RegistryRequest, TimerId)>,
    answer: Option<Result<RegistryResponse, String>>,
}

impl SchemaRegistryClient {
    pub fn new(client: &str, registry: Option<Address>) -> SchemaRegistryClient {
        SchemaRegistryClient {
            client: client.into(),
            registry: registry.map(ServerLink::new),
            asked: None,
            answer: None,
        }
    }

    /// A question has no answer yet.
    pub fn is_busy(&self) -> bool {
        self.asked.is_some() || self.answer.is_some()
    }

    pub fn ask(&mut self, ctx: &mut Ctx<'_>, request: RegistryRequest) {
        assert!(!self.is_busy(), "one question at a time");
        let Some(registry) = &mut self.registry else {
            self.answer = Some(Err("its host is unknown".to_owned()));
            return;
        };
        let timer = ctx.set_timer(TIMEOUT, Timer::Client(ClientTimer::Registry));
        self.asked = Some((request, timer));
        if let Some(conn) = registry.open(ctx) {
            self.send(ctx, conn);
        }
    }

    /// What the question came to, once.
    pub fn take_answer(&mut self) -> Option<Result<RegistryResponse, String>> {
        self.answer.take()
    }

    /// Takes an event that is this client's; gives back one that is not.
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        let Some(registry) = &mut self.registry else {
            return Err(event);
        };
        if let Event::Timer(Timer::Client(ClientTimer::Registry)) = event {
            registry.close(ctx);
            self.end(ctx, Err("no answer within 60 s".to_owned()));
            return Ok(());
        }
        match registry.on_event(event)? {
            Heard::Up(conn) => self.send(ctx, conn),
            Heard::Said(Message::RegistryResponse(response)) => self.end(ctx, Ok(*response)),
            Heard::Said(_) => {}
            Heard::Lost(why) => self.end(ctx, Err(why.to_owned())),
        }
        Ok(())
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if let Some((request, _)) = &self.asked {
            let call = RegistryCall {
                client: Rc::clone(&self.client),
                request: request.clone(),
            };
            ctx.send(conn, Message::RegistryCall(Box::new(call)));
        }
    }

    fn end(&mut self, ctx: &mut Ctx<'_>, answer: Result<RegistryResponse, String>) {
        if let Some((_, timer)) = self.asked.take() {
            ctx.cancel_timer(timer);
            self.answer = Some(answer);
        }
    }
}
