//! A thread that starts the programs, and stays. A child dies with the *thread* that started it,
//! and a control plane that several tests share must not die with the first of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;
use vigla_testkit::Child;

/// A SIGKILL that does not end a program so fast is a defect of the machine.
const GONE: Duration = Duration::from_secs(30);

/// One program and how it is started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) log: PathBuf,
}

enum Order {
    Start(Program),
    Kill(&'static str),
    Pid(&'static str),
    /// One that was started, not killed, and ended.
    Dead,
}

/// What came of an order: the process id of a program that runs, or the name of one that does not.
type Answer = anyhow::Result<Option<(u32, &'static str)>>;

/// The thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: Option<mpsc::Sender<(Order, mpsc::Sender<Answer>)>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("control plane".to_owned())
            .spawn(move || keep(&inbox))
            .context("start a thread")?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    pub(crate) fn start(&self, program: Program) -> anyhow::Result<()> {
        self.ask(Order::Start(program)).map(|_| ())
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(&self, name: &'static str) -> anyhow::Result<()> {
        self.ask(Order::Kill(name)).map(|_| ())
    }

    /// The process id, while it runs.
    pub(crate) fn pid(&self, name: &'static str) -> Option<u32> {
        let pid = self.ask(Order::Pid(name)).ok().flatten();
        pid.map(|(pid, _)| pid)
    }

    /// A program that should run and does not.
    pub(crate) fn dead(&self) -> Option<&'static str> {
        let dead = self.ask(Order::Dead).ok().flatten();
        dead.map(|(_, name)| name)
    }

    fn ask(&self, order: Order) -> Answer {
        let (reply, answer) = mpsc::channel();
        let orders = self.orders.as_ref().context("the keeper has ended")?;
        orders
            .send((order, reply))
            .ok()
            .context("the keeper has ended")?;
        answer.recv().context("the keeper has ended")?
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(inbox: &mpsc::Receiver<(Order, mpsc::Sender<Answer>)>) {
    let mut children: BTreeMap<&'static str, Child> = BTreeMap::new();
    while let Ok((order, reply)) = inbox.recv() {
        let answer = match order {
            Order::Start(program) => start(&program).map(|child| {
                let pid = child.pid();
                children.insert(program.name, child);
                Some((pid, program.name))
            }),
            Order::Kill(name) => children
                .remove(name)
                .map_or(Ok(()), |mut child| child.kill())
                .map(|()| None),
            Order::Pid(name) => Ok(children
                .get_mut(name)
                .and_then(|child| child.ended().is_none().then(|| (child.pid(), name)))),
            Order::Dead => Ok(children
                .iter_mut()
                .find_map(|(name, child)| child.ended().map(|_| (child.pid(), *name)))),
        };
        let _ = reply.send(answer);
    }
    // All at once: each takes a while to give its memory back.
    for child in children.values() {
        let _ = child.signal(Signal::SIGKILL);
    }
    for child in children.values_mut() {
        let _ = child.wait(GONE);
    }
}

/// The file is opened by us, who may, and started through its number by nobody, who may not reach it.
fn start(program: &Program) -> anyhow::Result<Child> {
    let file =
        File::open(&program.file).with_context(|| format!("open `{}`", program.file.display()))?;
    let log = File::options()
        .create(true)
        .append(true)
        .open(&program.log)
        .with_context(|| format!("open `{}`", program.log.display()))?;
    let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // One file may be several programs: the name decides.
    command.arg0(program.name).args(&program.arguments);
    command.env_clear().stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log);
    command.current_dir("/");
    Child::start_unprivileged(program.name, &mut command)
}
