//! Panics: caught where a call crosses the boundary, told as text, never printed over the host's screen.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Replaces the panic hook of this copy of std (each library has its own) by one that keeps message and place for the
/// guard instead of writing to standard error.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map(|l| format!(" at {}:{}", l.file(), l.line()))
            .unwrap_or_default();
        let text = format!("{}{place}", message(info.payload()));
        LAST.with(|last| {
            if let Ok(mut last) = last.try_borrow_mut() {
                *last = text;
            }
        });
    }));
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

/// Runs `body`; a panic becomes its text. A payload whose destructor panics too is leaked.
pub(crate) fn guard<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let kept = LAST.with(|last| {
            last.try_borrow_mut()
                .map(|mut l| std::mem::take(&mut *l))
                .unwrap_or_default()
        });
        let text = if kept.is_empty() {
            message(payload.as_ref()).to_owned()
        } else {
            kept
        };
        std::mem::forget(payload);
        text
    })
}
