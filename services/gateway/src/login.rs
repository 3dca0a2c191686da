//! The log-in: who somebody is, and how he becomes so.
//!
//! ```text
//!  one-time code ──► owner's password ──► session (cookie) ──┐
//!                    viewers' password ─► session            ├─► Visitor ─► access
//!  guest link ─────────────────────────► session             │
//!  Basic (a password), Bearer (a token) ─────────────────────┘
//! ```
//!
//! What anybody may reach is not decided here but in `access`; the forms are in `desk`. Secrets of
//! full entropy are kept as digests, passwords as argon2id.

pub(crate) mod code;
mod known;
pub(crate) mod password;
pub(crate) mod secret;
pub(crate) mod sessions;
pub(crate) mod store;
mod throttle;
pub(crate) mod tokens;

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
};
use tokio::time::Instant;
use vigla_bus::Problem;
use vigla_kit::{Context, Problems};

use self::{
    code::Code,
    known::Known,
    password::{Hasher, Weak},
    sessions::{Life, Sessions},
    store::Kept,
    throttle::Throttle,
    tokens::{Token, Wish},
};
use crate::{access::Who, config, fault::Fault, report::Report};

/// The cookie. Browsers take this prefix only from HTTPS, for all paths of this very host.
pub(crate) const COOKIE: &str = "__Host-vigla";

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) who: Who,
    /// Ends with the log-in; none for who has none.
    pub(crate) life: Option<Life>,
    /// The browser sends the proof by itself, whoever asks it to.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Why a password was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSet {
    #[error(transparent)]
    Weak(#[from] Weak),
    #[error("the code is wrong")]
    Code,
    #[error("the password is set already: log in with it")]
    Already,
    #[error(transparent)]
    Fault(#[from] Fault),
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
    sessions: Sessions,
    hasher: Hasher,
    report: Option<Report>,
    problems: Problems,
    clock: vigla_kit::Clock,
}

impl Login {
    /// Reads what is kept. `report` is there when somebody can log in, that is with HTTPS: then a
    /// node without a password makes the code that sets one.
    pub(crate) fn open(
        context: &Context,
        settings: &config::Login,
        report: Option<Report>,
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
            sessions: Sessions::new(settings),
            hasher: Hasher::new()?,
            report,
            problems: context.problems.clone(),
            clock: context.clock.clone(),
        }));
        login.offer()?;
        Ok(login)
    }

    /// Makes the one-time code when there is no password, and takes it away when there is.
    fn offer(&self) -> anyhow::Result<()> {
        let inner = &self.0;
        let Some(report) = &inner.report else {
            return Ok(());
        };
        let code = if self.is_set() {
            None
        } else {
            Some(Code::at(&inner.code_file)?)
        };
        let kept = match &code {
            Some(code) => code.keep(&inner.code_file),
            None => forget(&inner.code_file),
        };
        self.told(kept.and_then(|()| report.write(code.as_ref())));
        if code.is_some() {
            tracing::info!("no password is set: the code that sets one is in the report");
        }
        *lock(&inner.code) = code;
        Ok(())
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

    /// Sets the owner's password by the one-time code, and logs him in.
    pub(crate) async fn set_up(
        &self,
        typed: &str,
        (password, again): (&str, &str),
        from: IpAddr,
    ) -> Result<String, NotSet> {
        if self.is_set() {
            return Err(NotSet::Already);
        }
        password::check(password, again)?;
        self.attempt(from)?;
        let fits = |code: &Option<Code>| code.as_ref().is_some_and(|code| code.is(typed));
        if !fits(&lock(&self.0.code)) {
            tracing::warn!(%from, "a wrong code");
            return Err(NotSet::Code);
        }
        let hash = self.0.hasher.hash(password.to_owned()).await?;
        {
            // Somebody else may have been faster while we hashed.
            let mut code = lock(&self.0.code);
            if !fits(&code) {
                return Err(NotSet::Already);
            }
            self.change(|kept| kept.owner = Some(hash))?;
            *code = None;
        }
        self.succeeded(from);
        tracing::info!(%from, "the owner's password was set by the code");
        if let Err(error) = self.offer() {
            tracing::error!("cannot write the report: {error:#}");
        }
        Ok(self.open_session(Who::OWNER, "")?)
    }

    /// Logs in by a password; gives the secret of the cookie.
    pub(crate) async fn enter(
        &self,
        user: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<String, Fault> {
        let role = self.verify(user, password, from).await?;
        tracing::info!(%from, ?role, "log-in");
        self.open_session(role.who(), "")
    }

    /// Whose password this is.
    async fn verify(&self, user: &str, password: &str, from: IpAddr) -> Result<Role, Fault> {
        self.attempt(from)?;
        let role = Role::parse(user);
        let hash = role.and_then(|role| self.hash_of(role));
        let right = self.0.hasher.verify(password.to_owned(), hash.clone());
        let right = right.await?;
        // It may have been changed while we looked.
        let Some(role) = role.filter(|role| right && self.hash_of(*role) == hash) else {
            tracing::warn!(%from, "a wrong password");
            return Err(Fault::Wrong);
        };
        self.succeeded(from);
        Ok(role)
    }

    fn hash_of(&self, role: Role) -> Option<String> {
        let kept = lock(&self.0.kept);
        match role {
            Role::Owner => kept.owner.clone(),
            Role::Viewer => kept.viewer.clone(),
        }
    }

    /// Sets or takes away a password, and ends every session: who was logged in by the old one must
    /// not stay.
    pub(crate) async fn set_password(
        &self,
        role: Role,
        (password, again): (&str, &str),
    ) -> Result<(), NotSet> {
        let hash = if role == Role::Viewer && password.is_empty() && again.is_empty() {
            None
        } else {
            password::check(password, again)?;
            Some(self.0.hasher.hash(password.to_owned()).await?)
        };
        self.change(|kept| match role {
            Role::Owner => kept.owner = hash,
            Role::Viewer => kept.viewer = hash,
        })?;
        lock(&self.0.known).forget();
        self.0.sessions.close_all();
        Ok(())
    }

    /// Who comes with these headers. What is shown and wrong is an error, and not nobody.
    pub(crate) async fn identify(
        &self,
        headers: &HeaderMap,
        from: IpAddr,
    ) -> Result<Option<Visitor>, Fault> {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        match (shown.next(), shown.next()) {
            (Some(shown), None) => self.by_header(shown, from).await.map(Some),
            (Some(_), Some(_)) => Err(Fault::Wrong),
            (None, _) => Ok(cookie(headers).and_then(|secret| self.by_cookie(secret))),
        }
    }

    async fn by_header(&self, shown: &HeaderValue, from: IpAddr) -> Result<Visitor, Fault> {
        let text = shown.to_str().map_err(|_| Fault::Wrong)?;
        let (scheme, proof) = text.split_once(' ').ok_or(Fault::Wrong)?;
        let proof = proof.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            let kept = lock(&self.0.kept);
            let found = tokens::find(&kept.tokens, proof, self.0.clock.now_usec());
            // A guest link is for a browser, and ends with its session.
            let found = found.filter(|token| !token.is_guest());
            return found
                .map(|token| Visitor::plain(token.who()))
                .ok_or(Fault::Wrong);
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(Fault::Wrong);
        }
        // Programs send it with each request: hashing each time would cost more than the pictures.
        if let Some(who) = lock(&self.0.known).find(proof, Instant::now()) {
            return Ok(Visitor::plain(who));
        }
        let bytes = STANDARD.decode(proof).map_err(|_| Fault::Wrong)?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::Wrong)?;
        let (user, password) = text.split_once(':').ok_or(Fault::Wrong)?;
        let role = self.verify(user, password, from).await?;
        lock(&self.0.known).learn(proof, role.who(), Instant::now());
        Ok(Visitor::plain(role.who()))
    }

    fn by_cookie(&self, secret: &str) -> Option<Visitor> {
        let found = self.0.sessions.find(secret, Instant::now())?;
        if !found.link.is_empty() && self.link_is_over(&found.link) {
            self.0.sessions.close_link(&found.link);
            return None;
        }
        Some(Visitor {
            who: found.who,
            life: Some(found.life),
            by_itself: true,
        })
    }

    fn link_is_over(&self, id: &str) -> bool {
        let now = self.0.clock.now_usec();
        let kept = lock(&self.0.kept);
        !kept.tokens.iter().any(|t| t.id == id && !t.is_over(now))
    }

    /// Lets a guest in by the secret of a link.
    pub(crate) fn visit(&self, secret: &str) -> Result<String, Fault> {
        let id = {
            let kept = lock(&self.0.kept);
            let found = tokens::find(&kept.tokens, secret, self.0.clock.now_usec());
            let link = found.filter(|token| token.is_guest());
            link.ok_or(Fault::Wrong)?.id.clone()
        };
        tracing::info!(link = id, "a guest came in");
        self.open_session(Who::GUEST, &id)
    }

    /// Makes a token or a link; gives its id and its secret, which is told once.
    pub(crate) fn add_token(&self, wish: &Wish) -> Result<(String, String), Fault> {
        let made = Token::new(wish, self.0.clock.now_usec());
        let (token, secret) = made.map_err(|error| internal(&error))?;
        let id = token.id.clone();
        let now = self.0.clock.now_usec();
        if self.tokens().iter().filter(|t| !t.is_over(now)).count() >= tokens::MOST {
            return Err(Fault::TooManyTokens(tokens::MOST));
        }
        self.change(|kept| {
            kept.tokens.retain(|token| !token.is_over(now));
            kept.tokens.push(token);
        })?;
        tracing::info!(id, "a token was made");
        Ok((id, secret))
    }

    /// All tokens and links.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        lock(&self.0.kept).tokens.clone()
    }

    /// Takes a token or a link back, and ends what came by it. False when there is no such.
    pub(crate) fn revoke(&self, id: &str) -> Result<bool, Fault> {
        if !self.tokens().iter().any(|token| token.id == id) {
            return Ok(false);
        }
        self.change(|kept| kept.tokens.retain(|token| token.id != id))?;
        self.0.sessions.close_link(id);
        tracing::info!(id, "a token was revoked");
        Ok(true)
    }

    /// Ends what is over; called now and then.
    pub(crate) fn sweep(&self) {
        let now = self.0.clock.now_usec();
        let over: Vec<_> = {
            let kept = lock(&self.0.kept);
            let over = kept.tokens.iter().filter(|token| token.is_over(now));
            over.map(|token| token.id.clone()).collect()
        };
        for id in over {
            self.0.sessions.close_link(&id);
        }
        self.0.sessions.sweep(Instant::now());
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
        lock(&self.0.throttle).attempt(from, Instant::now())
    }

    fn succeeded(&self, from: IpAddr) {
        lock(&self.0.throttle).succeeded(from, Instant::now());
    }
}

/// The secret in our cookie.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn forget(file: &std::path::Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn internal(error: &std::io::Error) -> Fault {
    tracing::error!(%error, "cannot make a secret");
    Fault::Internal
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
