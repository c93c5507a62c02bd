//! Colibri: placeholder
