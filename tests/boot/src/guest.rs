//! A running board.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use vigla_testkit::{Child, free_port, until};

use crate::xtask::xtask;
use crate::{Agent, Card, Lan};

/// The longest way to `sysinit.target`: 20 s of an idle machine, several times that on a busy one.
const BOOT: Duration = Duration::from_mins(4);
const ANSWER: Duration = Duration::from_secs(30);

/// What the node writes stays.
const KEEP: &[&str] = &["--keep"];

/// QEMU with a card. Dropping it is a power cut.
#[derive(Debug)]
pub struct Guest {
    qemu: Child,
    wire: TcpListener,
    page: u16,
    https: u16,
    log: PathBuf,
}

impl Guest {
    /// Switches the board on.
    ///
    /// # Errors
    /// When QEMU cannot be started.
    pub fn start(card: &Card) -> anyhow::Result<Self> {
        Self::start_with(card, KEEP, &[])
    }

    /// The same, with a second network card on `lan`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_on(lan: &Lan, card: &Card) -> anyhow::Result<Self> {
        Self::start_with(card, KEEP, &lan.arguments()?)
    }

    /// The same, with options of `cargo xtask boot` (without `--keep` nothing is written to the card),
    /// and of QEMU itself.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(card: &Card, options: &[&str], qemu: &[String]) -> anyhow::Result<Self> {
        let wire = TcpListener::bind(("127.0.0.1", 0))?;
        wire.set_nonblocking(true)?;
        let (page, https) = (free_port()?, free_port()?);
        let serial = File::options().append(true).open(card.log())?;
        let mut boot = xtask("boot")?;
        boot.arg(card.path()).args(options);
        boot.args(["--port", &page.to_string()]);
        boot.args(["--https-port", &https.to_string(), "--"]);
        boot.args(["-device", "virtio-serial-pci", "-chardev"]);
        let port = wire.local_addr()?.port();
        boot.arg(format!("socket,id=agent,host=127.0.0.1,port={port}"));
        boot.args(["-device", "virtserialport,chardev=agent,name=vigla.agent"]);
        boot.args(qemu).stdout(serial.try_clone()?).stderr(serial);
        let qemu = Child::start("QEMU", &mut boot)?;
        Ok(Self {
            qemu,
            wire,
            page,
            https,
            log: card.log().to_owned(),
        })
    }

    /// Waits for the agent. QEMU connects at once, so the greeting is what takes its time.
    ///
    /// # Errors
    /// When QEMU ended, or nothing came in four minutes; the message has the end of the serial log.
    pub fn agent(&mut self) -> anyhow::Result<Agent> {
        let wire = until("QEMU on the agent's wire", BOOT, || {
            let ended = self
                .qemu
                .ended()
                .map(|status| Err(anyhow::anyhow!("QEMU ended: {status}")));
            ended.or_else(|| Some(Ok(self.wire.accept().ok()?.0)))
        });
        let greeted = wire.and_then(|wire| Agent::greet(wire?));
        greeted.with_context(|| self.last_words())
    }

    /// The end of what the serial line said.
    #[must_use]
    pub fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().rev().take(15).collect();
        let lines = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        format!("`{}` ends with:\n{lines}\n", self.log.display())
    }

    /// Waits until the serial line has said `words` once more than `before` times.
    ///
    /// # Errors
    /// When it has not in four minutes.
    pub fn wait_for(&self, words: &str, before: usize) -> anyhow::Result<()> {
        until(words, BOOT, || (self.said(words) > before).then_some(()))
            .with_context(|| self.last_words())
    }

    /// How often the serial line has said `words`, in all starts of this card.
    #[must_use]
    pub fn said(&self, words: &str) -> usize {
        let text = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).matches(words).count()
    }

    /// What the page's port answers to `GET path`, as it came over the wire.
    ///
    /// # Errors
    /// When nobody answers within half a minute.
    pub fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.page))?;
        stream.set_read_timeout(Some(ANSWER))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The port of this machine behind which the page asks for a log-in.
    #[must_use]
    pub fn https(&self) -> u16 {
        self.https
    }

    /// Cuts the power.
    ///
    /// # Errors
    /// When QEMU cannot be killed.
    pub fn cut(mut self) -> anyhow::Result<()> {
        self.qemu.kill()
    }
}
