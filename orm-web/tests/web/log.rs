//! What is said through `tracing`, captured for one test.

use std::io;
use std::sync::{Arc, Once};

use parking_lot::Mutex;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;

/// The log of this thread from `capture` on, at level DEBUG and above.
#[must_use = "dropping it ends the capture"]
pub(crate) struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn capture() -> Self {
        // Without one that all threads have, what a thread without a log says first is taken to interest nobody.
        static EVERYWHERE: Once = Once::new();
        EVERYWHERE.call_once(|| {
            let subscriber =
                tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG).with_writer(io::sink);
            tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        });
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::DEBUG)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines so far that contain `words`.
    pub(crate) fn lines_with(&self, words: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.text.0.lock()).into_owned();
        text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}
