//! The control plane: laid out, started, ready, gone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::Context as _;
use nix::unistd::{Gid, Uid, chown, geteuid};
use rcgen::PublicKeyData as _;
use tempfile::TempDir;
use vigla_testkit::{Broker, free_port, until};

use crate::keeper::{Keeper, Program};
use crate::pki::{Authority, Identity, kubeconfig, pem};
use crate::probe::Probe;
use crate::programs::Programs;

/// On a busy machine it takes several times what it takes on an idle one (4 to 6 s).
const READY: Duration = Duration::from_mins(2);

/// Those that enrolment and nodes need; all of them cost a second more.
const CONTROLLERS: &str = "bootstrap-signer-controller,certificatesigningrequest-approving-controller,\
    certificatesigningrequest-cleaner-controller,certificatesigningrequest-signing-controller,\
    clusterrole-aggregation-controller,garbage-collector-controller,namespace-controller,\
    node-ipam-controller,node-lifecycle-controller,pod-garbage-collector-controller,\
    root-ca-certificate-publisher-controller,serviceaccount-controller,\
    serviceaccount-token-controller,token-cleaner-controller";

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    // The programs end before their folder goes.
    keeper: Keeper,
    programs: Programs,
    authority: Authority,
    probe: Probe,
    port: u16,
    dir: TempDir,
}

impl ControlPlane {
    /// Starts one and waits until it answers and its controllers work.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(Programs::find()?)
    }

    /// The same with programs from elsewhere.
    pub fn start_with(programs: Programs) -> anyhow::Result<Self> {
        let port = free_port()?;
        let dir = tempfile::Builder::new()
            .prefix("vigla-kube-")
            .tempdir()
            .context("make a temporary folder")?;
        let authority = Authority::new()?;
        let admin = authority.client("admin", Some("system:masters"))?;
        let probe = Probe::new(port, &authority.identity.certificate, &admin)?;
        let plane = Self {
            keeper: Keeper::new()?,
            programs,
            authority,
            probe,
            port,
            dir,
        };
        plane.lay_out(&admin)?;
        plane.keeper.start(plane.kine())?;
        plane.keeper.start(plane.api_server())?;
        plane.wait("/readyz")?;
        // It would give up waiting by itself after 10 s, which is not enough on a busy machine.
        plane.keeper.start(plane.controllers())?;
        plane.wait("/api/v1/namespaces/default/serviceaccounts/default")?;
        plane.wait("/api/v1/namespaces/default/configmaps/kube-root-ca.crt")?;
        Ok(plane)
    }

    /// One for all tests that run at this moment, gone with the last of them; `None`, said aloud, where
    /// there are no programs. A test keeps to names of its own.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<ControlPlane>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plane) = shared.upgrade() {
            return Some(plane);
        }
        let plane = Self::own()?;
        *shared = Arc::downgrade(&plane);
        Some(plane)
    }

    /// One for this test alone; `None`, said aloud, where there are no programs.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn own() -> Option<Arc<Self>> {
        let programs = match Programs::find() {
            Ok(programs) => programs,
            Err(error) => {
                vigla_testkit::skip(&error.to_string());
                return None;
            }
        };
        let plane = Self::start_with(programs).unwrap_or_else(|error| panic!("{error:#}"));
        Some(Arc::new(plane))
    }

    /// Where the API server answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The cluster's authority, PEM.
    #[must_use]
    pub fn ca(&self) -> &str {
        &self.authority.identity.certificate
    }

    /// A kubeconfig of the administrator. Only we and the programs can read its folder.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("admin.kubeconfig")
    }

    /// A kubeconfig of somebody else, such as a service account, in the same folder.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    #[allow(
        clippy::disallowed_methods,
        reason = "files of a temporary folder that is thrown away whole"
    )]
    pub fn kubeconfig_of(
        &self,
        file: &str,
        user: &str,
        group: Option<&str>,
    ) -> anyhow::Result<PathBuf> {
        let identity = self.authority.client(user, group)?;
        let path = |end| self.path(&format!("{file}.{end}"));
        let (certificate, key) = (path("crt"), path("key"));
        fs::write(&certificate, identity.certificate)?;
        fs::write(&key, identity.key)?;
        let text = kubeconfig(&self.url(), &self.path("ca.crt"), &certificate, &key);
        fs::write(path("kubeconfig"), text)?;
        Ok(path("kubeconfig"))
    }

    /// Whether something is there for the administrator, such as `/api/v1/namespaces/default`.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.probe.get(path).is_ok_and(|status| status == 200)
    }

    /// `kubectl`, of the same version.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.programs.path("kubectl")
    }

    /// A client certificate of the cluster: a node is `system:node:NAME` in `system:nodes`.
    pub fn client(&self, user: &str, group: Option<&str>) -> anyhow::Result<Identity> {
        self.authority.client(user, group)
    }

    /// What K3s' supervisor needs of it.
    pub(crate) const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where the API server listens on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A question of the administrator: status and body.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let json = [("Content-Type", "application/json")];
        self.probe.ask(method, path, &json, body)
    }

    /// Takes the API server away (SIGKILL).
    pub fn go_away(&self) -> anyhow::Result<()> {
        self.keeper.kill(API_SERVER)
    }

    /// Brings it back, with everything it knew, and waits until it answers.
    pub fn come_back(&self) -> anyhow::Result<()> {
        self.keeper.start(self.api_server())?;
        self.wait("/readyz")
    }

    /// Process ids of what runs.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        [KINE, API_SERVER, CONTROLLERS_NAME]
            .into_iter()
            .filter_map(|name| self.keeper.pid(name))
            .collect()
    }

    /// Where everything of it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// What one of the programs said.
    #[must_use]
    pub fn log(&self, program: &str) -> String {
        fs::read_to_string(self.path(&format!("{program}.log"))).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Until `path` is there, or a program ended.
    fn wait(&self, path: &str) -> anyhow::Result<()> {
        until(&format!("`{path}` of the API server"), READY, || {
            if self.probe.get(path).is_ok_and(|status| status == 200) {
                return Some(Ok(()));
            }
            let dead = self.keeper.dead()?;
            let log = self.log(dead);
            let last: Vec<_> = log.lines().rev().take(5).collect();
            Some(Err(anyhow::anyhow!(
                "`{dead}` ended: {}",
                last.into_iter().rev().collect::<Vec<_>>().join("\n")
            )))
        })?
    }
}

const KINE: &str = "kine";
const API_SERVER: &str = "kube-apiserver";
const CONTROLLERS_NAME: &str = "kube-controller-manager";

/// Files and command lines.
impl ControlPlane {
    #[allow(
        clippy::disallowed_methods,
        reason = "files of a temporary folder that is thrown away whole"
    )]
    fn lay_out(&self, admin: &Identity) -> anyhow::Result<()> {
        let signing = rcgen::KeyPair::generate().context("make a key")?;
        let controllers = self
            .authority
            .client("system:kube-controller-manager", None)?;
        let server = self.authority.server()?;
        let names = [
            ("ca", &self.authority.identity),
            ("api-server", &server),
            ("admin", admin),
            ("controllers", &controllers),
        ];
        for (name, identity) in names {
            fs::write(self.path(&format!("{name}.crt")), &identity.certificate)?;
            fs::write(self.path(&format!("{name}.key")), &identity.key)?;
        }
        let private = pem("PRIVATE KEY", signing.serialize_der());
        fs::write(self.path("sa.key"), private)?;
        let public = pem("PUBLIC KEY", signing.subject_public_key_info());
        fs::write(self.path("sa.pub"), public)?;
        for name in ["admin", "controllers"] {
            let file = |end| self.path(&format!("{name}.{end}"));
            let text = kubeconfig(
                &self.url(),
                &self.path("ca.crt"),
                &file("crt"),
                &file("key"),
            );
            fs::write(file("kubeconfig"), text)?;
        }
        fs::set_permissions(self.dir.path(), Permissions::from_mode(0o700))?;
        if geteuid().is_root() {
            let (uid, gid) = (Uid::from_raw(Broker::NOBODY), Gid::from_raw(Broker::NOBODY));
            chown(self.dir.path(), Some(uid), Some(gid))?;
            for entry in fs::read_dir(self.dir.path())? {
                chown(&entry?.path(), Some(uid), Some(gid))?;
            }
        }
        Ok(())
    }

    fn program(&self, name: &'static str, arguments: Vec<String>) -> Program {
        Program {
            name,
            file: self.programs.path(name),
            arguments,
            log: self.path(&format!("{name}.log")),
        }
    }

    fn kine(&self) -> Program {
        let data = format!(
            "{}?_journal_mode=WAL&_busy_timeout=30000&_synchronous=OFF&_txlock=immediate&cache=shared",
            self.text("state.db")
        );
        self.program(KINE, vec![self.text("kine.sock"), data])
    }

    fn api_server(&self) -> Program {
        let file = |name: &str| self.text(name);
        let arguments = vec![
            format!("--etcd-servers=unix://{}", file("kine.sock")),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            // Loopback is refused as an address of the service `kubernetes`.
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--tls-cert-file={}", file("api-server.crt")),
            format!("--tls-private-key-file={}", file("api-server.key")),
            format!("--client-ca-file={}", file("ca.crt")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("sa.pub")),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            "--service-cluster-ip-range=10.43.0.0/16".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--enable-bootstrap-token-auth=true".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--profiling=false".to_owned(),
        ];
        self.program(API_SERVER, arguments)
    }

    fn controllers(&self) -> Program {
        let file = |name: &str| self.text(name);
        let arguments = vec![
            format!("--kubeconfig={}", file("controllers.kubeconfig")),
            format!(
                "--authentication-kubeconfig={}",
                file("controllers.kubeconfig")
            ),
            format!(
                "--authorization-kubeconfig={}",
                file("controllers.kubeconfig")
            ),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            // 20 a second is for large clusters, and costs seconds at the start.
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=500".to_owned(),
            // Else it makes a folder of the host.
            format!("--flex-volume-plugin-dir={}", file("flex")),
            format!("--controllers={CONTROLLERS}"),
            format!("--cluster-signing-cert-file={}", file("ca.crt")),
            format!("--cluster-signing-key-file={}", file("ca.key")),
            format!("--root-ca-file={}", file("ca.crt")),
            format!("--service-account-private-key-file={}", file("sa.key")),
            "--allocate-node-cidrs=true".to_owned(),
            "--cluster-cidr=100.64.0.0/10".to_owned(),
            "--node-cidr-mask-size-ipv4=26".to_owned(),
        ];
        self.program(CONTROLLERS_NAME, arguments)
    }
}
