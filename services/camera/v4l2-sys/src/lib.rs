//! The structures of `linux/videodev2.h` that the `v4l` crate names, and nothing else.
//!
//! `v4l` takes its structures from a crate that runs bindgen, hence libclang, in every build. The
//! kernel promises that these layouts never change, so they are written out here once, under
//! the names bindgen would give them (`docs/adr/0008-v4l-bindings.md`). Structures that `v4l` only measures, to
//! number an ioctl, are [`opaque!`] blocks of the right size.
//!
//! Layouts are those of 64-bit Linux, the same on x86-64 and aarch64; [`layout`] checks sizes
//! and the offsets that matter while compiling, so a mistake is an error and not a wild write.
#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    reason = "names are the kernel's, through bindgen's rules, because `v4l` spells them so"
)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("these layouts are those of 64-bit Linux");

mod layout;

use std::ffi::{c_char, c_long, c_uint, c_ulong, c_void};

pub type time_t = c_long;
pub type v4l2_std_id = u64;
pub type v4l2_frmsizetypes = c_uint;
pub type v4l2_frmivaltypes = c_uint;

pub const V4L2_CTRL_FLAG_NEXT_CTRL: u32 = 0x8000_0000;
pub const V4L2_CTRL_FLAG_NEXT_COMPOUND: u32 = 0x4000_0000;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE: v4l2_frmsizetypes = 1;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_CONTINUOUS: v4l2_frmsizetypes = 2;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE: v4l2_frmsizetypes = 3;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE: v4l2_frmivaltypes = 1;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_CONTINUOUS: v4l2_frmivaltypes = 2;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_STEPWISE: v4l2_frmivaltypes = 3;

/// Structures with named fields.
macro_rules! structures {
    ($($kind:tt $name:ident { $($field:ident: $type:ty),+ $(,)? })+) => {$(
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub $kind $name { $(pub $field: $type),+ }
    )+};
}

/// Structures that only their size is wanted of.
macro_rules! opaque {
    ($($name:ident: [$word:ty; $count:expr]),+ $(,)?) => {$(
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $name([$word; $count]);
    )+};
}

structures! {
    struct timeval { tv_sec: time_t, tv_usec: c_long }
    struct v4l2_fract { numerator: u32, denominator: u32 }

    struct v4l2_capability {
        driver: [u8; 16],
        card: [u8; 32],
        bus_info: [u8; 32],
        version: u32,
        capabilities: u32,
        device_caps: u32,
        reserved: [u32; 3],
    }

    struct v4l2_fmtdesc {
        index: u32,
        type_: u32,
        flags: u32,
        description: [u8; 32],
        pixelformat: u32,
        mbus_code: u32,
        reserved: [u32; 3],
    }

    struct v4l2_pix_format {
        width: u32,
        height: u32,
        pixelformat: u32,
        field: u32,
        bytesperline: u32,
        sizeimage: u32,
        colorspace: u32,
        priv_: u32,
        flags: u32,
        ycbcr_enc: u32,
        quantization: u32,
        xfer_func: u32,
    }
    // The u64 stands for the pointers of the overlay arm, which align the union to 8 bytes.
    union v4l2_format__bindgen_ty_1 { pix: v4l2_pix_format, raw_data: [u8; 200], align: u64 }
    struct v4l2_format { type_: u32, fmt: v4l2_format__bindgen_ty_1 }

    struct v4l2_frmsize_discrete { width: u32, height: u32 }
    struct v4l2_frmsize_stepwise {
        min_width: u32,
        max_width: u32,
        step_width: u32,
        min_height: u32,
        max_height: u32,
        step_height: u32,
    }
    union v4l2_frmsizeenum__bindgen_ty_1 {
        discrete: v4l2_frmsize_discrete,
        stepwise: v4l2_frmsize_stepwise,
    }
    struct v4l2_frmsizeenum {
        index: u32,
        pixel_format: u32,
        type_: u32,
        __bindgen_anon_1: v4l2_frmsizeenum__bindgen_ty_1,
        reserved: [u32; 2],
    }

    struct v4l2_frmival_stepwise { min: v4l2_fract, max: v4l2_fract, step: v4l2_fract }
    union v4l2_frmivalenum__bindgen_ty_1 {
        discrete: v4l2_fract,
        stepwise: v4l2_frmival_stepwise,
    }
    struct v4l2_frmivalenum {
        index: u32,
        pixel_format: u32,
        width: u32,
        height: u32,
        type_: u32,
        __bindgen_anon_1: v4l2_frmivalenum__bindgen_ty_1,
        reserved: [u32; 2],
    }

    struct v4l2_captureparm {
        capability: u32,
        capturemode: u32,
        timeperframe: v4l2_fract,
        extendedmode: u32,
        readbuffers: u32,
        reserved: [u32; 4],
    }
    struct v4l2_outputparm {
        capability: u32,
        outputmode: u32,
        timeperframe: v4l2_fract,
        extendedmode: u32,
        writebuffers: u32,
        reserved: [u32; 4],
    }
    union v4l2_streamparm__bindgen_ty_1 {
        capture: v4l2_captureparm,
        output: v4l2_outputparm,
        raw_data: [u8; 200],
    }
    struct v4l2_streamparm { type_: u32, parm: v4l2_streamparm__bindgen_ty_1 }

    struct v4l2_requestbuffers {
        count: u32,
        type_: u32,
        memory: u32,
        capabilities: u32,
        flags: u8,
        reserved: [u8; 3],
    }
    struct v4l2_timecode {
        type_: u32,
        flags: u32,
        frames: u8,
        seconds: u8,
        minutes: u8,
        hours: u8,
        userbits: [u8; 4],
    }
    union v4l2_buffer__bindgen_ty_1 {
        offset: u32,
        userptr: c_ulong,
        planes: *mut c_void,
        fd: i32,
    }
    struct v4l2_buffer {
        index: u32,
        type_: u32,
        bytesused: u32,
        flags: u32,
        field: u32,
        timestamp: timeval,
        timecode: v4l2_timecode,
        sequence: u32,
        memory: u32,
        m: v4l2_buffer__bindgen_ty_1,
        length: u32,
        reserved2: u32,
        request_fd: i32,
    }

    struct v4l2_control { id: u32, value: i32 }
    struct v4l2_query_ext_ctrl {
        id: u32,
        type_: u32,
        name: [c_char; 32],
        minimum: i64,
        maximum: i64,
        step: u64,
        default_value: i64,
        flags: u32,
        elem_size: u32,
        elems: u32,
        nr_of_dims: u32,
        dims: [u32; 4],
        reserved: [u32; 32],
    }
}

// Packed in the kernel's header, so these three stand outside the macro.

#[repr(C, packed)]
#[derive(Clone, Copy)]
pub union v4l2_ext_control__bindgen_ty_1 {
    pub value: i32,
    pub value64: i64,
    pub string: *mut c_char,
    pub p_u8: *mut u8,
    pub p_u16: *mut u16,
    pub p_u32: *mut u32,
    pub ptr: *mut c_void,
}

#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct v4l2_ext_control {
    pub id: u32,
    pub size: u32,
    pub reserved2: [u32; 1],
    pub __bindgen_anon_1: v4l2_ext_control__bindgen_ty_1,
}

#[repr(C, packed)]
#[derive(Clone, Copy)]
pub union v4l2_querymenu__bindgen_ty_1 {
    pub name: [u8; 32],
    pub value: i64,
}

#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct v4l2_querymenu {
    pub id: u32,
    pub index: u32,
    pub __bindgen_anon_1: v4l2_querymenu__bindgen_ty_1,
    pub reserved: u32,
}

/// Not the one `v4l` keeps for itself, whose first field is not a union: ours to call with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct v4l2_ext_controls {
    pub which: u32,
    pub count: u32,
    pub error_idx: u32,
    pub request_fd: i32,
    pub reserved: [u32; 1],
    pub controls: *mut v4l2_ext_control,
}

opaque! {
    v4l2_audio: [u32; 13],
    v4l2_audioout: [u32; 13],
    v4l2_crop: [u32; 5],
    v4l2_cropcap: [u32; 11],
    v4l2_edid: [u64; 5],
    v4l2_enc_idx: [u64; 259],
    v4l2_encoder_cmd: [u32; 10],
    v4l2_exportbuffer: [u32; 16],
    v4l2_framebuffer: [u64; 6],
    v4l2_frequency: [u32; 11],
    v4l2_input: [u64; 10],
    v4l2_jpegcompression: [u32; 35],
    v4l2_modulator: [u32; 17],
    v4l2_output: [u64; 9],
    v4l2_queryctrl: [u32; 17],
    v4l2_sliced_vbi_cap: [u32; 29],
    v4l2_standard: [u64; 9],
    v4l2_tuner: [u32; 21],
}
