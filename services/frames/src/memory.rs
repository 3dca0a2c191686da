//! Memory files: made, sealed, examined, mapped. All of this crate's unsafe memory access is here.
//!
//! A sealed size is what makes a map safe: a file that cannot shrink cannot turn a load into
//! SIGBUS. `F_SEAL_FUTURE_WRITE` (Linux 5.1) leaves the writer its map, made before sealing, and
//! refuses everyone else a writable one, whatever the mode of their descriptor.

use std::{
    ffi::c_void,
    num::NonZeroUsize,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::AtomicU64,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, SealFlag, fcntl},
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, ProtFlags, mmap, munmap},
        stat::fstat,
        statfs::{TMPFS_MAGIC, fstatfs},
        uio::pread,
    },
    unistd::ftruncate,
};

use crate::{
    error::{Error, Part},
    layout::PREFIX,
};

const SIZE_SEALS: SealFlag = SealFlag::F_SEAL_SHRINK
    .union(SealFlag::F_SEAL_GROW)
    .union(SealFlag::F_SEAL_SEAL);

/// The seals of each part: what we put on and what a reader wants to find.
pub(crate) fn seals(part: Part) -> SealFlag {
    match part {
        Part::Ring => SIZE_SEALS.union(SealFlag::F_SEAL_FUTURE_WRITE),
        Part::Leases | Part::Wakeup => SIZE_SEALS,
    }
}

/// A new memory file of `len` zero bytes that can still be sealed.
pub(crate) fn create(part: Part, name: &str, len: usize) -> Result<OwnedFd, Error> {
    let failed = |source| Error::Create { part, source };
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    // Not executable where the kernel knows the flag (6.3); it warns of files without.
    let noexec = flags | MFdFlags::from_bits_retain(nix::libc::MFD_NOEXEC_SEAL);
    let file = match memfd_create(name, noexec) {
        Err(Errno::EINVAL) => memfd_create(name, flags),
        other => other,
    }
    .map_err(failed)?;
    let len = i64::try_from(len).map_err(|_| failed(Errno::EFBIG))?;
    ftruncate(&file, len).map_err(failed)?;
    Ok(file)
}

/// Seals a file of ours, after our own writable maps are made.
pub(crate) fn seal(part: Part, file: &OwnedFd) -> Result<(), Error> {
    match fcntl(file, FcntlArg::F_ADD_SEALS(seals(part))) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Create { part, source }),
    }
}

/// What a stranger's memory file turned out to be.
pub(crate) struct Found {
    pub(crate) len: u64,
    pub(crate) inode: u64,
    pub(crate) prefix: [u8; PREFIX],
}

/// Examines a descriptor from outside without touching its memory: after this, mapping `len` bytes
/// and loading from them is safe.
pub(crate) fn examine(part: Part, file: BorrowedFd<'_>) -> Result<Found, Error> {
    let failed = |source| Error::Examine { part, source };
    // Only memfds have seals, and only those of ordinary pages live in tmpfs: huge pages may run
    // out at the moment they are touched.
    let found = match fcntl(file, FcntlArg::F_GET_SEALS) {
        Ok(bits) => SealFlag::from_bits_retain(bits),
        Err(Errno::EINVAL | Errno::EBADF) => return Err(Error::NotMemory(part)),
        Err(source) => return Err(failed(source)),
    };
    if fstatfs(file).map_err(failed)?.filesystem_type() != TMPFS_MAGIC {
        return Err(Error::NotMemory(part));
    }
    let missing = seals(part).difference(found);
    if !missing.is_empty() {
        let missing = bitflags_names(missing);
        return Err(Error::Unsealed { part, missing });
    }
    let unwritable = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_FUTURE_WRITE;
    if part == Part::Leases && found.intersects(unwritable) {
        return Err(Error::Unwritable { part });
    }
    let stat = fstat(file).map_err(failed)?;
    let len = u64::try_from(stat.st_size).unwrap_or(0);
    let mut prefix = [0; PREFIX];
    let got = pread(file, &mut prefix, 0).map_err(failed)?;
    if got < PREFIX {
        return Err(Error::Length {
            part,
            len,
            expected: PREFIX as u64,
        });
    }
    Ok(Found {
        len,
        inode: stat.st_ino,
        prefix,
    })
}

fn bitflags_names(flags: SealFlag) -> String {
    let names: Vec<_> = flags.iter_names().map(|(name, _)| name).collect();
    names.join(" | ")
}

/// A shared map of a whole memory file; unmapped on drop.
#[derive(Debug)]
pub(crate) struct Map {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a map is memory; it belongs to no thread. What is read and written through `&Map` is
// atomic words; the payload functions are unsafe and say what they want.
#[allow(unsafe_code, reason = "a raw pointer to memory that we own")]
unsafe impl Send for Map {}
// SAFETY: as above.
#[allow(unsafe_code, reason = "a raw pointer to memory that we own")]
unsafe impl Sync for Map {}

impl Map {
    /// Maps `len` bytes of a file of at least that size, which cannot or will not shrink.
    pub(crate) fn new(part: Part, file: impl AsFd, len: usize, write: bool) -> Result<Self, Error> {
        let failed = |source| Error::Map { part, len, source };
        let size = NonZeroUsize::new(len).ok_or_else(|| failed(Errno::EINVAL))?;
        let mut access = ProtFlags::PROT_READ;
        access.set(ProtFlags::PROT_WRITE, write);
        // SAFETY: a new map at an address of the kernel's choice replaces nothing.
        #[allow(unsafe_code, reason = "mmap")]
        let start = unsafe { mmap(None, size, access, MapFlags::MAP_SHARED, file, 0) };
        let start = start.map_err(failed)?.cast();
        Ok(Self { start, len })
    }

    /// The word at `offset`, which is one of `layout`'s: inside the map and a multiple of 8.
    pub(crate) fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.len);
        // SAFETY: inside the map (asserted), aligned (the map begins on a page), alive as long as
        // `self`; every access by this crate, in any process, is atomic. On a read-only map only
        // loads are made, and 64-bit loads do not write.
        #[allow(unsafe_code, reason = "shared memory is reached through pointers")]
        unsafe {
            AtomicU64::from_ptr(self.start.as_ptr().add(offset).cast())
        }
    }

    /// The bytes from `offset` on.
    ///
    /// # Safety
    /// Nobody writes them while the slice lives: the caller holds a lease of their slot.
    #[allow(unsafe_code, reason = "the lease is the caller's promise")]
    pub(crate) unsafe fn bytes(&self, offset: usize, len: usize) -> &[u8] {
        assert!(offset.checked_add(len).is_some_and(|end| end <= self.len));
        // SAFETY: inside the map (asserted), initialised (the kernel's zeros), not written (the
        // caller).
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(offset), len) }
    }

    /// The bytes from `offset` on, to write.
    ///
    /// # Safety
    /// The map is writable, and nobody else reads or writes them while the slice lives: the
    /// protocol chose this slot.
    #[allow(unsafe_code, reason = "the free slot is the caller's promise")]
    pub(crate) unsafe fn bytes_mut(&mut self, offset: usize, len: usize) -> &mut [u8] {
        assert!(offset.checked_add(len).is_some_and(|end| end <= self.len));
        // SAFETY: inside the map (asserted), initialised, ours alone (the caller).
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(offset), len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: this map was made in `new` and no reference into it outlives `self`.
        #[allow(unsafe_code, reason = "munmap")]
        let result = unsafe { munmap(self.start.cast::<c_void>(), self.len) };
        debug_assert_eq!(result, Ok(()));
    }
}
