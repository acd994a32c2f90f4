//! Control is killed in the middle of whatever it does for a customer's own domain. Whoever
//! comes after it goes on.

use std::path::Path;

use control::certificates::CERTIFICATE;
use control::store::{LOG_CHANGES, Store};
use reqwest::Method;
use shared::{Secret, Username};

use super::{chat, served};
use crate::common::authority::TestAuthority;
use crate::common::database::Database;
use crate::common::dns::TestDns;
use crate::common::edge::{Door, Table, TestEdge};
use crate::common::process::{Installation, Process};
use crate::common::wait_until;

/// Control comes and goes; everything else stays.
struct Place {
    dns: TestDns,
    edge: TestEdge,
    authority: TestAuthority,
    installation: Installation,
    store: Store,
}

impl Place {
    /// Ada is a customer, and our own certificate is issued, so that no other order comes.
    async fn build(folder: &Path) -> Self {
        let (dns, edge) = (TestDns::start().await, TestEdge::start("one").await);
        let authority = TestAuthority::start(folder).await;
        let settings = format!(
            "domains = {{ resolver = '{}' }}\n\
             certificates = {{ directory = '{}', ca_file = '{}', contact = 'ops@arca.test', \
             challenge = 'hook', hook = '/bin/true', propagation_seconds = 0 }}",
            dns.address,
            authority.directory,
            authority.certificate.display(),
        );
        let installation = Installation::on(Database::fresh().await, &[&edge], &settings);
        let mut control = installation.start().await;
        control.add_customer("ada").await;
        let url = Secret::new(installation.database.url.clone());
        let store = Store::open(&url, LOG_CHANGES).await.unwrap();
        let is_issued = async || store.certificate(CERTIFICATE).await.unwrap().issued.is_some();
        wait_until("our own certificate is issued", true, is_issued).await;
        control.kill().await;
        Self { dns, edge, authority, installation, store }
    }

    /// Control, as somebody starts it who has waited out what its predecessor had claimed.
    async fn start(&self) -> Process {
        self.installation.database.run("UPDATE domains SET look_at = 0".to_owned()).await;
        self.installation.start().await
    }

    /// Control is killed in a call to the edge that comes to this door.
    async fn kill_at_the_edge(&self, what: &str, door: fn(&mut Table) -> &mut Door) {
        door(&mut self.edge.table()).close();
        let mut control = self.start().await;
        let waits = async || door(&mut self.edge.table()).waited > 0;
        wait_until(&format!("the edge has the {what}"), true, waits).await;
        control.kill().await;
        door(&mut self.edge.table()).open();
    }

    /// Control is killed when the authority has done what it was asked for, and not answered.
    async fn kill_at_the_authority(&self, what: &'static str) {
        (self.authority.book().silent_about, self.authority.book().unanswered) = (Some(what), 0);
        let mut control = self.start().await;
        let has_it = async || self.authority.book().unanswered > 0;
        wait_until(&format!("the authority has the {what}"), true, has_it).await;
        control.kill().await;
        self.authority.book().silent_about = None;
    }

    async fn until_served(&self, expected: usize) {
        wait_until("the edge serves so many", expected, async || served(&self.edge).len()).await;
    }

    /// Added, as control does it that is killed before it has looked.
    async fn add(&self) {
        let (ada, now): (Username, _) = ("ada".parse().unwrap(), control::base::clock::system()());
        self.store.add_domain(&chat(), &ada, 1, now).await.unwrap();
    }
}

#[tokio::test]
async fn killed_at_every_step_of_its_order_a_domain_is_served_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::build(folder.path()).await;
    place.add().await;
    place.dns.be_silent(true);
    let mut control = place.start().await;
    let is_asked = async || place.dns.unanswered() > 0;
    wait_until("the name server is asked", true, is_asked).await;
    control.kill().await;
    place.dns.be_silent(false);
    place.dns.set("chat.example.org", "ada.arca.test");
    place.installation.database.run("DELETE FROM acme_accounts".to_owned()).await;
    for step in ["directory", "account", "order", "authorization"] {
        place.kill_at_the_authority(step).await;
    }
    place.kill_at_the_edge("proof", |table| &mut table.proofs).await;
    for step in ["challenge", "finalize", "certificate"] {
        place.kill_at_the_authority(step).await;
    }
    assert_eq!(served(&place.edge), [""; 0]);
    place.kill_at_the_edge("grant", |table| &mut table.grants).await;
    let orders = place.authority.book().token();
    let _control = place.start().await;
    place.until_served(1).await;
    let own = place.store.domains_of(&"ada".parse().unwrap()).await.unwrap();
    assert!(own[0].certificate.good.is_some() && own[0].certificate.error.is_none(), "{own:?}");
    let book = place.authority.book();
    assert_eq!(book.token(), orders, "what was issued was ordered again");
    let is_answered = place.edge.table().challenges.contains_key(&book.token());
    assert!(!is_answered, "the proof is still there");
}

#[tokio::test]
async fn killed_while_a_domain_is_withdrawn_it_is_withdrawn_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::build(folder.path()).await;
    place.dns.set("chat.example.org", "ada.arca.test");
    place.add().await;
    let serve = async || {
        let control = place.start().await;
        place.until_served(1).await;
        control
    };
    serve().await.kill().await;

    // Its record is gone: it is looked for once more before it is believed.
    place.dns.remove("chat.example.org");
    let mut control = place.start().await;
    let missed =
        async || place.store.domains_of(&"ada".parse().unwrap()).await.unwrap()[0].record.missed;
    wait_until("it was missed once", 1, missed).await;
    control.kill().await;
    place.kill_at_the_edge("withdrawal", |table| &mut table.withdrawals).await;
    assert_eq!(served(&place.edge).len(), 1);
    let mut control = place.start().await;
    place.until_served(0).await;
    control.kill().await;

    // Its owner takes it away.
    place.dns.set("chat.example.org", "ada.arca.test");
    let mut control = serve().await;
    place.edge.table().withdrawals.close();
    let path = format!("/api/customers/ada/domains/{}", chat());
    tokio::select! {
        answer = control.api(Method::DELETE, &path, None) => panic!("it is answered: {answer:?}"),
        () = wait_until("the edge is told", true, async || {
            place.edge.table().withdrawals.waited > 0
        }) => {}
    }
    control.kill().await;
    place.edge.table().withdrawals.open();
    let _control = place.start().await;
    place.until_served(0).await;
    assert_eq!(place.store.domains_of(&"ada".parse().unwrap()).await.unwrap(), []);
}
