//! Rules that no transcript shows.
