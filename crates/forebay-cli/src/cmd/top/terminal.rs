//! The terminal: keys in, frames out, and how it was before given back. What keys mean is decided
//! elsewhere.

use std::time::Duration;

use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::draw::draw;
use super::state::{Key, State};

/// Keys that wait to be acted on.
const KEYS_MAX: usize = 64;

/// How often the thread that reads keys looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// What comes from the terminal.
pub(super) enum Event {
    Key(Key),
    Resized,
}

/// The screen, for as long as it lives.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    pub(super) events: Receiver<Event>,
}

impl Screen {
    /// Takes the screen. It is given back when this is dropped, and when the process panics.
    pub(super) fn take() -> Result<Screen> {
        let terminal = ratatui::try_init().context("cannot take the terminal")?;
        let (sender, events) = channel(KEYS_MAX);
        // A thread of its own, for reading keys waits; it ends when nobody listens.
        std::thread::spawn(move || listen(&sender));
        Ok(Screen { terminal, events })
    }

    pub(super) fn draw(&mut self, state: &mut State) -> Result<()> {
        let mut fit = state.page;
        self.terminal.draw(|frame| fit = draw(frame, state)).context("cannot draw")?;
        state.page = fit.max(1);
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn listen(sender: &Sender<Event>) {
    while !sender.is_closed() {
        let event = match poll(LOOK) {
            Ok(true) => read(),
            Ok(false) => continue,
            Err(_) => return,
        };
        let event = match event {
            Ok(TerminalEvent::Key(key)) if key.kind != KeyEventKind::Release => {
                key_of(key).map(Event::Key)
            }
            Ok(TerminalEvent::Resize(..)) => Some(Event::Resized),
            Ok(_) => None,
            Err(_) => return,
        };
        if let Some(event) = event
            && sender.blocking_send(event).is_err()
        {
            return;
        }
    }
}

fn key_of(key: KeyEvent) -> Option<Key> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if is_control => Key::Break,
        KeyCode::Char(_) if is_control => return None,
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Tab => Key::Tab,
        _ => return None,
    })
}
