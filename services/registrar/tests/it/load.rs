//! A thousand devices at once, against one replica.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use kube::Api;
use kube::api::ListParams;
use vigla_fleet::crd::{Device, DevicePhase};
use vigla_fleet::wire::Answer;
use vigla_testkit_kube::ControlPlane;

use crate::device::{SimDevice, kubelet};
use crate::rig::{order, until, within};

const DEVICES: i32 = 1000;

#[test]
#[ignore = "takes minutes: a thousand devices"]
fn a_thousand_devices_at_once() {
    let Some(plane) = ControlPlane::own() else {
        return;
    };
    within(plane, async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(DEVICES)).await;
        let before = replica.serving.requests();
        let began = Instant::now();
        let devices: Vec<_> = (0..DEVICES).map(|_| SimDevice::new(&invitation)).collect();
        let asked = devices.iter().map(async |device| {
            let since = Instant::now();
            let answer = device.ask().await;
            (answer, since.elapsed())
        });
        let answers = futures_util::future::join_all(asked).await;
        let took = began.elapsed();
        let mut times: Vec<Duration> = answers.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        let mut grants = Vec::new();
        for (answer, _) in answers {
            let Ok(Answer::Grant { grant }) = answer else {
                panic!("{answer:?}");
            };
            grants.push(grant.open(&invitation.pins).unwrap());
        }
        let granted = replica.serving.requests();
        stream::iter(&grants)
            .for_each_concurrent(32, async |grant| drop(kubelet(&rig, grant).await))
            .await;
        let all: Api<Device> = Api::all(rig.client.clone());
        until("all are active", async || {
            let list = all.list(&ListParams::default()).await.unwrap();
            let active = list.iter().filter(|device| {
                device
                    .status
                    .as_ref()
                    .is_some_and(|s| s.phase == DevicePhase::Active)
            });
            (active.count() == DEVICES as usize).then_some(())
        })
        .await;
        let whole = replica.serving.requests();
        let list = all.list(&ListParams::default()).await.unwrap();
        let mut uses: Vec<_> = list
            .iter()
            .map(|d| d.status.as_ref().unwrap().r#use)
            .collect();
        uses.sort_unstable();
        assert_eq!(uses, (0..DEVICES).collect::<Vec<_>>(), "each use once");
        #[allow(clippy::cast_precision_loss, reason = "thousands of requests")]
        let each = |requests: u64| requests as f64 / f64::from(DEVICES);
        println!(
            "{DEVICES} devices: all granted in {took:?}, median {:?}, p99 {:?}; {:.2} requests a grant, {:.2} a node",
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            each(granted - before),
            each(whole - before),
        );
        assert!(each(whole - before) <= 12.0);
        replica.end().await;
    });
}
