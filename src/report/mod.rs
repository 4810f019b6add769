//! Reports: what people, other programs and Kafka's own tools would say of a finished run.
//!
//! Every report is a function of an `Ending`: the plan, what an `Account` took from the facts as they were
//! stated, views, outcomes. Nothing here decides anything; only `journey` runs, since it looks at moments.
//!
//! May not know more than an `Ending` tells.

mod account;
mod comparison;
mod ending;
mod failure;
mod group_tables;
mod groups;
mod items;
mod journey;
mod json;
mod junit;
mod markdown;
mod output;
mod summary;
mod tables;
mod tools;
mod verdicts;
mod zookeeper;

pub use account::{Account, ClientTotals, Evidence, Told};
pub use comparison::{Compared, Figures, Tally, comparison, comparison_json};
pub use ending::{Ending, ShowZooKeeper, trace_header};
pub use group_tables::{
    groups_of_which_nobody_tells, kafka_consumer_groups_describe, kafka_consumer_groups_list,
    kafka_consumer_groups_members, kafka_consumer_groups_state,
};
pub use items::{Answer, Item, Items, Part};
pub(crate) use journey::stored_batches;
pub use journey::wanted::Wanted;
pub use journey::{Journey, NoJourney, Station, follow};
pub use json::{json, json_document, json_document_of, json_unusable};
pub use junit::{Suite, Wrong, junit};
pub use markdown::{code_in_markdown, in_markdown};
pub use output::{OutputFile, output_files};
pub use summary::{closing, retell, summary, tables, verdict_line};
pub use tables::{kafka_get_offsets, kafka_topics_describe};
pub use tools::Tools;
pub use verdicts::{Verdict, verdicts};

#[cfg(test)]
mod tests;
