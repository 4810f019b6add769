//! Disk operations that a process begins and hears of later: `sync_later` and `replace_later`.
//!
//! A thread of the process does them, one after the other for one path. The device goes on with an
//! fsync when the process dies; a rename that was to follow is not done.

use super::disk::Sync;
use super::event::Entry;
use super::world::World;
use super::{DiskError, Domain, FileId, NodeId};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// The background operations of one node.
#[derive(Default)]
pub(super) struct Background {
    next: u64,
    begun: BTreeMap<u64, Begun>,
    /// Replacements of a path that is being replaced.
    queued: VecDeque<(u32, String, Bytes, u64)>,
}

/// What is to be done.
pub(super) enum Job {
    Sync { file: FileId },
    Replace { path: String, content: Bytes },
}

struct Begun {
    incarnation: u32,
    token: u64,
    sync: Sync,
    /// The path over which `.tmp` is renamed once it is durable.
    replaces: Option<String>,
    /// The device was done, but fsyncs hang.
    hangs: bool,
}

impl Background {
    pub(super) fn has(&self, job: u64) -> bool {
        self.begun.contains_key(&job)
    }

    /// Whether something that this process has begun is not done.
    pub(super) fn is_at_work(&self, incarnation: u32) -> bool {
        let mut begun = self.begun.values();
        begun.any(|begun| begun.incarnation == incarnation)
    }

    pub(super) fn power_off(&mut self) {
        self.begun.clear();
        self.queued.clear();
    }
}

impl<D: Domain> World<D> {
    pub(super) fn begin_job(&mut self, node: NodeId, job: Job, token: u64) {
        let incarnation = self.node(node).incarnation;
        let begun = match job {
            Job::Sync { file } => self
                .disk_at_now(node)
                .sync_later(file)
                .map(|(sync, done)| (sync, done, None)),
            Job::Replace { path, content } => {
                let busy = |begun: &Begun| {
                    begun.incarnation == incarnation && begun.replaces.as_deref() == Some(&path)
                };
                let background = &mut self.node_mut(node).background;
                if background.begun.values().any(busy) {
                    background
                        .queued
                        .push_back((incarnation, path, content, token));
                    return;
                }
                self.write_temporary(node, &path, content)
                    .map(|(sync, done)| (sync, done, Some(path)))
            }
        };
        match begun {
            Ok((sync, done, replaces)) => {
                let background = &mut self.node_mut(node).background;
                let job = background.next;
                background.next += 1;
                background.begun.insert(
                    job,
                    Begun {
                        incarnation,
                        token,
                        sync,
                        replaces,
                        hangs: false,
                    },
                );
                self.queue.push(done, Entry::DiskDone { node, job });
            }
            Err(error) => self.report(node, token, Err(error)),
        }
    }

    fn write_temporary(
        &mut self,
        node: NodeId,
        path: &str,
        content: Bytes,
    ) -> Result<(Sync, super::Time), DiskError> {
        let disk = self.disk_at_now(node);
        let written = (|| {
            let file = disk.create(&temporary(path))?;
            disk.truncate(file, 0)?;
            disk.append(file, content)?;
            disk.sync_later(file)
        })();
        // Another thread has done it: no handler is charged.
        disk.take_spent();
        written
    }

    /// The device has done an operation.
    pub(super) fn job_done(&mut self, node: NodeId, job: u64) {
        let stuck = self.disks[node.0 as usize].sync_is_stuck();
        let background = &mut self.node_mut(node).background;
        if stuck {
            if let Some(begun) = background.begun.get_mut(&job) {
                begun.hangs = true;
            }
            return;
        }
        let Some(begun) = background.begun.remove(&job) else {
            return;
        };
        let disk = self.disk_at_now(node);
        let mut result = disk.finish_sync(begun.sync);
        if self.node(node).incarnation != begun.incarnation {
            return;
        }
        if let (Ok(()), Some(path)) = (result, &begun.replaces) {
            let disk = self.disk_at_now(node);
            result = disk.rename(&temporary(path), path);
            disk.take_spent();
        }
        self.report(node, begun.token, result);
        if let Some(path) = begun.replaces {
            self.begin_queued(node, &path);
        }
    }

    fn begin_queued(&mut self, node: NodeId, path: &str) {
        let it = self.node_mut(node);
        let current = it.incarnation;
        it.background
            .queued
            .retain(|(incarnation, ..)| *incarnation == current);
        let next = it
            .background
            .queued
            .iter()
            .position(|(_, queued, ..)| queued == path);
        if let Some((_, path, content, token)) =
            next.and_then(|next| it.background.queued.remove(next))
        {
            self.begin_job(node, Job::Replace { path, content }, token);
        }
    }

    /// Operations that hung are done now.
    pub(super) fn background_unstuck(&mut self, node: NodeId) {
        let now = self.now;
        for (&job, begun) in &mut self.nodes[node.0 as usize].background.begun {
            if std::mem::take(&mut begun.hangs) {
                self.queue.push(now, Entry::DiskDone { node, job });
            }
        }
    }

    /// A process is to hear of the end of an operation.
    fn report(&mut self, node: NodeId, token: u64, result: Result<(), DiskError>) {
        let incarnation = self.node(node).incarnation;
        let entry = Entry::DiskResult {
            node,
            incarnation,
            token,
            result,
        };
        self.queue.push(self.now, entry);
    }
}

fn temporary(path: &str) -> String {
    format!("{path}.tmp")
}
