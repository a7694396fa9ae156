//! The Prometheus text exposition format 0.0.4.
//!
//! Written by hand: what is exposed are snapshots of counters that live elsewhere, for which a
//! registry of its own counters, as the client libraries have it, is the longer way.

use std::fmt::{Display, Write};

use sfu::Samples;

/// What the format is called in `Content-Type`.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Counter,
    Gauge,
}

/// An exposition that is being written.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

/// Label names and values.
type Labels<'a> = &'a [(&'a str, &'a str)];

impl Text {
    /// A metric without labels.
    pub(crate) fn single(&mut self, of: Type, name: &str, help: &str, value: impl Display) {
        self.family(of, name, help, [([], value)]);
    }

    /// A metric with a value for each set of labels.
    pub(crate) fn family<'a, L: AsRef<[(&'a str, &'a str)]>, V: Display>(
        &mut self,
        of: Type,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.head(name, help, if matches!(of, Type::Counter) { "counter" } else { "gauge" });
        for (labels, value) in values {
            self.sample(name, labels.as_ref(), &value);
        }
    }

    /// A histogram.
    pub(crate) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[f64; 10],
        samples: &Samples,
    ) {
        self.head(name, help, "histogram");
        let bucket = format!("{name}_bucket");
        let bounds = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        let mut count = 0;
        for (bound, more) in bounds.zip(samples.counts) {
            count += more;
            self.sample(&bucket, &[("le", &bound)], &count);
        }
        self.sample(&format!("{name}_sum"), &[], &samples.sum);
        self.sample(&format!("{name}_count"), &[], &count);
    }

    /// All of it.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, help: &str, of: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {of}"));
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: &dyn Display) {
        // No value here comes from outside: words of this program and numbers need no escapes.
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        match labels.as_slice() {
            [] => self.line(format_args!("{name} {value}")),
            labels => self.line(format_args!("{name}{{{}}} {value}", labels.join(","))),
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to text cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let mut samples = Samples::default();
        let bounds = [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        for value in [0.1, 1.5, 99.0] {
            samples.note(&bounds, value);
        }
        let mut text = Text::default();
        text.family(Type::Gauge, "a", "What.", [([("b", "c")], 1_u64)]);
        text.histogram("h", "How.", &bounds, &samples);
        let text = text.finish();
        assert!(text.starts_with("# HELP a What.\n# TYPE a gauge\na{b=\"c\"} 1\n"), "{text}");
        for line in [
            "h_bucket{le=\"0.5\"} 1",
            "h_bucket{le=\"1\"} 1",
            "h_bucket{le=\"2\"} 2",
            "h_bucket{le=\"+Inf\"} 3",
            "h_sum 100.6",
            "h_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
