//! What applications do, and the services that they call.

use super::expected_of;
use crate::kernel::Duration;
use crate::plan::{
    Assign, Commit, CrashAt, EachRecord, ListenerThrows, Partition, Problem, ServicePlan, Slot,
    Step, StepWhen,
};
use crate::protocol::TopicPattern;
use crate::scenario::document as doc;
use crate::scenario::words::OneOrMany;

pub(super) fn topics(
    said: doc::Topics,
    client: &str,
) -> Result<(Vec<String>, Option<TopicPattern>), Problem> {
    match said {
        doc::Topics::Named(topics) => Ok((topics, None)),
        doc::Topics::Matching(doc::Matching { pattern }) => match TopicPattern::parse(&pattern) {
            Some(read) => Ok((Vec::new(), Some(read))),
            None => {
                let path = ["consumers", client, "topics", "pattern"];
                Err(Problem::new(path, format!("\"{pattern}\"")).expected(TopicPattern::EXPECTED))
            }
        },
    }
}

pub(super) fn assign(said: Option<OneOrMany>, client: &str) -> Result<Option<Assign>, Problem> {
    let Some(OneOrMany(said)) = said else {
        return Ok(None);
    };
    if said == ["all partitions"] {
        return Ok(Some(Assign::All));
    }
    let read = |(place, text): (usize, &String)| {
        Partition::read(text).ok_or_else(|| {
            let mut path = ["consumers", client, "assign"].map(str::to_owned).to_vec();
            path.extend((said.len() > 1).then(|| place.to_string()));
            Problem::new(path, format!("\"{text}\""))
                .expected("a partition such as trucks_gps-0, a list of them, or all partitions")
        })
    };
    let these = said.iter().enumerate().map(read);
    Ok(Some(Assign::These(these.collect::<Result<_, _>>()?)))
}

pub(super) fn commit(said: Option<String>, path: [String; 3]) -> Result<Option<Commit>, Problem> {
    let read = |text: String| {
        Commit::parse(&text).ok_or_else(|| {
            let reads = |text: &str| Commit::parse(text).is_some();
            let expected = expected_of(&text, reads, Commit::EXPECTED);
            Problem::new(path, format!("\"{text}\"")).expected(expected)
        })
    };
    said.map(read).transpose()
}

pub(super) fn crash(said: Option<String>, path: [String; 3]) -> Result<Option<CrashAt>, Problem> {
    let read = |text: String| {
        CrashAt::parse(&text).ok_or_else(|| {
            let reads = |text: &str| CrashAt::parse(text).is_some();
            let expected = expected_of(&text, reads, CrashAt::EXPECTED);
            Problem::new(path, format!("\"{text}\"")).expected(expected)
        })
    };
    said.map(read).transpose()
}

pub(super) fn listener(
    said: Option<String>,
    path: [String; 3],
) -> Result<Option<ListenerThrows>, Problem> {
    let read = |text: String| {
        ListenerThrows::parse(&text).ok_or_else(|| {
            Problem::new(path, format!("\"{text}\"")).expected(ListenerThrows::EXPECTED)
        })
    };
    said.map(read).transpose()
}

pub(super) fn each_record(
    said: Option<doc::EachRecord>,
    path: [String; 3],
) -> Result<Option<EachRecord>, Problem> {
    const EXPECTED: &str = "count, {forward: a topic} or {call: a service}";
    Ok(match said {
        None => None,
        Some(doc::EachRecord::Word(word)) if word == "count" => Some(EachRecord::Count),
        Some(doc::EachRecord::Word(word)) => {
            return Err(Problem::new(path, format!("\"{word}\"")).expected(EXPECTED));
        }
        Some(doc::EachRecord::Goes(doc::Goes {
            forward: Some(topic),
            call: None,
        })) => Some(EachRecord::Forward(topic)),
        Some(doc::EachRecord::Goes(doc::Goes {
            forward: None,
            call: Some(service),
        })) => Some(EachRecord::Call(service)),
        Some(doc::EachRecord::Goes(_)) => {
            return Err(Problem::new(path, "not exactly one thing to do").expected(EXPECTED));
        }
    })
}

pub(super) fn steps(said: Vec<doc::Step>, client: &str) -> Result<Vec<Step>, Problem> {
    let read = |(place, said): (usize, doc::Step)| {
        let wrong = |key: &str, text: &str, expected: String| {
            let place = place.to_string();
            Problem::new(
                ["consumers", client, "steps", &place, key],
                format!("\"{text}\""),
            )
            .expected(expected)
        };
        let when = StepWhen::parse(&said.when).ok_or_else(|| {
            let reads = |text: &str| StepWhen::parse(text).is_some();
            let expected = expected_of(&said.when, reads, StepWhen::EXPECTED);
            wrong("when", &said.when, expected)
        })?;
        let (call, partition) = Step::parse_what(&said.what).ok_or_else(|| {
            let reads = |text: &str| Step::parse_what(text).is_some();
            let expected = expected_of(&said.what, reads, Step::EXPECTED);
            wrong("do", &said.what, expected)
        })?;
        Ok(Step {
            when,
            call,
            partition,
        })
    };
    said.into_iter().enumerate().map(read).collect()
}

pub(super) fn service(name: String, said: doc::Service) -> ServicePlan {
    ServicePlan {
        name,
        about: said.about,
        takes: said.takes.map_or(Duration::ZERO, |takes| takes.0),
    }
}
