//! Who is heard and seen, who may publish.

use super::*;

#[test]
fn the_green_room_is_out_of_the_audiences_hearing() {
    let mut play = Play::at(Life::GreenRoom);
    for who in ["ganich", "sehgal", "kazi"] {
        play.ok(by(who), Command::SetMicrophone { on: true });
        play.ok(by(who), Command::SetCamera { on: true });
    }
    expect![[r#"
        Hearing {
            voices: [
                kazi,
                ganich,
                sehgal,
            ],
            main: None,
            screen: None,
            thumbnails: [
                kazi,
                ganich,
                sehgal,
            ],
        }
    "#]]
    .assert_debug_eq(&play.state.stage_hearing());
    assert_eq!(play.state.audience_hearing(), proceedings::Hearing::default());
    assert!(play.state.may_receive(&id("ganich")) && !play.state.may_receive(&id("anwar")));
    play.ok(by("kazi"), Command::OpenEvent);
    expect![[r#"
        Hearing {
            voices: [
                kazi,
            ],
            main: Some(
                kazi,
            ),
            screen: None,
            thumbnails: [
                ganich,
                sehgal,
            ],
        }
    "#]]
    .assert_debug_eq(&play.state.audience_hearing());
    play.ok(by("kazi"), suspend());
    assert_eq!(play.state.audience_hearing(), proceedings::Hearing::default());
    expect![[r#"
        Hearing {
            voices: [
                kazi,
                ganich,
                sehgal,
            ],
            main: Some(
                kazi,
            ),
            screen: None,
            thumbnails: [
                ganich,
                sehgal,
            ],
        }
    "#]]
    .assert_debug_eq(&play.state.stage_hearing());
}

#[test]
fn who_may_publish() {
    let play = questions();
    for (who, camera, screen) in [
        ("kazi", true, true),
        ("ganich", true, true),
        ("sehgal", true, false),
        ("desk", false, false),
        ("anwar", false, false),
        ("nobody", false, false),
    ] {
        assert_eq!(play.state.may_publish(&id(who), Source::Camera), camera, "{who}");
        assert_eq!(play.state.may_publish(&id(who), Source::Screen), screen, "{who}");
    }
}

#[test]
fn what_is_kept() {
    use proceedings::{RecordStatus, Recording};
    let rows = [
        (RecordStatus::OnTheRecord, true, false, Recording::Attributed),
        (RecordStatus::OnTheRecord, false, true, Recording::Off),
        (RecordStatus::ChathamHouseRule, true, true, Recording::Unattributed),
        (RecordStatus::ChathamHouseRule, true, false, Recording::Off),
        (RecordStatus::ChathamHouseRule, false, true, Recording::Off),
        (RecordStatus::OffTheRecord, true, true, Recording::Off),
    ];
    for (status, recording, chatham_house_recorded, kept) in rows {
        let mut play = Play::at(Life::Live);
        let policy = &mut play.state.definition.policy;
        (policy.recording, policy.chatham_house_recorded) = (recording, chatham_house_recorded);
        let segment = play.state.definition.segments[0].id.clone();
        if status != RecordStatus::OnTheRecord {
            play.ok(by("kazi"), Command::SetRecordStatus { segment, status });
        }
        assert_eq!(play.state.recording(), kept, "{status:?} {recording} {chatham_house_recorded}");
        play.ok(by("kazi"), suspend());
        assert_eq!(play.state.recording(), Recording::Off, "suspended");
        play.ok(by("kazi"), Command::ResumeEvent);
        assert_eq!(play.state.recording(), kept);
        play.ok(by("kazi"), Command::CloseEvent);
        assert_eq!(play.state.recording(), Recording::Off, "closed");
    }
    assert_eq!(Play::at(Life::GreenRoom).state.recording(), Recording::Off);
}
