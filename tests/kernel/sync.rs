//! Fsyncs that a process waits for, and those that it does not; files that are replaced.

use crate::disk::some;
use crate::toy::*;
use kafka_trial::kernel::{Duration, Fault, NodeOptions};
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

/// kill -9: the fsync is the device's and ends, and no further instruction of the process is carried out.
#[test]
fn what_was_to_follow_a_sync_never_happens_if_the_process_is_killed_in_it() {
    for hangs in [false, true] {
        let mut world = World::new(plain(), 1, vec![Toy::default()]);
        world.tell(A, Do::ReplaceNow(1));
        world.until(50);
        world.kernel.disk_mut(A).sync_all();
        let stuck = |on| Fault::DiskSyncStuck { node: A, on };
        world.kernel.apply(stuck(hangs));
        world.tell(A, Do::ReplaceNow(2));
        world.until(51);
        world.kernel.apply(Fault::Crash(A));
        let files = |world: &World| {
            ["checkpoint", "checkpoint.tmp"].map(|path| world.content(A, path).unwrap_or_default())
        };
        assert_eq!(files(&world), ["1", "2"], "hangs: {hangs}");
        world.until(100);
        world.kernel.apply(stuck(false));
        world.kernel.apply(Fault::PowerFailure(A));
        assert_eq!(files(&world), ["1", "2"], "hangs: {hangs}");
    }
}

/// Two fsyncs of one handler: the first hangs, the second is never begun.
#[test]
fn a_sync_that_was_to_follow_another_makes_nothing_durable_after_a_kill() {
    let mut lost = 0;
    for seed in 0..40 {
        let mut world = World::new(plain(), seed, vec![Toy::default()]);
        world.tell(A, Do::Write(1));
        world.until(10);
        world.kernel.disk_mut(A).sync_all();
        let stuck = |on| Fault::DiskSyncStuck { node: A, on };
        world.kernel.apply(stuck(true));
        world.tell(A, Do::WriteBytes(9));
        world.tell(A, Do::SyncBoth);
        world.until(20);
        world.kernel.apply(Fault::Crash(A));
        world.kernel.apply(stuck(false));
        world.kernel.apply(Fault::PowerFailure(A));
        lost += u32::from(world.content(A, "big").unwrap_or_default().len() < 9);
    }
    assert!(lost > 0);
}

#[test]
fn who_is_killed_in_a_hanging_sync_is_gone_when_it_returns() {
    let mut world = World::connected(plain());
    let stuck = |on| Fault::DiskSyncStuck { node: A, on };
    world.kernel.apply(stuck(true));
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Sync);
    world.until(100);
    world.kernel.apply(Fault::Crash(A));
    assert!(world.kernel.lingers(A));
    // Its operating system takes what comes, and nobody reads it.
    world.kernel.apply(Fault::Start(A));
    world.tell(B, Do::Send(5));
    world.tell(C, Do::Connect(A));
    world.until(200);
    assert_eq!(world.when(C, "connected"), Some(ms(102)));
    assert!(
        !world
            .said
            .iter()
            .any(|(_, _, said)| said.starts_with("closed"))
    );
    assert_eq!(
        world
            .said_by(A)
            .iter()
            .filter(|said| **said == "started")
            .count(),
        1
    );
    world.kernel.apply(stuck(false));
    assert!(!world.kernel.lingers(A));
    world.until(300);
    assert_eq!(world.when(B, "closed Reset"), Some(ms(201)));
    assert_eq!(world.when(C, "closed Reset"), Some(ms(201)));
    // Who was started meanwhile starts now, and knows nothing of what came before.
    assert_eq!(world.said_by(A).last(), Some(&"started"));
    assert_eq!(world.log_of(A), "1\n");
    assert!(world.when(B, "got 9").is_none());
}

#[test]
fn a_later_sync_that_hangs_keeps_a_killed_process_too_and_its_supervisor_waits() {
    let mut world = World::new(plain(), 1, Vec::new());
    let options = NodeOptions {
        supervisor: Some(Duration::from_millis(20)),
        ..NodeOptions::default()
    };
    world.kernel.add_node("a", options, Toy::default());
    world.kernel.apply(Fault::Start(A));
    let stuck = |on| Fault::DiskSyncStuck { node: A, on };
    world.kernel.apply(stuck(true));
    world.tell(A, Do::Write(1));
    world.tell(A, Do::SyncLater);
    world.until(10);
    world.kernel.apply(Fault::Crash(A));
    world.until(100);
    world.forget();
    world.kernel.apply(stuck(false));
    world.run_out();
    assert_eq!(world.when(A, "started"), Some(ms(120)));
    assert!(!world.said_by(A).iter().any(|said| said.starts_with("disk")));
}

/// Its machine takes it along, and says farewell to nobody.
#[test]
fn a_power_failure_ends_who_lingers() {
    let mut world = World::connected(plain());
    world
        .kernel
        .apply(Fault::DiskSyncStuck { node: A, on: true });
    world.tell(A, Do::Sync);
    world.until(100);
    world.kernel.apply(Fault::Crash(A));
    world.kernel.apply(Fault::PowerFailure(A));
    assert!(!world.kernel.lingers(A));
    world.until(200);
    assert!(world.when(B, "closed Reset").is_none());
    world.kernel.apply(Fault::Start(A));
    world.until(300);
    assert_eq!(world.when(A, "started"), Some(ms(0)));
    assert_eq!(world.said_by(A).last(), Some(&"started"));
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
