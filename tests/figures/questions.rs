//! The pictures that questions of shipped scenarios show can be drawn, and show something.

use super::{played, well_made};
use kafka_trial::figure::{Around, Kind, Picture, Shape, Style, Wanted};
use kafka_trial::kernel::Time;
use kafka_trial::plan::parse_duration;
use kafka_trial::protocol::{RecordId, TopicPartition};
use kafka_trial::scenario::{SHIPPED, load};

#[test]
fn every_picture_that_a_question_shows_can_be_drawn() {
    let mut drawn = 0;
    for shipped in SHIPPED {
        let plan = load(shipped.path, shipped.text.into(), &[]);
        let plan = plan.unwrap_or_else(|error| panic!("{error}")).plan;
        let reveals = plan.predict.iter().filter_map(|it| it.reveal.as_ref());
        for reveal in reveals {
            let around = reveal.around.as_deref().map(around);
            let partition = reveal.partition.as_deref().map(|partition| {
                let (topic, number) = partition.rsplit_once('-').expect("a partition");
                TopicPartition::new(topic, number.parse().expect("a number"))
            });
            let wanted = Wanted {
                around,
                partition,
                at: reveal.at.map(|at| Time::ZERO + at),
                ..Wanted::default()
            };
            let kind = Kind::named(&reveal.kind).expect("a kind");
            let name = shipped.name();
            let picture = well_made(kind.draw(&played(name), &wanted), name);
            let shows = shows(&picture);
            assert!(
                shows >= 5,
                "{name}, {}: {shows} arrows and bars",
                kind.name()
            );
            drawn += 1;
        }
        assert!(
            plan.predict.iter().all(|it| it.reveal.is_some()),
            "{} asks, and shows nothing",
            shipped.name()
        );
    }
    assert!(drawn > 15, "{drawn}");
}

/// Messages, states, bars, records; lines of charts.
fn shows(picture: &Picture) -> usize {
    let shown = picture.parts.iter().map(|it| match &it.shape {
        Shape::Arrow { .. } | Shape::Cross { .. } => 1,
        Shape::Rect { .. } if it.style != Style::Paper => 1,
        Shape::Line { .. } if matches!(it.style, Style::Series(_)) => 1,
        // A line of values shows as much as it has turns.
        Shape::Path(points) if matches!(it.style, Style::Series(_)) => points.len(),
        _ => 0,
    });
    shown.sum()
}

/// As `--around` takes them: a record of a producer, or a moment.
fn around(text: &str) -> Around {
    match text.strip_prefix("record:") {
        Some(record) => {
            let (producer, number) = record.rsplit_once('#').expect("PRODUCER#NUMBER");
            Around::Record(RecordId {
                producer: producer.into(),
                number: number.parse().expect("a number"),
            })
        }
        None => Around::Moment(Time::ZERO + parse_duration(text).expect("a time")),
    }
}
