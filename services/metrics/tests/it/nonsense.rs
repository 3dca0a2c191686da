//! The sink against a broker that speaks nonsense.

use std::io::{Read, Write};
use std::net::TcpListener;

use vigla_testkit::Broker;

use super::broker::open_folder;
use super::sink::Sink;

/// After each of these the sink reconnects, has lost nothing and has not panicked.
#[test]
fn nonsense_from_the_broker_is_survived() {
    const ACCEPTED: &[u8] = &[0x20, 2, 0, 0];
    let nonsense: [&[u8]; 12] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0xff; 64],
        &[0x20, 2, 0, 99],                  // connack with an unknown code
        &[0x20, 0],                         // connack too short
        &[0x30, 2, 0, 200],                 // publish whose topic is longer than itself
        &[0x40, 2, 0xff, 0xff],             // puback of what was never sent
        &[0x40, 2, 0, 0],                   // puback of packet 0
        &[0x50, 2, 0, 1, 0x70, 2, 0, 1],    // pubrec and pubcomp for a QoS 1 publish
        &[0x90, 3, 0, 1, 9],                // suback with an unknown code
        &[0x32, 5, 0, 1, b'#', 0, 0],       // publish to a wildcard with packet id 0
        &[0x30, 0xff, 0xff, 0xff, 0xff, 1], // length of five bytes
        &[0x30, 0xff, 0xff, 0xff, 0x7f, 0], // 256 MB announced
    ];
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let sink = Sink::start(port, |_| {});
    sink.put("demo/n", "1");
    for (round, bytes) in nonsense.iter().enumerate() {
        let (mut stream, _) = server.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        if round >= 4 {
            stream.write_all(ACCEPTED).unwrap();
            let _ = stream.read(&mut [0; 1024]);
        }
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let account = sink.outbox.account();
        assert_eq!(
            (account.accepted, account.sent + account.stored),
            (1, 1),
            "round {round}"
        );
    }
    drop(server);
    let dir = open_folder();
    let broker = Broker::start(dir.path(), port, "").unwrap();
    sink.wait_account(|account| account.sent == 1);
    drop(broker);
}
