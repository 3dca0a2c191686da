//! `viglactl token ...`: tokens of programs and links of guests for the page.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use vigla_bus::gateway::{GatewayProxy, Token};
use vigla_bus::names::GATEWAY;
use vigla_bus::zbus;

use crate::cli::CreateToken;
use crate::client::Client;
use crate::fault::Fault;
use crate::out::{Out, safe};

const MINUTE: u64 = 60;

fn fault(what: &str, error: &zbus::Error) -> Fault {
    Fault::call(GATEWAY.binary, what, error)
}

pub(crate) async fn create(
    client: &Client,
    options: &CreateToken,
    out: Out,
) -> Result<ExitCode, Fault> {
    let expires_usec = options.expires.map_or(0, |length| {
        let length = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        now_usec().saturating_add(length)
    });
    let scopes: Vec<&str> = options.scopes.iter().map(String::as_str).collect();
    let proxy: GatewayProxy<'_> = client.gateway().await?;
    let name = options.name.clone().unwrap_or_else(|| scopes.join(", "));
    let made = proxy.create_token(&name, &scopes, expires_usec).await;
    let (id, secret) = made.map_err(|error| fault("make a token", &error))?;
    if out.json() {
        out.value(&json!({ "id": id, "secret": secret, "expires_usec": expires_usec }))?;
    } else if scopes == ["guest"] {
        out.line(format!("/guest/{secret}"))?;
        eprintln!(
            "Put the address of the page before it. This is link {id}; it is shown only now."
        );
    } else {
        out.line(&secret)?;
        eprintln!("This is token {id}; it is shown only now. Send it as `Authorization: Bearer`.");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn list(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let tokens = client.gateway().await?.list_tokens().await;
    let tokens = tokens.map_err(|error| fault("list the tokens", &error))?;
    if out.json() {
        out.value(&json!({ "tokens": tokens }))?;
    } else if tokens.is_empty() {
        out.line("there are no tokens")?;
    } else {
        let now = now_usec();
        let row = |token: &Token| {
            let end = end(token.expires_usec, now);
            [
                safe(&token.id),
                safe(&token.scopes.join(",")),
                end,
                safe(&token.name),
            ]
        };
        let rows: Vec<_> = tokens.iter().map(row).collect();
        out.table(["ID", "SCOPES", "ENDS", "NAME"], &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn revoke(client: &Client, id: &str, out: Out) -> Result<ExitCode, Fault> {
    let revoked = client.gateway().await?.revoke_token(id).await;
    revoked.map_err(|error| fault(&format!("revoke token `{}`", safe(id)), &error))?;
    if out.json() {
        out.value(&json!({ "revoked": id }))?;
    } else {
        out.line(format!("token {} is good for nothing now", safe(id)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// When a token ends, to the minute.
fn end(expires_usec: u64, now_usec: u64) -> String {
    if expires_usec == 0 {
        return String::from("never");
    }
    let Some(left) = expires_usec.checked_sub(now_usec) else {
        return String::from("has ended");
    };
    let minutes = (left / 1_000_000).div_ceil(MINUTE);
    let length = humantime::format_duration(Duration::from_secs(minutes * MINUTE));
    format!("in {length}")
}

#[allow(
    clippy::disallowed_methods,
    reason = "what a person says as `30d` begins now, by the clock of this machine"
)]
fn now_usec() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_to_the_minute() {
        assert_eq!(end(0, 5), "never");
        assert_eq!(end(5, 9), "has ended");
        assert_eq!(end(90_000_000, 0), "in 2m");
        assert_eq!(end(30 * 86_400_000_000, 1), "in 30days");
    }
}
