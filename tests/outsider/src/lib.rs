//! An application whose owner wants to know what it sees when a broker dies. Its tests are all there is.
