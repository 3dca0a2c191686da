use super::*;

fn shape(corners: &[[f64; 2]]) -> Polygon {
    Polygon::try_from(corners.to_vec()).unwrap()
}

fn left_half() -> Polygon {
    shape(&[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]])
}

fn yuyv(width: u32, height: u32) -> Vec<u8> {
    vec![200; (width * height * 2) as usize]
}

fn picture(format: Format, bytes: &[u8]) -> Picture<'_> {
    Picture {
        format,
        width: 64,
        height: 32,
        bytes,
        mono_usec: 0,
        damaged: false,
    }
}

#[test]
fn yuyv_is_hidden_where_the_mask_is_and_nowhere_else() {
    let (bytes, mut masks) = (
        yuyv(64, 32),
        Masks::new(&[left_half()], 80).unwrap().unwrap(),
    );
    let out = masks.burn(&picture(Format::Yuyv, &bytes)).unwrap().bytes;
    let luma = |x: usize, y: usize| out[(y * 64 + x) * 2];
    for y in 0..32 {
        assert!((0..32).all(|x| luma(x, y) == 70), "line {y}");
        assert!((36..64).all(|x| luma(x, y) == 200), "line {y}");
    }
}

#[test]
fn jpeg_is_hidden_and_says_so_in_its_thumbnail() {
    let mut transcoder = Transcoder::new(80).unwrap();
    let file = transcoder
        .jpeg_of_yuyv(&yuyv(64, 32), 64, 32)
        .unwrap()
        .to_vec();
    let mut masks = Masks::new(&[left_half()], 80).unwrap().unwrap();
    let shown = masks.burn(&picture(Format::Mjpg, &file)).unwrap();
    let (out, hidden) = (shown.bytes, shown.hidden.unwrap());
    let mut luma = Vec::new();
    let mut decoder = crate::jpeg::turbo::Decoder::new().unwrap();
    decoder.luma_eighth(out, &mut luma).unwrap();
    for line in 0..4 {
        assert!(
            luma[line * 8..line * 8 + 4]
                .iter()
                .all(|y| y.abs_diff(70) < 6)
        );
        assert!(
            luma[line * 8 + 5..line * 8 + 8]
                .iter()
                .all(|y| y.abs_diff(200) < 6)
        );
        assert_eq!(
            &hidden[line * 8..line * 8 + 8],
            [true, true, true, true, true, false, false, false]
        );
    }
}

#[test]
fn what_does_not_decode_is_not_shown() {
    let mut masks = Masks::new(&[left_half()], 80).unwrap().unwrap();
    let burnt = masks.burn(&picture(Format::Mjpg, b"\xff\xd8 nonsense"));
    assert!(burnt.is_err());
}

#[test]
fn a_star_has_no_hole_and_a_sliver_is_not_lost() {
    let star: Vec<[f64; 2]> = [0, 2, 4, 1, 3]
        .map(|i| f64::from(i) * std::f64::consts::TAU / 5.0)
        .map(|a| [0.5 + 0.45 * a.cos(), 0.5 + 0.45 * a.sin()])
        .to_vec();
    let runs_of_star = runs(&shape(&star), 100, 100);
    assert!(
        runs_of_star
            .iter()
            .any(|&(line, a, b)| line == 50 && a < 50 && b > 50)
    );
    let sliver = shape(&[[0.5, 0.1], [0.5, 0.9], [0.5001, 0.9]]);
    assert!(runs(&sliver, 100, 100).len() >= 79);
}

#[test]
fn digests_tell_masks_apart() {
    let a = [left_half()];
    let b = [shape(&[[0.0, 0.0], [0.5, 0.0], [0.5, 0.9]])];
    let both = |x: &[Polygon; 1], y: &[Polygon; 1]| [x[0].clone(), y[0].clone()];
    let digest = |shapes: &[Polygon]| Masks::new(shapes, 80).unwrap().unwrap().digest();
    assert_eq!(digest(&a), digest(&[left_half()]));
    assert_ne!(digest(&a), digest(&b));
    assert_ne!(digest(&both(&a, &b)), digest(&both(&b, &a)));
}

proptest::proptest! {
    #[test]
    fn every_mask_fits_every_picture(
        corners in proptest::collection::vec((0.0..=1.0, 0.0..=1.0), 3..12),
        width in 1u32..40, height in 1u32..40,
    ) {
        let corners: Vec<[f64; 2]> = corners.into_iter().map(|(x, y)| [x, y]).collect();
        let mut masks = Masks::new(&[shape(&corners)], 80).unwrap().unwrap();
        masks.fit(width * 2, height);
        let mut bytes = yuyv(width * 2, height);
        fill_yuyv(&mut bytes, width * 2, &masks.runs);
        let mut planes = Planes::new(width * 2, height, crate::jpeg::turbo::Chroma::Half);
        fill_planes(&mut planes, &masks.runs);
    }
}
