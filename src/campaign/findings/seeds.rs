//! Sets of seeds, as ranges: a campaign that goes through its seeds in order needs one, however many they are.

/// Ranges of seeds, the first of each and the one behind its last; in order, and no two touch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seeds(Vec<(u64, u64)>);

impl Seeds {
    /// These ranges; empty ones are left out.
    pub fn of(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(a, b)| a < b).collect();
        ranges.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (first, behind) in ranges {
            match joined.last_mut() {
                Some(last) if first <= last.1 => last.1 = last.1.max(behind),
                _ => joined.push((first, behind)),
            }
        }
        Seeds(joined)
    }

    pub fn add(&mut self, seed: u64) {
        match self.0.last_mut() {
            Some(last) if last.1 == seed => last.1 += 1,
            _ => self.join(&Seeds(vec![(seed, seed + 1)])),
        }
    }

    pub fn join(&mut self, other: &Seeds) {
        let all = self.0.iter().chain(&other.0).copied();
        *self = Seeds::of(all);
    }

    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, behind)| behind - first).sum()
    }

    /// The first seed that is in both.
    pub fn common(&self, other: &Seeds) -> Option<u64> {
        let each = self
            .0
            .iter()
            .flat_map(|a| other.0.iter().map(move |b| (a, b)));
        let common = each.filter_map(|(a, b)| {
            let first = a.0.max(b.0);
            (first < a.1.min(b.1)).then_some(first)
        });
        common.min()
    }

    /// The first seed of a range that is not there.
    pub fn first_missing(&self, (first, behind): (u64, u64)) -> Option<u64> {
        let there = self.0.iter().find(|(a, b)| *a <= first && first < *b);
        let missing = there.map_or(first, |(_, b)| *b);
        (missing < behind).then_some(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let mut seeds = Seeds::of([(5, 7), (0, 3), (9, 9), (3, 5)]);
        assert_eq!(seeds.ranges(), [(0, 7)]);
        seeds.add(7);
        seeds.add(10);
        assert_eq!(seeds.ranges(), [(0, 8), (10, 11)]);
        assert_eq!(seeds.count(), 9);
        assert_eq!(seeds.first_missing((0, 20)), Some(8));
        assert_eq!(seeds.first_missing((10, 11)), None);
        assert_eq!(seeds.common(&Seeds::of([(8, 12)])), Some(10));
        assert_eq!(seeds.common(&Seeds::of([(8, 10)])), None);
    }
}
