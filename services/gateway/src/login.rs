//! The log-in: who somebody is, and how he becomes so.
//!
//! ```text
//!  one-time code ──► owner's password ──► session (cookie) ──┐
//!                    viewers' password ─► session            ├─► Visitor ─► access
//!  guest link ─────────────────────────► session             │
//!  Basic (a password), Bearer (a token) ─────────────────────┘
//! ```
//!
//! Three rooms on one state: `set_up` how passwords come to be, `enter` who comes with what, `issue`
//! tokens and links. What anybody may reach is not decided here but in `access`; the forms are in
//! `desk`. Secrets of full entropy are kept as digests, passwords as argon2id.

pub(crate) mod code;
mod enter;
mod issue;
mod known;
mod lives;
pub(crate) mod password;
pub(crate) mod secret;
pub(crate) mod sessions;
mod set_up;
pub(crate) mod store;
mod throttle;
pub(crate) mod tokens;

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus::IntCounterVec;
use tokio::time::Instant;
use vigla_bus::Problem;
use vigla_kit::{Context, Problems};

use self::{
    code::Code,
    known::Known,
    lives::{Lives, Proof},
    password::Hasher,
    sessions::{Life, Sessions},
    store::Kept,
    throttle::Throttle,
};
pub(crate) use self::{enter::cookie, set_up::NotSet, throttle::network};
use crate::{access::Who, config, fault::Fault, report::Report};

/// The cookie. Browsers take this prefix only from HTTPS, for all paths of this very host.
pub(crate) const COOKIE: &str = "__Host-vigla";

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) who: Who,
    /// Ends with the log-in; none for who has none.
    pub(crate) life: Option<Life>,
    /// The browser sends the proof by itself, whoever asks it to: a cookie.
    pub(crate) by_itself: bool,
}

impl Visitor {
    /// Somebody who showed nothing.
    pub(crate) const fn plain(who: Who) -> Self {
        Self {
            who,
            life: None,
            by_itself: false,
        }
    }
}

/// Whose password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Owner,
    Viewer,
}

impl Role {
    pub(crate) fn parse(user: &str) -> Option<Self> {
        match user.trim().to_ascii_lowercase().as_str() {
            "owner" => Some(Self::Owner),
            "viewer" => Some(Self::Viewer),
            _ => None,
        }
    }

    const fn who(self) -> Who {
        match self {
            Self::Owner => Who::OWNER,
            Self::Viewer => Who::VIEWER,
        }
    }
}

/// The log-in of this node. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Login(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    code_file: PathBuf,
    kept: Mutex<Kept>,
    code: Mutex<Option<Code>>,
    throttle: Mutex<Throttle>,
    known: Mutex<Known>,
    /// Held by the one request whose Basic credentials are looked at.
    turn: tokio::sync::Mutex<()>,
    sessions: Sessions,
    /// What came by a password or a token in words.
    lives: Lives,
    hasher: Hasher,
    report: Option<Report>,
    problems: Problems,
    clock: vigla_kit::Clock,
    /// Refused attempts, by reason.
    refusals: IntCounterVec,
}

impl Login {
    /// Reads what is kept. `report` is there when somebody can log in, that is with HTTPS: then a
    /// node without a password makes the code that sets one.
    pub(crate) fn open(
        context: &Context,
        settings: &config::Login,
        report: Option<Report>,
        refusals: &IntCounterVec,
    ) -> anyhow::Result<Self> {
        let file = context.state_dir().join("login.json");
        let kept = Kept::load(&file).unwrap_or_else(|error| {
            let file = file.display();
            tracing::error!(%error, "cannot read `{file}`: a password must be set anew");
            Kept::default()
        });
        let login = Self(Arc::new(Inner {
            file,
            code_file: context.state_dir().join("code"),
            kept: Mutex::new(kept),
            code: Mutex::default(),
            throttle: Mutex::new(Throttle::new(Instant::now())),
            known: Mutex::new(Known::new()?),
            turn: tokio::sync::Mutex::default(),
            sessions: Sessions::new(settings),
            lives: Lives::default(),
            hasher: Hasher::new()?,
            report,
            problems: context.problems.clone(),
            clock: context.clock.clone(),
            refusals: refusals.clone(),
        }));
        login.take_owner(&settings.owner_file);
        login.offer()?;
        Ok(login)
    }

    /// Whether the owner has a password.
    pub(crate) fn is_set(&self) -> bool {
        lock(&self.0.kept).owner.is_some()
    }

    /// Whether viewers have one.
    pub(crate) fn has_viewer(&self) -> bool {
        lock(&self.0.kept).viewer.is_some()
    }

    /// The sessions.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Ends what is over; called now and then.
    pub(crate) fn sweep(&self) {
        self.end_tokens();
        self.0.sessions.sweep(Instant::now());
    }

    /// Ends what came by tokens and links that are no good, or not there, any more.
    fn end_tokens(&self) {
        let now = self.0.clock.now_usec();
        // Held all the while: a token that is made meanwhile must not be missed.
        let kept = lock(&self.0.kept);
        let good = |id: &str| kept.tokens.iter().any(|t| t.id == id && !t.is_over(now));
        self.0.sessions.close_links(|link| !good(link));
        self.0.lives.keep(|proof| match proof {
            Proof::Token(id) => good(id),
            Proof::Password(_) => true,
        });
    }

    /// Changes what is kept, on disk first: what cannot be kept is not done.
    fn change(&self, change: impl FnOnce(&mut Kept)) -> Result<(), Fault> {
        let mut kept = lock(&self.0.kept);
        let mut next = kept.clone();
        change(&mut next);
        let saved = next.save(&self.0.file);
        let done = saved.is_ok();
        if done {
            *kept = next;
        }
        drop(kept);
        self.told(saved);
        if done { Ok(()) } else { Err(Fault::NotKept) }
    }

    /// Turns a failure to write into the problem that it is.
    fn told(&self, written: std::io::Result<()>) {
        let folder = self.0.file.parent().unwrap_or(&self.0.file);
        let folder = folder.display().to_string();
        match written {
            Ok(()) => self.0.problems.clear("no-state", &folder),
            Err(error) => {
                tracing::error!(%error, "cannot write to the state folder");
                self.0.problems.set(Problem::new("no-state", folder));
            }
        }
    }

    fn open_session(&self, who: Who, link: &str) -> Result<String, Fault> {
        let opened = self.0.sessions.open(who, link, Instant::now());
        opened.map_err(|error| internal(&error))
    }

    fn attempt(&self, from: IpAddr) -> Result<(), Fault> {
        let attempt = lock(&self.0.throttle).attempt(from, Instant::now());
        attempt.inspect_err(|_| self.refused("too-early"))
    }

    /// Counts an attempt that was refused.
    fn refused(&self, reason: &'static str) {
        self.0.refusals.with_label_values(&[reason]).inc();
    }

    fn succeeded(&self, from: IpAddr) {
        lock(&self.0.throttle).succeeded(from, Instant::now());
    }
}

fn internal(error: &std::io::Error) -> Fault {
    tracing::error!(%error, "cannot make a secret");
    Fault::Internal
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
