//! The library against the real ONNX Runtime, the shipped model and a real street clip.

mod assets;
mod catalogue;
mod engine;
