//! Something of each node, by its name.
//!
//! Every fact has one looked up. In a run all facts of a node share the string of its name, so that a few nodes are
//! told apart by where their names lie; who reads a trace from a file, or has many nodes, finds them by the letters.

use std::rc::Rc;

/// So many are looked through for a name before it is searched for.
const FEW: usize = 16;

/// In the order of names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ByNode<V>(Vec<(Rc<str>, V)>);

impl<V> Default for ByNode<V> {
    fn default() -> Self {
        ByNode(Vec::new())
    }
}

impl<V> ByNode<V> {
    pub fn get(&self, node: &str) -> Option<&V> {
        let place = self.0.binary_search_by(|(name, _)| (**name).cmp(node));
        place.ok().map(|place| &self.0[place].1)
    }

    pub fn remove(&mut self, node: &str) {
        self.0.retain(|(name, _)| **name != *node);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Rc<str>, &V)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl<V: Default> ByNode<V> {
    /// What there is of a node; the default, if nothing has been noted yet.
    #[inline]
    pub fn of(&mut self, node: &Rc<str>) -> &mut V {
        let few = self.0.iter().take(FEW);
        let place = few
            .enumerate()
            .find(|(_, (name, _))| Rc::ptr_eq(name, node));
        let place = match place {
            Some((place, _)) => place,
            None => self.place_by_letters(node),
        };
        &mut self.0[place].1
    }

    fn place_by_letters(&mut self, node: &Rc<str>) -> usize {
        let found = self.0.binary_search_by(|(name, _)| name.cmp(node));
        found.unwrap_or_else(|place| {
            self.0.insert(place, (node.clone(), V::default()));
            place
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_found_by_its_name_wherever_the_name_lies_and_however_many_there_are() {
        let names: Vec<Rc<str>> = (0..3 * FEW).map(|n| format!("p-{n}").into()).collect();
        let mut counts = ByNode::default();
        for name in names.iter().rev().chain(&names) {
            *counts.of(name) += 1;
            *counts.of(&Rc::from(&**name)) += 1;
        }
        let mut sorted = names.clone();
        sorted.sort();
        let found: Vec<(Rc<str>, i32)> =
            counts.iter().map(|(name, n)| (name.clone(), *n)).collect();
        assert_eq!(
            found,
            sorted.into_iter().map(|name| (name, 4)).collect::<Vec<_>>()
        );
        assert_eq!((counts.get("p-7"), counts.get("q")), (Some(&4), None));
        counts.remove("p-7");
        assert_eq!(counts.get("p-7"), None);
    }
}
