//! Fast leader election (`FastLeaderElection`; ZB1, ZB2, ZB3): rounds in which servers tell each other
//! whom they would follow, until a quorum names the same one. Pure: notifications and the passing of
//! time in, notifications and a decision out.

use crate::kernel::Duration;
use crate::protocol::zab::{Notification, ServerId, ServerState};
use crate::protocol::zookeeper::Zxid;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whom a server would follow. The greatest candidate wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Candidate {
    pub peer_epoch: i64,
    pub zxid: Zxid,
    pub leader: ServerId,
}

/// What an election came to, and what a settled server tells others (`currentVote`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vote {
    pub candidate: Candidate,
    pub election_epoch: u64,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    Send(ServerId, Notification),
    /// Nothing was delivered for so long that connections should be tried again.
    ConnectAll,
    /// Tell `on_timeout` after so long, unless told otherwise before.
    Wait(Duration),
    Elected(Vote),
}

/// One server's part in elections.
#[derive(Clone, Debug)]
pub struct FastLeaderElection {
    me: ServerId,
    voters: BTreeSet<ServerId>,
    /// `logicalclock`
    round: u64,
    proposed: Candidate,
    /// `None` while it follows or leads.
    looking: Option<Looking>,
}

/// An election under way.
#[derive(Clone, Debug)]
struct Looking {
    /// This server itself.
    initial: Candidate,
    received: VecDeque<(ServerId, Notification)>,
    /// Votes of this round.
    recvset: BTreeMap<ServerId, Notification>,
    /// What settled servers said.
    outofelection: BTreeMap<ServerId, Notification>,
    patience: Duration,
    /// A quorum agrees: a better vote may still come (`finalizeWait`).
    finalizing: bool,
}

impl FastLeaderElection {
    pub fn new(me: ServerId, voters: BTreeSet<ServerId>) -> Self {
        FastLeaderElection {
            me,
            voters,
            round: 0,
            proposed: Candidate {
                peer_epoch: 0,
                zxid: 0,
                leader: me,
            },
            looking: None,
        }
    }

    pub fn round(&self) -> u64 {
        self.round
    }

    /// Begins a round: the server votes for itself with what it has.
    pub fn look(&mut self, peer_epoch: i64, zxid: Zxid, out: &mut Vec<Output>) {
        let initial = Candidate {
            peer_epoch,
            zxid,
            leader: self.me,
        };
        self.round += 1;
        self.proposed = initial;
        self.looking = Some(Looking {
            initial,
            received: VecDeque::new(),
            recvset: BTreeMap::new(),
            outofelection: BTreeMap::new(),
            patience: FINALIZE_WAIT,
            finalizing: false,
        });
        self.send_all(out);
        out.push(Output::Wait(FINALIZE_WAIT));
        self.work(out);
    }

    /// A notification came in while this server looks.
    pub fn receive(&mut self, from: ServerId, notification: Notification, out: &mut Vec<Output>) {
        if !self.voters.contains(&from) {
            return;
        }
        let Some(looking) = &mut self.looking else {
            return;
        };
        looking.received.push_back((from, notification));
        if notification.state == ServerState::Looking && notification.election_epoch < self.round {
            out.push(Output::Send(from, self.notification()));
        }
        self.work(out);
    }

    /// Nothing came for as long as was waited. `delivered`: something that was sent has left.
    pub fn on_timeout(&mut self, delivered: bool, out: &mut Vec<Output>) {
        let proposed = self.proposed;
        let Some(looking) = &mut self.looking else {
            return;
        };
        if looking.finalizing {
            return self.decide(proposed, out);
        }
        looking.patience = Duration(looking.patience.0 * 2).min(MAX_NOTIFICATION_INTERVAL);
        out.push(Output::Wait(looking.patience));
        if delivered {
            self.send_all(out);
            self.work(out);
        } else {
            out.push(Output::ConnectAll);
        }
    }

    fn work(&mut self, out: &mut Vec<Output>) {
        while let Some(looking) = &mut self.looking
            && let Some((from, notification)) = looking.received.pop_front()
        {
            if looking.finalizing {
                // Only a better vote is of interest now; others are gone.
                if candidate(&notification) > self.proposed {
                    looking.received.push_back((from, notification));
                    looking.finalizing = false;
                    out.push(Output::Wait(looking.patience));
                } else {
                    out.push(Output::Wait(FINALIZE_WAIT));
                }
                continue;
            }
            out.push(Output::Wait(looking.patience));
            if !self.voters.contains(&notification.leader) {
                continue;
            }
            match notification.state {
                ServerState::Looking => self.on_looking(from, notification, out),
                ServerState::Following | ServerState::Leading => {
                    self.on_settled(from, notification, out);
                }
            }
        }
    }

    fn on_looking(&mut self, from: ServerId, notification: Notification, out: &mut Vec<Output>) {
        let Some(looking) = &mut self.looking else {
            return;
        };
        let theirs = candidate(&notification);
        if notification.election_epoch > self.round {
            self.round = notification.election_epoch;
            looking.recvset.clear();
            self.proposed = theirs.max(looking.initial);
            self.send_all(out);
        } else if notification.election_epoch < self.round {
            return;
        } else if theirs > self.proposed {
            self.proposed = theirs;
            self.send_all(out);
        }
        let (proposed, round) = (self.proposed, self.round);
        let Some(looking) = &mut self.looking else {
            return;
        };
        looking.recvset.insert(from, notification);
        let agree =
            |vote: &&Notification| candidate(vote) == proposed && vote.election_epoch == round;
        if self.is_quorum(self.count(|looking| looking.recvset.values().filter(agree).count()))
            && let Some(looking) = &mut self.looking
        {
            looking.finalizing = true;
            out.push(Output::Wait(FINALIZE_WAIT));
        }
    }

    fn on_settled(&mut self, from: ServerId, notification: Notification, out: &mut Vec<Output>) {
        let Some(looking) = &mut self.looking else {
            return;
        };
        looking.outofelection.insert(from, notification);
        let mut joins = false;
        if notification.election_epoch == self.round {
            looking.recvset.insert(from, notification);
            joins = self.leads(&notification, |looking| &looking.recvset);
        }
        joins = joins || self.leads(&notification, |looking| &looking.outofelection);
        if joins {
            self.round = notification.election_epoch;
            self.decide(candidate(&notification), out);
        }
    }

    /// A quorum of `votes` names the same leader, and that one says that it leads.
    fn leads(
        &self,
        notification: &Notification,
        votes: impl Fn(&Looking) -> &BTreeMap<ServerId, Notification>,
    ) -> bool {
        let Some(looking) = &self.looking else {
            return false;
        };
        let votes = votes(looking);
        let agree = |vote: &&Notification| {
            if vote.state == ServerState::Looking {
                candidate(vote) == candidate(notification)
                    && vote.election_epoch == notification.election_epoch
            } else {
                // Settled servers may differ in zxid and round.
                (vote.leader, vote.peer_epoch) == (notification.leader, notification.peer_epoch)
            }
        };
        let says_so = match notification.leader == self.me {
            true => self.round == notification.election_epoch,
            false => votes
                .get(&notification.leader)
                .is_some_and(|vote| vote.state == ServerState::Leading),
        };
        self.is_quorum(votes.values().filter(agree).count()) && says_so
    }

    fn decide(&mut self, candidate: Candidate, out: &mut Vec<Output>) {
        self.looking = None;
        out.push(Output::Elected(Vote {
            candidate,
            election_epoch: self.round,
        }));
    }

    fn send_all(&mut self, out: &mut Vec<Output>) {
        let notification = self.notification();
        for voter in &self.voters {
            if *voter != self.me {
                out.push(Output::Send(*voter, notification));
            }
        }
        if let Some(looking) = &mut self.looking {
            looking.received.push_back((self.me, notification));
        }
    }

    fn notification(&self) -> Notification {
        Vote {
            candidate: self.proposed,
            election_epoch: self.round,
        }
        .notification(ServerState::Looking)
    }

    fn count(&self, count: impl Fn(&Looking) -> usize) -> usize {
        self.looking.as_ref().map_or(0, count)
    }

    fn is_quorum(&self, count: usize) -> bool {
        count > self.voters.len() / 2
    }
}

impl Vote {
    /// What a server in this state tells others.
    pub fn notification(&self, state: ServerState) -> Notification {
        Notification {
            leader: self.candidate.leader,
            zxid: self.candidate.zxid,
            peer_epoch: self.candidate.peer_epoch,
            election_epoch: self.election_epoch,
            state,
        }
    }
}

fn candidate(notification: &Notification) -> Candidate {
    Candidate {
        peer_epoch: notification.peer_epoch,
        zxid: notification.zxid,
        leader: notification.leader,
    }
}

/// `finalizeWait`, and the first wait for notifications.
const FINALIZE_WAIT: Duration = Duration::from_millis(200);
/// `maxNotificationInterval`
const MAX_NOTIFICATION_INTERVAL: Duration = Duration::from_millis(60_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn server(me: ServerId) -> FastLeaderElection {
        FastLeaderElection::new(me, BTreeSet::from([1, 2, 3]))
    }

    fn vote(leader: ServerId, zxid: Zxid, round: u64, state: ServerState) -> Notification {
        let candidate = Candidate {
            peer_epoch: 1,
            zxid,
            leader,
        };
        Vote {
            candidate,
            election_epoch: round,
        }
        .notification(state)
    }

    fn sent(out: &[Output]) -> Vec<(ServerId, ServerId, u64)> {
        let told = out.iter().filter_map(|output| match output {
            Output::Send(to, told) => Some((*to, told.leader, told.election_epoch)),
            _ => None,
        });
        told.collect()
    }

    fn elected(out: &[Output]) -> Option<ServerId> {
        out.iter().find_map(|output| match output {
            Output::Elected(vote) => Some(vote.candidate.leader),
            _ => None,
        })
    }

    #[test]
    fn zb1_a_round_begins_with_a_vote_for_oneself_that_all_are_told() {
        let mut server = server(2);
        let mut out = Vec::new();
        server.look(1, 7, &mut out);
        assert_eq!(sent(&out), [(1, 2, 1), (3, 2, 1)]);
    }

    #[test]
    fn zb2_a_higher_round_is_joined_with_the_better_vote_and_a_lower_one_is_answered() {
        let mut server = server(2);
        server.look(1, 7, &mut Vec::new());
        let mut out = Vec::new();
        server.receive(1, vote(1, 5, 4, ServerState::Looking), &mut out);
        assert_eq!(server.round(), 4);
        assert_eq!(sent(&out), [(1, 2, 4), (3, 2, 4)], "its own is better");
        let mut out = Vec::new();
        server.receive(3, vote(3, 9, 1, ServerState::Looking), &mut out);
        assert_eq!(sent(&out), [(3, 2, 4)], "however good that vote is");
        let mut out = Vec::new();
        server.receive(3, vote(3, 9, 4, ServerState::Looking), &mut out);
        assert_eq!(sent(&out), [(1, 3, 4), (3, 3, 4)]);
        assert_eq!(elected(&out), None, "a better vote may still come");
        server.on_timeout(true, &mut out);
        assert_eq!(elected(&out), Some(3));
    }

    #[test]
    fn zb3_a_latecomer_joins_a_quorum_once_its_leader_says_that_it_leads() {
        let mut server = server(2);
        server.look(1, 9, &mut Vec::new());
        let mut out = Vec::new();
        server.receive(1, vote(3, 7, 8, ServerState::Following), &mut out);
        assert_eq!(elected(&out), None);
        server.receive(3, vote(3, 7, 8, ServerState::Leading), &mut out);
        assert_eq!(elected(&out), Some(3));
        assert_eq!(server.round(), 8);
    }
}
