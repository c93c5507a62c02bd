//! A bot beside more instruments than one stream of the exchange carries, at a modest rate: every book comes up, within the
//! exchange's limits, and none is lost.
#![cfg(target_os = "linux")]

use std::time::Duration;

use colibri_tests::scale::{Load, measure};

#[test]
fn six_hundred_books_come_up_and_none_has_a_gap() {
    let figures = measure(Load {
        instruments: 600,
        messages_per_second: 2_000,
        span: Duration::from_secs(3),
        ..Load::default()
    });
    assert_eq!((figures.book_drops, figures.reconnects), (0, 0), "{figures:?}");
    // How fast is measured by `cargo xtask scale`, and asserted nowhere: it is the machine's.
    assert!(figures.book_updates_per_second > 0.0, "{figures:?}");
    assert!(figures.first_quote > 0.0, "{figures:?}");
}
