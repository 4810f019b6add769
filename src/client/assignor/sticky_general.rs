//! The sticky assignor where subscriptions differ (class GeneralAssignmentBuilder): give out what nobody
//! has, then move partitions as long as that makes things fairer. Rule CA11.

use super::sticky::{Claims, generation};
use super::{Assigned, AssignorMember};
use crate::client::java_hash_map::JavaHashMap;
use crate::protocol::{TopicName, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub(super) fn assign(claims: Claims<'_>, partitions: &BTreeMap<TopicName, i32>) -> Assigned {
    let former = former_owners(&claims);
    let mut sorted = claims.of;
    sorted.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    let mut builder = Builder::new(sorted);
    let former = former
        .into_iter()
        .filter_map(|(partition, id)| Some((partition, builder.place_of(&id)?)))
        .collect();
    builder.balance(partitions, &former);
    let ids = builder.members.iter().map(|it| Rc::clone(&it.id));
    ids.zip(builder.assigned).collect()
}

/// Who had a partition before the newest generation; the latest of them.
fn former_owners(claims: &Claims<'_>) -> BTreeMap<TopicPartition, Rc<str>> {
    let mut former: BTreeMap<TopicPartition, (i32, Rc<str>)> = BTreeMap::new();
    for (member, _) in &claims.of {
        let generation = generation(member);
        if generation >= claims.newest_generation {
            continue;
        }
        for partition in &member.claim.partitions {
            let known = former.get(partition);
            if known.is_none_or(|(of, _)| generation > *of) {
                former.insert(partition.clone(), (generation, Rc::clone(&member.id)));
            }
        }
    }
    let ids = former.into_iter().map(|(it, (_, id))| (it, id));
    ids.collect()
}

/// Members are known by their place among the ids.
struct Builder<'a> {
    members: Vec<&'a AssignorMember>,
    assigned: Vec<Vec<TopicPartition>>,
    owner: BTreeMap<TopicPartition, usize>,
    readers: BTreeMap<TopicName, BTreeSet<usize>>,
    /// Who may give and take, by how many they have.
    by_load: BTreeSet<(usize, usize)>,
    movements: Movements,
    /// Somebody had what he no longer subscribes to.
    revoked: bool,
}

impl<'a> Builder<'a> {
    fn new(claims: Vec<(&'a AssignorMember, Vec<TopicPartition>)>) -> Self {
        let mut builder = Builder {
            members: Vec::new(),
            assigned: Vec::new(),
            owner: BTreeMap::new(),
            readers: BTreeMap::new(),
            by_load: BTreeSet::new(),
            movements: Movements::default(),
            revoked: false,
        };
        for (place, (member, mut owned)) in claims.into_iter().enumerate() {
            for topic in &member.topics {
                let readers = builder.readers.entry(Rc::clone(topic)).or_default();
                readers.insert(place);
            }
            let claimed = owned.len();
            owned.retain(|it| member.topics.contains(&it.topic));
            builder.revoked |= owned.len() < claimed;
            for partition in &owned {
                builder.owner.insert(partition.clone(), place);
            }
            builder.by_load.insert((owned.len(), place));
            builder.members.push(member);
            builder.assigned.push(owned);
        }
        builder
    }

    fn place_of(&self, id: &Rc<str>) -> Option<usize> {
        self.members.binary_search_by(|it| it.id.cmp(id)).ok()
    }

    fn readers_of(&self, topic: &TopicName) -> usize {
        self.readers.get(topic).map_or(0, BTreeSet::len)
    }

    fn balance(
        &mut self,
        partitions: &BTreeMap<TopicName, i32>,
        former: &BTreeMap<TopicPartition, usize>,
    ) {
        let first_time = self.by_load.last().is_none_or(|(most, _)| *most == 0);
        let mut all: Vec<TopicPartition> = super::all(partitions)
            .filter(|it| self.readers_of(&it.topic) > 0)
            .collect();
        all.sort_by_key(|it| self.readers_of(&it.topic));
        let mut unassigned = all.clone();
        unassigned.retain(|it| !self.owner.contains_key(it));
        unassigned
            .iter()
            .for_each(|it| self.give_to_least_loaded(it));

        all.retain(|it| self.readers_of(&it.topic) > 1);
        unassigned.retain(|it| self.readers_of(&it.topic) > 1);
        for place in 0..self.members.len() {
            if !self.takes_part(place, partitions) {
                self.by_load.remove(&(self.assigned[place].len(), place));
            }
        }
        let before = (self.assigned.clone(), self.owner.clone());
        let score_before = self.unfairness();
        if !self.revoked {
            self.reassign(&unassigned, former);
        }
        let moved = self.reassign(&all, former);
        if !first_time && moved && self.unfairness() >= score_before {
            (self.assigned, self.owner) = before;
        }
    }

    fn give_to_least_loaded(&mut self, partition: &TopicPartition) {
        let Some(to) = self.least_loaded(&partition.topic) else {
            return;
        };
        self.by_load.remove(&(self.assigned[to].len(), to));
        self.assigned[to].push(partition.clone());
        self.owner.insert(partition.clone(), to);
        self.by_load.insert((self.assigned[to].len(), to));
    }

    fn least_loaded(&self, topic: &TopicName) -> Option<usize> {
        let readers = self.readers.get(topic)?;
        let mut places = self.by_load.iter().map(|(_, place)| *place);
        places.find(|place| readers.contains(place))
    }

    /// False for who has all that it could have, and nothing that others read.
    fn takes_part(&self, place: usize, partitions: &BTreeMap<TopicName, i32>) -> bool {
        let mine = &self.assigned[place];
        let topics: BTreeSet<_> = self.members[place].topics.iter().collect();
        let most: i32 = topics.iter().filter_map(|it| partitions.get(*it)).sum();
        mine.len() < most as usize || mine.iter().any(|it| self.readers_of(&it.topic) > 1)
    }

    /// The sum of all differences between two that take part.
    fn unfairness(&self) -> usize {
        let loads: Vec<usize> = self.by_load.iter().map(|(load, _)| *load).collect();
        let pairs = (0..loads.len()).flat_map(|high| (0..high).map(move |low| (low, high)));
        pairs.map(|(low, high)| loads[high] - loads[low]).sum()
    }

    /// No member could take a partition from one that has two more.
    fn is_balanced(&self) -> bool {
        let (Some((least, _)), Some((most, _))) = (self.by_load.first(), self.by_load.last())
        else {
            return true;
        };
        if least + 1 >= *most {
            return true;
        }
        let mut most_of: BTreeMap<&TopicName, usize> = BTreeMap::new();
        for (partition, owner) in &self.owner {
            let most = most_of.entry(&partition.topic).or_default();
            *most = self.assigned[*owner].len().max(*most);
        }
        self.by_load.iter().all(|(load, place)| {
            let mut topics = self.members[*place].topics.iter();
            topics.all(|topic| most_of.get(topic).is_none_or(|most| load + 1 >= *most))
        })
    }

    /// Whether anything was moved.
    fn reassign(
        &mut self,
        partitions: &[TopicPartition],
        former: &BTreeMap<TopicPartition, usize>,
    ) -> bool {
        let mut moved = false;
        loop {
            let mut in_this_round = false;
            for partition in partitions {
                if self.is_balanced() {
                    break;
                }
                let from = self.owner[partition];
                let is_fairer = |to: usize| self.assigned[from].len() > self.assigned[to].len() + 1;
                let back_to = former.get(partition).copied().filter(|to| {
                    self.readers[&partition.topic].contains(to)
                        && self.by_load.contains(&(self.assigned[*to].len(), *to))
                        && is_fairer(*to)
                });
                let least = self.least_loaded(&partition.topic);
                if let Some(to) = back_to.or(least.filter(|to| is_fairer(*to))) {
                    let partition = self.movements.instead_of(partition, from, to);
                    self.move_to(&partition, to);
                    in_this_round = true;
                }
            }
            moved |= in_this_round;
            if !in_this_round {
                return moved;
            }
        }
    }

    fn move_to(&mut self, partition: &TopicPartition, to: usize) {
        let from = self.owner[partition];
        self.by_load.remove(&(self.assigned[from].len(), from));
        self.by_load.remove(&(self.assigned[to].len(), to));
        self.movements.add(partition, from, to);
        self.assigned[from].retain(|it| it != partition);
        self.assigned[to].push(partition.clone());
        self.owner.insert(partition.clone(), to);
        self.by_load.insert((self.assigned[from].len(), from));
        self.by_load.insert((self.assigned[to].len(), to));
    }
}

/// What has moved in this balancing, from where to where (class PartitionMovements).
#[derive(Default)]
struct Movements {
    of: BTreeMap<TopicPartition, (usize, usize)>,
    between: BTreeMap<(TopicName, usize, usize), JavaHashMap<TopicPartition, ()>>,
}

impl Movements {
    fn add(&mut self, partition: &TopicPartition, from: usize, to: usize) {
        let mut origin = from;
        if let Some((first, last)) = self.of.remove(partition) {
            assert_eq!(last, from, "a partition leaves from where it was");
            let key = (Rc::clone(&partition.topic), first, last);
            if let Some(others) = self.between.get_mut(&key) {
                others.remove(partition);
                if others.is_empty() {
                    self.between.remove(&key);
                }
            }
            if first == to {
                return;
            }
            origin = first;
        }
        self.of.insert(partition.clone(), (origin, to));
        let key = (Rc::clone(&partition.topic), origin, to);
        let set = self.between.entry(key).or_default();
        set.insert(partition.clone(), ());
    }

    /// Rather than to let two members swap, the one that came from there goes back.
    fn instead_of(&self, partition: &TopicPartition, from: usize, to: usize) -> TopicPartition {
        let origin = self.of.get(partition).map_or(from, |(first, _)| *first);
        let reverse = self.between.get(&(Rc::clone(&partition.topic), to, origin));
        let came = reverse.and_then(|set| set.iter().next());
        came.map_or_else(|| partition.clone(), |(it, ())| it.clone())
    }
}
