//! What the end of a process undoes: a handler works at the beginning of its time, and of a process that dies
//! in the middle of it nothing has happened that was to follow: what comes after an fsync that has not returned.
//!
//! The fsync itself is the device's, and goes on.

use super::names::NameOp;
use super::{Disk, FileId};
use crate::kernel::Time;
use std::collections::BTreeSet;

impl Disk {
    /// The process is gone. Its page cache stays, with what has happened by now.
    pub(in crate::kernel) fn process_ended(&mut self) {
        let now = self.now();
        self.hanging.retain(|hanging| hanging.begun);
        self.hangs = false;
        let names_go = self.undo_names(now);
        let mut content_goes = false;
        for file in self.files.iter_mut() {
            content_goes |= file.undo(now);
        }
        if names_go || content_goes {
            self.count_again();
        }
    }

    /// Takes changes of the tree back that have not happened; whether there were any. Each keeps its place in the
    /// journal, since fsyncs count them.
    fn undo_names(&mut self, now: Time) -> bool {
        let mut made: Vec<FileId> = Vec::new();
        let mut found = false;
        for (time, op) in self.name_journal.iter_mut().filter(|(time, _)| *time > now) {
            if let NameOp::Create { file, .. } = op {
                made.push(*file);
            }
            (*time, *op, found) = (now, NameOp::Undone, true);
        }
        if found {
            self.names = self.durable_names.clone();
            for (_, op) in &self.name_journal {
                self.names.apply(op);
            }
            for file in made {
                self.files.remove(file);
            }
        }
        found
    }

    /// What has a name, and how much it holds.
    fn count_again(&mut self) {
        let named: BTreeSet<FileId> = self.names.files().map(|(_, file)| file).collect();
        (self.dirty, self.stored) = (0, 0);
        for id in self.files.ids() {
            let Some(file) = self.files.get_mut(id) else {
                continue;
            };
            file.unlinked = !named.contains(&id);
            file.dirty = match file.unlinked {
                true => 0,
                false => file.journal.bytes(),
            };
            self.dirty += file.dirty;
            self.stored += if file.unlinked { 0 } else { file.stored };
        }
    }
}
