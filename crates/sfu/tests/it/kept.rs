//! What a subscriber gets: the tracks that the audience may hear and see, while they are kept.

use std::collections::BTreeMap;
use std::sync::Mutex;

use forwarding::TrackKind;
use forwarding::sink::{Message, Opened, SinkId};
use sfu::Record;

use super::*;

#[derive(Debug, Default)]
struct Keeper(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    open: BTreeMap<SinkId, Opened>,
    packets: BTreeMap<SinkId, Vec<forwarding::sink::SinkPacket>>,
    closed: usize,
}

impl Subscriber for Keeper {
    fn take(&self, message: Message) {
        let mut kept = self.0.lock().expect("a lock");
        match message {
            Message::Opened(opened) => drop(kept.open.insert(opened.sink, *opened)),
            Message::Packet(packet) => {
                assert!(kept.open.contains_key(&packet.sink), "a packet without an open sink");
                kept.packets.entry(packet.sink).or_default().push(packet);
            }
            Message::Closed { sink } => {
                kept.closed += 1;
                assert!(kept.open.remove(&sink).is_some(), "closed twice");
            }
            Message::Record { .. } | Message::Placed { .. } => {}
        }
    }
}

impl Keeper {
    async fn until(&self, what: &str, holds: impl Fn(&Kept) -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !holds(&self.0.lock().expect("a lock")) {
            assert!(Instant::now() < end, "waiting in vain for {what}: {:?}", self.0);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_gets_what_the_audience_may_hear_while_it_is_kept() {
    let keeper = Arc::new(Keeper::default());
    let subscriber = Arc::clone(&keeper) as Arc<dyn Subscriber>;
    let house = House::open_with("127.0.0.1:0", Some(subscriber));
    let _ganich = house.camera("ganich", 1).await;
    let _kazi = house.camera("kazi", 2).await;
    let viewer = house.viewer("viewer").await;
    let plan = |record| StagePlan {
        audience: hearing(&["ganich"], Some("ganich")),
        record,
        ..StagePlan::default()
    };
    house.sfu.set_plan(&house.event, plan(Record::Off));
    viewer.wait_heard(MAIN, "the picture", all_of(1)).await;
    assert!(keeper.0.lock().expect("a lock").packets.is_empty(), "off the record");

    house.sfu.set_plan(&house.event, plan(Record::Attributed));
    let both = |kept: &Kept| {
        kept.packets.len() == 2 && kept.packets.values().all(|packets| packets.len() > 50)
    };
    keeper.until("sound and picture", both).await;
    {
        let kept = keeper.0.lock().expect("a lock");
        for (sink, opened) in &kept.open {
            assert_eq!(opened.person, Some(person("ganich")));
            let packets = &kept.packets[sink];
            let of_ganich = |payload: &[u8]| client::tag(payload) == Some(1);
            assert!(packets.iter().all(|packet| of_ganich(&packet.payload)), "somebody else's");
            if opened.kind == TrackKind::Camera {
                assert!(packets.iter().any(|packet| packet.key_frame_start), "one was asked for");
            }
            assert!(packets.windows(2).all(|pair| pair[0].arrived <= pair[1].arrived));
        }
        let clocks: Vec<_> = kept.open.values().map(|opened| opened.clock).collect();
        assert_eq!(clocks[0], clocks[1], "one browser, one clock");
    }
    keeper
        .until("the sender's reports", |kept| {
            kept.packets.values().flatten().any(|packet| packet.report.is_some())
        })
        .await;

    house.sfu.set_plan(&house.event, plan(Record::Unattributed));
    keeper.until("new sinks", |kept| kept.closed == 2 && kept.open.len() == 2).await;
    {
        let kept = keeper.0.lock().expect("a lock");
        assert!(kept.open.values().all(|opened| opened.person.is_none()), "nobody is named");
    }
    house.sfu.set_plan(&house.event, plan(Record::Off));
    keeper.until("closed sinks", |kept| kept.open.is_empty()).await;
    house.sfu.end_event(&house.event);
}
