//! A client of a schema registry (CachedSchemaRegistryClient without its cache, RestService): one question at a
//! time, each with an answer or a reason why there is none. It never asks twice.

use crate::kernel::{Address, CloseReason, ConnId, Duration, TimerId};
use crate::protocol::{
    ClientTimer, Ctx, Event, Message, RegistryCall, RegistryRequest, RegistryResponse, Timer,
};
use std::rc::Rc;

/// `http.connect.timeout.ms` and `http.read.timeout.ms`.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct SchemaRegistryClient {
    client: Rc<str>,
    registry: Option<Address>,
    link: Link,
    asked: Option<(RegistryRequest, TimerId)>,
    answer: Option<Result<RegistryResponse, String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    Down,
    Connecting(ConnId),
    Up(ConnId),
}

impl SchemaRegistryClient {
    pub fn new(client: &str, registry: Option<Address>) -> SchemaRegistryClient {
        SchemaRegistryClient {
            client: client.into(),
            registry,
            link: Link::Down,
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
        let Some(registry) = self.registry else {
            self.answer = Some(Err("its host is unknown".to_owned()));
            return;
        };
        let timer = ctx.set_timer(TIMEOUT, Timer::Client(ClientTimer::Registry));
        self.asked = Some((request, timer));
        match self.link {
            Link::Up(conn) => self.send(ctx, conn),
            Link::Down => self.link = Link::Connecting(ctx.connect(registry)),
            Link::Connecting(_) => {}
        }
    }

    /// What the question came to, once.
    pub fn take_answer(&mut self) -> Option<Result<RegistryResponse, String>> {
        self.answer.take()
    }

    /// Takes an event that is this client's; gives back one that is not.
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        match event {
            Event::Connected(conn) if self.link == Link::Connecting(conn) => {
                self.link = Link::Up(conn);
                self.send(ctx, conn);
            }
            Event::Message {
                conn,
                message: Message::RegistryResponse(response),
            } if self.link == Link::Up(conn) => self.end(ctx, Ok(*response)),
            Event::Closed { conn, reason }
                if self.link == Link::Up(conn) || self.link == Link::Connecting(conn) =>
            {
                let why = match self.link {
                    Link::Up(_) => "the connection is lost".to_owned(),
                    _ => in_words(reason).to_owned(),
                };
                self.link = Link::Down;
                self.end(ctx, Err(why));
            }
            Event::Timer(Timer::Client(ClientTimer::Registry)) => {
                if let Link::Up(conn) | Link::Connecting(conn) = self.link {
                    ctx.close(conn);
                    self.link = Link::Down;
                }
                self.end(ctx, Err("no answer within 60 s".to_owned()));
            }
            other => return Err(other),
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

fn in_words(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Refused => "nobody listens there",
        CloseReason::TimedOut => "nobody answers there",
        CloseReason::Reset | CloseReason::ByPeer => "the connection is lost",
    }
}
