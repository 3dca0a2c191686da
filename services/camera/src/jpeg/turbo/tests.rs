use super::*;

fn picture(width: u32, height: u32, chroma: Chroma) -> Vec<u8> {
    let mut planes = Planes::new(width, height, chroma);
    let stride = planes.stride();
    for (i, y) in planes.split()[0].iter_mut().enumerate() {
        *y = if i % stride < stride / 2 { 40 } else { 200 };
    }
    Encoder::new()
        .unwrap()
        .encode(&planes, 80)
        .unwrap()
        .to_vec()
}

#[test]
fn what_is_encoded_decodes_at_an_eighth() {
    let mut luma = Vec::new();
    for (width, height) in [(64, 32), (61, 33), (1, 1), (640, 272)] {
        let jpeg = picture(width, height, Chroma::Half);
        let decoded = Decoder::new()
            .unwrap()
            .luma_eighth(&jpeg, &mut luma)
            .unwrap();
        assert_eq!(decoded, (width.div_ceil(8) as usize, Soundness::Sound));
        let pixels = width.div_ceil(8) * height.div_ceil(8);
        assert_eq!(luma.len(), pixels as usize);
    }
    assert!(luma[0] < 60 && luma[79] > 180);
}

#[test]
fn planes_come_back_in_their_subsampling() {
    for chroma in [Chroma::Half, Chroma::Wide] {
        let jpeg = picture(61, 33, chroma);
        let mut planes = Planes::default();
        Decoder::new().unwrap().planes(&jpeg, &mut planes).unwrap();
        assert_eq!(planes.bytes.len(), Planes::new(61, 33, chroma).bytes.len());
        assert_eq!(
            planes.chroma.1,
            if chroma == Chroma::Half { 17 } else { 33 }
        );
    }
}

#[test]
fn a_cut_picture_is_damaged_and_noise_is_an_error() {
    let jpeg = picture(640, 480, Chroma::Wide);
    let (mut decoder, mut luma) = (Decoder::new().unwrap(), Vec::new());
    let cut = decoder.luma_eighth(&jpeg[..jpeg.len() * 2 / 3], &mut luma);
    assert_eq!(cut.unwrap().1, Soundness::Damaged);
    assert!(decoder.luma_eighth(b"not a picture", &mut luma).is_err());
    // The decoder is as good as new afterwards.
    assert_eq!(
        decoder.luma_eighth(&jpeg, &mut luma).unwrap().1,
        Soundness::Sound
    );
}

proptest::proptest! {
    #[test]
    fn flipped_bytes_are_no_danger(at: proptest::sample::Index, value: u8, cut: proptest::sample::Index) {
        let mut jpeg = picture(96, 64, Chroma::Half);
        let at = at.index(jpeg.len());
        jpeg[at] = value;
        jpeg.truncate(1 + cut.index(jpeg.len()));
        let (mut decoder, mut luma, mut planes) = (Decoder::new().unwrap(), Vec::new(), Planes::default());
        let _ = decoder.luma_eighth(&jpeg, &mut luma);
        if decoder.planes(&jpeg, &mut planes).is_ok() {
            let _ = Encoder::new().unwrap().encode(&planes, 80);
        }
    }
}

#[test]
fn any_damage_to_a_picture_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "jpeg", |jpeg| {
        let (mut decoder, mut luma, mut planes) =
            (Decoder::new().unwrap(), Vec::new(), Planes::default());
        crate::jpeg::size(jpeg);
        crate::jpeg::is_complete(jpeg);
        crate::jpeg::with_segment(jpeg, crate::jpeg::APP11, b"x");
        // A header may promise a picture that takes seconds to make up.
        if crate::jpeg::size(jpeg).is_some_and(|(width, height)| width * height < 1 << 20) {
            let _ = decoder.luma_eighth(jpeg, &mut luma);
            let _ = decoder.planes(jpeg, &mut planes);
        }
    });
}
