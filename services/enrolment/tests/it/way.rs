//! The way into a fleet and what may stand in it, against the strict registrar.

use vigla_fleet::wire::{Phase, Refusal};
use vigla_kit::proxy::Way;

use crate::double::{Double, NOW, Upset};
use crate::node::{Node, block_on};

#[test]
fn a_node_with_a_claim_joins_and_the_claim_is_gone() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        let mut run = node.boot();
        assert!(run.confirmed().await, "{:?}", run.words());
        assert_eq!(registrar.device().phase, Phase::Active);
        let held = node.holdings().grant.unwrap();
        assert!(held.confirmed && held.grant.generation == 1);
        assert_eq!(node.holdings().floor, NOW);
        let shown = run.shown.borrow().clone();
        assert_eq!(shown.node_name, held.grant.node);
        assert!(shown.node_name.ends_with(&shown.device_id));
        assert!(node.card().contains("used_by") && !node.card().contains("claim ="));
        // The next start finds all of it, and asks nobody to join.
        let nonces = registrar.world().nonces.len();
        let mut run = node.boot();
        run.until(5, |_| false).await;
        assert_eq!(run.words(), ("confirmed", ""));
        assert_eq!(registrar.world().nonces.len(), nonces);
    });
}

#[test]
fn lost_requests_and_lost_answers_make_one_device() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        registrar.upset([
            Upset::Lost,
            Upset::Unheard,
            Upset::Status(503, Some(7)),
            Upset::Unheard,
            Upset::Status(502, None),
        ]);
        let mut run = node.boot();
        assert!(run.confirmed().await, "{:?}", run.words());
        assert_eq!(registrar.world().uses_left, 0);
        assert_eq!(registrar.device().granted, 1);
    });
}

#[test]
fn each_refusal_is_shown_and_the_node_asks_again() {
    block_on(async {
        for word in Refusal::ALL {
            let registrar = Double::start();
            let node = Node::with(&registrar.invitation());
            registrar.upset([Upset::Refused(word)]);
            let mut run = node.boot();
            run.until(9, |shown| shown.state.reason.word() == word.word())
                .await;
            assert_eq!(run.words().1, word.word());
            assert!(run.confirmed().await, "{word}: {:?}", run.words());
        }
    });
}

#[test]
fn somebody_has_to_approve_when_the_claim_says_so() {
    block_on(async {
        let registrar = Double::start();
        registrar.world().approve = false;
        let node = Node::with(&registrar.invitation());
        let mut run = node.boot();
        run.until(20, |shown| !shown.state.reason.word().is_empty())
            .await;
        assert_eq!(run.words(), ("requested", "waits-for-approval"));
        registrar.world().approve = true;
        assert!(run.confirmed().await);
    });
}

#[test]
fn a_used_up_or_foreign_claim_is_refused() {
    block_on(async {
        let registrar = Double::start();
        let first = Node::with(&registrar.invitation());
        assert!(first.boot().confirmed().await);
        let node = Node::with(&registrar.invitation());
        let mut second = node.boot();
        second.until(9, |shown| shown.state.failures > 0).await;
        assert_eq!(second.words(), ("wait-operator", "claim-used-up"));
        let mut foreign = registrar.invitation();
        foreign.claim = Double::start().invitation().claim;
        let node = Node::with(&foreign);
        let mut third = node.boot();
        third.until(9, |shown| shown.state.failures > 0).await;
        assert_eq!(third.words(), ("wait-operator", "claim-unknown"));
    });
}

#[test]
fn a_node_whose_node_was_deleted_asks_again_with_its_key() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        let mut run = node.boot();
        assert!(run.confirmed().await);
        registrar.all(|device| device.enrol_again = true);
        run.until(20, |shown| shown.generation == 2).await;
        assert!(run.confirmed().await, "{:?}", run.words());
        assert_eq!(node.holdings().grant.unwrap().grant.generation, 2);
        assert_eq!(registrar.device().held, 2);
        // Of the grant before nothing is left.
        let folders = std::fs::read_dir(node.state()).unwrap();
        let grants = folders
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("grant-"));
        assert_eq!(grants.count(), 1);
    });
}

#[test]
fn suspended_and_released() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        let mut run = node.boot();
        assert!(run.confirmed().await);
        registrar.all(|device| device.phase = Phase::Suspended);
        run.until(9, |shown| shown.state.reason.word() == "suspended")
            .await;
        assert_eq!(run.words(), ("wait-operator", "suspended"));
        registrar.all(|device| device.phase = Phase::Active);
        assert!(run.confirmed().await);
    });
}

#[test]
fn a_copy_of_the_data_on_another_board_is_not_used() {
    block_on(async {
        let registrar = Double::start();
        let mut node = Node::with(&registrar.invitation());
        assert!(node.boot().confirmed().await);
        let requests = registrar.world().requests;
        node.board = "c1".repeat(32);
        let mut run = node.boot();
        run.until(5, |_| false).await;
        assert_eq!(run.words(), ("clone-suspected", "other-board"));
        assert_eq!(registrar.world().requests, requests, "nobody is asked");
    });
}

#[test]
fn a_copy_on_a_board_without_a_number_gives_itself_away() {
    block_on(async {
        let registrar = Double::start();
        let mut node = Node::with(&registrar.invitation());
        node.board = String::new();
        assert!(node.boot().confirmed().await);
        let twin = Node::new();
        copy(&node.state(), &twin.state());
        let twin = Node {
            board: String::new(),
            ..twin
        };
        // The one is let in again, then the other wants the same.
        registrar.all(|device| device.enrol_again = true);
        assert!(
            node.boot()
                .until(9, |shown| shown.generation == 2)
                .await
                .generation
                == 2
        );
        assert!(node.boot().confirmed().await);
        let mut run = twin.boot();
        run.until(9, |shown| shown.state.reason.word() == "clone-suspected")
            .await;
        assert_eq!(run.words(), ("clone-suspected", "clone-suspected"));
    });
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&source, &target);
        } else if kind.is_symlink() {
            let to = std::fs::read_link(&source).unwrap();
            std::os::unix::fs::symlink(to, &target).unwrap();
        } else {
            std::fs::copy(&source, &target).unwrap();
        }
    }
}

#[test]
fn a_card_for_another_fleet_takes_the_node_there() {
    block_on(async {
        let (first, second) = (Double::start(), Double::start());
        let node = Node::with(&first.invitation());
        assert!(node.boot().confirmed().await);
        node.put(&second.invitation().write());
        let mut run = node.boot();
        assert!(
            run.until(20, |shown| shown.url
                == second.invitation().endpoint.to_string())
                .await
                .generation
                > 0
        );
        assert!(run.confirmed().await, "{:?}", run.words());
        let held = node.holdings().grant.unwrap();
        assert_eq!(held.service.pins, [second.ca.pin()]);
        assert!(!node.card().contains("claim ="));
    });
}

#[test]
fn new_authorities_are_learnt_from_the_old_one() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        let mut run = node.boot();
        assert!(run.confirmed().await);
        let next = Double::start().ca.pin();
        registrar.world().tells = vec![registrar.ca.pin(), next];
        run.step().await;
        run.step().await;
        let held = node.holdings().grant.expect("is still verified");
        assert_eq!(held.service.pins, [registrar.ca.pin(), next]);
        assert!(held.confirmed);
    });
}

/// A proxy that knows one word; gives its port and who was asked for.
async fn proxy(open: bool) -> (u16, tokio::task::JoinHandle<String>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    #[allow(clippy::disallowed_methods, reason = "a runtime of the test's own")]
    let told = tokio::spawn(async move {
        let mut first = String::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            if first.is_empty() {
                head.lines()
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut first);
            }
            if !open {
                client.write_all(b"HTTP/1.1 403 no\r\n\r\n").await.unwrap();
                return first;
            }
            let port: u16 = head.split([':', ' ']).nth(2).unwrap().parse().unwrap();
            let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .unwrap();
            client.write_all(b"HTTP/1.1 200 go\r\n\r\n").await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    });
    (port, told)
}

#[test]
fn the_owners_proxy_is_gone_through() {
    block_on(async {
        let registrar = Double::start();
        for open in [true, false] {
            let node = Node::with(&registrar.invitation());
            let (port, told) = proxy(open).await;
            let mut run = node.boot();
            run.driver.way = Way::new("", &format!("http://127.0.0.1:{port}"), "");
            if open {
                assert!(run.confirmed().await, "{:?}", run.words());
                told.abort();
            } else {
                run.until(9, |shown| shown.state.failures > 0).await;
                assert_eq!(run.words(), ("key-ready", "proxy"));
                let asked = told.await.unwrap();
                assert!(asked.starts_with("CONNECT localhost:"), "{asked}");
            }
        }
    });
}

#[test]
fn a_node_that_was_forgotten_comes_back_with_a_new_claim() {
    block_on(async {
        let registrar = Double::start();
        let node = Node::with(&registrar.invitation());
        assert!(node.boot().confirmed().await);
        registrar.world().devices.clear();
        let mut run = node.boot();
        run.until(5, |shown| shown.state.failures > 0).await;
        assert_eq!(run.words(), ("wait-operator", "claim-needed"));
        // The same registrar, and a claim on the card: it is not taken for one that was used.
        registrar.world().uses_left = 1;
        node.put(&registrar.invitation().write());
        let mut run = node.boot();
        run.until(20, |shown| shown.generation == 2).await;
        assert!(run.confirmed().await, "{:?}", run.words());
        run.until(4, |_| false).await;
        assert_eq!(registrar.world().uses_left, 0);
        assert!(!node.card().contains("claim ="));
    });
}
