//! What `Reader::open` makes of descriptors that are not what they should be.

use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, FcntlArg, OFlag, SealFlag, fallocate, fcntl, open as open_path},
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, ProtFlags, mmap},
        socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, socketpair},
        stat::Mode,
        uio::pwrite,
    },
    unistd::{ftruncate, pipe},
};
use proptest::prelude::*;
use vigla_frames::{Error, Handles, Part, Reader, Wait};

use crate::writer;

const SIZE: SealFlag = SealFlag::F_SEAL_SHRINK
    .union(SealFlag::F_SEAL_GROW)
    .union(SealFlag::F_SEAL_SEAL);
const RING: SealFlag = SIZE.union(SealFlag::F_SEAL_FUTURE_WRITE);

fn handles() -> Handles {
    writer(3, 100).add_reader(true).unwrap()
}

fn open(handles: Handles) -> Result<Reader, Error> {
    Reader::open(handles.ring, handles.leases, handles.wakeup)
}

/// A memfd with these bytes at the front, this long, sealed so.
fn memory(front: &[u8], len: usize, seals: SealFlag) -> OwnedFd {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = memfd_create("hostile", flags).unwrap();
    pwrite(&file, front, 0).unwrap();
    ftruncate(&file, i64::try_from(len).unwrap()).unwrap();
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    file
}

/// The first bytes of a ring (layout version 1).
fn ring_front(slots: u64, slot_bytes: u64) -> Vec<u8> {
    let magic = u64::from_ne_bytes(*b"VIGLARNG");
    [magic, 1, slots, slot_bytes]
        .into_iter()
        .flat_map(u64::to_ne_bytes)
        .collect()
}

/// Length of a ring of 3 slots of up to 4096 bytes.
const SMALL: usize = 4 * 4096;

/// Everything that is a descriptor and not ours.
fn strangers() -> Vec<OwnedFd> {
    let (read, write) = pipe().unwrap();
    let none = SockFlag::empty();
    let (stream, other) = socketpair(AddressFamily::Unix, SockType::Stream, None, none).unwrap();
    let directory = open_path("/", OFlag::O_RDONLY, Mode::empty()).unwrap();
    let path = open_path("/", OFlag::O_PATH, Mode::empty()).unwrap();
    let regular = File::open(std::env::current_exe().unwrap()).unwrap();
    let null = File::open("/dev/null").unwrap();
    vec![
        read,
        write,
        stream,
        other,
        directory,
        path,
        regular.into(),
        null.into(),
    ]
}

#[test]
fn other_kinds_of_descriptors_are_refused() {
    for ring in strangers() {
        let error = open(Handles { ring, ..handles() }).unwrap_err();
        assert!(matches!(error, Error::NotMemory(Part::Ring)), "{error:?}");
    }
    for leases in strangers() {
        let error = open(Handles {
            leases,
            ..handles()
        })
        .unwrap_err();
        assert!(matches!(error, Error::NotMemory(Part::Leases)), "{error:?}");
    }
    for wakeup in strangers() {
        let error = open(Handles {
            wakeup,
            ..handles()
        })
        .unwrap_err();
        assert!(matches!(error, Error::NotSocket), "{error:?}");
    }
}

#[test]
fn descriptors_in_the_wrong_order_are_refused() {
    let Handles {
        ring,
        leases,
        wakeup,
    } = handles();
    let clone = |fd: &OwnedFd| fd.try_clone().unwrap();
    let fds = [&ring, &leases, &wakeup];
    for a in fds {
        for b in fds {
            for c in fds {
                let right = std::ptr::eq(a, &raw const ring)
                    && std::ptr::eq(b, &raw const leases)
                    && std::ptr::eq(c, &raw const wakeup);
                let opened = Reader::open(clone(a), clone(b), clone(c));
                assert_eq!(opened.is_ok(), right);
            }
        }
    }
}

#[test]
fn every_missing_seal_is_named() {
    let names = [
        "F_SEAL_SHRINK",
        "F_SEAL_GROW",
        "F_SEAL_FUTURE_WRITE",
        "F_SEAL_SEAL",
    ];
    for bits in 0..15u32 {
        let chosen = |n: usize| bits & (1 << n) != 0;
        let seals = (0..4)
            .filter(|&n| chosen(n))
            .map(|n| SealFlag::from_name(names[n]).unwrap())
            .collect();
        let ring = memory(&ring_front(3, 100), SMALL, seals);
        let Err(Error::Unsealed { part, missing }) = open(Handles { ring, ..handles() }) else {
            panic!("opened a ring sealed {seals:?}");
        };
        assert_eq!(part, Part::Ring);
        for (n, name) in names.into_iter().enumerate() {
            assert_eq!(missing.split(" | ").any(|it| it == name), !chosen(n));
        }
    }
}

#[test]
fn wrong_lengths_are_refused() {
    for len in [0, 1, 31, 32, 4096, SMALL - 1, SMALL + 1, 1 << 30] {
        let front = &ring_front(3, 4096)[..len.min(32)];
        let ring = memory(front, len, RING);
        let error = open(Handles { ring, ..handles() }).unwrap_err();
        let Error::Length {
            part: Part::Ring,
            len: told,
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(told, len as u64);
    }
    let ring = memory(&ring_front(3, 4096), SMALL, RING);
    let error = open(Handles { ring, ..handles() }).unwrap_err();
    assert!(matches!(error, Error::Stranger), "{error:?}");
}

#[test]
fn sizes_that_overflow_are_refused() {
    for (slots, slot_bytes) in [
        (3, u64::MAX),
        (64, 1 << 60),
        (u64::MAX, 1),
        (1 << 32 | 3, 100),
        (2, 100),
        (65, 100),
        (3, 0),
    ] {
        let ring = memory(&ring_front(slots, slot_bytes), SMALL, RING);
        let error = open(Handles { ring, ..handles() }).unwrap_err();
        assert!(
            matches!(error, Error::Slots(_) | Error::SlotBytes(_)),
            "{error:?}"
        );
    }
}

#[test]
fn other_versions_are_refused_by_number() {
    let mut front = ring_front(3, 4096);
    front[8..16].copy_from_slice(&2u64.to_ne_bytes());
    let ring = memory(&front, SMALL, RING);
    let error = open(Handles { ring, ..handles() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the ring has layout version 2, this reader knows 1"
    );
}

#[test]
fn lease_page_of_another_ring_is_refused() {
    let (ours, other) = (writer(3, 100), writer(3, 100));
    let (ours, other) = (
        ours.add_reader(true).unwrap(),
        other.add_reader(true).unwrap(),
    );
    let leases = other.leases;
    assert!(matches!(
        open(Handles { leases, ..ours }),
        Err(Error::Stranger)
    ));
}

#[test]
fn lease_page_that_cannot_be_written_is_refused() {
    let leases = memory(&[0; 4096], 4096, RING);
    let error = open(Handles {
        leases,
        ..handles()
    })
    .unwrap_err();
    assert!(
        matches!(error, Error::Unwritable { part: Part::Leases }),
        "{error:?}"
    );
}

#[test]
fn huge_pages_are_refused() {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_HUGETLB;
    // A kernel without them cannot be handed one either.
    let Ok(file) = memfd_create("huge", flags) else {
        return;
    };
    ftruncate(&file, 2 << 20).unwrap();
    fcntl(&file, FcntlArg::F_ADD_SEALS(RING)).unwrap();
    let error = open(Handles {
        ring: file,
        ..handles()
    })
    .unwrap_err();
    assert!(matches!(error, Error::NotMemory(Part::Ring)), "{error:?}");
}

#[test]
fn socket_that_leads_nowhere_is_a_writer_that_left() {
    let none = SockFlag::empty();
    let (unix, packets) = (AddressFamily::Unix, SockType::SeqPacket);
    let wakeup = nix::sys::socket::socket(unix, packets, none, None).unwrap();
    let mut reader = open(Handles {
        wakeup,
        ..handles()
    })
    .unwrap();
    assert_eq!(reader.wait(crate::SOON).unwrap(), Wait::WriterGone);
}

#[test]
fn wakeups_without_frames_are_not_frames() {
    let none = SockFlag::empty();
    let (unix, packets) = (AddressFamily::Unix, SockType::SeqPacket);
    let (ours, wakeup) = socketpair(unix, packets, None, none).unwrap();
    let mut reader = open(Handles {
        wakeup,
        ..handles()
    })
    .unwrap();
    for len in [1, 8, 4000] {
        for _ in 0..20 {
            send(ours.as_raw_fd(), &vec![0xff; len], MsgFlags::MSG_NOSIGNAL).unwrap();
        }
        assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Timeout);
    }
    drop(ours);
    assert_eq!(reader.wait(crate::SOON).unwrap(), Wait::WriterGone);
}

#[test]
fn ring_cannot_be_changed_by_whoever_holds_it() {
    let writer = writer(3, 100);
    let ring = writer.add_reader(true).unwrap().ring;
    let path = format!("/proc/self/fd/{}", ring.as_raw_fd());
    let reopened = open_path(path.as_str(), OFlag::O_RDWR, Mode::empty()).unwrap();
    for file in [ring.as_fd(), reopened.as_fd()] {
        assert_eq!(pwrite(file, b"mine", 0), Err(Errno::EPERM));
        assert_eq!(ftruncate(file, 0), Err(Errno::EPERM));
        assert_eq!(ftruncate(file, 1 << 20), Err(Errno::EPERM));
        let punch = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        assert_eq!(fallocate(file, punch, 0, 4096), Err(Errno::EPERM));
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let len = std::num::NonZeroUsize::new(4096).unwrap();
        // SAFETY: a new map at an address of the kernel's choice; it must fail.
        #[allow(unsafe_code, reason = "mmap")]
        let map = unsafe { mmap(None, len, access, MapFlags::MAP_SHARED, file, 0) };
        assert_eq!(map, Err(Errno::EPERM));
        let unseal = fcntl(file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE));
        assert_eq!(unseal, Err(Errno::EPERM));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_front_is_opened_or_refused(
        front in prop::collection::vec(any::<u8>(), 0..64),
        len in 0usize..100_000,
        seals in prop::sample::select(vec![SealFlag::empty(), SealFlag::F_SEAL_SHRINK, SIZE, RING]),
    ) {
        let opened = open(Handles { ring: memory(&front, len, seals), ..handles() });
        prop_assert!(opened.is_err());
        let opened = open(Handles { leases: memory(&front, len, seals), ..handles() });
        prop_assert!(opened.is_err());
    }

    /// A ring with the right front and anything behind it, and a page that belongs to it.
    #[test]
    fn any_numbers_in_a_ring_give_a_frame_or_none(
        newest in prop_oneof![any::<u64>(), 0u64..1024],
        headers in prop::collection::vec(prop_oneof![any::<u64>(), 0u64..5000], 3 * 16),
        slot_bytes in 1u64..=4096,
    ) {
        let mut front = ring_front(3, slot_bytes);
        front.resize(128, 0xff);
        front.extend(newest.to_ne_bytes());
        front.resize(256, 0xff);
        front.extend(headers.iter().flat_map(|word| word.to_ne_bytes()));
        let ring = memory(&front, SMALL, RING);
        let leases = memory(&page_front(&ring), 4096, SIZE);
        let mut reader = open(Handles { ring, leases, ..handles() }).unwrap();
        let slot = usize::try_from(newest & 0xff).unwrap();
        let believed = newest != 0 && slot < 3 && headers[slot * 16] <= slot_bytes;
        prop_assert_eq!(reader.hold().is_some(), believed);
        let lease = reader.peek();
        prop_assert_eq!(lease.is_some(), believed);
        if let Some(lease) = lease {
            prop_assert_eq!(lease.bytes().len() as u64, headers[slot * 16]);
            prop_assert_eq!(lease.meta().frame_id, headers[slot * 16 + 1]);
            prop_assert!(lease.bytes().iter().all(|&byte| byte == 0));
        }
    }
}

/// The first bytes of a lease page for this ring.
fn page_front(ring: &OwnedFd) -> Vec<u8> {
    let magic = u64::from_ne_bytes(*b"VIGLALSE");
    let inode = nix::sys::stat::fstat(ring).unwrap().st_ino;
    [magic, 1, inode, 0]
        .into_iter()
        .flat_map(u64::to_ne_bytes)
        .collect()
}

/// What a foreign process shares with us: the front of a ring or of a page of leases, and anything behind it.
#[test]
fn any_damage_to_a_front_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "front", |front| {
        for len in [SMALL, 4096] {
            let short = &front[..front.len().min(len)];
            for ring in [memory(short, len, RING), memory(short, len, SIZE)] {
                if let Ok(mut reader) = open(Handles { ring, ..handles() }) {
                    let _ = reader.latest();
                }
            }
            let leases = memory(short, len, SIZE);
            let _ = open(Handles {
                leases,
                ..handles()
            });
        }
    });
}
