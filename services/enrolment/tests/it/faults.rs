//! Power cuts at every write, disks that cannot be written, clocks that are wrong, answers that are not sound.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vigla_enrolment::disk::{Disk, Folder};
use vigla_fleet::wire::Phase;

use crate::double::{Double, NOW, Upset};
use crate::node::{Node, block_on};

/// What a write leaves behind when the power goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    /// Nothing of it.
    Before,
    /// Remains beside.
    Amid,
    /// All of it, and nobody was told.
    After,
}

/// A disk whose power goes at one of its changes.
#[derive(Debug)]
struct Fragile {
    disk: Folder,
    left: AtomicU32,
    cut: Cut,
}

impl Fragile {
    fn change(&self, name: &str, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let dark = || io::Error::other("the power is gone");
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(dark());
        }
        self.left.store(left - 1, Ordering::Relaxed);
        if left > 1 {
            return change();
        }
        match self.cut {
            Cut::Before => {}
            Cut::Amid => {
                let _ = self.disk.write(&format!("{name}.new"), b"half of i");
            }
            Cut::After => change()?,
        }
        Err(dark())
    }
}

impl Disk for Fragile {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.read(name)
    }
    fn target(&self, link: &str) -> io::Result<String> {
        self.disk.target(link)
    }
    fn folder(&self, name: &str) -> io::Result<()> {
        self.change(name, || self.disk.folder(name))
    }
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(name, || self.disk.write(name, bytes))
    }
    fn point(&self, link: &str, to: &str) -> io::Result<()> {
        self.change(link, || self.disk.point(link, to))
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(name, || self.disk.remove(name))
    }
}

/// Cuts the power at change `at` of the first start (and, if there is one, of a second), then lets it be.
async fn cut_at(at: u32, cut: Cut) -> bool {
    let registrar = Double::start();
    let node = Node::with(&registrar.invitation());
    let mut reached = false;
    for more in [at, 3] {
        let disk = Arc::new(Fragile {
            disk: Folder::new(&node.state()),
            left: AtomicU32::new(more),
            cut,
        });
        let mut run = node.boot_on(disk.clone());
        for _ in 0..30 {
            run.step().await;
            if disk.left.load(Ordering::Relaxed) == 0 {
                reached |= more == at;
                break;
            }
        }
    }
    let mut run = node.boot();
    assert!(run.confirmed().await, "{at} {cut:?}: {:?}", run.words());
    let device = registrar.device();
    assert_eq!(device.phase, Phase::Active, "{at} {cut:?}");
    assert_eq!(registrar.world().uses_left, 0);
    let held = node.holdings().grant.unwrap();
    assert_eq!(held.grant.generation, device.granted, "{at} {cut:?}");
    assert!(held.confirmed && !node.card().contains("claim ="));
    reached
}

#[test]
fn wherever_the_power_goes_the_next_start_goes_on() {
    block_on(async {
        for cut in [Cut::Before, Cut::Amid, Cut::After] {
            let mut writes = 0;
            for at in 1.. {
                if !cut_at(at, cut).await {
                    break;
                }
                writes = at;
            }
            // Three for the keys, five for the grant, the confirmation.
            assert!(writes >= 9, "only {writes} writes were cut");
        }
    });
}

/// A disk that gives one error to whoever writes.
#[derive(Debug)]
struct Sick(Folder, io::ErrorKind);

impl Disk for Sick {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        if self.1 == io::ErrorKind::InvalidData {
            return Err(self.1.into());
        }
        self.0.read(name)
    }
    fn target(&self, link: &str) -> io::Result<String> {
        self.0.target(link)
    }
    fn folder(&self, _: &str) -> io::Result<()> {
        Err(self.1.into())
    }
    fn write(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(self.1.into())
    }
    fn point(&self, _: &str, _: &str) -> io::Result<()> {
        Err(self.1.into())
    }
    fn remove(&self, _: &str) -> io::Result<()> {
        Err(self.1.into())
    }
}

#[test]
fn a_disk_that_cannot_be_written_is_said_and_no_key_is_made_over_another() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        for (kind, word) in [
            (io::ErrorKind::StorageFull, "no-room"),
            (io::ErrorKind::ReadOnlyFilesystem, "read-only"),
            (io::ErrorKind::InvalidData, "cannot-write"),
        ] {
            let disk = Sick(Folder::new(&node.state()), kind);
            let mut run = node.boot_on(Arc::new(disk));
            run.until(4, |shown| shown.next_usec > 0).await;
            assert_eq!(run.words(), ("wait-operator", word));
        }
        assert!(node.boot().confirmed().await);
        let key = std::fs::read(node.state().join("key")).unwrap();
        let unreadable = Sick(Folder::new(&node.state()), io::ErrorKind::InvalidData);
        node.boot_on(Arc::new(unreadable)).until(4, |_| false).await;
        assert_eq!(std::fs::read(node.state().join("key")).unwrap(), key);
    });
}

#[test]
fn the_clock_of_the_node_does_not_count() {
    block_on(async {
        // The node was built before the certificate, in its time, and the certificate is over.
        for (built, joins) in [
            (0, true),
            (1_577_836_800, true),
            (NOW, true),
            (2_208_988_800, false),
        ] {
            let registrar = Double::start();
            let mut node = Node::with(&registrar.invitation());
            node.built = built;
            let mut run = node.boot();
            assert_eq!(run.confirmed().await, joins, "{built}: {:?}", run.words());
        }
        // A certificate that is over, by a registrar that says what time it is, and by one that lies.
        for (now, word) in [(NOW, "expired"), (1_590_000_000, "expired")] {
            let registrar = Double::with_years((2020, 2021));
            registrar.world().now = now;
            let node = Node::with(&registrar.invitation());
            let mut run = node.boot();
            run.until(9, |shown| shown.state.failures > 0).await;
            assert_eq!(run.words(), ("key-ready", word));
        }
        // A registrar whose clock was ahead and is set right is still the registrar; the floor stays.
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        registrar.world().now = NOW + 86_400;
        assert!(node.boot().confirmed().await);
        registrar.world().now = NOW;
        let mut run = node.boot();
        run.until(5, |_| false).await;
        assert_eq!(run.words(), ("confirmed", ""));
        assert_eq!(node.holdings().floor, NOW + 86_400);
    });
}

#[test]
fn a_grant_that_is_not_sound_is_not_installed() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        let upsets = [
            Upset::Forged,
            Upset::Grant(|grant| {
                grant.device = vigla_fleet::fingerprint::Fingerprint::of_spki(b"x");
            }),
            Upset::Grant(|grant| grant.node = "vigla-other".to_owned()),
            Upset::Grant(|grant| grant.generation = 0),
            Upset::Grant(|grant| grant.version = 2),
            Upset::Grant(|grant| grant.ca_sha256.clear()),
            Upset::Grant(|grant| grant.ca_sha256 = vec![grant.device]),
        ];
        let count = upsets.len();
        registrar.upset(upsets);
        let mut run = node.boot();
        for _ in 0..count {
            let before = run.shown.borrow().state.failures;
            run.until(5, |shown| shown.state.failures > before).await;
            assert_eq!(run.words(), ("key-ready", "bad-grant"));
            assert!(node.holdings().grant.is_none());
        }
        assert!(run.confirmed().await, "{:?}", run.words());
    });
}

#[test]
fn nonsense_and_strangers_are_not_believed() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        registrar.upset([
            Upset::Says("<html>"),
            Upset::Says("{\"answer\":\"tide\"}"),
            Upset::Status(404, None),
        ]);
        let mut run = node.boot();
        for _ in 0..3 {
            let before = run.shown.borrow().state.failures;
            run.until(5, |shown| shown.state.failures > before).await;
            assert_eq!(run.words(), ("key-ready", "odd-answer"));
        }
        // Another authority answers in its place.
        let requests = registrar.world().requests;
        let mut invitation = registrar.invitation();
        invitation.pins = vec![Double::start().ca.pin()];
        let node = Node::with(&invitation);
        let mut run = node.boot();
        run.until(9, |shown| shown.state.failures > 0).await;
        assert_eq!(run.words(), ("key-ready", "untrusted"));
        assert_eq!(
            registrar.world().requests,
            requests,
            "nothing is told to it"
        );
        // Nobody is there.
        let mut nobody = registrar.invitation();
        nobody.endpoint.port = 1;
        let node = Node::with(&nobody);
        let mut run = node.boot();
        run.until(9, |shown| shown.state.failures > 0).await;
        assert_eq!(run.words(), ("key-ready", "no-route"));
        nobody.addresses.clear();
        nobody.endpoint.host = "registrar.invalid".to_owned();
        let node = Node::with(&nobody);
        let mut run = node.boot();
        run.until(9, |shown| shown.state.failures > 0).await;
        assert_eq!(run.words(), ("key-ready", "no-name"));
    });
}

#[test]
fn a_damaged_grant_does_not_count_and_is_asked_for_again() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        assert!(node.boot().confirmed().await);
        let grant = node.state().join("current/grant.json");
        let mut text = std::fs::read(&grant).unwrap();
        let at = text.len() / 2;
        text[at] ^= 1;
        vigla_kit::atomic::write(&grant, &text).unwrap();
        assert!(node.holdings().grant.is_none());
        // Without a claim, by its key; it still knows which grants it had.
        let mut run = node.boot();
        assert!(
            run.until(20, |shown| shown.generation == 2)
                .await
                .generation
                == 2
        );
        assert!(run.confirmed().await, "{:?}", run.words());
        assert_eq!(registrar.device().held, 2);
    });
}
