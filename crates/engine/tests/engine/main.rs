//! The engine as a whole, through its public functions alone, in virtual time.

mod chaos;
mod desk;
mod safety;
mod trading;
