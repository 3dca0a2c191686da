//! The knobs of a V4L2 device: brightness, exposure and the like, by name.

use std::sync::Arc;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;
use vigla_bus::camera::Control;

use super::node::{Node, blank};
use crate::source::{ControlError, Controls, SourceError};

/// Control types with one number: integer, boolean, menu, 64-bit integer, integer menu.
const NUMBERS: [u32; 5] = [1, 2, 3, 5, 9];
const INTEGER_64: u32 = 5;
/// Disabled, read-only, write-only.
const UNUSABLE: u32 = 0x0001 | 0x0004 | 0x0040;
/// No device has more controls.
const MOST: usize = 256;

/// The controls of one device.
#[derive(Debug)]
pub struct Knobs(Arc<Node>);

struct Knob {
    id: u32,
    wide: bool,
    control: Control,
}

impl Knobs {
    /// The controls of `node`.
    pub fn new(node: Arc<Node>) -> Self {
        Self(node)
    }

    fn knobs(&self) -> Result<Vec<Knob>, SourceError> {
        let mut knobs = Vec::new();
        let mut query: sys::v4l2_query_ext_ctrl = blank();
        for _ in 0..MOST {
            let last = query.id;
            query = blank();
            query.id = last | sys::V4L2_CTRL_FLAG_NEXT_CTRL;
            match self.0.ask(
                "asking for controls",
                vidioc::VIDIOC_QUERY_EXT_CTRL,
                &mut query,
            ) {
                Err(error @ SourceError::Gone(_)) => return Err(error),
                Ok(()) if query.id > last => {}
                _ => break,
            }
            if query.flags & UNUSABLE != 0 || !NUMBERS.contains(&query.type_) {
                continue;
            }
            let wide = query.type_ == INTEGER_64;
            // Asked for while it streams, a control may be busy: it is left out, not the others.
            if let Ok(value) = self.value(query.id, wide) {
                knobs.push(Knob {
                    id: query.id,
                    wide,
                    control: Control {
                        name: plain_name(&query.name.map(|c| c.to_ne_bytes()[0])),
                        minimum: query.minimum,
                        maximum: query.maximum,
                        step: i64::try_from(query.step).unwrap_or(1).max(1),
                        default: query.default_value,
                        value,
                    },
                });
            }
        }
        Ok(knobs)
    }

    fn value(&self, id: u32, wide: bool) -> std::io::Result<i64> {
        let mut control = sys::v4l2_ext_control { id, ..blank() };
        self.exchange(vidioc::VIDIOC_G_EXT_CTRLS, &mut control)?;
        // SAFETY: both arms are numbers, and the type of the control says which one was filled in.
        #[allow(unsafe_code, reason = "a union of the kernel's")]
        let value = unsafe {
            let value = control.__bindgen_anon_1;
            if wide {
                value.value64
            } else {
                i64::from(value.value)
            }
        };
        Ok(value)
    }

    fn exchange(
        &self,
        request: vidioc::_IOC_TYPE,
        control: &mut sys::v4l2_ext_control,
    ) -> std::io::Result<()> {
        let mut list = sys::v4l2_ext_controls {
            count: 1,
            controls: &raw mut *control,
            ..blank()
        };
        self.0.call(request, &mut list)
    }
}

impl Controls for Knobs {
    fn list(&self) -> Result<Vec<Control>, SourceError> {
        Ok(self.knobs()?.into_iter().map(|knob| knob.control).collect())
    }

    fn set(&self, name: &str, value: i64) -> Result<(), ControlError> {
        let knobs = self.knobs().map_err(ControlError::Device)?;
        let knob = knobs.iter().find(|knob| knob.control.name == name);
        let knob = knob.ok_or_else(|| ControlError::Unknown(name.to_owned()))?;
        let Control {
            minimum,
            maximum,
            step,
            ..
        } = knob.control;
        let on_step = value
            .checked_sub(minimum)
            .is_some_and(|above| above % step == 0);
        if !(minimum..=maximum).contains(&value) || !on_step {
            return Err(ControlError::Range {
                name: name.to_owned(),
                minimum,
                maximum,
                step,
            });
        }
        let mut control = sys::v4l2_ext_control {
            id: knob.id,
            ..blank()
        };
        control.__bindgen_anon_1 = if knob.wide {
            sys::v4l2_ext_control__bindgen_ty_1 { value64: value }
        } else {
            sys::v4l2_ext_control__bindgen_ty_1 {
                value: i32::try_from(value).unwrap_or(i32::MAX),
            }
        };
        self.exchange(vidioc::VIDIOC_S_EXT_CTRLS, &mut control)
            .map_err(|error| super::node::fault(self.0.path(), "setting a control", error))
            .map_err(ControlError::Device)
    }
}

/// A driver's name as ours: `White Balance, Auto` becomes `white-balance-auto`.
fn plain_name(name: &[u8]) -> String {
    let end = name
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(name.len());
    let text = String::from_utf8_lossy(&name[..end]).to_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_whatever_the_driver_says() {
        for (driver, ours) in [
            (&b"White Balance, Auto\0junk"[..], "white-balance-auto"),
            (b"Exposure (Absolute)", "exposure-absolute"),
            (b"\xff\xfeGain", "gain"),
            (b"", ""),
        ] {
            assert_eq!(plain_name(driver), ours);
        }
    }
}
