//! The edge to the machine: small files, names in folders, and the three things only the kernel says.
//!
//! The crate `procfs` was looked at and left: it opens and parses more than we show, gives integers where
//! a damaged line should be left out, and takes no other root. What we parse is a page of code per file.

mod kept;
mod machine;

pub use machine::Machine;

/// What we ask of a machine. Paths are absolute, as `/proc/stat`; a test has its own root.
pub trait Probe: std::fmt::Debug + Send {
    /// The text of a small file; `None` when it is not there, not for us, or no text.
    fn read(&self, path: &str) -> Option<String>;

    /// The names in a folder, sorted; none when it cannot be read.
    fn names(&self, folder: &str) -> Vec<String>;

    /// The whole path that `path` leads to.
    fn target(&self, path: &str) -> Option<String>;

    /// The space of the file system at `mountpoint`.
    fn space(&self, mountpoint: &str) -> Option<Space>;

    /// What `uname` says.
    fn uname(&self) -> Option<Uname>;

    /// Now, and what the kernel thinks of it.
    fn time(&self) -> Option<Time>;

    /// The look is over: what was not read in it need not be kept at hand.
    fn rest(&self) {}
}

/// The space of a file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes in all.
    pub size: u64,
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that are free for others than root.
    pub available: u64,
    /// Files that it can hold in all.
    pub files: u64,
    /// Files that it can still take.
    pub files_free: u64,
}

/// The names of the system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uname {
    /// `Linux`.
    pub sysname: String,
    /// The host's name.
    pub nodename: String,
    /// The kernel's version.
    pub release: String,
    /// Its build.
    pub version: String,
    /// `aarch64`.
    pub machine: String,
    /// NIS domain, mostly `(none)`.
    pub domainname: String,
}

/// `CLOCK_REALTIME` and `adjtimex`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: f64,
    /// Whether a time service keeps it.
    pub synced: bool,
    /// Offset to that service in seconds.
    pub offset: f64,
    /// Largest error in seconds.
    pub max_error: f64,
    /// Estimated error in seconds.
    pub estimated_error: f64,
    /// Bits of `timex.status`.
    pub status: i32,
    /// Seconds between TAI and UTC.
    pub tai: i32,
    /// Frequency of our clock as a share of the true one.
    pub frequency: f64,
}
