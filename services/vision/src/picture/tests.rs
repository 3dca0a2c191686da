use proptest::prelude::*;

use super::*;

fn jpeg(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let pixels: Vec<u8> = std::iter::repeat_n(colour, (width * height) as usize)
        .flatten()
        .collect();
    let image = turbojpeg::Image {
        pixels: pixels.as_slice(),
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x2)
        .unwrap()
        .to_vec()
}

fn frame(format: Format, width: u32, height: u32, bytes: &[u8]) -> Frame<'_> {
    Frame {
        format,
        width,
        height,
        bytes,
    }
}

fn decoded(frame: &Frame<'_>, need: (u32, u32)) -> Result<Picture, PictureError> {
    let mut picture = Picture::default();
    Decoder::new()?.decode(frame, need, &mut picture)?;
    Ok(picture)
}

fn thumbnail(frame: &Frame<'_>) -> Result<Thumbnail, PictureError> {
    let mut thumbnail = Thumbnail::default();
    Decoder::new()?.thumbnail(frame, &mut thumbnail)?;
    Ok(thumbnail)
}

#[test]
fn decodes_a_jpeg_at_the_smallest_scale_that_is_large_enough() {
    let bytes = jpeg(1282, 722, [200, 30, 60]);
    let frame = frame(Format::Jpeg, 0, 0, &bytes);
    for (need, size) in [
        ((300, 300), (641, 361)),
        ((100, 90), (161, 91)),
        ((2000, 10), (1282, 722)),
        ((0, 0), (161, 91)),
    ] {
        let picture = decoded(&frame, need).unwrap();
        assert_eq!((picture.width, picture.height), size);
        let middle = picture.rgb.len() / 6 * 3;
        for (found, wanted) in picture.rgb[middle..].iter().zip([200_u8, 30, 60]) {
            assert!(found.abs_diff(wanted) < 6, "{found} {wanted}");
        }
    }
    let whole = decode_rgb(&bytes).unwrap();
    assert_eq!((whole.width, whole.height), (1282, 722));
    let small = thumbnail(&frame).unwrap();
    assert_eq!((small.width, small.height), (161, 91));
    assert!(small.luma.iter().all(|luma| luma.abs_diff(84) < 4));
    let mut sampled = small.clone();
    sampled.luma.fill(0);
    for need in [(300, 300), (2000, 2000), (1, 1)] {
        sampled.sample(&decoded(&frame, need).unwrap());
        assert!(
            sampled
                .luma
                .iter()
                .zip(&small.luma)
                .all(|(a, b)| a.abs_diff(*b) < 4)
        );
    }
}

#[test]
fn padding_before_the_end_marker_is_harmless_but_a_torn_picture_is_not() {
    let good = jpeg(64, 64, [10, 200, 10]);
    let mut padded = good.clone();
    padded.splice(good.len() - 2..good.len() - 2, [0, 0, 0]);
    assert!(decoded(&frame(Format::Jpeg, 0, 0, &padded), (0, 0)).is_ok());
    let noisy: Vec<u8> = (0..64 * 64 * 3)
        .map(|n: u32| ((n * n) >> 3) as u8)
        .collect();
    let image = turbojpeg::Image {
        pixels: noisy.as_slice(),
        width: 64,
        pitch: 192,
        height: 64,
        format: turbojpeg::PixelFormat::RGB,
    };
    let whole = turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x2).unwrap();
    let torn = &whole[..whole.len() / 2];
    let error = decoded(&frame(Format::Jpeg, 0, 0, torn), (64, 64)).unwrap_err();
    assert!(matches!(error, PictureError::Jpeg(_)), "{error}");
}

#[test]
fn a_picture_that_breaks_off_anywhere_does_not_spoil_the_next_one() {
    let bytes = jpeg(64, 48, [200, 30, 60]);
    let whole = frame(Format::Jpeg, 0, 0, &bytes);
    let mut decoder = Decoder::new().unwrap();
    let mut picture = Picture::default();
    for cut in (0..bytes.len() - 2).step_by(7) {
        let torn = frame(Format::Jpeg, 0, 0, &bytes[..cut]);
        let _ = decoder.decode(&torn, (16, 16), &mut picture);
        let next = decoder.decode(&whole, (16, 16), &mut picture);
        assert_eq!(next, Ok(()), "after {cut} bytes");
    }
}

#[test]
fn a_header_that_promises_too_much_is_refused_before_memory_is_taken() {
    let mut bytes = jpeg(64, 64, [0, 0, 0]);
    let start = bytes
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    bytes[start + 5..start + 9].copy_from_slice(&[0xFF, 0x00, 0xFF, 0x00]);
    assert_eq!(
        decoded(&frame(Format::Jpeg, 0, 0, &bytes), (1, 1)),
        Err(PictureError::Size {
            width: 65280,
            height: 65280
        })
    );
    let raw = frame(Format::Rgb, 0, 10, &[]);
    assert!(matches!(
        decoded(&raw, (1, 1)),
        Err(PictureError::Size { .. })
    ));
    let raw = frame(Format::Rgb, u32::MAX, u32::MAX, &[]);
    assert!(matches!(thumbnail(&raw), Err(PictureError::Size { .. })));
}

#[test]
fn reads_yuyv_and_rgb_and_notices_missing_bytes() {
    let red: Vec<u8> = [81, 90, 81, 240].repeat(8 * 16);
    let picture = decoded(&frame(Format::Yuyv, 16, 16, &red), (1, 1)).unwrap();
    let pixel = &picture.rgb[..3];
    assert!(
        pixel[0] > 240 && pixel[1] < 15 && pixel[2] < 15,
        "{pixel:?}"
    );
    let small = thumbnail(&frame(Format::Yuyv, 16, 16, &red)).unwrap();
    assert_eq!(small.luma, [75; 256]);
    let rgb: Vec<u8> = [7, 8, 9].repeat(640 * 480);
    let small = thumbnail(&frame(Format::Rgb, 640, 480, &rgb)).unwrap();
    assert_eq!((small.width, small.height), (80, 60));
    assert!(small.luma.iter().all(|luma| *luma == 7));
    assert!(matches!(
        decoded(&frame(Format::Yuyv, 16, 16, &red[1..]), (1, 1)),
        Err(PictureError::Short {
            need: 512,
            have: 511,
            ..
        })
    ));
    assert!(decoded(&frame(Format::Yuyv, 15, 16, &red), (1, 1)).is_err());
}

#[test]
fn names_a_format_that_it_does_not_know() {
    assert_eq!(Format::of(*b"MJPG"), Ok(Format::Jpeg));
    let error = Format::of([b'H', b'2', 0, 255]).unwrap_err();
    assert!(error.to_string().contains(r"`H2\x00\xff`"), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        width in 0..40_u32,
        height in 0..40_u32,
    ) {
        for format in [Format::Jpeg, Format::Yuyv, Format::Rgb] {
            let frame = frame(format, width, height, &bytes);
            let _ = decoded(&frame, (20, 20));
            let _ = thumbnail(&frame);
        }
    }

    #[test]
    fn no_damage_to_a_jpeg_makes_it_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = jpeg(48, 32, [90, 120, 20]);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        // A damaged header may promise a large picture: what counts is that it is answered.
        if let Ok(picture) = decoded(&frame(Format::Jpeg, 0, 0, &bytes), (20, 20)) {
            prop_assert!(picture.check().is_ok());
        }
        let _ = thumbnail(&frame(Format::Jpeg, 0, 0, &bytes));
    }
}

#[test]
fn any_damage_to_a_picture_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "picture", |bytes| {
        for format in [Format::Jpeg, Format::Yuyv, Format::Rgb] {
            let frame = frame(format, 32, 24, bytes);
            if let Ok(picture) = decoded(&frame, (20, 20)) {
                assert!(picture.check().is_ok());
            }
            let _ = thumbnail(&frame);
        }
    });
}
