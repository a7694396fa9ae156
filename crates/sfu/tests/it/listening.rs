//! Hearing without a peer: what the voice slots carry, and nothing that the plan does not name.

use sfu::Listening;

use super::*;

/// The tags of the publishers whose stamps end the next packets.
async fn tags(listening: &mut Listening, packets: usize) -> Vec<u8> {
    let mut tags = Vec::new();
    for _ in 0..packets {
        let voice = tokio::time::timeout(Duration::from_secs(10), listening.next());
        let voice = voice.await.expect("in time").expect("a packet");
        tags.push(client::tag(&voice.payload).expect("a stamp"));
    }
    tags.dedup();
    tags
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_hears_the_voices_of_the_plan_and_nobody_else() {
    let house = House::open();
    let mut audience =
        house.sfu.listen(&house.event, ReceiverClass::Audience).await.expect("it runs");
    let mut stage = house.sfu.listen(&house.event, ReceiverClass::Stage).await.expect("it runs");
    let _ganich = house.camera("ganich", 1).await;
    let _kazi = house.camera("kazi", 2).await;
    house.sfu.set_plan(
        &house.event,
        StagePlan {
            audience: hearing(&["ganich"], Some("ganich")),
            stage: hearing(&["kazi"], None),
            ..StagePlan::default()
        },
    );
    assert_eq!(tags(&mut audience, 30).await, [1]);
    assert_eq!(tags(&mut stage, 30).await, [2]);

    house.audience(Hearing::default());
    let silent = async {
        // What was on its way may still come.
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let next = tokio::time::timeout(Duration::from_millis(400), audience.next()).await;
            if next.is_err() {
                return;
            }
            assert!(Instant::now() < end, "it never becomes silent");
        }
    };
    silent.await;

    // One more who comes later hears the same, and the first hears on when they leave.
    let mut later = house.sfu.listen(&house.event, ReceiverClass::Audience).await.expect("it runs");
    house.audience(hearing(&["kazi"], None));
    assert_eq!(tags(&mut later, 10).await, [2]);
    drop(later);
    assert_eq!(tags(&mut audience, 60).await, [2]);
}
