//! Pictures for the camera to show.

/// A gray picture of 64 by 48.
pub(crate) fn small_jpeg() -> Vec<u8> {
    jpeg(64, 48, |_| 128)
}

/// A picture of some 300 kB: noise cannot be compressed.
pub(crate) fn large_jpeg() -> Vec<u8> {
    let mut state = 1_u32;
    jpeg(640, 480, move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
}

fn jpeg(width: usize, height: usize, shade: impl FnMut(usize) -> u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 3).map(shade).collect();
    let image = turbojpeg::Image {
        pixels: pixels.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x2)
        .unwrap()
        .to_vec()
}
