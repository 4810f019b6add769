//! `kafka-consumer-groups --describe --group`: what it asks one after the other, and what it prints (class
//! ConsumerGroupCommand; CG47 to CG49).
//!
//! It knows of the group what its coordinator says, and of logs' ends what their leaders say: at different times.

use crate::client::java_hash_map::in_hash_order;
use crate::client::kafka_admin_client::api_driver::Question;
use crate::client::kafka_admin_client::call::Failure;
use crate::protocol::{
    Assignment, Ctx, DescribedGroup, GroupFact, GroupRow, Response, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// The tool's own `--timeout`, for each question.
pub const TIMEOUT_MS: u64 = 5_000;

#[derive(Debug)]
pub struct ConsumerGroupCommand {
    group: Rc<str>,
    described: Option<DescribedGroup>,
    committed: BTreeMap<TopicPartition, i64>,
    /// Whose partitions' ends are to be asked for; the first are being asked.
    parts: VecDeque<Part>,
    rows: Vec<GroupRow>,
}

/// What one member has, or nobody.
#[derive(Debug)]
struct Part {
    member: Option<Member>,
    partitions: Vec<TopicPartition>,
}

#[derive(Clone, Debug)]
struct Member {
    id: Rc<str>,
    host: Rc<str>,
    client: Rc<str>,
}

impl ConsumerGroupCommand {
    pub fn new(group: Rc<str>) -> (ConsumerGroupCommand, Question) {
        let question = Question::DescribeGroup(Rc::clone(&group));
        let command = ConsumerGroupCommand {
            group,
            described: None,
            committed: BTreeMap::new(),
            parts: VecDeque::new(),
            rows: Vec::new(),
        };
        (command, question)
    }

    pub fn group(&self) -> &str {
        &self.group
    }

    /// Takes an answer; what is asked next, `None` when it has printed all that it prints.
    pub fn go_on(
        &mut self,
        ctx: &mut Ctx<'_>,
        answer: Result<Response, Failure>,
    ) -> Option<Question> {
        match answer {
            Ok(Response::DescribeGroups(answer)) => {
                self.described = answer.groups.into_iter().next();
                return Some(Question::GroupOffsets(Rc::clone(&self.group)));
            }
            Ok(Response::OffsetFetch(answer)) => {
                let told = answer.partitions.into_iter();
                let told = told.filter(|it| it.error.is_none() && it.committed.offset >= 0);
                let told = told.map(|it| (it.partition, it.committed.offset));
                self.committed = told.collect();
                self.parts = self.parts();
            }
            Ok(Response::ListOffsets(answer)) => {
                if let Some(part) = self.parts.pop_front() {
                    let ends = answer.partitions.into_iter();
                    let ends = ends.map(|it| (it.partition, it.offset)).collect();
                    self.push_rows(part, &ends);
                }
            }
            Ok(_) => {}
            Err(failure) => {
                let failed = GroupFact::DescribeFailed {
                    group: Rc::clone(&self.group),
                    exception: failure.exception().into(),
                    message: failure.message,
                };
                ctx.fact(failed.into());
                return None;
            }
        }
        match self.parts.front() {
            Some(part) => Some(Question::EndOffsets(part.partitions.clone())),
            None => {
                self.print(ctx);
                None
            }
        }
    }

    /// Members with most partitions first, then what only the group has.
    fn parts(&self) -> VecDeque<Part> {
        let members = self.described.iter().flat_map(|group| &group.members);
        let mut parts: Vec<Part> = members
            .map(|member| Part {
                partitions: match member.member_assignment.is_empty() {
                    true => Vec::new(),
                    false => {
                        Assignment::from_bytes(&member.member_assignment)
                            .unwrap_or_default()
                            .partitions
                    }
                },
                member: Some(Member {
                    id: Rc::clone(&member.member_id),
                    host: Rc::clone(&member.client_host),
                    client: Rc::clone(&member.client_id),
                }),
            })
            .filter(|part| !part.partitions.is_empty())
            .collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.partitions.len()));
        let is_taken = |it: &TopicPartition| parts.iter().any(|part| part.partitions.contains(it));
        let free: Vec<TopicPartition> = {
            let free = self.committed.keys().filter(|it| !is_taken(it));
            free.cloned().collect()
        };
        if !free.is_empty() {
            parts.push(Part {
                member: None,
                partitions: free,
            });
        }
        parts.into()
    }

    fn push_rows(&mut self, part: Part, ends: &BTreeMap<TopicPartition, i64>) {
        let mut partitions = part.partitions;
        partitions.sort_by_key(|it| it.partition);
        let member = part.member.as_ref();
        for partition in in_hash_order(partitions) {
            self.rows.push(GroupRow {
                committed: self.committed.get(&partition).copied(),
                log_end: ends.get(&partition).copied(),
                partition,
                member: member.map(|it| Rc::clone(&it.id)),
                host: member.map(|it| Rc::clone(&it.host)),
                client: member.map(|it| Rc::clone(&it.client)),
            });
        }
    }

    fn print(&mut self, ctx: &mut Ctx<'_>) {
        let state = self.described.as_ref().map_or("", |it| it.group_state);
        let described = GroupFact::Described {
            group: Rc::clone(&self.group),
            state: state.into(),
            rows: self.rows.len() as u32,
        };
        ctx.fact(described.into());
        for row in self.rows.drain(..) {
            let row = GroupFact::DescribedRow {
                group: Rc::clone(&self.group),
                row: Box::new(row),
            };
            ctx.fact(row.into());
        }
    }
}
