//! The SQLite back end: the story, kills at random moments, and disks and files that fail.

mod crash;
mod faults;
mod story;
