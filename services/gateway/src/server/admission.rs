//! How many connections there may be, in all and from one address, and which one goes when the room
//! is full: a connection that asks for nothing keeps nobody out.
//!
//! The seat of a newcomer comes from the address that holds most, if that holds more than the
//! newcomer's own, or else from his own: so whoever holds few is the last to lose one. There the
//! connection goes that does least (see [`Doing`]), of several the oldest. What is asked by somebody
//! who is known is never broken off. A few seats beyond the limit are for this machine itself.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::last_word::Owed;
use crate::{config::Limits, fault::Fault, login::network, metrics::Metrics};

/// Refusals that are spoken at a time; beyond that a connection is just closed.
const PORCH: usize = 32;

/// Seats that only loopback addresses get.
const RESERVE: usize = 8;

/// Gives out seats.
#[derive(Debug)]
pub(crate) struct Admission {
    room: Arc<Mutex<Room>>,
    porch: Arc<Semaphore>,
    seats: usize,
    per_address: usize,
    metrics: Metrics,
}

/// Who sits where.
#[derive(Debug, Default)]
struct Room {
    /// By network, in the order in which they came.
    guests: HashMap<IpAddr, Vec<Arc<Place>>>,
    taken: usize,
    arrivals: u64,
}

/// What a connection does; the lower, the sooner it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Doing {
    /// It never asked for anything.
    Nothing,
    /// It was answered, and is kept alive.
    Resting,
    /// A request of somebody who is not known is answered.
    Asking,
    /// A request of somebody who is known is answered.
    Served,
}

/// One connection.
#[derive(Debug)]
struct Place {
    number: u64,
    doing: AtomicU8,
    owed: Owed,
    end: CancellationToken,
}

impl Place {
    fn set(&self, doing: Doing) {
        self.doing.store(doing as u8, Ordering::Relaxed);
    }

    fn doing(&self) -> u8 {
        self.doing.load(Ordering::Relaxed)
    }
}

/// A place for one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Mutex<Room>>,
    network: IpAddr,
    place: Arc<Place>,
    metrics: Metrics,
}

/// What a connection tells of itself. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Badge(Arc<Place>);

/// Held while a request is answered.
#[derive(Debug)]
pub(super) struct Turn(Arc<Place>);

impl Admission {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics) -> Self {
        Self {
            room: Arc::default(),
            porch: Arc::new(Semaphore::new(PORCH)),
            seats: usize::from(limits.connections.get()),
            per_address: usize::from(limits.connections_per_address.get()),
            metrics: metrics.clone(),
        }
    }

    /// A seat for a connection from `address`, or why there is none.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Seat, Fault> {
        let network = network(address);
        let reserve = if address.to_canonical().is_loopback() {
            RESERVE
        } else {
            0
        };
        let mut room = lock(&self.room);
        let held = room.guests.get(&network).map_or(0, Vec::len);
        let crowded = held >= self.per_address;
        if crowded || room.taken >= self.seats + reserve {
            let freed = room.free(|guest, holds| guest == network || (!crowded && holds > held));
            let (reason, fault) = match (freed, crowded) {
                (true, _) => ("idle", None),
                (false, true) => ("address", Some(Fault::TooManyFromAddress)),
                (false, false) => ("full", Some(Fault::TooManyConnections)),
            };
            self.metrics.refused.with_label_values(&[reason]).inc();
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        let place = room.seat(network);
        self.metrics.connections.set(room.taken());
        drop(room);
        Ok(Seat {
            room: Arc::clone(&self.room),
            network,
            place,
            metrics: self.metrics.clone(),
        })
    }

    /// A place to tell a client that there is no seat.
    pub(super) fn porch(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.porch).try_acquire_owned().ok()
    }
}

impl Room {
    fn taken(&self) -> i64 {
        i64::try_from(self.taken).unwrap_or(i64::MAX)
    }

    fn seat(&mut self, network: IpAddr) -> Arc<Place> {
        let place = Arc::new(Place {
            number: self.arrivals,
            doing: AtomicU8::new(Doing::Nothing as u8),
            owed: Owed::default(),
            end: CancellationToken::new(),
        });
        self.arrivals += 1;
        self.taken += 1;
        let seats = self.guests.entry(network).or_default();
        seats.push(Arc::clone(&place));
        place
    }

    /// Ends the connection that can best be spared, of those networks that `may` lose one: it is
    /// asked with how many each holds. False when none can be spared.
    fn free(&mut self, may: impl Fn(IpAddr, usize) -> bool) -> bool {
        let guests = self.guests.iter();
        let found = guests
            .filter(|(network, places)| may(**network, places.len()))
            .flat_map(|(network, places)| places.iter().map(|p| (*network, places.len(), p)))
            .filter(|(_, _, place)| place.doing() < Doing::Served as u8)
            .min_by_key(|(_, holds, place)| (Reverse(*holds), place.doing(), place.number));
        let Some((network, _, place)) = found else {
            return false;
        };
        let (number, end) = (place.number, place.end.clone());
        self.leave(network, number);
        end.cancel();
        true
    }

    /// Nothing happens when it left before.
    fn leave(&mut self, network: IpAddr, number: u64) {
        let Some(places) = self.guests.get_mut(&network) else {
            return;
        };
        let before = places.len();
        places.retain(|place| place.number != number);
        self.taken -= before - places.len();
        if places.is_empty() {
            self.guests.remove(&network);
        }
    }
}

impl Seat {
    /// For the requests of this connection.
    pub(super) fn badge(&self) -> Badge {
        Badge(Arc::clone(&self.place))
    }

    /// Serves until the connection ends, or its seat is given to somebody else.
    pub(super) async fn serve(self, connection: impl Future<Output = ()>) {
        self.place.end.run_until_cancelled(connection).await;
    }
}

impl Badge {
    /// A request came; it is `whole` when nothing follows its head.
    pub(super) fn turn(&self, whole: bool) -> Turn {
        self.0.set(Doing::Asking);
        if whole {
            self.0.owed.begin();
        }
        Turn(Arc::clone(&self.0))
    }

    /// What is owed to the client.
    pub(super) fn owed(&self) -> &Owed {
        &self.0.owed
    }
}

impl Turn {
    /// Whoever asks is known, and may.
    pub(super) fn known(&self) {
        self.0.set(Doing::Served);
    }

    /// The answer has no end: a client that ends its side has gone.
    pub(super) fn goes_on(&self) {
        self.0.owed.end();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.set(Doing::Resting);
        self.0.owed.end();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut room = lock(&self.room);
        room.leave(self.network, self.place.number);
        self.metrics.connections.set(room.taken());
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
