//! P1 and P2: what stands around the model. The same frames, the same library, one thread.

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use turbojpeg::{Decompressor, Image, PixelFormat};
use vigla_system_tests::assets;
use vigla_vision::picture::{Decoder, Format, Frame};
use vigla_vision::{Catalogue, Engine, Library, Manifest, Model, Picture};

use crate::gauge::{cost, median, pairs};
use crate::row::{Goal, Row};

/// Frames of the street clip, evenly over it.
const FRAMES: usize = 24;
/// 720p at half its size is the smallest fast scale that the model's 300x300 fits into.
const SCALED: (usize, usize) = (640, 360);

/// Everything that takes part.
struct Stage {
    jpegs: Vec<Vec<u8>>,
    manifest: Manifest,
    engine: Engine,
    decoder: Decoder,
    picture: Picture,
    bare: Session,
    tensor: Vec<f32>,
    jpeg: Decompressor,
    pixels: Vec<u8>,
}

impl Stage {
    fn set() -> anyhow::Result<Self> {
        let stream = std::fs::read(assets::jpegs()?)?;
        let all = split(&stream);
        let step = (all.len() / FRAMES).max(1);
        let library = Library::load(Some(&assets::library()?))?;
        let models =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/detector/models");
        let catalogue = Catalogue::scan([models]);
        let manifest = catalogue.find("cocossd-mnv2-300-int8", "1")?.clone();
        let plain = |error: ort::Error<_>| anyhow::anyhow!("{}", error.message());
        let bare = Session::builder(library.environment())?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(plain)?
            .with_intra_threads(1)
            .map_err(plain)?
            .with_intra_op_spinning(false)
            .map_err(plain)?
            .commit_from_file(&manifest.file)?;
        Ok(Self {
            jpegs: all
                .into_iter()
                .step_by(step)
                .take(FRAMES)
                .map(<[u8]>::to_vec)
                .collect(),
            engine: Engine::open(&manifest, 1)?,
            manifest,
            decoder: Decoder::new()?,
            picture: Picture::default(),
            bare,
            tensor: vec![127.0; 300 * 300 * 3],
            jpeg: Decompressor::new()?,
            pixels: vec![0; SCALED.0 * SCALED.1 * 3],
        })
    }

    /// From JPEG to objects.
    fn whole(&mut self) -> anyhow::Result<f64> {
        cost(|| {
            for jpeg in &self.jpegs {
                let frame = Frame {
                    format: Format::Jpeg,
                    width: 1280,
                    height: 720,
                    bytes: jpeg,
                };
                self.decoder.decode(&frame, (300, 300), &mut self.picture)?;
                std::hint::black_box(self.engine.infer(&self.picture)?);
            }
            Ok(())
        })
    }

    /// From a picture of the model's size to objects.
    fn service(&mut self) -> anyhow::Result<f64> {
        let picture = Picture::new(300, 300);
        cost(|| {
            for _ in 0..FRAMES {
                std::hint::black_box(self.engine.infer(&picture)?);
            }
            Ok(())
        })
    }

    /// The model alone.
    fn engine_alone(&mut self) -> anyhow::Result<f64> {
        cost(|| {
            for _ in 0..FRAMES {
                let input =
                    TensorRef::from_array_view(([1_i64, 300, 300, 3], self.tensor.as_slice()))?;
                let name = self.manifest.input.tensor.as_str();
                std::hint::black_box(self.bare.run(ort::inputs![name => input])?.len());
            }
            Ok(())
        })
    }

    /// libjpeg-turbo alone, at the same scale.
    fn decoding_alone(&mut self) -> anyhow::Result<f64> {
        cost(|| {
            for jpeg in &self.jpegs {
                let (width, height) = SCALED;
                let image = Image {
                    pixels: self.pixels.as_mut_slice(),
                    width,
                    pitch: width * 3,
                    height,
                    format: PixelFormat::RGB,
                };
                self.jpeg.decompress(jpeg, image)?;
            }
            Ok(())
        })
    }
}

/// The pictures of a stream; in a JPEG nothing but its end looks like its end.
fn split(stream: &[u8]) -> Vec<&[u8]> {
    let mut pictures = Vec::new();
    let mut rest = stream;
    while let Some(end) = rest.windows(2).position(|two| two == [0xff, 0xd9]) {
        let (picture, after) = rest.split_at(end + 2);
        pictures.push(picture);
        rest = after;
    }
    pictures
}

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let stage = std::cell::RefCell::new(Stage::set()?);
    let around = pairs(
        || {
            let mut stage = stage.borrow_mut();
            let engine = median(
                [
                    stage.engine_alone()?,
                    stage.engine_alone()?,
                    stage.engine_alone()?,
                ]
                .into_iter(),
            );
            Ok((stage.whole()? - engine).max(0.0))
        },
        || stage.borrow_mut().decoding_alone(),
    )?;
    let engine = pairs(
        || stage.borrow_mut().service(),
        || stage.borrow_mut().engine_alone(),
    )?;
    let units = u32::try_from(FRAMES)?;
    let (ours, bare) = engine.micros(units);
    Ok(vec![
        Row::ratio(
            "P1",
            "CPU per 720p frame outside the engine / bare scaled decode",
            around.micros(units),
            Goal::AtMost(1.25),
            format!("us; the bare engine is taken off; {}", around.control()),
        ),
        Row::ratio(
            "P2",
            "frames per CPU second / bare ONNX Runtime",
            (1e6 / ours, 1e6 / bare),
            Goal::AtLeast(0.98),
            format!(
                "decoded frames in, objects out, one thread; {}",
                engine.control()
            ),
        ),
    ])
}
