//! Many runs at a time: one run is one thread's, and no two know of each other.

#[cfg(feature = "parallel")]
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// What `play` makes of each input, in the order of the inputs, whoever is done first. With the feature `parallel` on
/// as many threads as `on_threads` says, or one a core; without it one after the other.
pub fn spread<I: Sync, O: Send>(inputs: &[I], play: impl Fn(&I) -> O + Sync + Send) -> Vec<O> {
    #[cfg(feature = "parallel")]
    return inputs.par_iter().map(play).collect();
    #[cfg(not(feature = "parallel"))]
    inputs.iter().map(play).collect()
}

/// Does `work` with so many threads for what it spreads; `None`: one a core.
///
/// # Errors
/// The machine gives no such number of threads.
pub fn on_threads<O: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> O + Send,
) -> Result<O, String> {
    #[cfg(feature = "parallel")]
    {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
        // As the main thread of a process has it.
        let pool = pool.stack_size(8 << 20).build();
        pool.map(|pool| pool.install(work))
            .map_err(|error| error.to_string())
    }
    #[cfg(not(feature = "parallel"))]
    {
        let _ = threads;
        Ok(work())
    }
}
