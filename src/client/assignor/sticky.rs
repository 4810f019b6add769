//! Members keep what they have as far as that is fair (class AbstractStickyAssignor): who may keep which
//! claim, and how the rest is given out where all subscribe alike. Rules CA8 to CA10; subscriptions that
//! differ are `sticky_general`'s (CA11).
//!
//! Left out: racks. Where Java's class fails, or gives out what is not there or is not subscribed to
//! (claims on partitions that a topic made anew no longer has, subscriptions to nothing), this one passes
//! the claim over.

use super::sticky_general;
use super::{Assigned, AssignorMember};
use crate::client::java_hash_map::{JavaHashMap, by_topic};
use crate::protocol::{StickyUserData, TopicName, TopicPartition};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// Generation of a member that names none.
const DEFAULT_GENERATION: i32 = -1;

/// What members may keep of what they say is theirs.
pub(super) struct Claims<'a> {
    /// In the order of Java's map.
    pub of: Vec<(&'a AssignorMember, Vec<TopicPartition>)>,
    /// Claimed by two of one generation: neither is believed.
    pub doubly: BTreeSet<TopicPartition>,
    pub newest_generation: i32,
}

/// A fair share, and what of it changes hands.
pub(super) struct Shared {
    pub assigned: Assigned,
    /// Partitions that another claims or claimed, and who is to get them; nobody has counted where
    /// subscriptions differ.
    pub changing_owner: Option<BTreeMap<TopicPartition, Rc<str>>>,
}

pub(super) fn assign(members: &[AssignorMember], partitions: &BTreeMap<TopicName, i32>) -> Shared {
    let claims = claims(members, partitions);
    if alike(members) {
        Constrained::new(&claims, partitions).build(claims, partitions)
    } else {
        Shared {
            assigned: sticky_general::assign(claims, partitions),
            changing_owner: None,
        }
    }
}

/// What a member remembers of an assignment, for its next leader (CA8).
pub fn user_data(assigned: &[TopicPartition], generation: i32) -> Bytes {
    let data = StickyUserData {
        partitions: by_topic(assigned.to_vec()),
        generation: Some(generation),
    };
    data.to_bytes()
}

pub(super) fn generation(member: &AssignorMember) -> i32 {
    member.claim.generation.unwrap_or(DEFAULT_GENERATION)
}

fn alike(members: &[AssignorMember]) -> bool {
    let topics = |member: &AssignorMember| member.topics.iter().cloned().collect::<BTreeSet<_>>();
    members
        .windows(2)
        .all(|two| topics(&two[0]) == topics(&two[1]))
}

/// CA9: of two claims on a partition the one of the later generation counts. How late a claim was is read
/// from the assignor's own data of the member at hand, and from the subscription of the one before it.
fn claims<'a>(members: &'a [AssignorMember], partitions: &BTreeMap<TopicName, i32>) -> Claims<'a> {
    let mut order: JavaHashMap<Rc<str>, &AssignorMember> = JavaHashMap::default();
    for member in members {
        order.insert(Rc::clone(&member.id), member);
    }
    let mut of: Vec<(&AssignorMember, Vec<TopicPartition>)> = Vec::new();
    let mut owner: BTreeMap<TopicPartition, usize> = BTreeMap::new();
    let mut doubly = BTreeSet::new();
    for (place, (_, member)) in order.iter().enumerate() {
        of.push((member, Vec::new()));
        let exists =
            |it: &&TopicPartition| partitions.get(&it.topic).is_some_and(|n| it.partition < *n);
        for partition in member.claim.partitions.iter().filter(exists) {
            let Some(other) = owner.get(partition).copied() else {
                of[place].1.push(partition.clone());
                owner.insert(partition.clone(), place);
                continue;
            };
            let others = of[other].0.generation_id;
            if generation(member) < others {
                continue;
            }
            of[other].1.retain(|it| it != partition);
            owner.insert(partition.clone(), place);
            if generation(member) == others {
                doubly.insert(partition.clone());
            } else {
                of[place].1.push(partition.clone());
            }
        }
    }
    Claims {
        of,
        doubly,
        newest_generation: members
            .iter()
            .map(generation)
            .max()
            .unwrap_or(DEFAULT_GENERATION),
    }
}

/// CA10: everybody gets `min` partitions, and `over` of them one more.
struct Constrained {
    min: usize,
    max: usize,
    /// How many may still get `max`.
    over: usize,
    below_min: Vec<Rc<str>>,
    at_min: VecDeque<Rc<str>>,
    assigned: Assigned,
    /// Who may not keep all that it has, by what it loses.
    given_up: BTreeMap<TopicPartition, Rc<str>>,
    changing_owner: BTreeMap<TopicPartition, Rc<str>>,
}

impl Constrained {
    fn new(claims: &Claims<'_>, partitions: &BTreeMap<TopicName, i32>) -> Self {
        let members = claims.of.len().max(1);
        let total = partitions.values().map(|n| *n as usize).sum::<usize>();
        Constrained {
            min: total / members,
            max: total.div_ceil(members),
            over: total % members,
            below_min: Vec::new(),
            at_min: VecDeque::new(),
            assigned: Assigned::new(),
            given_up: BTreeMap::new(),
            changing_owner: BTreeMap::new(),
        }
    }

    fn build(mut self, claims: Claims<'_>, partitions: &BTreeMap<TopicName, i32>) -> Shared {
        for (member, mut owned) in claims.of {
            owned.retain(|it| !claims.doubly.contains(it));
            owned.sort_by(|a, b| (a.partition, &a.topic).cmp(&(b.partition, &b.topic)));
            self.keep(&member.id, owned);
        }
        self.below_min.sort();
        self.at_min.make_contiguous().sort();
        let kept: BTreeSet<TopicPartition> = self.assigned.values().flatten().cloned().collect();
        let unassigned = super::all(partitions).filter(|it| !kept.contains(it));
        self.deal(unassigned, &claims.doubly);
        Shared {
            assigned: self.assigned,
            changing_owner: Some(self.changing_owner),
        }
    }

    fn keep(&mut self, id: &Rc<str>, mut owned: Vec<TopicPartition>) {
        if owned.len() < self.min {
            self.below_min.push(Rc::clone(id));
        } else if owned.len() >= self.max && self.over > 0 {
            self.give_up(id, owned.split_off(self.max));
            self.over -= 1;
            if self.over == 0 {
                self.at_min.clear();
            }
        } else {
            self.give_up(id, owned.split_off(self.min));
            if self.over > 0 {
                self.at_min.push_back(Rc::clone(id));
            }
        }
        self.assigned.insert(Rc::clone(id), owned);
    }

    fn give_up(&mut self, id: &Rc<str>, partitions: Vec<TopicPartition>) {
        let of_it = partitions.into_iter().map(|it| (it, Rc::clone(id)));
        self.given_up.extend(of_it);
    }

    /// One each, round those who lack most; then one more to those who come first among the others.
    fn deal(
        &mut self,
        unassigned: impl Iterator<Item = TopicPartition>,
        doubly: &BTreeSet<TopicPartition>,
    ) {
        let mut next = 0;
        for partition in unassigned {
            if next >= self.below_min.len() {
                next = 0;
            }
            let Some(id) = self.below_min.get(next).cloned() else {
                let id = self.at_min.pop_front().expect("quotas add up");
                self.give(partition, &id, doubly);
                continue;
            };
            if self.give(partition, &id, doubly) == self.min {
                self.below_min.remove(next);
                self.at_min.push_back(id);
            } else {
                next += 1;
            }
        }
    }

    /// How many it has now.
    fn give(
        &mut self,
        partition: TopicPartition,
        id: &Rc<str>,
        doubly: &BTreeSet<TopicPartition>,
    ) -> usize {
        let from = self.given_up.get(&partition);
        if from.is_some_and(|from| from != id) || doubly.contains(&partition) {
            let to = Rc::clone(id);
            self.changing_owner.insert(partition.clone(), to);
        }
        let mine = self.assigned.entry(Rc::clone(id)).or_default();
        mine.push(partition);
        mine.len()
    }
}
