//! What is known of a frame besides its bytes.

/// The description of one frame. It travels in the slot, so it is as safe as the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Meta {
    /// Number of the frame within its camera and boot; chosen by the writer, growing.
    pub frame_id: u64,
    /// Wall clock at capture: microseconds since the epoch.
    pub time_usec: u64,
    /// `CLOCK_BOOTTIME` at capture, microseconds: subtract two of these, never two wall times.
    pub mono_usec: u64,
    /// Width in pixels; 0 when the payload is not a picture.
    pub width: u32,
    /// Height in pixels; 0 when the payload is not a picture.
    pub height: u32,
    /// Four-character code of the payload (`MJPG`, `YUYV`, `RGB3`, ...).
    pub fourcc: [u8; 4],
    /// Digest of the privacy masks burned into the picture; 0 without masks.
    pub mask_digest: u64,
}
