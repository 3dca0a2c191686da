use prometheus::Registry;

use super::*;
use crate::config::Count;

fn admission(connections: u16, per_address: u16) -> Admission {
    let limits = Limits {
        connections: Count::new(connections).unwrap(),
        connections_per_address: Count::new(per_address).unwrap(),
        ..Limits::default()
    };
    Admission::new(&limits, &Metrics::new(&Registry::new()).unwrap())
}

fn at(n: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, n])
}

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn is_gone(seat: &Seat) -> bool {
    seat.place.end.is_cancelled()
}

/// As many seats from `address`, each with a request of somebody who is known.
fn served(admission: &Admission, address: IpAddr, seats: usize) -> Vec<(Seat, Turn)> {
    let seats = (0..seats).map(|_| {
        let seat = admission.admit(address).unwrap();
        let turn = seat.badge().turn(true);
        turn.known();
        (seat, turn)
    });
    seats.collect()
}

#[test]
fn one_address_cannot_take_all_seats() {
    let admission = admission(3, 2);
    let mut first = served(&admission, at(1), 2);
    let told = admission.admit(at(1)).unwrap_err();
    assert_eq!(told, Fault::TooManyFromAddress);
    let _second = served(&admission, at(2), 1);
    let told = admission.admit(at(2)).unwrap_err();
    assert_eq!(told, Fault::TooManyConnections);
    assert_eq!(admission.metrics.connections.get(), 3);
    first.pop();
    let _again = admission.admit(at(1)).unwrap();
    assert_eq!(admission.metrics.connections.get(), 3);
}

#[test]
fn who_asks_for_nothing_goes_first_and_of_the_address_that_holds_most() {
    let admission = admission(6, 4);
    let three = |address| [(); 3].map(|()| admission.admit(address).unwrap());
    let (one, two) = (three(at(1)), three(at(2)));
    drop(one[0].badge().turn(true));
    let _asking = one[2].badge().turn(true);
    let all: Vec<_> = one.iter().chain(&two).collect();
    let mut newcomers = Vec::new();
    // The number of the seat that goes for each of five newcomers.
    for (n, goes) in (3..).zip([1, 3, 4, 0, 5]) {
        let before: Vec<_> = all.iter().map(|seat| is_gone(seat)).collect();
        newcomers.push(admission.admit(at(n)).unwrap());
        let went = all
            .iter()
            .zip(before)
            .position(|(seat, was)| is_gone(seat) && !was);
        assert_eq!(went, Some(goes));
    }
    assert_eq!(admission.metrics.connections.get(), 6);
    assert!(newcomers.iter().all(|seat| !is_gone(seat)));
}

#[test]
fn who_holds_few_keeps_them() {
    let admission = admission(4, 4);
    let honest = admission.admit(at(1)).unwrap();
    let crowd: Vec<_> = (0..50)
        .filter_map(|_| admission.admit(at(2)).ok())
        .collect();
    assert!(!is_gone(&honest), "the crowd takes from itself");
    assert_eq!(crowd.iter().filter(|seat| !is_gone(seat)).count(), 3);
    // A request that never ends of somebody whom nobody knows is no way to keep a seat either.
    let turns: Vec<_> = crowd.iter().map(|seat| seat.badge().turn(true)).collect();
    let _newcomer = admission.admit(at(3)).unwrap();
    assert_eq!(crowd.iter().filter(|seat| !is_gone(seat)).count(), 2);
    drop(turns);
}

#[test]
fn this_machine_has_a_reserve() {
    let admission = admission(2, 2);
    let _full = served(&admission, at(1), 2);
    admission.admit(at(2)).unwrap_err();
    let _home = admission.admit(HOME).unwrap();
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let admission = admission(9, 1);
    let _one = served(&admission, "2001:db8::1".parse().unwrap(), 1);
    let told = admission.admit("2001:db8::2".parse().unwrap()).unwrap_err();
    assert_eq!(told, Fault::TooManyFromAddress);
}

#[test]
fn an_address_is_forgotten_with_its_last_connection() {
    let admission = admission(1, 1);
    let evicted = admission.admit(at(1)).unwrap();
    let second = admission.admit(at(1)).unwrap();
    assert!(is_gone(&evicted) && !is_gone(&second));
    assert_eq!(admission.metrics.connections.get(), 1);
    drop(evicted);
    assert_eq!(admission.metrics.connections.get(), 1);
    drop(second);
    assert!(lock(&admission.room).guests.is_empty());
    assert_eq!(lock(&admission.room).taken, 0);
}
