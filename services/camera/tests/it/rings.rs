//! What readers get: the captured bytes, JPEG on demand, masks, truth.

use vigla_camera::jpeg;
use vigla_camera::jpeg::turbo::Decoder;

use crate::shim::{OLD_WEBCAM, WEBCAM};
use crate::stage::{Stage, frame, series};

#[tokio::test]
async fn mjpeg_passes_through_untouched_and_ids_count_by_one() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1.2", "SN42", WEBCAM);
    let _daemon = stage.start("size = \"640x360\"");
    let client = stage.client().await;
    let cameras = client
        .until("a camera streams", |c| {
            c.values().any(|c| c.state == "streaming")
        })
        .await;
    let (id, seen) = cameras.iter().next().unwrap();
    assert_eq!((&*seen.format, seen.width, seen.height), ("MJPG", 640, 360));
    assert_eq!((&*seen.source, &*seen.label), ("v4l2", "Shim Webcam"));
    assert_eq!(seen.location, "usb:1.2, 046d:0825, serial SN42");
    let folder = stage.kernel.root().join("frames/640x360");
    let originals: Vec<Vec<u8>> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    // Both encodings lead to the same ring.
    for encoding in ["native", "jpeg"] {
        let mut reader = client.reader(id, encoding).await;
        let mut last = None;
        for _ in 0..10 {
            let (meta, bytes) = frame(&mut reader);
            assert!(originals.contains(&bytes), "a frame was changed");
            assert_eq!((&meta.fourcc, meta.width, meta.height), (b"MJPG", 640, 360));
            assert!(last.is_none_or(|last| meta.frame_id > last && meta.frame_id < last + 1000));
            assert!(meta.time_usec > 1_700_000_000_000_000 && meta.mono_usec > 0);
            assert_eq!(meta.mask_digest, 0);
            last = Some(meta.frame_id);
        }
    }
    assert_eq!(
        series(
            &stage.rig,
            &format!("vigla_camera_encodes_total{{camera=\"{id}\"}}")
        ),
        0
    );
}

#[tokio::test]
async fn yuyv_is_encoded_only_while_somebody_reads_jpeg() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", OLD_WEBCAM);
    let _daemon = stage.start("[camera.old]\nsource = \"usb:1\"");
    let client = stage.client().await;
    let mut native = client.reader("old", "native").await;
    let (meta, bytes) = frame(&mut native);
    assert_eq!((&meta.fourcc, meta.width, meta.height), (b"YUYV", 320, 240));
    assert_eq!(bytes.len(), 320 * 240 * 2, "padding is taken off");
    let encodes = || series(&stage.rig, "vigla_camera_encodes_total{camera=\"old\"}");
    assert_eq!(encodes(), 0);
    let mut reader = client.reader("old", "jpeg").await;
    let (meta, bytes) = frame(&mut reader);
    assert_eq!(&meta.fourcc, b"MJPG");
    assert_eq!(jpeg::size(&bytes), Some((320, 240)));
    // The drawn brightness runs from left to right; the encoded one does as well.
    let mut luma = Vec::new();
    let (width, _) = Decoder::new()
        .unwrap()
        .luma_eighth(&bytes, &mut luma)
        .unwrap();
    assert!(luma[..width].iter().max().unwrap() - luma[..width].iter().min().unwrap() > 100);
    drop(reader);
    let settled = || {
        let before = encodes();
        (0..5).for_each(|_| drop(frame(&mut native)));
        before == encodes()
    };
    assert!(
        std::iter::repeat_with(settled)
            .take(20)
            .any(|settled| settled),
        "encodes for nobody"
    );
}

#[tokio::test]
async fn masks_are_burned_in_before_anybody_reads() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", OLD_WEBCAM);
    stage.kernel.plug("video2", "2", "", WEBCAM);
    let masks = "masks = [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]]";
    let _daemon = stage.start(&format!(
        "size = \"320x240\"\n[camera.old]\nsource = \"usb:1\"\n{masks}\n[camera.new]\nsource = \"usb:2\"\n{masks}"
    ));
    let client = stage.client().await;
    let mut digests = Vec::new();
    for (id, encoding) in [("old", "native"), ("old", "jpeg"), ("new", "native")] {
        let mut reader = client.reader(id, encoding).await;
        assert_eq!(client.cameras().await[id].masks, 1);
        let (meta, bytes) = frame(&mut reader);
        digests.push(meta.mask_digest);
        let hidden: Vec<u8> = if &meta.fourcc == b"YUYV" {
            bytes
                .chunks_exact(640)
                .flat_map(|line| line[..320].iter().step_by(2).copied())
                .collect()
        } else {
            let mut luma = Vec::new();
            let (width, _) = Decoder::new()
                .unwrap()
                .luma_eighth(&bytes, &mut luma)
                .unwrap();
            luma.chunks_exact(width)
                .flat_map(|line| line[..width / 2].to_vec())
                .collect()
        };
        assert!(
            hidden.iter().all(|y| y.abs_diff(70) < 8),
            "{id} {encoding} shows what is hidden"
        );
    }
    assert!(digests[0] != 0 && digests.iter().all(|d| *d == digests[0]));
}

#[tokio::test]
async fn the_drawn_street_tells_the_truth_in_each_frame() {
    let stage = Stage::new();
    let _daemon = stage.start("size = \"640x360\"\n[camera.demo]\nsource = \"synthetic\"");
    let client = stage.client().await;
    let mut reader = client.reader("demo", "jpeg").await;
    for _ in 0..5 {
        let (_, bytes) = frame(&mut reader);
        let prefix = vigla_camera::source::synthetic::TRUTH_PREFIX;
        let at = bytes
            .windows(prefix.len())
            .position(|w| w == prefix)
            .unwrap()
            + prefix.len();
        let end = at + bytes[at..].iter().position(|&b| b == 0xff).unwrap();
        let truth: Vec<serde_json::Value> = serde_json::from_slice(&bytes[at..end]).unwrap();
        assert!(
            truth
                .iter()
                .all(|o| o["label"] == "car" || o["label"] == "person")
        );
    }
}
