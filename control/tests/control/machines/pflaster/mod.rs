//! What is looked after around a task: made to fail, patched or fixed, and recorded.

mod after;
mod before;

use control::model::healing::{CheckName, Phase};
use control::pflaster::table::CHECKS;
use reqwest::Method;
use serde_json::Value;

use super::installation::Town;
use crate::common::wait_until;

/// Tests in which a check fails. A new check has to name one: the compiler asks for it.
const fn stories(check: CheckName) -> &'static [&'static str] {
    match check {
        CheckName::Database => &["a_task_waits_while_its_checks_cannot_be_written_down"],
        CheckName::Provider => &["a_task_waits_while_the_provider_is_away_and_loses_no_attempt"],
        CheckName::Stale => &["a_task_that_nobody_ends_is_given_up_and_told_of"],
        CheckName::Pool => &[
            "an_empty_pool_is_patched_with_one_machine_until_it_is_whole_again",
            "beyond_its_hourly_limit_a_person_is_told_instead",
        ],
        CheckName::Edges => &["an_edge_that_is_behind_is_told_again_before_a_task_and_after_it"],
        CheckName::Target => &[
            "a_machine_that_was_ready_and_is_not_is_started_anew_before_the_next_attempt",
            "what_runs_for_a_closed_workspace_is_left_stopped",
        ],
        CheckName::Disk => &["a_disk_that_is_nearly_full_is_noted_until_it_has_room_again"],
        CheckName::Vendors => &["a_vendor_that_is_away_is_noted_and_holds_nothing_back"],
        CheckName::Services => &["a_service_that_stops_during_the_task_is_started_anew_after_it"],
        CheckName::Route => &["a_new_workspace_is_asked_for_through_the_edge_as_a_visitor_would"],
        CheckName::Mail => &[
            "a_welcome_mail_that_has_failed_is_tried_again",
            "a_welcome_mail_that_may_have_been_sent_is_left_to_a_person",
        ],
        CheckName::Refill => &["a_pool_that_ran_short_is_expanded_beyond_what_is_wanted"],
    }
}

#[test]
fn every_check_has_a_test_in_which_it_fails() {
    for check in &CHECKS {
        let (name, text) = match check.phase {
            Phase::Pre => ("before.rs", include_str!("before.rs")),
            Phase::Post => ("after.rs", include_str!("after.rs")),
        };
        let stories = stories(check.name);
        assert!(!stories.is_empty(), "{:?} has none", check.name);
        for story in stories {
            let begin = format!("async fn {story}(");
            assert!(text.contains(&begin), "{:?}: {name} has no {story}", check.name);
        }
    }
}

async fn export(town: &Town) -> Value {
    town.control().api(Method::GET, "/api/pflaster/export", None).await.1
}

/// What was done for a check, the oldest first: `patch …`, `fix …` or `note …`.
async fn done_for(town: &Town, check: &str) -> Vec<String> {
    let export = export(town).await;
    let rounds = export["log"].as_array().unwrap().iter();
    let entries = rounds.flat_map(|round| round["entries"].as_array().unwrap().clone());
    let of_check = entries.filter(|entry| entry["type"] == check);
    let said = of_check.map(|entry| {
        let word = ["patch", "fix", "note"].into_iter().find(|word| entry[*word].is_string());
        let word = word.unwrap();
        format!("{word} {}", entry[word].as_str().unwrap())
    });
    said.collect()
}

async fn run(town: &Town, statement: &str) {
    town.installation.database.run(statement.to_owned()).await;
}

const AGAIN: &str =
    "UPDATE tasks SET state = 'waiting', run_at = 0, finished_at = NULL WHERE id = ";

/// Has a task that is done attempted once more: its steps are done, its checks are not.
async fn again(town: &Town, id: &str) {
    run(town, &format!("{AGAIN}'{id}'")).await;
    town.hurry(id).await;
    town.until_done(id).await;
}

/// No machine stands ready, and the pool makes none by itself.
async fn empty_pool(town: &Town) {
    run(town, "UPDATE pool SET paused_at = 1, paused_why = 'test'").await;
    run(town, "UPDATE sprites SET state = 'failed' WHERE state = 'available'").await;
    wait_until("the pool is empty", 0, async || town.rows().await.len()).await;
}

#[tokio::test]
async fn the_table_says_what_is_done_and_why() {
    let town = Town::start(0).await;
    let shown = town.installation.cli(town.control(), "pflaster list").await;
    for check in &CHECKS {
        let name = check.name.as_str();
        let line = shown.lines().find(|line| line.starts_with(&format!("{name} ")));
        assert!(line.is_some_and(|line| line.contains(check.why)), "{shown}");
    }
}
