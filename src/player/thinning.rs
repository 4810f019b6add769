//! What is left out of a page that would be too large: classes of events in a fixed order, the least told first, until
//! what is left fits; the class that only half fits is thinned evenly. How many of each were left out is said in the page.

use std::collections::BTreeMap;

/// For each class, from the one that goes first: how many of it are kept.
#[derive(Debug)]
pub(super) struct Thinning {
    /// By class: how many there are, how many may stay, and how many have come by.
    classes: BTreeMap<usize, (u64, u64, u64)>,
}

impl Thinning {
    /// `counts`: how many there are of each class; the lowest class goes first.
    pub(super) fn new(counts: &BTreeMap<usize, u64>, most: u64) -> Thinning {
        let mut excess = counts.values().sum::<u64>().saturating_sub(most);
        let mut classes = BTreeMap::new();
        for (class, count) in counts {
            let gone = excess.min(*count);
            excess -= gone;
            classes.insert(*class, (*count, count - gone, 0));
        }
        Thinning { classes }
    }

    /// The next of this class stays: of `count` as many as may, evenly.
    pub(super) fn keeps(&mut self, class: usize) -> bool {
        let Some((count, stay, seen)) = self.classes.get_mut(&class) else {
            return true;
        };
        let before = *seen * *stay / *count;
        *seen += 1;
        *seen * *stay / *count > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_class_goes_first_and_the_next_evenly() {
        let counts = BTreeMap::from([(0, 100), (1, 10), (2, 5)]);
        let mut thinning = Thinning::new(&counts, 10);
        let kept = |thinning: &mut Thinning, class: usize, of: usize| {
            let kept: Vec<usize> = (0..of).filter(|_| thinning.keeps(class)).collect();
            kept
        };
        assert!(kept(&mut thinning, 0, 100).is_empty());
        assert_eq!(kept(&mut thinning, 1, 10), [1, 3, 5, 7, 9]);
        assert_eq!(kept(&mut thinning, 2, 5).len(), 5);
        let mut all = Thinning::new(&counts, 1_000);
        assert_eq!(kept(&mut all, 0, 100).len(), 100);
    }
}
