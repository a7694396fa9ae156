//! The recorder fed with synthetic packets of real codecs: what it writes, through kills, full
//! disks and changes of mind.

mod archive;
mod failing;
mod feed;
mod files;
mod kills;
