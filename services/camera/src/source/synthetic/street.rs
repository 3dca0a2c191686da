//! How the street and its people look. Only taste lives here; what is true lives in [`scene`].
//!
//! [`scene`]: super::scene

use super::canvas::{Canvas, Colour, Point};
use super::scene::{Actor, Kind, WIDTH, hash, is_red};

const PAINTS: [Colour; 7] = [
    [196, 52, 44],
    [38, 92, 156],
    [226, 226, 222],
    [44, 48, 54],
    [222, 168, 40],
    [72, 132, 96],
    [142, 150, 158],
];
const COATS: [Colour; 6] = [
    [178, 58, 72],
    [52, 98, 128],
    [224, 176, 72],
    [98, 78, 128],
    [70, 118, 84],
    [208, 110, 60],
];
const SKINS: [Colour; 4] = [
    [240, 200, 170],
    [206, 158, 122],
    [150, 104, 76],
    [98, 68, 52],
];
const HOUSES: [Colour; 6] = [
    [198, 152, 126],
    [214, 196, 164],
    [150, 110, 98],
    [176, 186, 190],
    [206, 170, 118],
    [160, 142, 150],
];
const GLASS: Colour = [172, 204, 222];
const TYRE: Colour = [30, 30, 34];
const DARK: Colour = [58, 58, 62];

/// Draws everything that stands still.
pub fn place(canvas: &mut Canvas) {
    canvas.gradient(0.0, 385.0, [124, 178, 226], [222, 234, 240]);
    canvas.disc((1090.0, 92.0), 38.0, [255, 242, 204]);
    for (x, y, size) in [(180.0, 80.0, 1.0), (520.0, 52.0, 0.7), (860.0, 108.0, 0.8)] {
        for (dx, dy, r) in [(-42.0, 8.0, 22.0), (0.0, 0.0, 32.0), (40.0, 8.0, 24.0)] {
            canvas.disc((x + dx * size, y + dy * size), r * size, [246, 248, 250]);
        }
    }
    houses(canvas);
    // Far pavement, road, near pavement.
    canvas.rectangle([0.0, 384.0, WIDTH, 424.0], 0.0, [184, 180, 172]);
    canvas.rectangle([0.0, 420.0, WIDTH, 428.0], 0.0, [142, 138, 132]);
    canvas.gradient(428.0, 590.0, [84, 86, 90], [72, 74, 78]);
    canvas.rectangle([0.0, 588.0, WIDTH, 598.0], 0.0, [150, 146, 140]);
    canvas.gradient(598.0, 720.0, [196, 192, 184], [178, 174, 166]);
    let mut x = 20.0;
    while x < WIDTH {
        canvas.rectangle([x, 490.0, x + 62.0, 496.0], 2.0, [228, 224, 206]);
        x += 116.0;
    }
    for x in [96.0, 520.0, 944.0] {
        tree(canvas, x);
    }
}

fn houses(canvas: &mut Canvas) {
    let mut left = -10.0;
    for number in 0.. {
        if left >= WIDTH {
            return;
        }
        let look = hash(7, number);
        let width = 150.0 + f64::from((look & 63) as u8);
        let top = 110.0 + f64::from((look >> 6 & 127) as u8);
        let colour = pick(&HOUSES, number * 5 + 2);
        canvas.rectangle([left, top, left + width, 384.0], 0.0, colour);
        canvas.rectangle([left, top, left + width, top + 9.0], 0.0, darker(colour));
        let mut y = top + 28.0;
        while y < 320.0 {
            let mut x = left + 18.0;
            while x + 26.0 < left + width - 8.0 {
                canvas.rectangle([x - 2.0, y - 2.0, x + 26.0, y + 36.0], 2.0, [236, 232, 224]);
                canvas.rectangle([x, y, x + 24.0, y + 34.0], 1.0, [96, 124, 146]);
                x += 42.0;
            }
            y += 54.0;
        }
        let door = left + width / 2.0;
        canvas.rectangle(
            [door - 15.0, 334.0, door + 15.0, 384.0],
            3.0,
            darker(darker(colour)),
        );
        left += width + 3.0;
    }
}

fn tree(canvas: &mut Canvas, x: f64) {
    canvas.line((x, 384.0), (x, 310.0), 6.0, [104, 78, 60]);
    for (dx, dy, r) in [(-24.0, 0.0, 30.0), (22.0, 4.0, 30.0), (0.0, -24.0, 34.0)] {
        canvas.disc((x + dx, 288.0 + dy), r, [84, 138, 82]);
    }
}

/// Draws the traffic light of the near lane.
pub fn lights(canvas: &mut Canvas, seconds: f64) {
    let red = is_red(seconds);
    canvas.line((1216.0, 596.0), (1216.0, 470.0), 4.0, DARK);
    canvas.rectangle([1202.0, 404.0, 1230.0, 474.0], 6.0, [36, 38, 42]);
    let lamp = |on: bool, colour: Colour| if on { colour } else { [70, 72, 76] };
    canvas.disc((1216.0, 421.0), 10.0, lamp(red, [236, 64, 52]));
    canvas.disc((1216.0, 457.0), 10.0, lamp(!red, [82, 210, 112]));
}

/// Draws an actor inside its bounds.
pub fn actor(canvas: &mut Canvas, actor: &Actor) {
    let board = Board {
        bounds: actor.bounds,
        mirrored: !actor.rightwards,
    };
    let look = hash(actor.identity.0 + 40, actor.identity.1);
    match actor.kind {
        Kind::Car => car(canvas, &board, pick(&PAINTS, look)),
        Kind::Person => person(canvas, &board, look, actor.travelled),
    }
}

/// Maps shares of an actor's box to the scene, mirrored when it looks to the left.
struct Board {
    bounds: [f64; 4],
    mirrored: bool,
}

impl Board {
    fn at(&self, x: f64, y: f64) -> Point {
        let [left, top, right, bottom] = self.bounds;
        let x = if self.mirrored { 1.0 - x } else { x };
        (left + x * (right - left), top + y * (bottom - top))
    }

    fn height(&self) -> f64 {
        self.bounds[3] - self.bounds[1]
    }

    fn rectangle(&self, x: (f64, f64), y: (f64, f64)) -> [f64; 4] {
        let (a, b) = (self.at(x.0, y.0), self.at(x.1, y.1));
        [a.0.min(b.0), a.1, a.0.max(b.0), b.1]
    }

    /// Corners stay clockwise when mirrored.
    fn corners(&self, shares: [Point; 4]) -> [Point; 4] {
        let mut corners = shares.map(|(x, y)| self.at(x, y));
        if self.mirrored {
            corners.reverse();
        }
        corners
    }
}

fn car(canvas: &mut Canvas, board: &Board, paint: Colour) {
    let h = board.height();
    canvas.rectangle(board.rectangle((0.02, 0.98), (0.9, 1.0)), 1.0, [52, 52, 56]);
    let cabin = [(0.17, 0.46), (0.30, 0.0), (0.66, 0.0), (0.83, 0.46)];
    canvas.polygon(&board.corners(cabin), paint);
    let rear = [(0.22, 0.44), (0.325, 0.07), (0.475, 0.07), (0.475, 0.44)];
    canvas.polygon(&board.corners(rear), GLASS);
    let front = [(0.50, 0.44), (0.50, 0.07), (0.64, 0.07), (0.775, 0.44)];
    canvas.polygon(&board.corners(front), GLASS);
    canvas.rectangle(board.rectangle((0.0, 1.0), (0.42, 0.86)), h * 0.14, paint);
    canvas.rectangle(
        board.rectangle((0.0, 1.0), (0.72, 0.86)),
        h * 0.06,
        darker(paint),
    );
    canvas.line(
        board.at(0.487, 0.5),
        board.at(0.487, 0.7),
        h * 0.008,
        darker(paint),
    );
    canvas.disc(board.at(0.965, 0.55), h * 0.06, [255, 244, 190]);
    canvas.disc(board.at(0.03, 0.55), h * 0.055, [220, 40, 40]);
    for x in [0.2, 0.8] {
        canvas.disc(board.at(x, 0.81), h * 0.19, TYRE);
        canvas.disc(board.at(x, 0.81), h * 0.09, [188, 190, 194]);
    }
}

fn person(canvas: &mut Canvas, board: &Board, look: u64, travelled: f64) {
    let h = board.height();
    let coat = pick(&COATS, look);
    let skin = pick(&SKINS, look >> 8);
    // One step each 0.9 of the height; legs and arms swing against each other.
    let swing = (travelled / (h * 0.45) * std::f64::consts::PI).sin();
    let (hip, shoulder) = (board.at(0.5, 0.56), board.at(0.5, 0.27));
    for side in [-1.0, 1.0] {
        let foot = board.at(0.5 + side * swing * 0.36, 0.965);
        let trousers = if side < 0.0 { DARK } else { [72, 76, 88] };
        canvas.line(hip, foot, h * 0.035, trousers);
    }
    let hand = |side: f64| board.at(0.5 - side * swing * 0.3, 0.52);
    canvas.line(shoulder, hand(-1.0), h * 0.026, darker(coat));
    canvas.line(
        (shoulder.0, shoulder.1 - h * 0.01),
        (hip.0, hip.1 - h * 0.02),
        h * 0.075,
        coat,
    );
    canvas.line(shoulder, hand(1.0), h * 0.026, darker(coat));
    canvas.disc(board.at(0.5, 0.09), h * 0.085, skin);
    canvas.disc(board.at(0.46, 0.055), h * 0.055, [64, 46, 38]);
}

/// One of `colours` for a number that looks random.
fn pick(colours: &[Colour], number: u64) -> Colour {
    let at = number % colours.len() as u64;
    colours[usize::try_from(at).unwrap_or(0)]
}

fn darker(colour: Colour) -> Colour {
    colour.map(|channel| channel / 4 * 3)
}
