//! The last that some nodes said, for whoever looks for what went wrong.

use super::TraceEntry;
use super::observer::Observer;
use super::story::Story;
use super::telling::tell;
use super::transcript::write_line;
use std::collections::VecDeque;
use std::rc::Rc;

/// The last lines of some nodes up to an event, unfolded.
#[derive(Debug)]
pub struct LastLines {
    until_event: u64,
    count: usize,
    story: Story,
    lines: Vec<(Rc<str>, VecDeque<String>)>,
}

impl LastLines {
    pub fn of(nodes: &[Rc<str>], until_event: u64, count: usize) -> Self {
        let lines = nodes.iter().map(|node| (node.clone(), VecDeque::new()));
        LastLines {
            until_event,
            count,
            story: Story::default(),
            lines: lines.collect(),
        }
    }

    /// Each node with its lines.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &VecDeque<String>)> {
        self.lines.iter().map(|(node, lines)| (&**node, lines))
    }
}

impl Observer for LastLines {
    fn fact(&mut self, entry: &TraceEntry) {
        if entry.event > self.until_event {
            return;
        }
        let mut lines = self.lines.iter_mut();
        if let Some((node, lines)) = lines.find(|(node, _)| *node == entry.node) {
            let sentence = tell(entry, &self.story).sentence(node);
            lines.push_back(write_line(entry.time, node, &sentence));
            if lines.len() > self.count {
                lines.pop_front();
            }
        }
        self.story.learn(entry);
    }
}
