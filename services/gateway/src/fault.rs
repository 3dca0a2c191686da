//! Errors as a client sees them: RFC 9457 problem documents. (The word *problem* is taken by
//! `vigla_bus::Problem`, which is about daemons.)

use std::convert::Infallible;

use bytes::Bytes;
use serde::Serialize;
use warp::{
    Rejection, Reply,
    http::{Response, StatusCode, header},
};

use crate::{door::Door, snapshot::Quiet};

/// Everything we refuse or cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is nothing at this address; see `/openapi.json`")]
    NoRoute,
    #[error("only {0} is served here")]
    Method(&'static str),
    #[error("this name is not one of ours: {}", names(*.0))]
    Host(Door),
    #[error("log in first")]
    Unknown {
        /// Whether to ask for user and password as programs know it.
        challenge: bool,
    },
    #[error("user, password or token is wrong")]
    Wrong,
    #[error("you are known, but this is not for you")]
    NotYours,
    #[error("pictures and passwords go over HTTPS only: use port {0}")]
    NotEncrypted(u16),
    #[error("too many attempts; try again in {0} s")]
    TooMany(u64),
    #[error("too many attempts of others just now; try again in a few seconds")]
    Busy,
    #[error("the request did not arrive in time")]
    Late,
    #[error("the body of the request is longer than {0} bytes")]
    TooLarge(usize),
    #[error("the form is not one of ours")]
    Form,
    #[error("there are {0} tokens and links, and no more: revoke one")]
    TooManyTokens(usize),
    #[error("this cannot be kept: the state folder cannot be written")]
    NotKept,
    #[error("another site asked for this, and only this page may")]
    Foreign,
    #[error("the request carries a body, and nothing here takes one")]
    Body,
    #[error("the address of the request is longer than {0} bytes")]
    TooLong(usize),
    #[error("`{name}` is not {expected}")]
    Argument {
        name: &'static str,
        expected: &'static str,
    },
    #[error("there is no camera `{0}`; `/api/v1/cameras` lists them")]
    NoCamera(String),
    #[error("no camera is connected")]
    NoCameras,
    #[error("the picture of event {0} is no longer kept")]
    NoPicture(u64),
    #[error("camera `{0}` gives no picture: {1}")]
    Quiet(String, Quiet),
    #[error("{0}")]
    NotNow(String),
    #[error("service `{0}` does not answer just now")]
    Peer(&'static str),
    #[error("too many connections; try again in a few seconds")]
    TooManyConnections,
    #[error("too many connections from your address; close some")]
    TooManyFromAddress,
    #[error("a fault inside the gateway; the journal has the details")]
    Internal,
}

impl warp::reject::Reject for Fault {}

#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    detail: String,
}

impl Fault {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute | Self::NoCamera(_) | Self::NoPicture(_) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Unknown { .. } | Self::Wrong => StatusCode::UNAUTHORIZED,
            Self::Foreign | Self::NotYours | Self::NotEncrypted(_) => StatusCode::FORBIDDEN,
            Self::Body | Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::TooLong(_) => StatusCode::URI_TOO_LONG,
            Self::Argument { .. } | Self::Form => StatusCode::BAD_REQUEST,
            Self::TooManyTokens(_) | Self::NotNow(_) => StatusCode::CONFLICT,
            Self::NoCameras
            | Self::Quiet(..)
            | Self::Peer(_)
            | Self::Busy
            | Self::NotKept
            | Self::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany(_) | Self::TooManyFromAddress => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The document, as bytes.
    pub(crate) fn document(&self) -> Bytes {
        let status = self.status();
        let document = Document {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.to_string(),
        };
        serde_json::to_vec(&document).unwrap_or_default().into()
    }

    /// The whole answer.
    pub(crate) fn response<B: From<Bytes>>(&self) -> Response<B> {
        let mut response = Response::new(B::from(self.document()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(
            header::CACHE_CONTROL,
            header::HeaderValue::from_static("no-store"),
        );
        let text = header::HeaderValue::from_static;
        match self {
            Self::Method(allowed) => {
                headers.insert(header::ALLOW, text(allowed));
            }
            Self::Unknown { challenge: true } | Self::Wrong => {
                let ask = "Basic realm=\"Vigla\", charset=\"UTF-8\"";
                headers.insert(header::WWW_AUTHENTICATE, text(ask));
            }
            Self::TooMany(seconds) => {
                headers.insert(header::RETRY_AFTER, (*seconds).into());
            }
            // What is left of the request will not be read.
            Self::Late | Self::TooLarge(_) => {
                headers.insert(header::CONNECTION, text("close"));
            }
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, text("2"));
            }
            _ => {}
        }
        response
    }
}

/// What to use instead of a wrong name.
const fn names(door: Door) -> &'static str {
    match door {
        Door::Home => "use `localhost`, `127.0.0.1` or `[::1]`",
        Door::Plain | Door::Tls => "use the address, or add it to `names` in the settings",
    }
}

impl Reply for Fault {
    fn into_response(self) -> warp::reply::Response {
        self.response()
    }
}

/// Turns a rejection of the filters into a fault.
pub(crate) async fn recover(rejection: Rejection) -> Result<Fault, Infallible> {
    if let Some(fault) = rejection.find::<Fault>() {
        return Ok(fault.clone());
    }
    if rejection.find::<warp::reject::InvalidQuery>().is_some() {
        return Ok(Fault::Argument {
            name: "query",
            expected: "made of the parameters in `/openapi.json`, with values in their range",
        });
    }
    if !rejection.is_not_found() {
        tracing::debug!(?rejection, "unexpected rejection");
    }
    Ok(Fault::NoRoute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_problem_document_with_the_same_status() {
        let response: Response<Bytes> = Fault::NoCamera("yard".to_owned()).response();
        assert_eq!(response.status(), 404);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(document["status"], 404);
        assert_eq!(
            document["detail"],
            "there is no camera `yard`; `/api/v1/cameras` lists them"
        );
    }

    #[test]
    fn says_what_is_allowed_and_when_to_come_back() {
        let method: Response<Bytes> = Fault::Method("GET, HEAD").response();
        assert_eq!(method.headers()["allow"], "GET, HEAD");
        let later: Response<Bytes> = Fault::NoCameras.response();
        assert_eq!(later.headers()["retry-after"], "2");
        let quiet = Fault::Quiet("yard".to_owned(), Quiet::Absent);
        assert_eq!(
            quiet.to_string(),
            "camera `yard` gives no picture: it is unplugged"
        );
        assert_eq!(quiet.response::<Bytes>().headers()["retry-after"], "2");
    }
}
