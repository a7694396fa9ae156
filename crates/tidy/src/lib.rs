//! Rules about this repository that no lint knows, as tests: which crate may depend on which,
//! how long a file may be, that every crate says what it is for, and that documents name only what
//! exists. There is nothing here but the tests.
