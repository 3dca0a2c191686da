//! How many connections there may be, in all and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{config::Limits, fault::Fault, metrics::Metrics};

/// Refusals that are spoken at a time; beyond that a connection is just closed.
const PORCH: usize = 32;

/// Gives out seats.
#[derive(Debug)]
pub(crate) struct Admission {
    room: Arc<Semaphore>,
    porch: Arc<Semaphore>,
    per_address: usize,
    guests: Guests,
    metrics: Metrics,
}

type Guests = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A place for one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    _permit: OwnedSemaphorePermit,
    guest: Option<(Guests, IpAddr, IntGauge)>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics) -> Self {
        Self {
            room: Arc::new(Semaphore::new(usize::from(limits.connections.get()))),
            porch: Arc::new(Semaphore::new(PORCH)),
            per_address: usize::from(limits.connections_per_address.get()),
            guests: Guests::default(),
            metrics: metrics.clone(),
        }
    }

    /// A seat for a connection from `address`, or why there is none.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Seat, Fault> {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            self.metrics.refused.with_label_values(&["full"]).inc();
            return Err(Fault::TooManyConnections);
        };
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let seats = guests.entry(address).or_default();
        if *seats >= self.per_address {
            self.metrics.refused.with_label_values(&["address"]).inc();
            return Err(Fault::TooManyFromAddress);
        }
        *seats += 1;
        let gauge = self.metrics.connections.clone();
        gauge.inc();
        Ok(Seat {
            _permit: permit,
            guest: Some((Arc::clone(&self.guests), address, gauge)),
        })
    }

    /// A place to tell a client that there is no seat.
    pub(super) fn porch(&self) -> Option<Seat> {
        let permit = Arc::clone(&self.porch).try_acquire_owned().ok()?;
        Some(Seat {
            _permit: permit,
            guest: None,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((guests, address, gauge)) = self.guest.take() else {
            return;
        };
        gauge.dec();
        let mut guests = guests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seats) = guests.get_mut(&address) {
            *seats -= 1;
            if *seats == 0 {
                guests.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn one_address_cannot_take_all_seats() {
        let admission = admission(3, 2);
        let first = admission.admit(HERE).unwrap();
        let _second = admission.admit(HERE).unwrap();
        assert_eq!(
            admission.admit(HERE).unwrap_err(),
            Fault::TooManyFromAddress
        );
        let _third = admission.admit(THERE).unwrap();
        assert_eq!(
            admission.admit(THERE).unwrap_err(),
            Fault::TooManyConnections
        );
        drop(first);
        let _again = admission.admit(HERE).unwrap();
        assert_eq!(admission.metrics.connections.get(), 3);
    }

    #[test]
    fn an_address_is_forgotten_with_its_last_connection() {
        let admission = admission(3, 2);
        drop(admission.admit(HERE).unwrap());
        assert!(admission.guests.lock().unwrap().is_empty());
    }
}
