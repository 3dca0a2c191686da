//! Sizes and offsets as a C compiler gives them for `linux/videodev2.h`, checked while compiling.

use std::mem::{offset_of, size_of};

use super::*;

macro_rules! size {
    ($($name:ident = $bytes:expr),+ $(,)?) => {
        $(const _: () = assert!(size_of::<$name>() == $bytes);)+
    };
}

macro_rules! offset {
    ($($name:ident . $field:ident = $bytes:expr),+ $(,)?) => {
        $(const _: () = assert!(offset_of!($name, $field) == $bytes);)+
    };
}

size! {
    timeval = 16,
    v4l2_audio = 52,
    v4l2_audioout = 52,
    v4l2_buffer = 88,
    v4l2_capability = 104,
    v4l2_captureparm = 40,
    v4l2_control = 8,
    v4l2_crop = 20,
    v4l2_cropcap = 44,
    v4l2_edid = 40,
    v4l2_enc_idx = 2072,
    v4l2_encoder_cmd = 40,
    v4l2_exportbuffer = 64,
    v4l2_ext_control = 20,
    v4l2_ext_controls = 32,
    v4l2_fmtdesc = 64,
    v4l2_format = 208,
    v4l2_framebuffer = 48,
    v4l2_frequency = 44,
    v4l2_frmivalenum = 52,
    v4l2_frmsizeenum = 44,
    v4l2_input = 80,
    v4l2_jpegcompression = 140,
    v4l2_modulator = 68,
    v4l2_output = 72,
    v4l2_outputparm = 40,
    v4l2_pix_format = 48,
    v4l2_query_ext_ctrl = 232,
    v4l2_queryctrl = 68,
    v4l2_querymenu = 44,
    v4l2_requestbuffers = 20,
    v4l2_sliced_vbi_cap = 116,
    v4l2_standard = 72,
    v4l2_streamparm = 204,
    v4l2_tuner = 84,
}

offset! {
    v4l2_format.fmt = 8,
    v4l2_streamparm.parm = 4,
    v4l2_buffer.timestamp = 24,
    v4l2_buffer.sequence = 56,
    v4l2_buffer.m = 64,
    v4l2_buffer.length = 72,
    v4l2_ext_control.__bindgen_anon_1 = 12,
    v4l2_ext_controls.controls = 24,
    v4l2_query_ext_ctrl.minimum = 40,
    v4l2_query_ext_ctrl.flags = 72,
    v4l2_frmsizeenum.__bindgen_anon_1 = 12,
    v4l2_frmivalenum.__bindgen_anon_1 = 20,
}
