//! Customers who take everything out, and whose way breaks off at times.

use std::time::Duration;

use control::base::clock::Moment;
use control::base::token::{Token, TokenHash};
use control::model::sign_in::Proven;
use control::model::user_agent::UserAgent;
use control::store::AccountSession;
use shared::Username;
use vendors::stripe::id::SubscriptionId;

use super::{MINUTE, Run};

/// How long a session lasts, for longer than a run.
const FOR_EVER: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// As the site allows it: to begin, and to go on.
const TO_BEGIN: Duration = MINUTE.saturating_mul(15);
const TO_GO_ON: Duration = MINUTE.saturating_mul(6 * 60);

const MARK: &str = "0123456789abcdef0123456789abcdef";

/// What became of the wishes for an archive.
#[derive(Debug, Default)]
pub(super) struct Exports {
    /// Archives that were taken out, whole or in the end.
    pub(super) taken: usize,
    /// Each asked for by a browser of its own.
    browsers: Vec<TokenHash>,
    /// What must not happen, and did.
    pub(super) faults: Vec<String>,
}

impl Run {
    /// One whose workspace is gone gets nothing, and nobody else's.
    pub(super) async fn exports(&mut self) -> &'static str {
        let subscriptions =
            self.market.act(|account, _| account.subscriptions.keys().cloned().collect::<Vec<_>>());
        let Some(id) = self.chance.pick(&subscriptions) else { return "nobody takes anything out" };
        let id = SubscriptionId::parse(id.as_str()).unwrap();
        let store = &self.market.shop.store;
        let Some(workspace) = store.workspace_of_subscription(&id).await.unwrap() else {
            return "who takes everything out has no workspace";
        };
        let (username, now) = (workspace.username, self.market.shop.world.now());
        let session = AccountSession { id: Token::random().hash(), username };
        let credentials = store.credentials(&username).await.unwrap();
        let proven = Proven { username, epoch: credentials.map_or(0, |known| known.epoch) };
        let is_signed_in = store
            .open_account_session(&session.id, &proven, UserAgent::default(), now, FOR_EVER)
            .await
            .unwrap();
        if is_signed_in == workspace.state.is_over() {
            let state = workspace.state;
            self.exports.faults.push(format!("{username} is {state:?}, signed in: {is_signed_in}"));
        }
        if !is_signed_in {
            return "somebody who is gone cannot sign in";
        }
        self.takes_out(&session.id, &username, now).await
    }

    async fn takes_out(
        &mut self,
        session: &TokenHash,
        username: &Username,
        now: Moment,
    ) -> &'static str {
        let shop = &self.market.shop;
        shop.store.allow_export(session, now.after(TO_BEGIN)).await.unwrap();
        self.exports.browsers.push(session.clone());
        if !self.machines.export(shop, username, &mut self.chance).await {
            return "somebody's machine gives nothing out";
        }
        shop.store.begin_export(session, MARK, now.after(TO_GO_ON)).await.unwrap();
        if self.chance.draw(3) > 0 {
            self.exports.taken += 1;
            return "somebody takes everything out";
        }
        // It breaks off, and they come back within the time, or not.
        let later = MINUTE * u32::try_from(self.chance.draw(12) * 60).unwrap();
        let may_go_on =
            shop.store.may_resume_export(session, MARK, now.after(later)).await.unwrap();
        if may_go_on != (later < TO_GO_ON) {
            self.exports.faults.push(format!("{username} may go on after {later:?}: {may_go_on}"));
        }
        if may_go_on && self.machines.export(shop, username, &mut self.chance).await {
            self.exports.taken += 1;
        }
        "somebody's archive breaks off"
    }

    /// Nobody may fetch anything for longer than was said.
    pub(super) async fn find_open_exports(&self, faults: &mut Vec<String>) {
        faults.extend(self.exports.faults.iter().cloned());
        let (store, now) = (&self.market.shop.store, self.market.shop.world.now());
        for browser in &self.exports.browsers {
            let begins = store.export_until(browser, now).await.unwrap().is_some();
            if begins || store.may_resume_export(browser, MARK, now).await.unwrap() {
                faults.push(format!("{browser:?} may still fetch an archive"));
            }
        }
    }
}
