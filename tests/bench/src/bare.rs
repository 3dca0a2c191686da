//! What there is around: libjpeg-turbo and ONNX Runtime with nothing of ours, and the frames that all take.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use turbojpeg::{Decompressor, Image, PixelFormat};
use vigla_system_tests::assets;
use vigla_vision::{Catalogue, Library, Manifest, Picture};

use crate::film::split;

/// 720p at half its size is the smallest fast scale that the model's 300x300 fits into.
const SCALED: (usize, usize) = (640, 360);
/// Width and height of the model's input.
pub(crate) const INPUT: u32 = 300;

/// The library and the codec, alone.
pub(crate) struct Bare {
    session: Session,
    tensor: String,
    jpeg: Decompressor,
    pixels: Vec<u8>,
}

impl Bare {
    /// The default model with `threads` threads, set up as the engine sets it up.
    pub(crate) fn open(manifest: &Manifest, threads: usize) -> anyhow::Result<Self> {
        let library = Library::load(Some(&assets::library()?))?;
        let plain = |error: ort::Error<_>| anyhow::anyhow!("{}", error.message());
        let session = Session::builder(library.environment())?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(plain)?
            .with_intra_threads(threads)
            .map_err(plain)?
            .with_intra_op_spinning(false)
            .map_err(plain)?
            .commit_from_file(&manifest.file)?;
        Ok(Self {
            session,
            tensor: manifest.input.tensor.clone(),
            jpeg: Decompressor::new()?,
            pixels: vec![0; SCALED.0 * SCALED.1 * 3],
        })
    }

    /// The model on a tensor.
    pub(crate) fn run(&mut self, tensor: &[f32]) -> anyhow::Result<()> {
        let side = i64::from(INPUT);
        let input = TensorRef::from_array_view(([1_i64, side, side, 3], tensor))?;
        let answer = self
            .session
            .run(ort::inputs![self.tensor.as_str() => input])?;
        std::hint::black_box(answer.len());
        Ok(())
    }

    /// A 720p frame at the scale that the model needs.
    pub(crate) fn decode(&mut self, jpeg: &[u8]) -> anyhow::Result<()> {
        let (width, height) = SCALED;
        let image = Image {
            pixels: self.pixels.as_mut_slice(),
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        self.jpeg.decompress(jpeg, image)?;
        Ok(())
    }

    /// The picture that was decoded last, at the model's size: of each place the nearest pixel.
    pub(crate) fn picture(&self) -> Picture {
        let (width, height) = SCALED;
        let side = INPUT as usize;
        let mut picture = Picture::new(INPUT, INPUT);
        for (at, pixel) in picture.rgb.chunks_exact_mut(3).enumerate() {
            let (x, y) = (at % side * width / side, at / side * height / side);
            pixel.copy_from_slice(&self.pixels[(y * width + x) * 3..][..3]);
        }
        picture
    }
}

/// A frame, in every form that somebody takes.
pub(crate) struct Sample {
    pub(crate) jpeg: Vec<u8>,
    /// Of the model's size.
    pub(crate) picture: Picture,
    /// The same for the model, whose graph scales 0 to 255 itself.
    pub(crate) tensor: Vec<f32>,
}

impl Sample {
    /// So many frames of the street clip, evenly over it.
    pub(crate) fn take(count: usize, bare: &mut Bare) -> anyhow::Result<Vec<Self>> {
        let stream = std::fs::read(assets::jpegs()?)?;
        let all = split(&stream);
        let step = (all.len() / count).max(1);
        let frames = all.into_iter().step_by(step).take(count);
        let sample = |jpeg: &[u8]| {
            bare.decode(jpeg)?;
            let picture = bare.picture();
            Ok(Self {
                jpeg: jpeg.to_vec(),
                tensor: picture.rgb.iter().map(|value| f32::from(*value)).collect(),
                picture,
            })
        };
        frames.map(sample).collect()
    }
}

/// The model that `auto` means, from the repository.
pub(crate) fn manifest() -> anyhow::Result<Manifest> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/detector/models");
    let catalogue = Catalogue::scan([models]);
    Ok(catalogue.find("cocossd-mnv2-300-int8", "1")?.clone())
}

/// As many threads as the engine takes by itself.
pub(crate) fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).clamp(1, 4)
}
