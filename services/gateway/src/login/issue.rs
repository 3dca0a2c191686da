//! Tokens of programs and links of guests: made, listed, taken back.

use super::{
    Login, internal, lock,
    tokens::{self, Token, Wish},
};
use crate::fault::Fault;

impl Login {
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
        self.end_tokens();
        tracing::info!(id, "a token was revoked");
        Ok(true)
    }
}
