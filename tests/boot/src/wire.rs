//! A network that is not there yet: a port that leads to another one from when it is told to.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};

/// Lets those who call `port` of loopback reach `to`, until the test ends.
///
/// # Errors
/// When `port` is taken.
pub fn connect(port: u16, to: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    std::thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            let Ok(called) = TcpStream::connect(("127.0.0.1", to)) else {
                continue;
            };
            let both = caller
                .try_clone()
                .and_then(|c| Ok((c, called.try_clone()?)));
            if let Ok((caller_too, called_too)) = both {
                std::thread::spawn(move || pour(caller, called));
                std::thread::spawn(move || pour(called_too, caller_too));
            }
        }
    });
    Ok(())
}

fn pour(mut from: TcpStream, mut to: TcpStream) {
    // Whoever hangs up, the other hears it.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
