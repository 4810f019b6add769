//! Checks what is said to people: none of it may tell a terminal what to do.

use super::{Check, Checked};
use crate::plan::{Action, Problem};

/// A text for people.
pub(super) fn writing(path: Vec<String>, text: &str) -> Checked {
    let is_writing = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    match text.chars().all(is_writing) {
        true => Ok(()),
        false => Err(
            Problem::new(path, "a control character in a text for people")
                .expected("a text without them"),
        ),
    }
}

impl Check<'_> {
    /// `about` and `because`. Further lines and tabs are writing.
    pub(super) fn prose(&self) -> Checked {
        let mut said = self.said();
        said.try_for_each(|(path, text)| writing(path, text))
    }

    fn said(&self) -> impl Iterator<Item = (Vec<String>, &str)> {
        let plan = self.plan;
        let topics = plan.topics.iter().map(|it| ("topics", &it.name, &it.about));
        let producers = plan.producers.iter();
        let producers = producers.map(|it| ("producers", &it.name, &it.about));
        let consumers = plan.consumers.iter();
        let consumers = consumers.map(|it| ("consumers", &it.name, &it.about));
        let of_zookeeper = plan.zookeeper_clients.iter();
        let of_zookeeper = of_zookeeper.map(|it| ("zookeeper_clients", &it.name, &it.about));
        let services = plan.services.iter();
        let services = services.map(|it| ("services", &it.name, &it.about));
        let named = topics
            .chain(producers)
            .chain(consumers)
            .chain(of_zookeeper)
            .chain(services)
            .filter_map(|(room, name, about)| {
                Some(([room, name, "about"].to_vec(), about.as_deref()?))
            });
        let registry = plan.schema_registry.as_ref();
        let registry =
            registry.and_then(|it| Some((vec!["schema_registry", "about"], it.about.as_deref()?)));
        let head = [(vec!["about"], plan.about.as_str())];
        let fixed = head.into_iter().chain(registry).chain(named);
        let fixed = fixed.map(|(path, text)| (path.into_iter().map(str::to_owned).collect(), text));
        let listed = |list: &str, number: usize, key: &str| {
            vec![list.to_owned(), number.to_string(), key.to_owned()]
        };
        let lines = plan
            .timeline
            .iter()
            .enumerate()
            .flat_map(move |(number, entry)| {
                let made = match &entry.action {
                    Action::CreateTopic(topic) => topic.about.as_deref(),
                    _ => None,
                };
                let texts = entry.about.as_deref().into_iter().chain(made);
                texts.map(move |text| (listed("timeline", number, "about"), text))
            });
        let expected = plan.expect.iter().enumerate();
        let expected = expected.filter_map(move |(number, it)| {
            Some((listed("expect", number, "because"), it.because.as_deref()?))
        });
        fixed.chain(lines).chain(expected)
    }
}
