//! The terminal that the screen is drawn on: taken over, and always given back.

use std::io::{self, IsTerminal};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use ratatui::DefaultTerminal;

use super::{ScreenState, draw};

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Stop the bot: `q`, or Ctrl-C, which a raw terminal sends as a key and not as a signal.
    Stop,
}

/// The terminal, taken over for the live screen. Dropping it gives the terminal back, also while a panic unwinds.
pub struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Whether there is a terminal to draw on and to read keys from.
    #[must_use]
    pub fn is_possible() -> bool {
        io::stdout().is_terminal() && io::stdin().is_terminal()
    }

    /// Takes the terminal over: the alternate screen, keys unbuffered. From here on nothing else may write to stdout.
    ///
    /// # Errors
    /// Where the terminal refuses.
    pub fn enter() -> io::Result<Screen> {
        // Also hooks panics, so that a panic's words appear on the restored terminal.
        let terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
        Ok(Screen { terminal })
    }

    /// Draws one picture.
    ///
    /// # Errors
    /// Where the terminal cannot be written to (it was closed, mostly).
    pub fn draw(&mut self, state: &ScreenState) -> io::Result<()> {
        self.terminal.draw(|frame| draw(frame, state))?;
        Ok(())
    }

    /// What the user has asked for since the last call; does not wait.
    ///
    /// # Errors
    /// Where the terminal cannot be read.
    pub fn poll_key(&mut self) -> io::Result<Option<Key>> {
        while poll(Duration::ZERO)? {
            if let Some(key) = meaning(&read()?) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn meaning(event: &Event) -> Option<Key> {
    let Event::Key(key) = event else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Char('q' | 'Q') => Some(Key::Stop),
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Stop),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, meaning};
    use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

    #[test]
    fn q_and_control_c_stop_and_nothing_else_does() {
        let key = |code, modifiers| meaning(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::NONE), Some(Key::Stop));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Stop));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(key(KeyCode::Enter, KeyModifiers::NONE), None);
        assert_eq!(meaning(&Event::Resize(80, 24)), None);
    }
}
