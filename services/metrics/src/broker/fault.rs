//! Why a connection ended, or never began, and which problem that is.

use std::error::Error;
use std::io;
use std::path::Path;

use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode as CodeOf5, DisconnectReasonCode};
use rumqttc::{ConnectReturnCode, ConnectionError, TlsError, v5};
use rustls::{AlertDescription, CertificateError};
use vigla_bus::Problem;
use vigla_kit::exit::chain;

/// A connection that is not there.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Fault {
    code: &'static str,
    /// What the problem is about; the broker when nothing is said.
    subject: Option<String>,
    text: String,
}

impl Fault {
    /// Every problem that a connection can have. A new connection ends them all.
    pub(crate) const CODES: [&str; 11] = [
        "no-broker",
        "broker-refused",
        "broker-untrusted",
        "broker-expired",
        "broker-not-yet",
        "broker-name",
        "broker-no-tls",
        "broker-wants-certificate",
        "tls-file",
        "tls-key",
        "message-refused",
    ];

    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code,
            subject: None,
            text: text.into(),
        }
    }

    /// Nobody answers, or no longer.
    pub(crate) fn away(why: impl std::fmt::Display) -> Self {
        Self::new("no-broker", format!("no connection to the broker: {why}"))
    }

    /// The broker answers and does not want us.
    pub(crate) fn refused(why: impl std::fmt::Display) -> Self {
        Self::new("broker-refused", format!("the broker refuses us: {why}"))
    }

    /// A file of ours that the connection needs.
    pub(crate) fn file(path: &Path, why: impl std::fmt::Display) -> Self {
        let subject = path.display().to_string();
        Self {
            text: format!("use `{subject}`: {why}"),
            subject: Some(subject),
            code: "tls-file",
        }
    }

    /// A key that belongs to another certificate.
    pub(crate) fn key(path: &Path) -> Self {
        Self {
            code: "tls-key",
            ..Self::file(path, "it does not belong to our certificate")
        }
    }

    /// Whether there is a broker, which does not want us.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.code, "broker-refused" | "broker-wants-certificate")
    }

    /// Whether a file of ours is to blame, and the broker was not asked.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.code, "tls-file" | "tls-key")
    }

    /// The problem it is with `broker`.
    pub(crate) fn problem(&self, broker: &str) -> Problem {
        Problem::new(self.code, self.subject.as_deref().unwrap_or(broker))
    }

    /// By the first of the causes that says what is wrong with TLS; else the broker is away.
    fn of(error: &(dyn Error + 'static)) -> Self {
        let code = tls_cause(error).and_then(tls_code);
        Self::new(code.unwrap_or("no-broker"), chain(error))
    }
}

impl From<ConnectionError> for Fault {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable) => {
                Self::away("it is not available")
            }
            ConnectionError::ConnectionRefused(code) => Self::refused(format!("{code:?}")),
            ConnectionError::Tls(error) => Self::from(error),
            error => Self::of(&error),
        }
    }
}

impl From<v5::ConnectionError> for Fault {
    fn from(error: v5::ConnectionError) -> Self {
        use v5::{ConnectionError, StateError};
        match error {
            ConnectionError::ConnectionRefused(
                code @ (CodeOf5::ServiceUnavailable
                | CodeOf5::ServerUnavailable
                | CodeOf5::ServerBusy
                | CodeOf5::ConnectionRateExceeded),
            ) => Self::away(format!("it says {code:?}")),
            ConnectionError::ConnectionRefused(code) => Self::refused(format!("{code:?}")),
            ConnectionError::MqttState(StateError::ServerDisconnect {
                reason_code: code @ DisconnectReasonCode::NotAuthorized,
                ..
            }) => Self::refused(format!("{code:?}")),
            ConnectionError::Tls(error) => Self::from(error),
            // The one error whose source the library does not tell.
            ConnectionError::MqttState(StateError::Deserialization(error)) => Self::of(&error),
            error => Self::of(&error),
        }
    }
}

impl From<TlsError> for Fault {
    fn from(error: TlsError) -> Self {
        match &error {
            TlsError::Io(cause) if tls_cause(&error).is_none() && is_cut(cause) => {
                Self::new("broker-no-tls", chain(&error))
            }
            _ => Self::of(&error),
        }
    }
}

/// Whoever expects another protocol hangs up on a TLS greeting.
fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}

/// The cause that comes from TLS. An `io::Error` does not name what it wraps as its source.
fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref());
        let found = error.downcast_ref::<rustls::Error>().or(wrapped);
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

fn tls_code(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(error) => Some(certificate_code(error)),
        rustls::Error::InvalidMessage(_) => Some("broker-no-tls"),
        rustls::Error::AlertReceived(
            AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::HandshakeFailure
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate,
        ) => Some("broker-wants-certificate"),
        _ => None,
    }
}

fn certificate_code(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "broker-expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "broker-not-yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "broker-name"
        }
        _ => "broker-untrusted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_found_however_deep_it_lies() {
        let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrapped = TlsError::Io(io::Error::new(io::ErrorKind::InvalidData, expired));
        let fault = Fault::from(ConnectionError::Tls(wrapped));
        let problem = fault.problem("broker.example.org:8883");
        assert_eq!(problem.code, "broker-expired");
        assert!(!fault.is_refusal());
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let late = io::Error::new(io::ErrorKind::InvalidData, alert);
        let fault = Fault::from(v5::ConnectionError::MqttState(
            v5::StateError::Deserialization(late.into()),
        ));
        assert!(fault.is_refusal(), "{fault}");
    }

    #[test]
    fn every_code_has_its_words() {
        for code in Fault::CODES {
            assert!(!Problem::new(code, "x").fix().is_empty(), "{code}");
        }
    }
}
