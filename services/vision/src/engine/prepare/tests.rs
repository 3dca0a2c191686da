use super::*;

fn input(layout: Layout, colour: Colour, fit: Fit) -> Input {
    Input {
        tensor: "image".into(),
        width: 32,
        height: 16,
        layout,
        colour,
        fit,
        most_stretch: 2.0,
        mean: [10.0, 20.0, 30.0],
        deviation: [1.0, 2.0, 5.0],
    }
}

fn plain(width: u32, height: u32) -> Picture {
    Picture {
        width,
        height,
        rgb: [110, 120, 130].repeat((width * height) as usize),
    }
}

#[test]
fn puts_colours_where_the_model_wants_them() {
    let mut rgb = Prepare::new(&input(Layout::Nhwc, Colour::Rgb, Fit::Stretch));
    rgb.fill(&plain(64, 48)).unwrap();
    assert_eq!(rgb.tensor()[..3], [100.0, 50.0, 20.0]);
    let mut bgr = Prepare::new(&input(Layout::Nchw, Colour::Bgr, Fit::Stretch));
    bgr.fill(&plain(32, 16)).unwrap();
    assert_eq!(bgr.tensor()[0], 120.0);
    assert_eq!(bgr.tensor()[512], 50.0);
    assert_eq!(bgr.tensor()[1024 + 511], 16.0);
}

#[test]
fn a_letterboxed_picture_keeps_its_shape_and_its_boxes_come_back() {
    let mut prepare = Prepare::new(&input(Layout::Nhwc, Colour::Rgb, Fit::Letterbox));
    prepare.fill(&plain(100, 100)).unwrap();
    let row = &prepare.tensor()[..32 * 3];
    assert_eq!(row[7 * 3..8 * 3], [117.0, 53.5, 19.4]);
    assert_eq!(row[8 * 3], 100.0);
    assert_eq!(row[23 * 3], 100.0);
    assert_eq!(row[24 * 3], 117.0);
    let bounds = prepare.place(Bounds::new(0.25, 0.0, 0.5, 0.5).unwrap());
    assert_eq!(bounds.unwrap().to_array(), [0.0, 0.0, 0.5, 0.5]);
    prepare.fill(&plain(4000, 1)).unwrap();
    assert_eq!(prepare.tensor()[7 * 32 * 3], 100.0);
}
#[test]
fn a_picture_is_stretched_only_so_far() {
    let input = input(Layout::Nchw, Colour::Rgb, Fit::Stretch);
    let size = |width, height| inner_size(&input, &Picture::new(width, height));
    assert_eq!(size(320, 160), (32, 16));
    assert_eq!(size(400, 100), (32, 16));
    assert_eq!(size(800, 100), (32, 8));
    assert_eq!(size(100, 100), (32, 16));
    assert_eq!(size(100, 200), (16, 16));
    assert_eq!(size(1, 60_000), (1, 16));
}

#[test]
fn colours_that_are_alike_become_the_same_numbers_without_a_table() {
    let input = Input {
        mean: [12.5; 3],
        deviation: [58.4; 3],
        ..input(Layout::Nhwc, Colour::Rgb, Fit::Stretch)
    };
    let rgb = (0..32 * 16 * 3).map(|n| u8::try_from(n % 256).unwrap());
    let picture = Picture {
        width: 32,
        height: 16,
        rgb: rgb.collect(),
    };
    let (mut quick, mut slow) = (Prepare::new(&input), Prepare::new(&input));
    assert!(quick.same.is_some());
    slow.same = None;
    quick.fill(&picture).unwrap();
    slow.fill(&picture).unwrap();
    assert_eq!(quick.tensor(), slow.tensor());
}
