//! Benchmarks that run by themselves, beside the server's own figures.
