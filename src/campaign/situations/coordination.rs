//! The controller, brokers' places in ZooKeeper, and ZooKeeper itself.

use super::matcher::{RUN, node};
use super::{Situation, Step, situation};
use crate::protocol::Fact;
use crate::protocol::zab::SyncMode;

pub(super) const SITUATIONS: &[Situation] = &[
    situation(
        "a controller gives up its office, and another takes it",
        &[RESIGNED, ELECTED],
    ),
    situation(
        "there are three controllers, one after the other",
        &[ELECTED, ELECTED, ELECTED],
    ),
    situation(
        "a broker is the controller, is it no longer, and is it again",
        &[IS, GIVES_UP, IS],
    ),
    situation("the controller is killed", &[IS, KILLED]),
    situation(
        "the controller is paused, and has to give up its office",
        &[IS, PAUSED, GIVES_UP],
    ),
    situation(
        "the controller is paused, and goes on before anybody notices",
        &[IS, PAUSED, RESUMED],
    ),
    situation(
        "a broker is back before the controller has seen it go",
        &[|entry, hit| {
            if let Fact::BrokersChanged { bounced, .. } = &entry.fact
                && !bounced.is_empty()
            {
                hit(RUN);
            }
        }],
    ),
    situation(
        "two brokers are gone at once",
        &[|entry, hit| {
            if let Fact::BrokersChanged { dead, .. } = &entry.fact
                && dead.len() >= 2
            {
                hit(RUN);
            }
        }],
    ),
    situation(
        "a broker finds its place taken by its earlier life, and gets it",
        &[
            |entry, hit| {
                if let Fact::RegistrationRefused { .. } = &entry.fact {
                    hit(node(entry));
                }
            },
            REGISTERED,
        ],
    ),
    situation(
        "a broker loses its session, and registers in another",
        &[REGISTERED, SESSION_LOST, REGISTERED],
    ),
    situation(
        "a broker hands over what it leads, and stops",
        &[STOPS, |entry, hit| {
            if let Fact::ControlledShutdownEnds { remaining: 0, .. } = &entry.fact {
                hit(node(entry));
            }
        }],
    ),
    situation(
        "a broker stops with leaderships that it could not hand over",
        &[STOPS, |entry, hit| {
            if let Fact::ControlledShutdownEnds { remaining: 1.., .. } = &entry.fact {
                hit(node(entry));
            }
        }],
    ),
    situation("a broker is killed while it stops", &[STOPS, KILLED]),
    situation(
        "a topic is made while a broker is away",
        &[
            |entry, hit| {
                if let Fact::BrokersChanged { dead, .. } = &entry.fact
                    && !dead.is_empty()
                {
                    hit(RUN);
                }
            },
            |entry, hit| {
                if let Fact::TopicSeen { .. } = &entry.fact {
                    hit(RUN);
                }
            },
        ],
    ),
    situation(
        "a node's session outlives its connection",
        &[DISCONNECTED, |entry, hit| {
            connected(entry, hit, true);
        }],
    ),
    situation(
        "a node's session is lost, and it has another",
        &[SESSION_LOST, |entry, hit| {
            connected(entry, hit, false);
        }],
    ),
    situation(
        "a session expires, and its ephemerals go with it",
        &[|entry, hit| {
            if let Fact::SessionExpired { ephemerals, .. } = &entry.fact
                && !ephemerals.is_empty()
            {
                hit(RUN);
            }
        }],
    ),
    situation(
        "a session moves to another server",
        &[|entry, hit| {
            if let Fact::SessionResumed { .. } = &entry.fact {
                hit(RUN);
            }
        }],
    ),
    situation(
        "a client has seen more than the server that it comes to",
        &[|entry, hit| {
            if let Fact::AheadClientRefused { .. } = &entry.fact {
                hit(RUN);
            }
        }],
    ),
    situation(
        "a ZooKeeper server is sent what it lacks (DIFF)",
        &[|entry, hit| {
            if let Fact::LearnerSynchronised {
                mode: SyncMode::Diff,
                transactions: 1..,
                ..
            } = &entry.fact
            {
                hit(RUN);
            }
        }],
    ),
    situation(
        "a ZooKeeper server is told to cut its log (TRUNC)",
        &[|entry, hit| {
            synchronised(entry, hit, SyncMode::Trunc);
        }],
    ),
    situation(
        "a ZooKeeper server is sent the whole tree (SNAP)",
        &[|entry, hit| {
            synchronised(entry, hit, SyncMode::Snap);
        }],
    ),
    situation(
        "a ZooKeeper leader loses its quorum, and leads again",
        &[ZK_LEADS, ZK_LEAVES, ZK_LEADS],
    ),
    situation(
        "a ZooKeeper leader becomes a follower",
        &[ZK_LEADS, ZK_LEAVES, |entry, hit| {
            if let Fact::ZooKeeperFollows { .. } = &entry.fact {
                hit(node(entry));
            }
        }],
    ),
    situation(
        "a ZooKeeper server leads that has just begun to",
        &[ZK_LED, ZK_LED, ZK_LED],
    ),
];

type Entry<'a> = &'a crate::trace::TraceEntry;
type Hit<'a> = &'a mut dyn FnMut(u64);

const ELECTED: Step = |entry, hit| {
    if let Fact::ControllerElected { .. } = &entry.fact {
        hit(RUN);
    }
};
const RESIGNED: Step = |entry, hit| {
    if let Fact::ControllerResigned { .. } = &entry.fact {
        hit(RUN);
    }
};
const IS: Step = |entry, hit| {
    if let Fact::ControllerElected { .. } = &entry.fact {
        hit(node(entry));
    }
};
const GIVES_UP: Step = |entry, hit| {
    if let Fact::ControllerResigned { .. } = &entry.fact {
        hit(node(entry));
    }
};
const KILLED: Step = |entry, hit| {
    if let Fact::Crashed | Fact::PowerFailed = &entry.fact {
        hit(node(entry));
    }
};
const PAUSED: Step = |entry, hit| {
    if let Fact::Paused = &entry.fact {
        hit(node(entry));
    }
};
const RESUMED: Step = |entry, hit| {
    if let Fact::Resumed = &entry.fact {
        hit(node(entry));
    }
};
const REGISTERED: Step = |entry, hit| {
    if let Fact::Registered { .. } = &entry.fact {
        hit(node(entry));
    }
};
const SESSION_LOST: Step = |entry, hit| {
    if let Fact::ZooKeeperSessionLost { .. } = &entry.fact {
        hit(node(entry));
    }
};
const DISCONNECTED: Step = |entry, hit| {
    if let Fact::ZooKeeperDisconnected { .. } = &entry.fact {
        hit(node(entry));
    }
};
const STOPS: Step = |entry, hit| {
    if let Fact::ControlledShutdownBegins = &entry.fact {
        hit(node(entry));
    }
};
const ZK_LEADS: Step = |entry, hit| {
    if let Fact::ZooKeeperLeads { .. } = &entry.fact {
        hit(node(entry));
    }
};
const ZK_LED: Step = |entry, hit| {
    if let Fact::ZooKeeperLeads { .. } = &entry.fact {
        hit(RUN);
    }
};
const ZK_LEAVES: Step = |entry, hit| {
    if let Fact::ZooKeeperLeaves { .. } = &entry.fact {
        hit(node(entry));
    }
};

fn connected(entry: Entry<'_>, hit: Hit<'_>, in_its_old: bool) {
    if let Fact::ZooKeeperConnected { resumed, .. } = &entry.fact
        && *resumed == in_its_old
    {
        hit(node(entry));
    }
}

fn synchronised(entry: Entry<'_>, hit: Hit<'_>, how: SyncMode) {
    if let Fact::LearnerSynchronised { mode, .. } = &entry.fact
        && *mode == how
    {
        hit(RUN);
    }
}
