//! A registrar that believes nothing, over real TLS, on a thread of its own.
//!
//! It does what the protocol asks of one, in memory, and notes every breach of it. What goes wrong can be
//! ordered: an [`Upset`] each for the next requests.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::ExtendedKeyUsagePurpose::{CodeSigning, ServerAuth};
use ring::rand::SystemRandom;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vigla_fleet::claim::Claim;
use vigla_fleet::csr;
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::grant::{Cluster, Grant, Mqtt};
use vigla_fleet::identity::{Key, PublicKey, Signer, node_name};
use vigla_fleet::invitation::Invitation;
use vigla_fleet::proof::ProofKey;
use vigla_fleet::secret::Secret;
use vigla_fleet::signed::Signed;
use vigla_fleet::tls::{AnyDevice, device_of, provider};
use vigla_fleet::wire::{self, Answer, LARGEST_REQUEST, Phase, Refusal, Report, Standing, Waiting};

use crate::authority::Authority;

/// 2026-11-22: what time the registrar thinks it is.
pub(crate) const NOW: u64 = 1_795_305_600;

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(crate) enum Upset {
    /// The connection breaks before it is handled.
    Lost,
    /// It is handled, and the answer is lost.
    Unheard,
    /// Another status, and no answer of ours.
    Status(u16, Option<u64>),
    /// This body instead, with 200.
    Says(&'static str),
    /// Refused.
    Refused(Refusal),
    /// The grant is changed by this before it is signed.
    Grant(fn(&mut Grant)),
    /// The grant is signed by somebody else.
    Forged,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Device {
    pub(crate) granted: u64,
    pub(crate) held: u64,
    pub(crate) hardware: String,
    pub(crate) phase: Phase,
    pub(crate) enrol_again: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) devices: BTreeMap<Fingerprint, Device>,
    pub(crate) uses_left: u32,
    pub(crate) approve: bool,
    pub(crate) upsets: VecDeque<Upset>,
    pub(crate) requests: u32,
    pub(crate) nonces: Vec<Vec<u8>>,
    pub(crate) now: u64,
    /// Pins to tell in a standing.
    pub(crate) tells: Vec<Fingerprint>,
}

/// The registrar.
pub(crate) struct Double {
    pub(crate) ca: Arc<Authority>,
    pub(crate) claim: Claim,
    pub(crate) address: SocketAddr,
    world: Arc<Mutex<World>>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

struct Desk {
    ca: Arc<Authority>,
    proof: ProofKey,
    claim: Claim,
    signer: Key,
    server: Fingerprint,
    world: Arc<Mutex<World>>,
}

impl Double {
    pub(crate) fn start() -> Self {
        Self::with_years((2026, 2028))
    }

    /// Its certificates are valid in these years.
    pub(crate) fn with_years(years: (i32, i32)) -> Self {
        let ca = Arc::new(Authority::new());
        let claim = Claim::generate(&SystemRandom::new()).unwrap();
        let world = Arc::new(Mutex::new(World {
            devices: BTreeMap::new(),
            uses_left: 1,
            approve: true,
            upsets: VecDeque::new(),
            requests: 0,
            nonces: Vec::new(),
            now: NOW,
            tells: Vec::new(),
        }));
        let pkcs8 = Key::generate().unwrap();
        let key = Key::from_pkcs8(&pkcs8).unwrap();
        let chain = ca.issue(&key, ServerAuth, years).into_iter();
        let tls = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(AnyDevice::verifier())
            .with_single_cert(
                chain.map(CertificateDer::from).collect(),
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec())),
            )
            .unwrap();
        let desk = Arc::new(Desk {
            ca: ca.clone(),
            proof: ProofKey::of(&claim),
            claim: claim.clone(),
            signer: crate::authority::key(),
            server: key.public().fingerprint(),
            world: world.clone(),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
                let port = listener.local_addr().unwrap().port();
                tell.send((Ipv4Addr::LOCALHOST, port).into()).unwrap();
                tokio::select! {
                    () = serve(listener, TlsAcceptor::from(Arc::new(tls)), desk) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            ca,
            claim,
            address: told.recv().unwrap(),
            world,
            _stop: stop,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The next requests go wrong like this.
    pub(crate) fn upset(&self, upsets: impl IntoIterator<Item = Upset>) {
        self.world().upsets.extend(upsets);
    }

    /// What stands on a card for it.
    pub(crate) fn invitation(&self) -> Invitation {
        Invitation {
            endpoint: format!("https://localhost:{}", self.address.port())
                .parse()
                .unwrap(),
            pins: vec![self.ca.pin()],
            claim: Some(self.claim.clone()),
            addresses: vec![self.address.ip()],
        }
    }

    /// The one device that it knows.
    pub(crate) fn device(&self) -> Device {
        let world = self.world();
        assert_eq!(world.devices.len(), 1, "one device, one identity");
        world.devices.values().next().unwrap().clone()
    }

    pub(crate) fn all(&self, change: impl Fn(&mut Device)) {
        self.world().devices.values_mut().for_each(change);
    }
}

#[allow(clippy::disallowed_methods, reason = "a runtime of the test's own")]
async fn serve(listener: TcpListener, tls: TlsAcceptor, desk: Arc<Desk>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, desk) = (tls.clone(), desk.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let device = stream.get_ref().1.peer_certificates().and_then(device_of);
            let service = service_fn(move |request| {
                let (desk, device) = (desk.clone(), device.clone());
                async move { desk.answer(request, device).await.ok_or(Gone) }
            });
            let connection = http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}

#[derive(Debug)]
struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut")
    }
}

impl std::error::Error for Gone {}

type Body = Full<Bytes>;

fn response(status: u16, body: impl Into<Bytes>, now: u64) -> Response<Body> {
    let now = i64::try_from(now).unwrap();
    let date = jiff::Timestamp::from_second(now).unwrap();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
    Response::builder()
        .status(status)
        .header("date", date.unwrap())
        .body(Full::new(body.into()))
        .unwrap()
}

impl Desk {
    /// `None`: the connection is cut.
    async fn answer(
        &self,
        request: Request<Incoming>,
        device: Option<PublicKey>,
    ) -> Option<Response<Body>> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, LARGEST_REQUEST)
            .collect()
            .await
            .ok()?
            .to_bytes();
        let mut world = self.world.lock().unwrap();
        world.requests += 1;
        let upset = world.upsets.pop_front();
        let now = world.now;
        match upset {
            Some(Upset::Lost) => return None,
            Some(Upset::Status(status, after)) => {
                let mut response = response(status, "<html>", now);
                if let Some(after) = after {
                    response.headers_mut().insert("retry-after", after.into());
                }
                return Some(response);
            }
            Some(Upset::Says(text)) => return Some(response(200, text, now)),
            _ => {}
        }
        let (status, text) = match (head.method.as_str(), head.uri.path()) {
            ("POST", wire::ENROL) => {
                let answer = match &upset {
                    Some(Upset::Refused(refusal)) => refused(*refusal),
                    _ => self.enrol(&body, &mut world, upset.as_ref()),
                };
                (answer.status(), serde_json::to_vec(&answer).unwrap())
            }
            ("GET", wire::SELF) => {
                let query = head.uri.query().unwrap_or_default();
                match stands(query, &device?, &mut world) {
                    Ok(standing) => (200, serde_json::to_vec(&standing).unwrap()),
                    Err(refusal) => {
                        let answer = refused(refusal);
                        (answer.status(), serde_json::to_vec(&answer).unwrap())
                    }
                }
            }
            other => panic!("nobody asks for {other:?}"),
        };
        if matches!(upset, Some(Upset::Unheard)) {
            return None;
        }
        Some(response(status, text, now))
    }

    fn enrol(&self, body: &[u8], world: &mut World, upset: Option<&Upset>) -> Answer {
        let request = match wire::Request::read(body) {
            Ok(request) => request,
            Err(refusal) => return refused(refusal),
        };
        let text = String::from_utf8_lossy(body);
        let secret = self.claim.reveal().replace('-', "");
        assert!(!text.contains(&secret[10..20]), "the claim is on the wire");
        assert!(!world.nonces.contains(&request.nonce), "a nonce twice");
        world.nonces.push(request.nonce.clone());
        let Some(key) = csr::read(&request.csr) else {
            return refused(Refusal::Malformed);
        };
        if !request.is_signed_by(&key, self.server) {
            return refused(Refusal::ProofWrong);
        }
        let device = key.fingerprint();
        let known = world.devices.get(&device).cloned();
        if let Some(refusal) = self.may_not(&request, known.as_ref(), world) {
            return refused(refusal);
        }
        if known.is_none() {
            world.uses_left -= 1;
        }
        let known = known.unwrap_or(Device {
            granted: 0,
            held: 0,
            hardware: request.facts.hardware.clone(),
            phase: Phase::Pending,
            enrol_again: false,
        });
        if !world.approve {
            world.devices.insert(device, known);
            let reason = Waiting::Approval;
            return Answer::Wait {
                after_secs: 60,
                reason,
            };
        }
        let granted = request.generation.max(known.held) + 1;
        world.devices.insert(
            device,
            Device {
                granted,
                held: known.held.max(request.generation),
                phase: Phase::Granted,
                enrol_again: false,
                ..known
            },
        );
        let mut grant = self.grant(device, granted, world.now);
        if let Some(Upset::Grant(change)) = upset {
            change(&mut grant);
        }
        let grant = if matches!(upset, Some(Upset::Forged)) {
            let stranger = Authority::new();
            let chain = stranger.issue(&self.signer, CodeSigning, (2026, 2028));
            Signed::seal(&grant, &self.signer, chain)
        } else {
            let chain = self.ca.issue(&self.signer, CodeSigning, (2026, 2028));
            Signed::seal(&grant, &self.signer, chain)
        };
        Answer::Grant {
            grant: Box::new(grant.unwrap()),
        }
    }

    fn may_not(
        &self,
        request: &wire::Request,
        known: Option<&Device>,
        world: &World,
    ) -> Option<Refusal> {
        if let Some(known) = known {
            if known.hardware != request.facts.hardware || request.generation < known.held {
                return Some(Refusal::CloneSuspected);
            }
            return (known.phase == Phase::Suspended).then_some(Refusal::Suspended);
        }
        let Some(claim) = request.claim() else {
            return Some(Refusal::ClaimNeeded);
        };
        if claim != self.claim.id() {
            return Some(Refusal::ClaimUnknown);
        }
        if !request.is_proved_by(&self.proof, self.server) {
            return Some(Refusal::ProofWrong);
        }
        (world.uses_left == 0).then_some(Refusal::ClaimUsedUp)
    }

    fn grant(&self, device: Fingerprint, generation: u64, now: u64) -> Grant {
        Grant {
            version: wire::VERSION,
            device,
            node: node_name(&device),
            generation,
            cluster: Cluster::K3s {
                server: "https://master.example:6443".to_owned(),
                token: Secret::new("K10ab::abcdef.0123456789abcdef"),
                node_password: Secret::new("0123456789abcdef0123456789abcdef"),
            },
            pod_cidr: Some("100.96.12.64/26".to_owned()),
            dns: None,
            mqtt: Some(Mqtt {
                endpoint: "mqtts://broker.example:8883".to_owned(),
                chain: "chain".to_owned(),
                ca: "ca".to_owned(),
            }),
            ring: "canary".to_owned(),
            labels: BTreeMap::new(),
            ca_sha256: vec![self.ca.pin()],
            server_time: now,
            not_after: now + 900,
        }
    }
}

fn refused(refusal: Refusal) -> Answer {
    Answer::Refused {
        word: refusal,
        after_secs: None,
    }
}

/// A device that reports a grant holds it; one that joins is ready at the second look.
fn stands(query: &str, key: &PublicKey, world: &mut World) -> Result<Standing, Refusal> {
    let report = Report::read(query).ok_or(Refusal::Malformed)?;
    let (now, ca_sha256) = (world.now, world.tells.clone());
    let device = world
        .devices
        .get_mut(&key.fingerprint())
        .ok_or(Refusal::ClaimNeeded)?;
    device.held = device.held.max(report.generation);
    let standing = Standing {
        phase: device.phase,
        node: node_name(&key.fingerprint()),
        generation: device.granted,
        enrol_again: device.enrol_again,
        server_time: now,
        ca_sha256,
    };
    device.phase = match device.phase {
        Phase::Granted => Phase::Joining,
        Phase::Joining => Phase::Active,
        other => other,
    };
    Ok(standing)
}
