//! How large the terminal is.

/// Columns and rows of the terminal on standard output; 80 and 24 where it does not say.
pub(super) fn size() -> (usize, usize) {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the call writes one `winsize`, which lives here; whatever it answers is checked.
    #[allow(unsafe_code, reason = "no safe wrapper of this one ioctl is at hand")]
    let answer = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    let known = |length: u16, usual: usize| match length {
        0 => usual,
        length if answer == 0 => usize::from(length),
        _ => usual,
    };
    (known(size.ws_col, 80), known(size.ws_row, 24))
}
