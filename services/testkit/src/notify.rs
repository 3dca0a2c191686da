//! What systemd would hear of a daemon (`NOTIFY_SOCKET`).
//!
//! A thread of its own takes every message at once: the kernel keeps ten, and a daemon whose
//! eleventh is not taken stands still.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;

/// The ear. It closes when dropped.
#[derive(Debug)]
pub(crate) struct Notify {
    socket: Arc<UnixDatagram>,
    path: PathBuf,
    heard: Arc<Mutex<Heard>>,
}

/// Everything so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Heard {
    /// `READY=1` came.
    pub(crate) ready: bool,
    /// The last `STATUS=`.
    pub(crate) status: String,
    /// How often `WATCHDOG=1` came.
    pub(crate) watchdog: u64,
}

impl Notify {
    /// Binds the socket at `path`, open to every user.
    pub(crate) fn bind(path: &Path) -> anyhow::Result<Self> {
        let _ = fs::remove_file(path);
        let socket =
            UnixDatagram::bind(path).with_context(|| format!("bind `{}`", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        let socket = Arc::new(socket);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (ear, notes) = (Arc::clone(&socket), Arc::clone(&heard));
        std::thread::Builder::new()
            .name("notify".into())
            .spawn(move || listen(&ear, &notes))?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            heard,
        })
    }

    /// The value of `NOTIFY_SOCKET`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard
            .lock()
            .map(|heard| heard.clone())
            .unwrap_or_default()
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        // Wakes the thread with an empty message, which ends it.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

fn listen(socket: &UnixDatagram, notes: &Mutex<Heard>) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = socket.recv(&mut buffer) {
        let Ok(mut heard) = notes.lock() else { return };
        for line in String::from_utf8_lossy(&buffer[..length]).lines() {
            match line.split_once('=') {
                Some(("READY", "1")) => heard.ready = true,
                Some(("WATCHDOG", "1")) => heard.watchdog += 1,
                Some(("STATUS", text)) => text.clone_into(&mut heard.status),
                _ => {}
            }
        }
    }
}
