//! How changes become durable: the journals of the tree and of each file, fsyncs, and what the operating
//! system writes back on its own.

use super::file::Op;
use super::names::NameOp;
use super::{Disk, FileId, Sync};
use crate::kernel::Time;

impl Disk {
    pub(super) fn change_names(&mut self, op: NameOp) {
        let now = self.now();
        for lost in self.names.apply(&op) {
            if let Some(file) = self.files.get_mut(lost) {
                file.unlinked = true;
                self.stored -= file.stored;
                self.dirty -= file.dirty;
                file.dirty = 0;
            }
        }
        self.name_journal.push_back((self.happens(), op));
        self.write_back_names(now);
    }

    pub(super) fn change_content(&mut self, file: FileId, op: Op) {
        let (now, happens) = (self.now(), self.happens());
        let mut shrink = None;
        if let Some(entry) = self.files.get_mut(file) {
            self.stored -= entry.stored;
            let is_shrink = matches!(&op, Op::Resize { len } if *len < entry.content.len());
            self.dirty -= entry.dirty;
            match &op {
                Op::Resize { len } => entry.stored = entry.stored.min(*len),
                write => {
                    entry.dirty += write.bytes();
                    entry.stored = entry.stored.saturating_add(write.bytes());
                }
            }
            entry.change(happens, op);
            entry.content.seal(&mut self.memory.0.borrow_mut());
            entry.stored = entry.stored.min(entry.content.len());
            self.stored += entry.stored;
            self.dirty += entry.dirty;
            let operations = entry.committed + entry.journal.len();
            shrink = is_shrink.then_some(NameOp::Shrink { file, operations });
        }
        if let Some(shrink) = shrink {
            self.change_names(shrink);
        }
        self.write_back_content(file, now);
    }

    /// When what a handler does now happens: after the fsyncs that it has waited for, and never while one hangs.
    fn happens(&self) -> Time {
        match &self.device {
            _ if self.hangs => Time::MAX,
            Some(device) => device.reached(),
            None => Time::ZERO,
        }
    }

    /// What handlers have done after fsyncs that hung happens now.
    pub(super) fn happen_now(&mut self) {
        let now = self.now();
        let happens = |time| if time == Time::MAX { now } else { time };
        for (time, _) in &mut self.name_journal {
            *time = happens(*time);
        }
        for file in self.files.iter_mut() {
            if file.journal.times().any(|time| time == Time::MAX) {
                let then = |time, change| (happens(time), change);
                file.journal.rewrite(then);
            }
        }
    }

    pub(super) fn begin_sync(&self, file: FileId) -> Option<Sync> {
        let entry = self.linked(file)?;
        Some(Sync {
            file,
            content: entry.committed + entry.journal.len(),
            names: self.names_committed + self.name_journal.len() as u64,
        })
    }

    /// Bytes that an fsync has to move, and whether there is nothing to do at all.
    pub(super) fn work_of(&self, sync: Sync) -> (u64, bool) {
        let at_work = |other: &Sync| {
            other.file == sync.file && other.content == sync.content && other.names == sync.names
        };
        if self.syncing.iter().any(|(_, other)| at_work(other)) {
            return (0, true);
        }
        let dirty = self.files.get(sync.file).map_or(0, |file| file.dirty);
        let clean = self.name_journal.is_empty()
            && self
                .files
                .get(sync.file)
                .is_none_or(|file| file.journal.is_empty());
        (dirty, clean)
    }

    pub(super) fn end_sync(&mut self, sync: Sync) {
        self.commit_names(sync.names);
        self.commit_content(sync.file, sync.content);
    }

    /// Ends the blocking fsyncs that the device has done by now.
    pub(super) fn end_syncs(&mut self, now: Time) {
        while self.syncing.front().is_some_and(|(done, _)| *done <= now)
            && let Some((_, sync)) = self.syncing.pop_front()
        {
            self.end_sync(sync);
        }
    }

    /// Makes changes of the tree durable until so many of them are.
    pub(super) fn commit_names(&mut self, until: u64) {
        while self.names_committed < until
            && let Some((_, op)) = self.name_journal.pop_front()
        {
            self.names_committed += 1;
            if let NameOp::Shrink { file, operations } = op {
                self.commit_content(file, operations);
            }
            for lost in self.durable_names.apply(&op) {
                if self.files.get(lost).is_some_and(|file| file.unlinked) {
                    self.files.remove(lost);
                }
            }
        }
    }

    pub(super) fn commit_content(&mut self, file: FileId, until: u64) {
        if let Some(file) = self.files.get_mut(file) {
            self.dirty -= file.dirty;
            file.commit(until);
            self.dirty += file.dirty;
        }
    }

    /// What the operating system has written back on its own by now.
    pub(super) fn write_back(&mut self, now: Time) {
        self.write_back_names(now);
        for file in self.files.ids() {
            self.write_back_content(file, now);
        }
    }

    pub(super) fn write_back_names(&mut self, now: Time) {
        let Some(age) = self
            .device
            .as_ref()
            .map(|device| device.config.writeback_after)
        else {
            return;
        };
        while self
            .name_journal
            .front()
            .is_some_and(|(time, _)| *time + age <= now)
        {
            self.commit_names(self.names_committed + 1);
        }
    }

    pub(super) fn write_back_content(&mut self, file: FileId, now: Time) {
        let Some(age) = self
            .device
            .as_ref()
            .map(|device| device.config.writeback_after)
        else {
            return;
        };
        let Some(file) = self.files.get_mut(file) else {
            return;
        };
        self.dirty -= file.dirty;
        while file.journal.front().is_some_and(|time| time + age <= now) {
            file.commit(file.committed + 1);
        }
        self.dirty += file.dirty;
    }
}
