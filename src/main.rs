//! The `trial` command.

fn main() -> std::process::ExitCode {
    kafka_trial::cli::main()
}
