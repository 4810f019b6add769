//! Election connections (`QuorumCnxManager`): one between two servers, dialled by the one with
//! the larger number; one that a smaller dials is dropped and called back.

use crate::kernel::{ConnId, Duration, NodeId, TimerId};
use crate::protocol::zab::{ElectionMessage, Notification, ServerId};
use crate::protocol::{Ctx, Message, Timer, ZooKeeperTimer};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct QuorumCnxManager {
    me: ServerId,
    links: BTreeMap<ServerId, Link>,
}

/// All about one other server.
#[derive(Clone, Debug)]
struct Link {
    node: NodeId,
    conn: Option<ConnId>,
    dialling: Option<(ConnId, TimerId)>,
    /// What is still to be sent: a newer notification takes an older one's place.
    queued: Option<Notification>,
    /// Sent again on a new connection, since it may have been lost with the old one.
    last_sent: Option<Notification>,
}

impl QuorumCnxManager {
    pub fn new(me: ServerId, servers: &BTreeMap<ServerId, NodeId>) -> Self {
        let link = |node: NodeId| Link {
            node,
            conn: None,
            dialling: None,
            queued: None,
            last_sent: None,
        };
        let others = servers.iter().filter(|(sid, _)| **sid != me);
        QuorumCnxManager {
            me,
            links: others.map(|(sid, node)| (*sid, link(*node))).collect(),
        }
    }

    /// Sends to another server, over a connection that is made first if there is none.
    pub fn send(&mut self, ctx: &mut Ctx<'_>, to: ServerId, notification: Notification) {
        let Some(link) = self.links.get_mut(&to) else {
            return;
        };
        link.queued = Some(notification);
        if link.conn.is_some() {
            link.flush(ctx);
        } else {
            link.dial(ctx, to);
        }
    }

    /// Tries every server again that there is no connection with.
    pub fn connect_all(&mut self, ctx: &mut Ctx<'_>) {
        for (sid, link) in &mut self.links {
            link.dial(ctx, *sid);
        }
    }

    /// Nothing waits to be sent to one of the servers at least.
    pub fn have_delivered(&self) -> bool {
        self.links.values().any(|link| link.queued.is_none())
    }

    /// A dialled connection is up. False if it is not one of these.
    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) -> bool {
        let dialled = |(_, link): &(&ServerId, &mut Link)| {
            link.dialling.is_some_and(|(dialled, _)| dialled == conn)
        };
        let Some((sid, link)) = self.links.iter_mut().find(dialled) else {
            return false;
        };
        if let Some((_, timer)) = link.dialling.take() {
            ctx.cancel_timer(timer);
        }
        let hello = ElectionMessage::Hello { sid: self.me };
        ctx.send(conn, Message::Election(Box::new(hello)));
        if *sid > self.me {
            // It will call back.
            ctx.close(conn);
        } else {
            link.establish(ctx, conn);
        }
        true
    }

    /// The other end of a fresh connection says who it is.
    pub fn on_hello(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, from: ServerId) {
        let Some(link) = self.links.get_mut(&from) else {
            return ctx.close(conn);
        };
        if from < self.me {
            ctx.close(conn);
            link.hang_up(ctx);
            link.dial(ctx, from);
        } else {
            link.establish(ctx, conn);
        }
    }

    /// Nobody answers the dialling.
    pub fn on_dial_timeout(&mut self, ctx: &mut Ctx<'_>, to: ServerId) {
        if let Some((conn, _)) = self
            .links
            .get_mut(&to)
            .and_then(|link| link.dialling.take())
        {
            ctx.close(conn);
        }
    }

    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) -> bool {
        for link in self.links.values_mut() {
            if link.conn == Some(conn) {
                link.conn = None;
                return true;
            }
            if let Some((_, timer)) = link.dialling.take_if(|(dialled, _)| *dialled == conn) {
                ctx.cancel_timer(timer);
                return true;
            }
        }
        false
    }

    /// Who speaks on a connection.
    pub fn sender(&self, conn: ConnId) -> Option<ServerId> {
        let speaks = |(_, link): &(&ServerId, &Link)| link.conn == Some(conn);
        self.links.iter().find(speaks).map(|(sid, _)| *sid)
    }
}

impl Link {
    fn dial(&mut self, ctx: &mut Ctx<'_>, sid: ServerId) {
        if self.conn.is_none() && self.dialling.is_none() {
            let conn = ctx.connect(self.node);
            let timer = Timer::ZooKeeper(ZooKeeperTimer::ElectionDial(sid));
            self.dialling = Some((conn, ctx.set_timer(CONNECT_TIMEOUT, timer)));
        }
    }

    fn establish(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        self.hang_up(ctx);
        self.conn = Some(conn);
        if self.queued.is_none() {
            self.queued = self.last_sent;
        }
        self.flush(ctx);
    }

    fn hang_up(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(conn) = self.conn.take() {
            ctx.close(conn);
        }
    }

    fn flush(&mut self, ctx: &mut Ctx<'_>) {
        if let (Some(conn), Some(notification)) = (self.conn, self.queued.take()) {
            self.last_sent = Some(notification);
            let message = ElectionMessage::Notification(notification);
            ctx.send(conn, Message::Election(Box::new(message)));
        }
    }
}

/// `zookeeper.cnxTimeout`
const CONNECT_TIMEOUT: Duration = Duration::from_millis(5000);
