//! How passwords come to be: the owner's by the one-time code, later ones by the owner.

use std::{io, net::IpAddr, path::Path};

use super::{Login, Role, code::Code, lives::Proof, lock, password};
use crate::{access::Who, fault::Fault};

/// Why a password was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSet {
    #[error(transparent)]
    Weak(#[from] password::Weak),
    #[error("the code is wrong")]
    Code,
    #[error("the password is set already: log in with it")]
    Already,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Login {
    /// Takes the hash of the owner's password from a file that root has put there, while there is none. A
    /// file that holds none is said, and the one-time code is offered as without it.
    pub(super) fn take_owner(&self, file: &Path) {
        if file.as_os_str().is_empty() || self.is_set() {
            return;
        }
        let text = std::fs::read_to_string(file);
        let hash = text.map(|text| password::kept(text.trim()));
        let name = file.display();
        match hash {
            Ok(Some(hash)) => {
                if self.change(|kept| kept.owner = Some(hash)).is_ok() {
                    tracing::info!("the owner's password is the one of `{name}`");
                }
            }
            Ok(None) => tracing::error!("`{name}` holds no argon2id hash, offering the code"),
            Err(error) => tracing::error!(%error, "cannot read `{name}`, offering the code"),
        }
    }

    /// Makes the one-time code when there is no password, and takes it away when there is.
    pub(super) fn offer(&self) -> anyhow::Result<()> {
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

    /// Another certificate is shown from now on: the report names it.
    pub(crate) fn certified(&self, fingerprint: String) {
        if let Some(report) = &self.0.report {
            report.certify(fingerprint);
            let written = report.write(lock(&self.0.code).as_ref());
            self.told(written);
        }
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
            self.refused("code");
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

    /// Sets or takes away a password, and ends what the old one opened: all sessions when it was the owner's.
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
        self.0.lives.keep(|proof| *proof != Proof::Password(role));
        match role {
            Role::Owner => self.0.sessions.close_all(),
            Role::Viewer => self.0.sessions.close_viewers(),
        }
        Ok(())
    }
}

fn forget(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
