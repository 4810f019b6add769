//! The pictures that questions of shipped scenarios show can be drawn.

use super::{played, well_made};
use kafka_trial::figure::{Around, Kind, Wanted};
use kafka_trial::kernel::Time;
use kafka_trial::plan::parse_duration;
use kafka_trial::protocol::TopicPartition;
use kafka_trial::scenario::{SHIPPED, load};

#[test]
fn every_picture_that_a_question_shows_can_be_drawn() {
    let mut drawn = 0;
    for shipped in SHIPPED {
        let plan = load(shipped.path, shipped.text.into(), &[]);
        let plan = plan.unwrap_or_else(|error| panic!("{error}")).plan;
        let reveals = plan.predict.iter().filter_map(|it| it.reveal.as_ref());
        for reveal in reveals {
            let moment = reveal.around.as_deref().map(|around| {
                let time = parse_duration(around).expect("questions of ours are about moments");
                Around::Moment(Time::ZERO + time)
            });
            let partition = reveal.partition.as_deref().map(|partition| {
                let (topic, number) = partition.rsplit_once('-').expect("a partition");
                TopicPartition::new(topic, number.parse().expect("a number"))
            });
            let wanted = Wanted {
                around: moment,
                partition,
                at: reveal.at.map(|at| Time::ZERO + at),
                ..Wanted::default()
            };
            let kind = Kind::named(&reveal.kind).expect("a kind");
            let name = shipped.name();
            well_made(kind.draw(&played(name), &wanted), name);
            drawn += 1;
        }
    }
    assert!(drawn > 15, "{drawn}");
}
