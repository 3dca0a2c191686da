//! Who comes with what: a password, a cookie, a token, a link.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
};
use tokio::time::Instant;

use super::{COOKIE, Login, Role, Visitor, lives::Proof, lock, tokens};
use crate::{access::Who, fault::Fault};

impl Login {
    /// Logs in by a password; gives the secret of the cookie.
    pub(crate) async fn enter(
        &self,
        user: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<String, Fault> {
        let opened = |role: Role| {
            tracing::info!(%from, ?role, "log-in");
            self.open_session(role.who(), "")
        };
        self.verify(user, password, from, opened).await?
    }

    /// Whether this is the owner's password: asked before it is changed, as a cookie may be stolen.
    pub(crate) async fn is_owner(&self, password: &str, from: IpAddr) -> Result<(), Fault> {
        self.verify("owner", password, from, drop).await
    }

    /// Whose password this is, and what he gets for it before anybody can change it.
    async fn verify<T>(
        &self,
        user: &str,
        password: &str,
        from: IpAddr,
        gets: impl FnOnce(Role) -> T,
    ) -> Result<T, Fault> {
        self.attempt(from)?;
        let role = Role::parse(user);
        let hash = role.and_then(|role| lock(&self.0.kept).hash_of(role).map(str::to_owned));
        let right = self.0.hasher.verify(password.to_owned(), hash.clone());
        let right = right.await?;
        // It may have been changed while we looked, and is not from here on.
        let kept = lock(&self.0.kept);
        let Some(role) = role.filter(|role| right && kept.hash_of(*role) == hash.as_deref()) else {
            tracing::warn!(%from, "a wrong password");
            self.refused("password");
            return Err(Fault::Wrong);
        };
        self.succeeded(from);
        Ok(gets(role))
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
            (Some(_), Some(_)) => Err(self.wrong("header")),
            (None, _) => Ok(cookie(headers).and_then(|secret| self.by_cookie(secret))),
        }
    }

    async fn by_header(&self, shown: &HeaderValue, from: IpAddr) -> Result<Visitor, Fault> {
        let malformed = || self.wrong("header");
        let text = shown.to_str().map_err(|_| malformed())?;
        let (scheme, proof) = text.split_once(' ').ok_or_else(malformed)?;
        let proof = proof.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            let kept = lock(&self.0.kept);
            let found = tokens::find(&kept.tokens, proof, self.0.clock.now_usec());
            // A guest link is for a browser, and ends with its session.
            let found = found.filter(|token| !token.is_guest());
            let token = found.ok_or_else(|| self.wrong("token"))?;
            return Ok(self.program(token.who(), Proof::Token(token.id.clone())));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(malformed());
        }
        // Programs send it with each request: hashing each time would cost more than the pictures.
        if let Some(visitor) = self.known(proof, from)? {
            return Ok(visitor);
        }
        // Many requests of one program at once are one attempt: the others find what the first one learnt.
        let _turn = self.0.turn.lock().await;
        if let Some(visitor) = self.known(proof, from)? {
            return Ok(visitor);
        }
        let bytes = STANDARD.decode(proof).map_err(|_| malformed())?;
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        let (user, password) = text.split_once(':').ok_or_else(malformed)?;
        let visitor = |role: Role| {
            lock(&self.0.known).learn(proof, from, role, Instant::now());
            self.program(role.who(), Proof::Password(role))
        };
        self.verify(user, password, from, visitor).await
    }

    /// A program that showed `proof`; to be asked while nobody can take that away.
    fn program(&self, who: Who, proof: Proof) -> Visitor {
        Visitor {
            life: Some(self.0.lives.of(proof)),
            ..Visitor::plain(who)
        }
    }

    /// Who showed `proof` a while ago; an error while the address must wait, whatever it shows.
    fn known(&self, proof: &str, from: IpAddr) -> Result<Option<Visitor>, Fault> {
        let waits = lock(&self.0.throttle).must_wait(from, Instant::now());
        waits.inspect_err(|_| self.refused("too-early"))?;
        let mut known = lock(&self.0.known);
        let role = known.find(proof, from, Instant::now());
        Ok(role.map(|role| self.program(role.who(), Proof::Password(role))))
    }

    /// What was shown is wrong: counted by what it was.
    fn wrong(&self, shown: &'static str) -> Fault {
        self.refused(shown);
        Fault::Wrong
    }

    fn by_cookie(&self, secret: &str) -> Option<Visitor> {
        let found = self.0.sessions.find(secret, Instant::now())?;
        if !found.link.is_empty() && self.link_is_over(&found.link) {
            self.0.sessions.close_links(|link| link == found.link);
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
            link.ok_or_else(|| self.wrong("link"))?.id.clone()
        };
        tracing::info!(link = id, "a guest came in");
        self.open_session(Who::GUEST, &id)
    }
}

/// The secret in our cookie.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
