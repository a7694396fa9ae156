//! The server over HTTP and WebSocket, with storage in memory and a media engine that writes down
//! what it is asked. The tree mirrors the addresses.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod calendar;
mod captions;
mod check;
mod events;
mod faults;
mod headers;
mod health;
mod join;
mod limits;
mod lines;
mod live;
mod logs;
mod media;
mod metrics;
mod openapi;
mod pages;
mod paths;
mod press;
mod proceedings_log;
mod published;
mod recognition;
mod record;
mod record_page;
mod recordings;
mod registrations;
mod resume;
mod serve;
mod support;
mod voice;
