//! The clients against a small answerer of their own: every test sees the whole way from the
//! offer over UDP to the figures.

mod answerer;
mod load;
mod media;
mod rehearsal;
mod stage;
