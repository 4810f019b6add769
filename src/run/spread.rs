//! Many runs at a time: one run is one thread's, and no two know of each other.

#[cfg(feature = "parallel")]
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// What `play` makes of each input, in the order of the inputs, whoever is done first. With the feature `parallel` on
/// as many threads as rayon has, which is one a core; without it one after the other.
pub fn spread<I: Sync, O: Send>(inputs: &[I], play: impl Fn(&I) -> O + Sync + Send) -> Vec<O> {
    #[cfg(feature = "parallel")]
    return inputs.par_iter().map(play).collect();
    #[cfg(not(feature = "parallel"))]
    inputs.iter().map(play).collect()
}
