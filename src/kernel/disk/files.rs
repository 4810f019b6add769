//! The files of a disk by their numbers.

use super::FileId;
use super::file::File;

/// Files, each in the place that its number says. A number is never given again.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    places: Vec<Option<Box<File>>>,
}

impl Files {
    pub(super) fn add(&mut self) -> FileId {
        self.places.push(Some(Box::default()));
        FileId(self.places.len() as u64 - 1)
    }

    pub(super) fn get(&self, file: FileId) -> Option<&File> {
        self.places.get(place(file))?.as_deref()
    }

    pub(super) fn get_mut(&mut self, file: FileId) -> Option<&mut File> {
        self.places.get_mut(place(file))?.as_deref_mut()
    }

    pub(super) fn remove(&mut self, file: FileId) {
        if let Some(place) = self.places.get_mut(place(file)) {
            *place = None;
        }
    }

    pub(super) fn clear(&mut self) {
        self.retain(|_| false);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(FileId) -> bool) {
        for (number, place) in (0..).zip(&mut self.places) {
            if !keep(FileId(number)) {
                *place = None;
            }
        }
    }

    /// By number.
    pub(super) fn ids(&self) -> Vec<FileId> {
        let there = (0..).zip(&self.places).filter(|(_, file)| file.is_some());
        there.map(|(number, _)| FileId(number)).collect()
    }

    /// By number.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.places.iter_mut().filter_map(Option::as_deref_mut)
    }
}

fn place(file: FileId) -> usize {
    usize::try_from(file.0).unwrap_or(usize::MAX)
}
