//! The server: HTTP, WebSocket and media signalling around the proceedings.
//!
//! `router.rs` lists every address, each with a file of its own. [`Server`] listens and serves.
//! One task per event (`event_actor.rs`) is the only writer of that event's proceedings: a command
//! is acknowledged after its lines are durable, and then the media engine (`media.rs`) and the
//! sockets (`hub.rs`, `live.rs`) follow. What people are shown are pure functions of the state
//! (`views.rs`).

mod app;
mod calendar;
mod caption_files;
mod captions;
mod check;
mod commands;
mod error;
mod event_actor;
mod events;
mod extract;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod headers;
mod health;
mod hub;
mod ice_tcp;
mod join;
mod lines;
mod listen;
mod live;
mod media;
mod media_sessions;
mod metrics;
mod open;
mod openapi;
mod outbox;
mod pages;
mod press;
mod proceedings;
mod published;
mod rate;
mod recognition;
mod record_page;
mod record_views;
mod recording_files;
mod recording_store;
mod recordings;
mod registrations;
mod release;
mod rewound;
mod router;
mod serve;
mod turn;
mod views;
mod voice;
mod whep;
mod whip;

pub use app::Limits;
pub use listen::reachable;
pub use media::MediaEngine;
pub use metrics::MetricsAccess;
pub use openapi::document as openapi;
pub use press::MailConfig;
pub use published::{IssuedFile, issued_release};
pub use rate::Rate;
pub use recognition::{Recognising, RecognitionError, try_recognition};
pub use serve::{
    Beside, Config, Parts, ServeError, Server, StoreConfig, TlsFiles, app, app_beside, serve,
};
