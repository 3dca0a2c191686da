//! A network that comes and goes: a port of this machine that leads to another one, or to nobody.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Until the test ends.
#[derive(Debug)]
pub struct Wire {
    whole: Arc<AtomicBool>,
    port: u16,
}

impl Wire {
    /// A cut wire to the port `to` of loopback.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub fn to(to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let whole = Arc::new(AtomicBool::new(false));
        let now = Arc::clone(&whole);
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                if now.load(Ordering::Relaxed) {
                    // Who cannot be joined is hung up on.
                    let _ = join(&caller, to);
                }
            }
        });
        Ok(Self { whole, port })
    }

    /// The port to call.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on callers come through.
    pub fn mend(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    /// From now on callers are hung up on; who came through before stays.
    pub fn cut(&self) {
        self.whole.store(false, Ordering::Relaxed);
    }
}

fn join(client: &TcpStream, to: u16) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to))?;
    let (here, there) = (client.try_clone()?, server.try_clone()?);
    let back = client.try_clone()?;
    std::thread::spawn(move || pour(here, there));
    std::thread::spawn(move || pour(server, back));
    Ok(())
}

fn pour(mut from: TcpStream, mut to: TcpStream) {
    // Whoever hangs up, the other hears it.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
