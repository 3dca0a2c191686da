//! Who is logged in: in memory only, so a restart of the gateway asks for passwords again, and no
//! copy of the card holds a session.
//!
//! A session is known by the digest of its cookie. It ends by log-out, after some time without a
//! request or an open stream, after its longest time, or with the guest link it came from; and
//! with it end the streams that it opened.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::secret::{self, Digest};
use crate::{access::Who, config};

/// Most sessions at once; one more ends the one that was quiet for longest, of guests first.
const MOST: usize = 128;

/// Most sessions by one link.
const MOST_BY_LINK: usize = 16;

/// All sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    all: Arc<Mutex<HashMap<Digest, Session>>>,
    idle: Duration,
    longest: Duration,
}

#[derive(Debug)]
struct Session {
    who: Who,
    /// The guest link it came from; empty for a password.
    link: String,
    since: Instant,
    seen: Instant,
    life: Life,
}

/// Held by every answer that is still being sent; cancelled when the session ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life(Arc<CancellationToken>);

impl Life {
    /// Ends with the session.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.0
    }

    fn is_streaming(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// A session that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) who: Who,
    pub(crate) link: String,
    pub(crate) life: Life,
}

impl Sessions {
    pub(crate) fn new(settings: &config::Login) -> Self {
        Self {
            all: Arc::default(),
            idle: settings.idle.get(),
            longest: settings.longest.get(),
        }
    }

    /// How long a cookie may live.
    pub(crate) const fn longest(&self) -> Duration {
        self.longest
    }

    /// A new session; gives the secret of its cookie.
    pub(crate) fn open(&self, who: Who, link: &str, now: Instant) -> std::io::Result<String> {
        let secret = secret::secret()?;
        let session = Session {
            who,
            link: link.to_owned(),
            since: now,
            seen: now,
            life: Life::default(),
        };
        let mut all = self.lock();
        let same = |s: &&Session| !link.is_empty() && s.link == link;
        if all.values().filter(same).count() >= MOST_BY_LINK {
            end_quietest(&mut all, |session| session.link == link);
        }
        if all.len() >= MOST {
            end_quietest(&mut all, |_| true);
        }
        all.insert(Digest::of(&secret), session);
        Ok(secret)
    }

    /// Who has this cookie, and by which link.
    pub(crate) fn find(&self, secret: &str, now: Instant) -> Option<Found> {
        let mut all = self.lock();
        let digest = Digest::of(secret);
        if self.is_over(all.get(&digest)?, now) {
            end(&mut all, &digest);
            return None;
        }
        let session = all.get_mut(&digest)?;
        session.seen = now;
        Some(Found {
            who: session.who,
            link: session.link.clone(),
            life: session.life.clone(),
        })
    }

    /// Log-out.
    pub(crate) fn close(&self, secret: &str) {
        end(&mut self.lock(), &Digest::of(secret));
    }

    /// Ends all sessions that came by a link that is `over`.
    pub(crate) fn close_links(&self, over: impl Fn(&str) -> bool) {
        self.close_if(|session| !session.link.is_empty() && over(&session.link));
    }

    /// Ends all sessions: the owner's password is another one now.
    pub(crate) fn close_all(&self) {
        self.close_if(|_| true);
    }

    /// Ends those of the viewers: their password is another one now.
    pub(crate) fn close_viewers(&self) {
        self.close_if(|session| session.who == Who::VIEWER);
    }

    /// Ends what is over. Whoever streams is not idle.
    pub(crate) fn sweep(&self, now: Instant) {
        for session in self.lock().values_mut() {
            if session.life.is_streaming() {
                session.seen = now;
            }
        }
        self.close_if(|session| self.is_over(session, now));
    }

    fn is_over(&self, session: &Session, now: Instant) -> bool {
        let idle = !session.life.is_streaming() && now.duration_since(session.seen) >= self.idle;
        idle || now.duration_since(session.since) >= self.longest
    }

    fn close_if(&self, over: impl Fn(&Session) -> bool) {
        self.lock().retain(|_, session| {
            let over = over(session);
            if over {
                session.life.token().cancel();
            }
            !over
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Session>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end_quietest(all: &mut HashMap<Digest, Session>, among: impl Fn(&Session) -> bool) {
    let among = all.iter().filter(|(_, session)| among(session));
    let quietest = among.min_by_key(|(_, session)| (session.link.is_empty(), session.seen));
    if let Some((&quietest, _)) = quietest {
        end(all, &quietest);
    }
}

fn end(all: &mut HashMap<Digest, Session>, digest: &Digest) {
    if let Some(session) = all.remove(digest) {
        session.life.token().cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn sessions() -> Sessions {
        Sessions {
            all: Arc::default(),
            idle: 10 * MINUTE,
            longest: 60 * MINUTE,
        }
    }

    #[test]
    fn a_session_ends_by_log_out_and_takes_its_streams_along() {
        let (sessions, now) = (sessions(), Instant::now());
        let secret = sessions.open(Who::OWNER, "", now).unwrap();
        let Found { who, life, .. } = sessions.find(&secret, now).unwrap();
        assert_eq!(who, Who::OWNER);
        assert!(sessions.find("another", now).is_none());
        sessions.close(&secret);
        assert!(life.token().is_cancelled());
        assert!(sessions.find(&secret, now).is_none());
    }

    #[test]
    fn a_session_ends_when_idle_and_at_last() {
        let (sessions, start) = (sessions(), Instant::now());
        let idle = sessions.open(Who::VIEWER, "", start).unwrap();
        let busy = sessions.open(Who::VIEWER, "", start).unwrap();
        let stream = sessions.find(&busy, start).unwrap().life;
        for minutes in 1..60 {
            sessions.sweep(start + minutes * MINUTE);
        }
        let late = start + 59 * MINUTE;
        assert!(sessions.find(&idle, late).is_none());
        assert!(sessions.find(&busy, late).is_some());
        sessions.sweep(start + 60 * MINUTE);
        assert!(stream.token().is_cancelled());
    }

    #[test]
    fn a_link_that_is_gone_takes_its_guests_along() {
        let (sessions, now) = (sessions(), Instant::now());
        let guest = sessions.open(Who::GUEST, "a1", now).unwrap();
        let other = sessions.open(Who::GUEST, "b2", now).unwrap();
        sessions.close_links(|link| link == "a1");
        assert!(sessions.find(&guest, now).is_none());
        assert!(sessions.find(&other, now).is_some());
    }

    #[test]
    fn there_are_never_too_many() {
        let (sessions, now) = (sessions(), Instant::now());
        let first = sessions.open(Who::OWNER, "", now).unwrap();
        for _ in 0..4 * MOST_BY_LINK {
            sessions.open(Who::GUEST, "a1", now).unwrap();
        }
        assert_eq!(sessions.lock().len(), 1 + MOST_BY_LINK);
        for n in 0..=MOST {
            sessions.open(Who::GUEST, &n.to_string(), now).unwrap();
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert!(sessions.find(&first, now).is_some(), "guests go first");
    }
}
