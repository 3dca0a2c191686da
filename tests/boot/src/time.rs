//! A time server on this machine (SNTP, RFC 5905 chapter 14): the guest finds it at its router's address.

use std::net::UdpSocket;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

/// From 1900, where NTP begins, to 1970, in seconds.
const ERA: u64 = 2_208_988_800;

/// Answers on UDP port 123 of loopback until the test ends.
///
/// # Errors
/// When the port is not to be had: it takes root, and nobody who has it already.
pub fn serve_time() -> anyhow::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 123)).context("listen on UDP port 123")?;
    std::thread::spawn(move || {
        let mut question = [0; 48];
        while let Ok((48, from)) = socket.recv_from(&mut question) {
            // A guest that is gone needs no answer.
            let _ = socket.send_to(&answer(&question, now()), from);
        }
    });
    Ok(())
}

#[allow(
    clippy::disallowed_methods,
    reason = "this machine's time is what is served"
)]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    ((since.as_secs() + ERA) << 32) | fraction
}

/// Version 4, a server of stratum 1; `time` is in units of 2^-32 s since 1900.
fn answer(question: &[u8; 48], time: u64) -> [u8; 48] {
    let mut answer = [0; 48];
    answer[..4].copy_from_slice(&[0x24, 1, 6, 0xec]);
    answer[12..16].copy_from_slice(b"TEST");
    let time = time.to_be_bytes();
    answer[16..24].copy_from_slice(&time);
    answer[24..32].copy_from_slice(&question[40..48]);
    answer[32..40].copy_from_slice(&time);
    answer[40..48].copy_from_slice(&time);
    answer
}
