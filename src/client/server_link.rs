//! One connection to one server outside of Kafka, opened when somebody wants to send something. Its owner asks one
//! thing at a time and waits as long as it likes.
//!
//! May not know what is said over it.

use crate::kernel::{Address, CloseReason, ConnId};
use crate::protocol::{Ctx, Event, Message};

#[derive(Debug)]
pub(super) struct ServerLink {
    server: Address,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Down,
    Connecting(ConnId),
    Up(ConnId),
}

/// What has happened to it.
#[derive(Debug)]
pub(super) enum Heard {
    /// It takes what its owner has to send.
    Up(ConnId),
    Said(Message),
    /// It is down, and why.
    Lost(&'static str),
}

impl ServerLink {
    pub(super) fn new(server: Address) -> ServerLink {
        ServerLink {
            server,
            state: State::Down,
        }
    }

    /// The connection, if there is one; else one is opened, and `Heard::Up` or `Heard::Lost` follows.
    pub(super) fn open(&mut self, ctx: &mut Ctx<'_>) -> Option<ConnId> {
        match self.state {
            State::Up(conn) => return Some(conn),
            State::Down => self.state = State::Connecting(ctx.connect(self.server)),
            State::Connecting(_) => {}
        }
        None
    }

    /// Whoever has waited too long for an answer wants none on this connection any more.
    pub(super) fn close(&mut self, ctx: &mut Ctx<'_>) {
        if let State::Up(conn) | State::Connecting(conn) = self.state {
            ctx.close(conn);
            self.state = State::Down;
        }
    }

    /// Gives back an event that is not its own.
    pub(super) fn on_event(&mut self, event: Event) -> Result<Heard, Event> {
        match event {
            Event::Connected(conn) if self.state == State::Connecting(conn) => {
                self.state = State::Up(conn);
                Ok(Heard::Up(conn))
            }
            Event::Message { conn, message } if self.state == State::Up(conn) => {
                Ok(Heard::Said(message))
            }
            Event::Closed { conn, reason }
                if self.state == State::Up(conn) || self.state == State::Connecting(conn) =>
            {
                let why = match (self.state, reason) {
                    (State::Connecting(_), CloseReason::Refused) => "nobody listens there",
                    (State::Connecting(_), CloseReason::TimedOut) => "nobody answers there",
                    _ => "the connection is lost",
                };
                self.state = State::Down;
                Ok(Heard::Lost(why))
            }
            other => Err(other),
        }
    }
}
