//! Logs of replicas at a moment.

use super::{assert_says, at, played, well_made};
use kafka_trial::figure::{Kind, Picture, Recording, Shape, Style, Wanted, to_svg};
use kafka_trial::kernel::Time;
use kafka_trial::protocol::TopicPartition;

fn of(partition: &str, number: i32, wanted: Wanted) -> Wanted {
    Wanted {
        partition: Some(TopicPartition::new(partition, number)),
        ..wanted
    }
}

fn logs(run: &Recording, wanted: &Wanted) -> Picture {
    well_made(Kind::Logs.draw(run, wanted), &run.name)
}

/// The leader's and the living follower's log have a record more than the dead one's, and nobody may read it.
#[test]
fn what_is_beyond_the_high_watermark_is_hatched() {
    let run = played("leader-crash");
    let wanted = of("trucks_gps", 1, at(44));
    let picture = logs(&run, &wanted);
    let hatched = picture.parts.iter().filter(|it| {
        matches!(
            (it.style, &it.shape),
            (Style::Uncommitted(0), Shape::Rect { .. })
        )
    });
    assert_eq!(hatched.count(), 2);
    assert_says(
        &picture,
        &[
            "led by broker-1 in epoch 0, ISR 1,3,2",
            "not running since 30.000 s",
            "HW = LSO 28",
            "HW = LSO = log end 28",
            "log end 29",
            "dashboard reads 28 next",
            "offsets below 5 not shown",
        ],
    );
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn who_is_out_of_the_isr_is_named_with_its_time_and_reason() {
    let run = played("leader-crash");
    let picture = logs(&run, &of("trucks_gps", 0, at(60)));
    assert_says(&picture, &["out of the ISR since 44.003 s", "e0", "e1"]);
    let why = "zookeeper.session.timeout.ms";
    let reasons = picture.parts.iter().filter_map(|it| it.why.as_deref());
    assert!(reasons.into_iter().any(|it| it.contains(why)));
    assert_says(&logs(&run, &at(60)), &["trucks_gps-0", "trucks_gps-1"]);
}

#[test]
fn what_was_cut_off_is_gone_and_deleted_records_begin_the_log_elsewhere() {
    let run = played("paused-leader");
    let before = logs(&run, &at(66));
    assert_says(&before, &["leads, epoch 0", "leads, epoch 1", "86"]);
    let after = logs(&run, &at(70));
    assert_says(&after, &["follows broker-2, epoch 1"]);
    let run = played("delete-records");
    assert_says(&logs(&run, &at(20)), &["log"]);
    assert_says(&logs(&run, &at(41)), &["log start 228"]);
}

/// Their disks had less than their memory, and they know it as soon as they have read them; nobody has told them more.
#[test]
fn after_a_power_failure_a_log_ends_where_its_disk_does() {
    let run = played("power-failure-of-all");
    let logs_at = |millis: u64| {
        let at = Some(Time(millis * 1_000_000));
        logs(
            &run,
            &Wanted {
                at,
                ..Wanted::default()
            },
        )
    };
    assert_says(
        &logs_at(74_000),
        &["log end 228", "not running since 40.000 s"],
    );
    assert_says(
        &logs_at(75_020),
        &["log end 228", "loads its logs since 75.000 s"],
    );
    let loaded = logs_at(75_040);
    assert_says(
        &loaded,
        &[
            "log end 220",
            "log end 87, left",
            "log end 79, left",
            "loaded, told nothing yet",
        ],
    );
    for gone in ["228 = ", "log end 228", "HW = LSO", "leads, epoch"] {
        let svg = to_svg(&loaded);
        assert!(!svg.contains(&format!(">{gone}")), "{gone} is in\n{svg}");
    }
    assert_says(&logs_at(75_046), &["leads, epoch 0", "HW = LSO 198"]);
}

#[test]
fn groups_stand_below_the_logs_that_they_read() {
    let run = played("member-crashes");
    let wanted = of("trucks_gps", 2, at(60));
    let picture = logs(&run, &wanted);
    assert_says(
        &picture,
        &["group dashboards", "committed 79, left of here"],
    );
    let nothing = Kind::Logs.draw(&run, &of("trucks", 7, at(60))).unwrap_err();
    assert!(nothing.found.contains("no replica"), "{nothing:?}");
}
