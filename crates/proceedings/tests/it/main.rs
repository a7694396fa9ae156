//! The proceedings from outside: who may do what when, what follows from each command, and what
//! holds whatever anybody does.

mod chain;
mod consequences;
mod play;
mod properties;
mod record;
mod reference;
mod rights;
