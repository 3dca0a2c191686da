//! Why a daemon has two connections.

use std::num::NonZeroUsize;
use std::time::Duration;

use vigla_testkit::Rig;
use zbus::{Connection, MatchRule, MessageStream, connection, fdo, message};

const PATH: &str = "/org/vigla/Flood";
const INTERFACE: &str = "org.vigla.Flood1";

async fn connect(rig: &Rig) -> Connection {
    connection::Builder::address(rig.address().as_str())
        .build()
        .await
        .unwrap()
}

async fn hold_signals(connection: &Connection) -> MessageStream {
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .interface(INTERFACE)
        .build()
        .unwrap();
    MessageStream::for_match_rule(rule, connection, NonZeroUsize::new(64))
        .await
        .unwrap()
}

/// A signal stream that nobody polls stalls the replies on its own connection (measured with zbus 5:
/// no reply within 10 s after 10,000 signals). On a connection of their own, calls are answered.
#[tokio::test]
async fn calls_are_answered_while_nobody_polls_a_flood_of_signals() {
    let rig = Rig::start().unwrap();
    let (emitter, signals, calls) = (
        connect(&rig).await,
        connect(&rig).await,
        connect(&rig).await,
    );
    let _unpolled = hold_signals(&signals).await;
    for number in 0..10_000_u32 {
        emitter
            .emit_signal(None::<&str>, PATH, INTERFACE, "Drop", &number)
            .await
            .unwrap();
    }
    let bus = fdo::DBusProxy::new(&calls).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), bus.list_names()).await;
    assert!(answer.expect("no reply: calls are stalled").is_ok());
}
