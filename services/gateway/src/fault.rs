//! Errors as a client sees them: RFC 9457 problem documents. (The word *problem* is taken by
//! `vigla_bus::Problem`, which is about daemons.)

use std::convert::Infallible;

use bytes::Bytes;
use serde::Serialize;
use warp::{
    Rejection, Reply,
    http::{Response, StatusCode, header},
};

use crate::snapshot::Quiet;

/// Everything we refuse or cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is nothing at this address; see `/openapi.json`")]
    NoRoute,
    #[error("only GET and HEAD are served here")]
    Method,
    #[error("this name is not one of ours: use `localhost`, `127.0.0.1` or `[::1]`")]
    Host,
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
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooLong(_) => StatusCode::URI_TOO_LONG,
            Self::Argument { .. } => StatusCode::BAD_REQUEST,
            Self::NoCameras | Self::Quiet(..) | Self::Peer(_) | Self::TooManyConnections => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::TooManyFromAddress => StatusCode::TOO_MANY_REQUESTS,
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
        if *self == Self::Method {
            headers.insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
        }
        response
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
        let method: Response<Bytes> = Fault::Method.response();
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
