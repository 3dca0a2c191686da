//! A subscriber that writes down everything, and clients that speak nonsense.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

/// Longest wait for anything in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One message as a subscriber gets it.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) topic: String,
    pub(crate) text: String,
    pub(crate) retained: bool,
}

/// Subscribed to everything on a broker.
pub(crate) struct Listener {
    heard: Arc<Mutex<Vec<Heard>>>,
    client: Client,
}

impl Listener {
    /// Subscribes and waits until the broker says so.
    pub(crate) fn on(port: u16) -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut options = MqttOptions::new(format!("listener-{number}"), "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(5));
        let (client, mut connection) = Client::new(options, 10);
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (notes, (ready, subscribed)) = (heard.clone(), mpsc::channel());
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::Publish(p))) => notes.lock().unwrap().push(Heard {
                        topic: p.topic,
                        text: String::from_utf8(p.payload.to_vec()).unwrap(),
                        retained: p.retain,
                    }),
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.send(())),
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        subscribed
            .recv_timeout(PATIENCE)
            .expect("the broker takes a subscriber");
        Self { heard, client }
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits for a message that `fits`.
    pub(crate) fn wait(&self, what: &str, fits: impl Fn(&Heard) -> bool) -> Heard {
        vigla_testkit::until(what, PATIENCE, || self.all().into_iter().find(&fits)).unwrap()
    }

    /// Waits for `text` on a topic that ends so.
    pub(crate) fn wait_text(&self, end: &str, text: &str) -> Heard {
        self.wait(&format!("`{text}` on `{end}`"), |heard| {
            heard.topic.ends_with(end) && heard.text == text
        })
    }

    /// Publishes as somebody else.
    pub(crate) fn say(&self, topic: &str, text: &str) {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, text)
            .unwrap();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.client.disconnect();
    }
}
