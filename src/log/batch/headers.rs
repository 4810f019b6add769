//! A record's headers, as they lie in the record (class RecordHeaders): names may repeat, values may be
//! null. They are read when somebody asks, so that a million empty ones cost no memory.

use crate::log::batch::varint;
use bytes::Bytes;
use std::fmt;

/// Headers in order. Cheap to clone.
#[derive(Clone, Default)]
pub struct Headers {
    /// Name length, name, value length (negative for null), value; known to be well formed.
    encoded: Bytes,
    count: usize,
}

impl Headers {
    /// From fields that were checked.
    pub(crate) fn encoded(encoded: Bytes, count: usize) -> Headers {
        Headers { encoded, count }
    }

    /// As they lie in a record, after their count.
    pub(crate) fn as_encoded(&self) -> &[u8] {
        &self.encoded
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Name and value of each, shared with the batch.
    pub fn iter(&self) -> impl Iterator<Item = (Bytes, Option<Bytes>)> + '_ {
        let mut position = 0;
        (0..self.count).map_while(move |_| {
            let name = self.field(&mut position)??;
            Some((name, self.field(&mut position)?))
        })
    }

    fn field(&self, position: &mut usize) -> Option<Option<Bytes>> {
        let length = varint::read_i32(&self.encoded, position).ok()?;
        let Ok(length) = usize::try_from(length) else {
            return Some(None);
        };
        let start = *position;
        *position = start.checked_add(length)?;
        (*position <= self.encoded.len()).then(|| Some(self.encoded.slice(start..*position)))
    }
}

impl<'a> FromIterator<(&'a [u8], Option<&'a [u8]>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>>(headers: I) -> Self {
        let (mut encoded, mut count) = (Vec::new(), 0);
        for (name, value) in headers {
            varint::write_field(&mut encoded, Some(name));
            varint::write_field(&mut encoded, value);
            count += 1;
        }
        Headers {
            encoded: encoded.into(),
            count,
        }
    }
}

impl From<Vec<(Bytes, Option<Bytes>)>> for Headers {
    fn from(headers: Vec<(Bytes, Option<Bytes>)>) -> Self {
        headers
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_deref()))
            .collect()
    }
}

impl PartialEq for Headers {
    /// Equal names and values, however their lengths are written.
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && (self.encoded == other.encoded || self.iter().eq(other.iter()))
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
