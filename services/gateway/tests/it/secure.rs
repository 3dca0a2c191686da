//! A client that speaks HTTPS and trusts the certificate that the gateway made, as an owner would
//! who compared its fingerprint.

use std::{io, net::TcpStream, sync::Arc};

use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring::default_provider,
    pki_types::CertificateDer,
};

use crate::{
    client::{self, Answer},
    stage::Stage,
};

pub(crate) type Wire = StreamOwned<ClientConnection, TcpStream>;

pub(crate) struct Secure {
    port: u16,
    config: Arc<ClientConfig>,
}

impl Secure {
    pub(crate) fn of(stage: &Stage) -> Self {
        let certificate = std::fs::read(stage.state("certificate.der")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate)).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            port: stage.tls_port,
            config: Arc::new(config),
        }
    }

    pub(crate) fn connect(&self) -> io::Result<Wire> {
        self.over(client::connect(self.port)?)
    }

    fn over(&self, stream: TcpStream) -> io::Result<Wire> {
        let name = "localhost".try_into().unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.config), name);
        let connection = connection.map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }

    /// A try to log in from another address; gives the status.
    pub(crate) fn try_from(&self, address: [u8; 4], password: &str) -> u16 {
        let stream = client::connect_from(address, self.port).unwrap();
        let origin = format!("Origin: https://localhost:{}\r\n", self.port);
        let form = format!("user=owner&password={password}");
        let request = self.form(&origin, "/login", "", &form);
        let wire = self.over(stream).unwrap();
        client::over(wire, request.as_bytes()).unwrap().status
    }

    pub(crate) fn raw(&self, request: &str) -> Answer {
        client::over(self.connect().unwrap(), request.as_bytes()).unwrap()
    }

    /// A request with further header lines.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let port = self.port;
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers)
    }

    /// A form of our own page, as a browser sends it.
    pub(crate) fn post(&self, path: &str, headers: &str, form: &str) -> Answer {
        let origin = format!("Origin: https://localhost:{}\r\n", self.port);
        self.post_from(&origin, path, headers, form)
    }

    pub(crate) fn post_from(&self, origin: &str, path: &str, headers: &str, form: &str) -> Answer {
        self.raw(&self.form(origin, path, headers, form))
    }

    fn form(&self, origin: &str, path: &str, headers: &str, form: &str) -> String {
        let (port, length) = (self.port, form.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{origin}{headers}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        )
    }

    /// Logs in; gives the header line of the cookie.
    pub(crate) fn log_in(&self, user: &str, password: &str) -> String {
        let answer = self.post("/login", "", &format!("user={user}&password={password}"));
        assert_eq!(answer.status, 303, "{}", answer.text());
        cookie(&answer)
    }

    /// Gives viewers a password as the owner, and logs one in.
    pub(crate) fn viewer(&self, owner: &str) -> String {
        let password = "battery+staple";
        let form = format!("user=viewer&password={password}&again={password}");
        assert_eq!(self.post("/account/password", owner, &form).status, 200);
        self.log_in("viewer", password)
    }

    /// Sets the owner's password by the code, and logs him in.
    pub(crate) fn set_up(&self, stage: &Stage) -> String {
        let code = stage.code();
        let form = format!("code={code}&password={PASSWORD}&again={PASSWORD}");
        let answer = self.post("/setup", "", &form);
        assert_eq!(answer.status, 303, "{}", answer.text());
        cookie(&answer)
    }
}

pub(crate) const PASSWORD: &str = "correct+horse";

/// The header line that a browser sends for the cookie that it was given.
pub(crate) fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap();
    format!("Cookie: {}\r\n", set.split(';').next().unwrap())
}
