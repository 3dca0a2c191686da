//! `org.vigla.Gateway1`, the adapter: checks arguments, asks the log-in, translates errors.

use vigla_bus::{Error, gateway::Token, zbus};

use crate::{
    fault::Fault,
    login::{
        Login,
        tokens::{self, Scope, Wish},
    },
};

/// The root object.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) login: Login,
    pub(crate) clock: vigla_kit::Clock,
}

#[zbus::interface(name = "org.vigla.Gateway1")]
#[allow(
    clippy::needless_pass_by_value,
    reason = "the interface macro wants owned arguments"
)]
impl Gateway {
    #[zbus(out_args("id", "secret"))]
    fn create_token(
        &self,
        name: &str,
        scopes: Vec<&str>,
        expires_usec: u64,
    ) -> Result<(String, String), Error> {
        let wish = Wish::new(name, &scopes, expires_usec, self.clock.now_usec());
        let wish = wish.map_err(|unfit| Error::InvalidArgument(unfit.to_string()))?;
        self.login.add_token(&wish).map_err(refused)
    }

    fn list_tokens(&self) -> Vec<Token> {
        self.login.tokens().iter().map(told).collect()
    }

    fn revoke_token(&self, id: &str) -> Result<(), Error> {
        if self.login.revoke(id).map_err(refused)? {
            Ok(())
        } else {
            Err(Error::NotFound(format!("no token `{id:.32}`")))
        }
    }
}

fn told(token: &tokens::Token) -> Token {
    let word = |scope: &Scope| scope.word().to_owned();
    Token {
        id: token.id.clone(),
        name: token.name.clone(),
        scopes: token.scopes.iter().map(word).collect(),
        created_usec: token.created_usec,
        expires_usec: token.expires_usec,
    }
}

fn refused(fault: Fault) -> Error {
    match fault {
        Fault::TooManyTokens(_) | Fault::NotKept => Error::NotReady(fault.to_string()),
        other => Error::Internal(other.to_string()),
    }
}
