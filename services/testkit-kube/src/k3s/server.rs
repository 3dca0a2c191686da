//! The supervisor: a thread for each connection, one request each.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::form;
use crate::ControlPlane;
use crate::probe::Probe;

const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST: u64 = 64 << 10;

/// The supervisor of a K3s server; ends when it is dropped.
#[derive(Debug)]
pub struct K3s {
    port: u16,
    works: Arc<Works>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Works {
    plane: Arc<ControlPlane>,
    bearer: Probe,
    tls: Arc<ServerConfig>,
    ends: AtomicBool,
    heard: Mutex<Vec<String>>,
}

struct Question {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A status with its text.
type Reply = (u16, String);

impl K3s {
    /// Starts one for this cluster, with its authority.
    pub fn beside(plane: Arc<ControlPlane>) -> anyhow::Result<Self> {
        let own = plane.authority().server()?;
        let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen on loopback")?;
        let port = listener.local_addr()?.port();
        let works = Arc::new(Works {
            bearer: Probe::anonymous(plane.port(), plane.ca())?,
            plane,
            tls: Arc::new(tls),
            ends: AtomicBool::new(false),
            heard: Mutex::default(),
        });
        let serving = works.clone();
        let thread = std::thread::Builder::new()
            .name("k3s".to_owned())
            .spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if serving.ends.load(Ordering::SeqCst) {
                        return;
                    }
                    let works = serving.clone();
                    std::thread::spawn(move || works.serve(stream));
                }
            })?;
        Ok(Self {
            port,
            works,
            thread: Some(thread),
        })
    }

    /// Where agents ask.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// What was asked and answered, such as `POST /v1-k3s/client-kubelet.crt 200`.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        let heard = self.works.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for K3s {
    fn drop(&mut self) {
        self.works.ends.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Works {
    fn serve(&self, stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let Ok(tls) = ServerConnection::new(self.tls.clone()) else {
            return;
        };
        let mut stream = StreamOwned::new(tls, stream);
        let Ok(question) = read(&mut stream) else {
            return;
        };
        let (status, text) = self
            .answer(&question)
            .unwrap_or_else(|error| (500, format!("{error:#}")));
        let line = format!("{} {} {status}", question.method, question.path);
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
        let head = format!(
            "HTTP/1.0 {status} -\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(text.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }

    fn answer(&self, question: &Question) -> anyhow::Result<Reply> {
        let open = |text: &str| Ok((200, text.to_owned()));
        match (question.method.as_str(), question.path.as_str()) {
            ("GET", "/cacerts") => return open(self.plane.ca()),
            ("GET", "/ping") => return open("pong"),
            _ => {}
        }
        let Some(path) = question.path.strip_prefix("/v1-k3s/") else {
            return Ok((404, "404 page not found".to_owned()));
        };
        if !self.may(question)? {
            return Ok((401, "Unauthorized".to_owned()));
        }
        let post = question.method == "POST";
        match path {
            "serving-kubelet.crt" | "client-kubelet.crt" if post => self.of_node(path, question),
            "client-kube-proxy.crt" if post => self.shared(question, "system:kube-proxy"),
            "client-k3s-controller.crt" if post => self.shared(question, "system:k3s-controller"),
            "client-ca.crt" | "server-ca.crt" if !post => open(self.plane.ca()),
            "apiservers" if !post => {
                open(&json!([format!("127.0.0.1:{}", self.plane.port())]).to_string())
            }
            "config" if !post => open(
                &json!({ "ClusterDomain": "cluster.local", "FlannelBackend": "none" }).to_string(),
            ),
            "readyz" if !post => open("ok"),
            _ => Ok((404, "404 page not found".to_owned())),
        }
    }

    /// A bootstrap token that the API server takes.
    fn may(&self, question: &Question) -> anyhow::Result<bool> {
        let Some(authorization) = question.headers.get("authorization") else {
            return Ok(false);
        };
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
        });
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/json"),
        ];
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let body = review.to_string();
        let (status, body) = self.bearer.ask("POST", path, &headers, body.as_bytes())?;
        if status != 201 {
            return Ok(false);
        }
        let who: Value = serde_json::from_slice(&body)?;
        let groups = who["status"]["userInfo"]["groups"].as_array();
        Ok(groups.is_some_and(|all| all.contains(&json!("system:bootstrappers"))))
    }

    /// Certificates of one node: its name and password have to fit each other.
    fn of_node(&self, path: &str, question: &Question) -> anyhow::Result<Reply> {
        let header = |name: &str| question.headers.get(name).filter(|text| !text.is_empty());
        let Some(node) = header("k3s-node-name").map(|name| name.to_lowercase()) else {
            return Ok((400, "node name not set".to_owned()));
        };
        let Some(password) = header("k3s-node-password") else {
            return Ok((400, "node password not set".to_owned()));
        };
        if !self.ensure(&node, password)? {
            return Ok((
                403,
                format!("unable to verify hash for node '{node}': hash does not match"),
            ));
        }
        let user = format!("system:node:{node}");
        let certificate = if path == "serving-kubelet.crt" {
            let names = [node.as_str(), "localhost"];
            self.plane
                .authority()
                .sign_request(&question.body, (&node, None), &names)
        } else {
            let subject = (user.as_str(), Some("system:nodes"));
            self.plane
                .authority()
                .sign_request(&question.body, subject, &[])
        };
        Ok((200, certificate? + self.plane.ca()))
    }

    fn shared(&self, question: &Question, user: &str) -> anyhow::Result<Reply> {
        let authority = self.plane.authority();
        let certificate = authority.sign_request(&question.body, (user, None), &[])?;
        Ok((200, certificate + self.plane.ca()))
    }

    /// Whoever comes first makes the password of a name; from then on it has to be that one.
    fn ensure(&self, node: &str, password: &str) -> anyhow::Result<bool> {
        let secrets = "/api/v1/namespaces/kube-system/secrets";
        let name = format!("{node}.node-password.k3s");
        let (status, body) = self.plane.ask("GET", &format!("{secrets}/{name}"), b"")?;
        if status == 404 {
            let made = json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "immutable": true,
                "type": "k3s.cattle.io/node-password",
                "stringData": { "hash": form::hash(password, [3; 8])? },
            });
            let (status, _) = self
                .plane
                .ask("POST", secrets, made.to_string().as_bytes())?;
            return Ok(status == 201);
        }
        anyhow::ensure!(status == 200, "the API server answers {status}");
        let secret: Value = serde_json::from_slice(&body)?;
        anyhow::ensure!(
            secret["type"] == "k3s.cattle.io/node-password",
            "the secret of `{node}` is of another type"
        );
        let hash = secret["data"]["hash"].as_str();
        let hash = hash.context("unable to locate hash data for node secret")?;
        let hash = base64::engine::general_purpose::STANDARD.decode(hash)?;
        form::fits(std::str::from_utf8(&hash)?, password)
    }
}

fn read(stream: &mut StreamOwned<ServerConnection, TcpStream>) -> anyhow::Result<Question> {
    let mut reader = BufReader::new(stream.take(LARGEST));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (words.next(), words.next());
    let (method, path) = (method.context("a method")?, path.context("a path")?);
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length");
    let length = length.map_or(Ok(0), |text| text.parse::<usize>())?;
    anyhow::ensure!(length <= 16 << 10, "too large");
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Question {
        method,
        path,
        headers,
        body,
    })
}
