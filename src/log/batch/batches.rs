//! A few batches in order, without memory of their own if they are one.

use crate::log::batch::RecordBatch;
use std::ops::Deref;

/// So many are expected where there are several.
const ROOM: usize = 4;

/// Batches in order: what a Produce or a Fetch carries of a partition, nearly always one.
#[derive(Debug, Default)]
pub(crate) enum Batches {
    #[default]
    None,
    One(RecordBatch),
    More(Vec<RecordBatch>),
}

impl Batches {
    pub(crate) fn push(&mut self, batch: RecordBatch) {
        match self {
            Batches::More(batches) => batches.push(batch),
            few => {
                *few = match std::mem::take(few) {
                    Batches::One(first) => {
                        let mut batches = Vec::with_capacity(ROOM);
                        batches.extend([first, batch]);
                        Batches::More(batches)
                    }
                    _ => Batches::One(batch),
                }
            }
        }
    }
}

impl Deref for Batches {
    type Target = [RecordBatch];

    fn deref(&self) -> &[RecordBatch] {
        match self {
            Batches::None => &[],
            Batches::One(batch) => std::slice::from_ref(batch),
            Batches::More(batches) => batches,
        }
    }
}

impl From<Vec<RecordBatch>> for Batches {
    fn from(batches: Vec<RecordBatch>) -> Self {
        Batches::More(batches)
    }
}

impl From<RecordBatch> for Batches {
    fn from(batch: RecordBatch) -> Self {
        Batches::One(batch)
    }
}
