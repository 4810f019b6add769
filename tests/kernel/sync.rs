//! Fsyncs that a process waits for, and those that it does not; files that are replaced.

use crate::disk::some;
use crate::toy::*;
use kafka_trial::kernel::{Duration, Fault};
use std::collections::BTreeSet;

#[test]
fn a_blocking_sync_takes_the_devices_time_and_effects_wait_for_it() {
    let mut world = World::connected(plain());
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Sync);
    world.run_out();
    assert!((ms(13)..ms(14)).contains(&world.when(B, "got 9").unwrap()));
}

#[test]
fn syncs_queue_up_at_the_device_and_a_slow_one_takes_longer() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell_now(A, Do::Write(1));
    world.tell(A, Do::SyncLater);
    world.tell(A, Do::SyncLater);
    world.run_out();
    let ends: Vec<_> = world.said[1..]
        .iter()
        .map(|(time, ..)| time.as_millis())
        .collect();
    assert_eq!(ends, [2, 4]);
    world.forget();
    world.kernel.apply(Fault::DiskSlow { node: A, times: 10 });
    world.until(100);
    world.tell(A, Do::Write(2));
    world.tell(A, Do::SyncLater);
    world.run_out();
    assert_eq!(world.when(A, "disk 77 Ok(())").unwrap().as_millis(), 120);
}

#[test]
fn a_later_sync_covers_what_was_written_before_it_began() {
    let mut after = BTreeSet::new();
    for seed in 0..40 {
        let mut world = World::new(plain(), seed, vec![Toy::default()]);
        world.tell(A, Do::Write(1));
        world.tell(A, Do::SyncLater);
        world.tell(A, Do::Write(2));
        world.until(5);
        assert_eq!(world.said_by(A)[1..], ["disk 77 Ok(())"]);
        world.kernel.apply(Fault::PowerFailure(A));
        after.insert(world.log_of(A));
    }
    assert!(after.iter().all(|log| log.starts_with("1\n")), "{after:?}");
    assert!(after.contains("1\n"), "{after:?}");
}

#[test]
fn a_power_failure_during_a_later_sync_may_lose_the_content() {
    let mut lost = 0;
    for seed in 0..40 {
        let mut world = World::new(plain(), seed, vec![Toy::default()]);
        world.tell(A, Do::Write(1));
        world.tell(A, Do::SyncLater);
        world.until(1);
        world.kernel.apply(Fault::PowerFailure(A));
        world.kernel.apply(Fault::Start(A));
        world.run_out();
        assert!(!world.said_by(A).iter().any(|said| said.starts_with("disk")));
        lost += u32::from(world.log_of(A) != "1\n");
    }
    assert!(lost > 0);
}

#[test]
fn a_replaced_file_is_old_or_new_whenever_the_power_fails() {
    let mut found = BTreeSet::new();
    for seed in 0..200 {
        let mut world = World::new(plain(), seed, vec![Toy::default()]);
        world.tell(A, Do::Replace(1));
        world.until(50);
        world.kernel.disk_mut(A).sync_all();
        world.tell(A, Do::Replace(2));
        world.run_to(ms(50) + Duration::from_micros(seed * 20));
        world.kernel.apply(Fault::PowerFailure(A));
        found.insert(world.content(A, "checkpoint"));
    }
    assert_eq!(found, some(&["1", "2"]));
}

/// What a process does after an fsync it does after it, though the handler runs at the beginning of its time.
#[test]
fn what_follows_a_blocking_sync_has_not_happened_while_the_sync_lasts_or_hangs() {
    for hangs in [false, true] {
        let mut found = BTreeSet::new();
        for seed in 0..200 {
            let mut world = World::new(plain(), seed, vec![Toy::default()]);
            world.tell(A, Do::ReplaceNow(1));
            world.until(50);
            world.kernel.disk_mut(A).sync_all();
            let stuck = Fault::DiskSyncStuck { node: A, on: hangs };
            world.kernel.apply(stuck);
            world.tell(A, Do::ReplaceNow(2));
            let wait = if hangs { 1_000_000 } else { seed * 20 };
            world.run_to(ms(50) + Duration::from_micros(wait));
            world.kernel.apply(Fault::PowerFailure(A));
            found.insert(world.content(A, "checkpoint"));
        }
        let expected: &[&str] = if hangs { &["1"] } else { &["1", "2"] };
        assert_eq!(found, some(expected), "hangs: {hangs}");
    }
}

#[test]
fn a_crash_during_a_replacement_leaves_the_old_file_and_the_temporary_one() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Replace(1));
    world.until(50);
    world.tell(A, Do::Replace(2));
    world.until(51);
    world.kernel.apply(Fault::Crash(A));
    world.run_out();
    assert_eq!(world.content(A, "checkpoint").as_deref(), Some("1"));
    assert_eq!(world.content(A, "checkpoint.tmp").as_deref(), Some("2"));
}

#[test]
fn replacements_of_one_path_are_done_one_after_the_other() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    for n in 1..=3 {
        world.tell(A, Do::Replace(n));
    }
    world.run_out();
    assert_eq!(
        world.said_by(A)[1..],
        ["disk 1 Ok(())", "disk 2 Ok(())", "disk 3 Ok(())"]
    );
    assert_eq!(world.content(A, "checkpoint").as_deref(), Some("3"));
    assert_eq!(world.content(A, "checkpoint.tmp"), None);
}
