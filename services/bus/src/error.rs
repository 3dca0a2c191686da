//! The errors a caller may branch on: a closed set. Details go to the journal.

/// An error of a Vigla interface, `org.vigla.Error.*` on the wire.
///
/// The text is for a developer's log, in lower case, naming the thing; never a path of a secret.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.vigla.Error")]
pub enum Error {
    /// An error of the bus itself (no such name, no reply, access denied by policy).
    #[zbus(error)]
    Bus(zbus::Error),
    /// The same kind of work is already running; try again when it has ended.
    Busy(String),
    /// The daemon cannot do this yet or just now: its `Problems` property says why.
    NotReady(String),
    /// An argument is out of range or malformed.
    InvalidArgument(String),
    /// No such camera, control, model or event.
    NotFound(String),
    /// The caller may not do this.
    Denied(String),
    /// A fault inside the daemon; the journal has the details.
    Internal(String),
}
