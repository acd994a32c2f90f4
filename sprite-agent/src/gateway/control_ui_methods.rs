//! What the gateway's own page may call: two lists that know every method which
//! its scopes would open. Refused by default: a method that neither of them
//! names, such as one of a newer gateway, does not pass.
//!
//! Held against the list of the pinned gateway by `tests/agent/methods.rs`, and
//! that record against the gateway itself by `make test-openclaw`.

use serde_json::value::RawValue;

use super::methods::{self, Carrier, NotAllowed};

/// Looking, and talking: what a chat page of the gateway's own needs. Sorted.
pub const ALLOWED: &[&str] = &[
    "agent.identity.get",
    "agent.wait",
    "agents.list",
    "artifacts.download",
    "artifacts.get",
    "artifacts.list",
    "channels.status",
    "chat.abort",
    "chat.history",
    "chat.message.get",
    "chat.metadata",
    "chat.send",
    "chat.startup",
    "chat.toolTitles",
    "commands.list",
    "controlUi.sessionPreview",
    "cron.get",
    "cron.list",
    "cron.runs",
    "cron.status",
    "health",
    "last-heartbeat",
    "models.authStatus",
    "models.list",
    "node.list",
    "plugins.uiDescriptors",
    "progressCard.get",
    "session.members.list",
    "session.suggestions.list",
    "session.typing",
    "sessions.abort",
    "sessions.branches.list",
    "sessions.delete",
    "sessions.describe",
    "sessions.fork",
    "sessions.groups.delete",
    "sessions.groups.list",
    "sessions.groups.put",
    "sessions.groups.rename",
    "sessions.list",
    "sessions.messages.subscribe",
    "sessions.messages.unsubscribe",
    "sessions.observer.visibility",
    "sessions.patch",
    "sessions.preview",
    "sessions.resolve",
    "sessions.search",
    "sessions.subscribe",
    "sessions.viewers.set",
    "skills.status",
    "status",
    "system-presence",
    "talk.catalog",
    "taskSuggestions.list",
    "tasks.cancel",
    "tasks.get",
    "tasks.list",
    "tools.catalog",
    "tools.effective",
    "usage.cost",
    "usage.status",
    "users.list",
    "users.prefs.get",
    "users.prefs.set",
    "users.self",
    "voicewake.get",
];

/// Within the scopes `operator.read` and `operator.write`, and refused all the same: they
/// run tools, read configuration, logs and files, open ways in, ask for more rights, reach
/// other services in the customer's name, or change what the assistant is. Sorted.
pub const REFUSED: &[&str] = &[
    "agents.files.get",
    "agents.files.list",
    "agents.workspace.get",
    "agents.workspace.list",
    "audit.activity.list",
    "audit.list",
    "audit.run.inspect",
    "board.action",
    "board.data.read",
    "board.event",
    "board.get",
    "board.prompt.authorize",
    "board.update",
    "board.widget.appView",
    "board.widget.put",
    "config.get",
    "config.schema",
    "config.schema.lookup",
    "controlUi.githubPreview",
    "controlUi.sessionPullRequests.subscribe",
    "device.scopes.requestUpgrade",
    "device.scopes.waitUpgrade",
    "diagnostics.lanes",
    "diagnostics.stability",
    "doctor.memory.backfillDreamDiary",
    "doctor.memory.dedupeDreamDiary",
    "doctor.memory.dreamDiary",
    "doctor.memory.repairDreamingArtifacts",
    "doctor.memory.resetDreamDiary",
    "doctor.memory.resetGroundedShortTerm",
    "doctor.memory.status",
    "environments.list",
    "environments.status",
    "gateway.identity.get",
    "gateway.restart.preflight",
    "gateway.suspend.status",
    "hooks.status",
    "logs.tail",
    "mcp.app.callTool",
    "mcp.app.listResourceTemplates",
    "mcp.app.listResources",
    "mcp.app.listTools",
    "mcp.app.readResource",
    "mcp.app.updateModelContext",
    "mcp.app.view",
    "memory.search",
    "message.action",
    "node.describe",
    "node.pending.enqueue",
    "plugin.surface.refresh",
    "plugins.inspect",
    "plugins.list",
    "plugins.search",
    "poll",
    "portal.close",
    "portal.list",
    "portal.open",
    "progressCard.put",
    "projects.add",
    "projects.list",
    "projects.searchRemote",
    "push.test",
    "push.web.preferences.get",
    "push.web.preferences.set",
    "push.web.subscribe",
    "push.web.test",
    "push.web.unsubscribe",
    "push.web.vapidPublicKey",
    "send",
    "session.discussion.info",
    "session.discussion.open",
    "session.members.add",
    "session.members.listEvidence",
    "session.members.remove",
    "session.suggestions.add",
    "session.suggestions.resolve",
    "session.visibility.set",
    "sessions.assignOwner",
    "sessions.catalog.archive",
    "sessions.catalog.continue",
    "sessions.catalog.list",
    "sessions.catalog.read",
    "sessions.companion.ask",
    "sessions.companion.reset",
    "sessions.companion.state",
    "sessions.diff",
    "sessions.files.get",
    "sessions.files.list",
    "sessions.get",
    "sessions.github.confirm",
    "sessions.github.options",
    "sessions.github.publish",
    "sessions.github.status",
    "sessions.goal.clear",
    "sessions.goal.update",
    "sessions.groups.defaults",
    "sessions.groups.update",
    "sessions.reclaim",
    "sessions.recover",
    "sessions.send",
    "sessions.steer",
    "sessions.title.prepare",
    "sessions.usage",
    "sessions.usage.logs",
    "sessions.usage.timeseries",
    "skills.curator.status",
    "skills.detail",
    "skills.library.activate",
    "skills.library.import",
    "skills.library.list",
    "skills.library.mutate",
    "skills.library.read",
    "skills.library.save",
    "skills.library.upload",
    "skills.proposals.events.list",
    "skills.proposals.historyStatus",
    "skills.proposals.inspect",
    "skills.proposals.list",
    "skills.search",
    "skills.securityVerdicts",
    "skills.skillCard",
    "system.info",
    "taskSuggestions.create",
    "taskSuggestions.dismiss",
    "tasks.dismiss",
    "tasks.retry",
    "tools.github.status",
    "tools.invoke",
    "tts.convert",
    "tts.disable",
    "tts.enable",
    "tts.personas",
    "tts.providers",
    "tts.setPersona",
    "tts.setProvider",
    "tts.speak",
    "tts.status",
    "ui.command",
    "users.github.authorize.cancel",
    "users.github.authorize.poll",
    "users.github.authorize.start",
    "users.github.disconnect",
    "users.github.status",
    "users.setAvatar",
    "users.setDisplayName",
    "voicewake.routing.get",
    "voicewake.set",
    "wake",
    "worktrees.branches",
    "worktrees.create",
    "worktrees.list",
];

/// Changes whose parameters decide about rights: those of the chat page's own table.
const CHECKED: &[&str] = &["sessions.delete", "sessions.patch"];

/// # Errors
/// Names the method, or the parameter that it may not be called with.
pub fn permit(method: &str, params: Option<&RawValue>) -> Result<(), NotAllowed> {
    if ALLOWED.binary_search(&method).is_err() {
        return Err(NotAllowed::Method);
    }
    if CHECKED.contains(&method) && methods::permit(method, params)? != Carrier::Page {
        return Err(NotAllowed::Method);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_have_nothing_in_common() {
        assert!(ALLOWED.is_sorted() && REFUSED.is_sorted());
        assert!(ALLOWED.iter().all(|method| REFUSED.binary_search(method).is_err()));
    }

    #[test]
    fn what_reads_secrets_or_opens_ways_in_does_not_pass() {
        let dangerous = [
            "agents.files.get",
            "config.get",
            "config.set",
            "device.scopes.requestUpgrade",
            "logs.tail",
            "plugin.surface.refresh",
            "portal.open",
            "tools.invoke",
            "connect",
            "a.method.of.tomorrow",
        ];
        for method in dangerous {
            assert_eq!(permit(method, None), Err(NotAllowed::Method), "{method}");
        }
        assert_eq!(permit("chat.send", None), Ok(()));
    }

    #[test]
    fn a_conversation_gets_no_other_rights() {
        let params = |text: &str| serde_json::from_str::<Box<RawValue>>(text).unwrap();
        let label = params(r#"{"key":"main","label":"x","unread":false}"#);
        assert_eq!(permit("sessions.patch", Some(&label)), Ok(()));
        let rights = params(r#"{"key":"main","permissionMode":"full"}"#);
        assert!(matches!(permit("sessions.patch", Some(&rights)), Err(NotAllowed::Params(_))));
    }
}
