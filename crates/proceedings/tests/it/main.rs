//! The proceedings from outside: who may do what when, what follows from each command, and what
//! holds whatever anybody does.

mod chain;
mod consequences;
mod play;
mod properties;
mod reference;
mod rights;
