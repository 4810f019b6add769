//! What survives which crash, and every disk fault.

use crate::toy::*;
use kafka_trial::kernel::{Disk, Duration, Fault, Stream};
use std::collections::BTreeSet;

#[test]
fn a_process_crash_keeps_what_was_written_and_a_power_failure_what_was_synced() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Sync);
    world.tell(A, Do::Write(2));
    world.until(10);
    world.kernel.apply(Fault::Crash(A));
    assert_eq!(world.log_of(A), "1\n2\n");
    world.kernel.apply(Fault::PowerFailure(A));
    assert!(["1\n", "1\n2", "1\n2\n"].contains(&world.log_of(A).as_str()));
}

#[test]
fn an_echo_with_a_disk_never_loses_what_it_has_answered() {
    let mut torn = 0;
    for seed in 0..60 {
        let mut world = World::new(plain(), seed, vec![Toy::default(), Toy::echo_with_disk()]);
        world.tell(A, Do::Connect(B));
        world.until(10);
        for n in 0..6 {
            world.tell(A, Do::Send(n));
        }
        world.run_to(ms(12) + Duration::from_micros(seed * 200));
        world.kernel.apply(Fault::PowerFailure(B));
        world.until(1_000);
        let log = world.log_of(B);
        for n in 0..6 {
            if world.when(A, &format!("got {}", 1_000 + n)).is_some() {
                assert!(log.contains(&format!("{n}\n")), "seed {seed}: {log:?}");
            }
        }
        torn += u32::from(!log.is_empty() && !log.ends_with('\n'));
    }
    assert!(torn > 0, "no log was torn");
}

/// All contents that power failures leave of a file, over many seeds.
fn survivors(prepare: impl Fn(&mut Disk), path: &str) -> BTreeSet<Option<String>> {
    (0..500)
        .map(|seed| {
            let mut disk = Disk::new();
            prepare(&mut disk);
            disk.power_failure(&mut Stream::named(seed, "power"));
            disk.open(path)
                .map(|file| String::from_utf8(disk.peek(file).concat()).unwrap())
        })
        .collect()
}

pub fn some(contents: &[&str]) -> BTreeSet<Option<String>> {
    contents
        .iter()
        .map(|content| Some((*content).to_owned()))
        .collect()
}

#[test]
fn an_unsynced_append_is_torn_at_any_byte() {
    let found = survivors(
        |disk| {
            let file = disk.create("log").unwrap();
            disk.append(file, "ab".into()).unwrap();
            disk.sync(file).unwrap();
            disk.append(file, "cd".into()).unwrap();
            disk.append(file, "ef".into()).unwrap();
        },
        "log",
    );
    assert_eq!(found, some(&["ab", "abc", "abcd", "abcde", "abcdef"]));
}

#[test]
fn an_unsynced_truncation_happens_or_not_and_what_follows_it_only_if_it_did() {
    let found = survivors(
        |disk| {
            let file = disk.create("log").unwrap();
            disk.append(file, "abcd".into()).unwrap();
            disk.sync(file).unwrap();
            disk.truncate(file, 1).unwrap();
            disk.append(file, "x".into()).unwrap();
        },
        "log",
    );
    assert_eq!(found, some(&["abcd", "a", "ax"]));
}

#[test]
fn an_overwrite_is_torn_too() {
    let found = survivors(
        |disk| {
            let file = disk.create("log").unwrap();
            disk.append(file, "abcd".into()).unwrap();
            disk.sync(file).unwrap();
            disk.write_at(file, 1, "XY".into()).unwrap();
        },
        "log",
    );
    assert_eq!(found, some(&["abcd", "aXcd", "aXYd"]));
}

#[test]
fn a_rename_is_atomic_and_the_old_content_stands_until_it_is_durable() {
    let replace = |disk: &mut Disk, synced: bool| {
        let old = disk.create("dir/checkpoint").unwrap();
        disk.append(old, "old".into()).unwrap();
        disk.sync(old).unwrap();
        let new = disk.create("dir/checkpoint.tmp").unwrap();
        disk.append(new, "new".into()).unwrap();
        if synced {
            disk.sync(new).unwrap();
        }
        disk.rename("dir/checkpoint.tmp", "dir/checkpoint").unwrap();
    };
    assert_eq!(
        survivors(|disk| replace(disk, true), "dir/checkpoint"),
        some(&["old", "new"])
    );
    // Without an fsync of the new file, the name may be durable before the content is.
    let careless = survivors(|disk| replace(disk, false), "dir/checkpoint");
    assert_eq!(careless, some(&["old", "", "n", "ne", "new"]));
}

#[test]
fn files_survive_independently_of_each_other() {
    let mut found = BTreeSet::new();
    for seed in 0..500 {
        let mut disk = Disk::new();
        for path in ["x", "y"] {
            let file = disk.create(path).unwrap();
            disk.sync(file).unwrap();
            disk.append(file, "1".into()).unwrap();
        }
        disk.power_failure(&mut Stream::named(seed, "power"));
        let len = |path| disk.open(path).map_or(9, |file| disk.len(file));
        found.insert((len("x"), len("y")));
    }
    assert_eq!(found, BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]));
}

#[test]
fn an_unsynced_file_may_never_have_been_and_a_deleted_one_may_come_back() {
    let found = survivors(
        |disk| {
            disk.create("new").unwrap();
        },
        "new",
    );
    assert_eq!(found, BTreeSet::from([None, Some(String::new())]));
    let found = survivors(
        |disk| {
            let file = disk.create("old").unwrap();
            disk.append(file, "kept".into()).unwrap();
            disk.sync(file).unwrap();
            disk.delete("old").unwrap();
        },
        "old",
    );
    assert_eq!(found, BTreeSet::from([None, Some("kept".to_owned())]));
}

/// A file's size lies in the tree, whose changes reach the device in their order.
#[test]
fn what_makes_a_file_longer_survives_only_with_the_changes_of_the_tree_before_it() {
    let mut found = BTreeSet::new();
    for seed in 0..200 {
        let mut world = World::new(plain(), seed, vec![Toy::default()]);
        world.tell(A, Do::Write(1));
        world.until(10);
        world.kernel.disk_mut(A).sync_all();
        world.tell(A, Do::WriteBytes(1));
        world.until(20);
        world.tell(A, Do::Write(2));
        world.until(30);
        world.kernel.apply(Fault::PowerFailure(A));
        let longer = world.log_of(A).len() > 2;
        found.insert((world.content(A, "big").is_some(), longer));
    }
    let expected = [(false, false), (true, false), (true, true)];
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn a_sync_makes_earlier_changes_of_the_tree_durable_too() {
    let found = survivors(
        |disk| {
            disk.create("t-0/log").unwrap();
            disk.rename("t-0", "t-0.deleted").unwrap();
            let file = disk.create("other").unwrap();
            disk.sync(file).unwrap();
        },
        "t-0.deleted/log",
    );
    assert_eq!(found, some(&[""]));
}

#[test]
fn sync_all_leaves_nothing_to_lose() {
    let found = survivors(
        |disk| {
            let file = disk.create("d/f").unwrap();
            disk.append(file, "abc".into()).unwrap();
            disk.sync_all();
        },
        "d/f",
    );
    assert_eq!(found, some(&["abc"]));
}

#[test]
fn the_operating_system_writes_back_after_a_while() {
    let mut lost = 0;
    for seed in 0..50 {
        let mut world = World::new(plain(), seed, vec![Toy::default()]);
        world.tell(A, Do::Write(1));
        world.until(29_000 + seed % 2 * 2_000);
        world.kernel.apply(Fault::PowerFailure(A));
        if world.kernel.now() > ms(30_000) {
            assert_eq!(world.log_of(A), "1\n");
        } else {
            lost += u32::from(world.log_of(A) != "1\n");
        }
    }
    assert!(lost > 0);
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.kernel.apply(Fault::DiskFull { node: A, on: true });
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Replace(2));
    world.run_out();
    assert_eq!(
        world.said_by(A)[1..],
        ["write failed: no space left on device", "disk 2 Err(Full)"]
    );
    world.kernel.apply(Fault::DiskFull { node: A, on: false });
    world.tell(A, Do::Write(3));
    world.run_out();
    assert_eq!(world.log_of(A), "3\n");
}

#[test]
fn a_disk_has_a_capacity() {
    let mut config = plain();
    config.disk.capacity = 1_000;
    let mut world = World::new(config, 1, vec![Toy::default()]);
    world.tell(A, Do::WriteBytes(600));
    world.tell(A, Do::WriteBytes(600));
    world.tell(A, Do::WriteBytes(400));
    world.run_out();
    assert_eq!(
        world.said_by(A)[1..],
        ["wrote Ok(0)", "wrote Err(Full)", "wrote Ok(600)"]
    );
}

#[test]
fn writes_block_at_the_devices_speed_when_too_much_waits_to_be_written_back() {
    let mut config = plain();
    config.disk.bytes_per_second = 1_000_000;
    config.disk.dirty_limit = 10_000;
    let mut world = World::new(config, 1, vec![Toy::default()]);
    for _ in 0..3 {
        world.tell(A, Do::WriteBytes(8_000));
    }
    world.run_out();
    let times: Vec<_> = world.said[1..]
        .iter()
        .map(|(time, ..)| time.as_millis())
        .collect();
    assert_eq!(times, [0, 0, 8]);
}

#[test]
fn reads_of_a_bad_file_fail_until_it_is_healed() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Write(1));
    world.kernel.apply(Fault::DiskReadError {
        node: A,
        path: "lo".into(),
        on: true,
    });
    world.tell(A, Do::Read);
    world.run_out();
    world.kernel.apply(Fault::DiskReadError {
        node: A,
        path: "lo".into(),
        on: false,
    });
    world.tell(A, Do::Read);
    world.run_out();
    assert_eq!(world.said_by(A)[1..], ["read Err(Io)", "read Ok(\"1\\n\")"]);
}

#[test]
fn a_flipped_bit_stays_flipped_through_a_power_failure() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Sync);
    world.until(10);
    world.kernel.apply(Fault::DiskFlip {
        node: A,
        path: "log".into(),
        position: 0,
        bit: 1,
    });
    assert_eq!(world.log_of(A), "3\n");
    world.kernel.apply(Fault::DiskFlip {
        node: A,
        path: "log".into(),
        position: 9,
        bit: 1,
    });
    world.kernel.apply(Fault::PowerFailure(A));
    assert_eq!(world.log_of(A), "3\n");
}

#[test]
fn a_flip_of_what_is_not_synced_yet_is_not_undone_by_the_sync() {
    let mut disk = Disk::new();
    let file = disk.create("f").unwrap();
    disk.append(file, "11".into()).unwrap();
    disk.flip("f", 0, 1);
    disk.sync(file).unwrap();
    disk.power_failure(&mut Stream::named(1, "power"));
    assert_eq!(disk.read_file("f").unwrap(), "31");
}

#[test]
fn a_flip_on_one_disk_leaves_the_replica_that_shares_the_bytes_alone() {
    let chunk = bytes::Bytes::from(vec![0u8; 8]);
    let mut disks = [Disk::new(), Disk::new()];
    for disk in &mut disks {
        let file = disk.create("f").unwrap();
        disk.append(file, chunk.clone()).unwrap();
    }
    assert!(disks[0].flip("f", 3, 7));
    assert_eq!(disks[0].read_file("f").unwrap()[3], 128);
    assert_eq!(disks[1].read_file("f").unwrap()[3], 0);
}

#[test]
fn a_stuck_sync_holds_the_process_until_it_comes_loose() {
    let mut world = World::connected(plain());
    world
        .kernel
        .apply(Fault::DiskSyncStuck { node: A, on: true });
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Sync);
    world.tell(A, Do::Draw);
    world.until(60_000);
    assert!(world.when(B, "got 9").is_none());
    assert!(!world.said_by(A).iter().any(|said| said.starts_with("drew")));
    world
        .kernel
        .apply(Fault::DiskSyncStuck { node: A, on: false });
    world.run_out();
    assert!((ms(60_001)..ms(60_002)).contains(&world.when(B, "got 9").unwrap()));
    assert!(world.said_by(A).iter().any(|said| said.starts_with("drew")));
    world.kernel.apply(Fault::PowerFailure(A));
    assert_eq!(world.log_of(A), "1\n");
}

#[test]
fn a_stuck_sync_in_the_background_ends_when_it_comes_loose() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Write(1));
    world
        .kernel
        .apply(Fault::DiskSyncStuck { node: A, on: true });
    world.tell(A, Do::SyncLater);
    world.tell(A, Do::Tick(1_000));
    world.until(9_500);
    assert_eq!(world.said_by(A).len(), 11);
    world
        .kernel
        .apply(Fault::DiskSyncStuck { node: A, on: false });
    world.until(9_600);
    assert_eq!(world.when(A, "disk 77 Ok(())"), Some(ms(9_500)));
}

#[test]
fn a_slow_sync_returns_later() {
    let mut world = World::connected(plain());
    let extra = Duration::from_millis(500);
    world.kernel.apply(Fault::DiskSyncSlow { node: A, extra });
    world.tell(A, Do::Write(1));
    world.until(100);
    world.tell(A, Do::Sync);
    world.run_out();
    assert!((ms(600)..ms(610)).contains(&world.when(B, "got 9").unwrap()));
}

#[test]
fn a_failing_sync_says_so_and_keeps_nothing() {
    let mut lost = 0;
    for seed in 0..40 {
        let mut world = World::new(plain(), seed, vec![Toy::default()]);
        world
            .kernel
            .apply(Fault::DiskSyncFails { node: A, on: true });
        world.tell(A, Do::Write(1));
        world.tell(A, Do::Sync);
        world.tell(A, Do::SyncLater);
        world.until(100);
        assert_eq!(world.said_by(A)[1..], ["synced Err(Io)", "disk 77 Err(Io)"]);
        world.kernel.apply(Fault::PowerFailure(A));
        lost += u32::from(world.log_of(A) != "1\n");
    }
    assert!(lost > 0);
}

#[test]
fn a_wiped_disk_is_empty() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Sync);
    world.until(10);
    world.kernel.apply(Fault::Crash(A));
    world.kernel.apply(Fault::DiskWiped(A));
    assert!(world.kernel.disk(A).files().is_empty());
    world.kernel.apply(Fault::Start(A));
    world.tell(A, Do::Read);
    world.run_out();
    assert_eq!(world.said_by(A).last(), Some(&"read Err(NotFound)"));
}

#[test]
fn after_a_power_failure_reads_come_from_the_device_once() {
    let mut world = World::connected(plain());
    world.tell(A, Do::Write(1));
    world.tell(A, Do::Sync);
    world.until(50);
    world.kernel.apply(Fault::PowerFailure(A));
    world.kernel.apply(Fault::Start(A));
    for _ in 0..2 {
        world.tell(A, Do::Read);
        world.tell(A, Do::Clock);
    }
    world.run_out();
    let times: Vec<u64> = world
        .said
        .iter()
        .rev()
        .take(4)
        .map(|(time, ..)| (time.0 - ms(50).0) / 1_000)
        .collect();
    // 80 µs for the first read, nothing for the second.
    assert_eq!(times, [80, 80, 80, 0]);
}

#[test]
fn the_tree_lists_renames_and_deletes() {
    let mut disk = Disk::new();
    let file = disk.create("data/t-0/0.log").unwrap();
    disk.create("data/t-0/0.index").unwrap();
    disk.create("data/t-01/0.log").unwrap();
    disk.make_dir("data/empty").unwrap();
    assert_eq!(disk.list("data"), ["empty", "t-0", "t-01"]);
    assert_eq!(disk.list("/data/t-0/"), ["0.index", "0.log"]);
    assert_eq!(disk.list(""), ["data"]);
    disk.append(file, "x".into()).unwrap();
    disk.rename("data/t-0", "data/t-9").unwrap();
    assert_eq!(disk.open("data/t-9/0.log"), Some(file));
    assert_eq!(disk.len(file), 1);
    assert_eq!(disk.list("data"), ["empty", "t-01", "t-9"]);
    disk.delete_dir("data/t-9").unwrap();
    assert_eq!(disk.len(file), 0);
    assert!(disk.append(file, "y".into()).is_err());
    assert!(disk.read(file, 0, 1).is_err());
    assert_eq!(disk.files().len(), 1);
    assert!(disk.rename("data/none", "data/x").is_err());
    assert!(disk.delete("data/none").is_err());
    assert!(disk.create("data/t-01").is_err());
}
