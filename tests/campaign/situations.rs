//! Situations, and what says that a campaign was enough.

use super::{stdout, trial};
use kafka_trial::campaign::coverage::Watch;
use kafka_trial::campaign::{play_watched, situations};
use kafka_trial::scenario::{SHIPPED, load};

/// A situation that a start alone satisfies would be reached by every campaign.
#[test]
fn nothing_is_reached_where_nothing_happens() {
    for (name, sets) in [
        ("truck-gps", &[][..]),
        ("truck-gps-groups", &[]),
        (
            "leader-crash",
            &[
                "timeline=[]",
                "expect=[]",
                "predict=[]",
                "+cluster/zookeeper=3",
            ],
        ),
    ] {
        let shipped = SHIPPED.iter().find(|it| it.name() == name);
        let shipped = shipped.expect("it ships");
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let loaded = load(shipped.path, shipped.text.as_bytes().to_vec(), &sets);
        let mut plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
        plan.timeline.clear();
        plan.expect.clear();
        let mut watch = Watch::default();
        let judged = play_watched(&plan, plan.seed, &mut watch);
        assert_eq!(judged.failure, None, "{name}");
        let looked = watch.finish();
        let reached: Vec<&str> = (situations::all().zip(&looked.situations))
            .filter(|(situation, best)| usize::from(**best) == situation.steps.len())
            .map(|(situation, _)| situation.name)
            .collect();
        assert_eq!(reached, Vec::<&str>::new(), "{name}");
        assert!(!looked.states.is_empty());
        assert_eq!(looked.cells, Vec::<u16>::new(), "no fault, no cell");
    }
}

#[test]
fn there_are_sixty_and_more_and_each_has_its_name() {
    let mut names: Vec<&str> = situations::all().map(|it| it.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 60, "{count}");
    assert!(situations::all().all(|it| !it.steps.is_empty()));
}

/// So many seeds are a campaign that leaves no situation out.
#[test]
fn a_default_campaign_comes_through_all_situations() {
    let output = trial(&["fuzz", "--swarm", "--seeds", "1..2000"]);
    let said = stdout(&output);
    let count = situations::all().count();
    let all = format!("situations reached: {count} of {count}");
    assert!(said.contains(&all), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}
