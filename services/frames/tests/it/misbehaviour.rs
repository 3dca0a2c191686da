//! Readers that break the rules: the writer and the other readers do not notice.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, fallocate},
    sys::{
        socket::{MsgFlags, Shutdown, send, shutdown},
        uio::pwrite,
    },
    unistd::ftruncate,
};
use proptest::prelude::*;
use vigla_frames::{Outcome, Wait};

use crate::{SOON, is_painted, join, open, publish_painted, settle, writer};

/// Where the lease words are in a page.
const WORDS: i64 = 128;

fn write_words(page: &OwnedFd, words: [u64; 2]) {
    let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
    pwrite(page, &bytes, WORDS).unwrap();
}

#[test]
fn pretended_leases_cost_two_slots_at_most() {
    let mut writer = writer(4, 8);
    let liar = writer.add_reader(false).unwrap();
    let mut honest = join(&writer);
    for n in 1..1000 {
        write_words(&liar.leases, [n % 5, (n / 5) % 5]);
        // Four slots: two pretended, the newest, one to write.
        assert_eq!(publish_painted(&mut writer, n, 8), Outcome::Published);
        assert_eq!(honest.latest().unwrap().meta().frame_id, n);
    }
}

#[test]
fn page_emptied_behind_the_writers_back_is_empty() {
    let mut writer = writer(3, 8);
    let liar = writer.add_reader(false).unwrap();
    let punch = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    fallocate(&liar.leases, punch, 0, 4096).unwrap();
    assert_eq!(publish_painted(&mut writer, 1, 8), Outcome::Published);
    // But it cannot be taken away, which would be a SIGBUS for the writer.
    assert_eq!(ftruncate(&liar.leases, 0), Err(Errno::EPERM));
}

#[test]
fn flooded_socket_is_refused_at_the_senders_side() {
    let mut writer = writer(3, 8);
    let flooder = writer.add_reader(true).unwrap();
    let mut honest = join(&writer);
    for n in 1..1000 {
        let sent = send(
            flooder.wakeup.as_raw_fd(),
            &[0; 1000],
            MsgFlags::MSG_NOSIGNAL,
        );
        assert_eq!(sent, Err(Errno::EPIPE));
        assert_eq!(publish_painted(&mut writer, n, 8), Outcome::Published);
        assert_eq!(honest.wait(SOON).unwrap(), Wait::Frame);
        assert_eq!(honest.latest().unwrap().meta().frame_id, n);
    }
    assert_eq!(writer.readers(), 2);
}

#[test]
fn socket_shut_down_is_a_departure() {
    let mut writer = writer(3, 8);
    let left = writer.add_reader(true).unwrap();
    shutdown(left.wakeup.as_raw_fd(), Shutdown::Both).unwrap();
    assert_eq!(publish_painted(&mut writer, 1, 8), Outcome::NobodyLooks);
    assert_eq!(writer.readers(), 0);
}

#[test]
fn copied_socket_keeps_the_place() {
    let writer = writer(3, 8);
    let handles = writer.add_reader(true).unwrap();
    let copy = handles.wakeup.try_clone().unwrap();
    drop(open(handles));
    assert_eq!(writer.readers(), 1);
    drop(copy);
    settle(&writer, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_in_a_lease_page_hurts_nobody(
        garbage in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..64), 0i64..4000, any::<u64>(), 0u64..5),
            1..20,
        ),
    ) {
        let mut writer = writer(5, 64);
        let liar = writer.add_reader(true).unwrap();
        let mut honest = join(&writer);
        let mut n = 0;
        for (bytes, at, wild, mild) in garbage {
            pwrite(&liar.leases, &bytes, at).unwrap();
            for words in [[wild, mild], [mild, wild]] {
                write_words(&liar.leases, words);
                n += 1;
                prop_assert_eq!(publish_painted(&mut writer, n, 64), Outcome::Published);
                let lease = honest.latest().unwrap();
                prop_assert_eq!(lease.meta().frame_id, n);
                prop_assert!(is_painted(n, lease.bytes()));
            }
        }
    }
}
