//! What a person meets on the chat page besides the conversation: keyboard, languages, small
//! screens, paper, files of their own.

use e2e::{Chrome, Plan, Screen, SharedWorld, WorldGuard};

static WORLD: SharedWorld = SharedWorld::new();

const TENANTS: [&str; 8] = ["ada", "grace", "edith", "joan", "karen", "mary", "frances", "barbara"];

/// A workspace for each story.
async fn world() -> WorldGuard {
    WORLD.enter(|| Plan::with_tenants(&TENANTS)).await
}

async fn signed_in(world: &WorldGuard, username: &str) -> Chrome {
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.sign_in(world, username).await.unwrap();
    chrome
}

async fn say(chrome: &Chrome, message: &str) {
    chrome.fill("[data-testid=composer]", message).await.unwrap();
    chrome.click("send").await.unwrap();
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
}

#[tokio::test]
async fn who_uses_the_keyboard_never_loses_their_place() {
    let world = world().await;
    let chrome = signed_in(&world, "ada").await;
    say(&chrome, "something to name").await;
    // Safari tells of the Enter that ends a composition after it has ended.
    let enter = "document.getElementById('composer').dispatchEvent(new KeyboardEvent('keydown', \
                 {key: 'Enter', keyCode: CODE, bubbles: true, cancelable: true}))";
    let field = chrome.find("composer").await.unwrap();
    field.send_keys("kanji").await.unwrap();
    chrome.evaluate(&enter.replace("CODE", "229")).await.unwrap();
    chrome.wait_for("document.getElementById('composer').value === 'kanji'").await.unwrap();
    chrome.evaluate(&enter.replace("CODE", "13")).await.unwrap();
    chrome.wait_for("document.getElementById('composer').value === ''").await.unwrap();
    chrome.wait_for_state("message-assistant", "done").await.unwrap();

    let row = "document.querySelector('[data-testid=conversations] .current')";
    chrome
        .wait_for(&format!("{row}.querySelector('[data-part=open]').matches('a[href^=\"#/c/\"]')"))
        .await
        .unwrap();
    chrome.evaluate(&format!("{row}.querySelector('[data-part=rename]').focus()")).await.unwrap();
    let press = async |key: &str| {
        chrome.client.active_element().await.unwrap().send_keys(key).await.unwrap();
    };
    press("\u{e007}").await;
    chrome.wait_for("document.activeElement.id === 'question-field'").await.unwrap();
    press("A new name\u{e007}").await;
    chrome.wait_for(&format!("{row}.innerText.includes('A new name')")).await.unwrap();
    chrome.wait_for("document.activeElement.dataset.part === 'rename'").await.unwrap();

    // Nobody is said to think about what waits for the connection.
    let away = "(() => { const send = WebSocket.prototype.send; window.isAway = true; \
                WebSocket.prototype.send = function (frame) { window.socket = this; \
                    if (!isAway) send.call(this, frame); }; })()";
    chrome.evaluate(away).await.unwrap();
    chrome.fill("[data-testid=composer]", "are you there").await.unwrap();
    chrome.click("send").await.unwrap();
    chrome.wait_for_state("message-user", "sending").await.unwrap();
    chrome.evaluate("socket.close()").await.unwrap();
    chrome.wait_for_state("message-user", "unsure").await.unwrap();
    let thinks = "[...document.querySelectorAll('.thinking')].some(it => it.checkVisibility())";
    chrome.wait_for(&format!("!{thinks}")).await.unwrap();
    chrome.evaluate("(isAway = false, socket.close())").await.unwrap();
    let answers = "document.querySelectorAll('[data-testid=message-assistant][data-state=done]')";
    chrome.wait_for(&format!("{answers}.length === 3")).await.unwrap();

    // Signed out elsewhere: what had the focus is gone.
    chrome
        .evaluate("fetch('/auth/logout', {method: 'POST', redirect: 'manual'}).then(() => true)")
        .await
        .unwrap();
    chrome.find("signed-out-link").await.unwrap();
    chrome
        .wait_for("document.getElementById('shut').contains(document.activeElement)")
        .await
        .unwrap();
    chrome.wait_for("document.getElementById('shut').matches('main')").await.unwrap();
}

#[tokio::test]
async fn words_are_shown_and_spoken_as_they_are_read() {
    let world = world().await;
    let chrome = signed_in(&world, "grace").await;
    // Before anything was said, what the chosen skills are good for is offered.
    let ideas =
        "[...document.querySelectorAll('[data-testid=idea]')].map(idea => idea.textContent)";
    chrome.wait_for(&format!("{ideas}.join().includes('weather')")).await.unwrap();
    let font = "document.fonts.ready.then(all => [...all].some(({family, status}) => \
                family === 'Inter' && status === 'loaded'))";
    chrome.wait_for(font).await.unwrap();

    say(&chrome, "please show some markdown").await;
    let spoken = "document.getElementById('spoken').textContent";
    chrome
        .wait_for(&format!("{spoken}.startsWith('The assistant: Here is a bit of everything')"))
        .await
        .unwrap();
    chrome.wait_for(&format!("!/[*`|]/.test({spoken})")).await.unwrap();

    chrome.click("new-conversation").await.unwrap();
    say(&chrome, "مرحبا، كيف الحال؟").await;
    let direction = |element: &str| format!("getComputedStyle({element}).direction");
    let bubble = direction("document.querySelector('[data-testid=message-user] .bubble')");
    chrome.wait_for(&format!("{bubble} === 'rtl'")).await.unwrap();
    chrome
        .wait_for(&format!("{} === 'rtl'", direction("document.getElementById('title')")))
        .await
        .unwrap();
    let title = "document.querySelector('[data-testid=conversations] .current .title')";
    chrome.wait_for(&format!("{} === 'rtl'", direction(title))).await.unwrap();
    chrome.screenshot("desktop-18-arabic").await.unwrap();

    chrome.click("new-conversation").await.unwrap();
    say(&chrome, "TOOLCALL please").await;
    let tools = "document.querySelector('.tools').textContent";
    chrome.wait_for(&format!("{tools}.includes('Ran a command')")).await.unwrap();
    chrome.wait_for(&format!("!{tools}.includes('Running')")).await.unwrap();
    // An answer stands nearer to its question than to the next one.
    say(&chrome, "and now this").await;
    let gap = "(() => { const [ask, answer, next] = [...document.querySelectorAll('#thread .message')]\
               .map(row => row.getBoundingClientRect()); \
               return answer.top - ask.bottom + 8 < next.top - answer.bottom; })()";
    chrome.wait_for(gap).await.unwrap();
}

#[tokio::test]
async fn a_file_is_chosen_seen_taken_back_and_sent_with_its_message() {
    let world = world().await;
    let chrome = signed_in(&world, "edith").await;
    let choose = |name: &str, bytes: &str| {
        format!(
            "(() => {{ const files = new DataTransfer(); \
             files.items.add(new File([{bytes}], '{name}', {{type: 'text/plain'}})); \
             const picker = document.getElementById('picker'); picker.files = files.files; \
             picker.dispatchEvent(new Event('change')); }})()"
        )
    };
    chrome.evaluate(&choose("notes.txt", "'buy milk'")).await.unwrap();
    chrome.evaluate(&choose("wrong.txt", "'x'")).await.unwrap();
    chrome
        .wait_for(
            "document.querySelectorAll('[data-testid=attachment][data-state=ready]').length === 2",
        )
        .await
        .unwrap();
    chrome.click_css("[data-testid=attachment]:nth-child(2) button").await.unwrap();
    chrome
        .wait_for("document.querySelectorAll('[data-testid=attachment]').length === 1")
        .await
        .unwrap();
    // One that is too large is refused before anything is sent, and the others stay.
    chrome.evaluate(&choose("large.txt", "new Uint8Array(30_000_000)")).await.unwrap();
    chrome
        .wait_for("document.getElementById('composer-hint').textContent.includes('too large')")
        .await
        .unwrap();
    chrome.screenshot("desktop-19-attached").await.unwrap();
    say(&chrome, "please read this").await;
    let files = "[...document.querySelectorAll('[data-testid=message-user] .file-name')]\
                 .map(name => name.textContent).join()";
    chrome.wait_for(&format!("{files} === 'notes.txt'")).await.unwrap();
    chrome.client.refresh().await.unwrap();
    chrome.wait_for(&format!("{files} === 'notes.txt'")).await.unwrap();

    // What is exported has it, and says where.
    let keep = "HTMLAnchorElement.prototype.click = () => {}; \
        const read = async (blob) => { \
          const {unzipSync} = await import('/vendor/fflate.js'); \
          const all = Object.entries(unzipSync(new Uint8Array(await blob.arrayBuffer()))); \
          window.exported = Object.fromEntries(all.map(([path, bytes]) => [path, new TextDecoder().decode(bytes)])); }; \
        URL.createObjectURL = (blob) => (read(blob), 'blob:kept')";
    chrome.evaluate(&format!("(() => {{ {keep}; }})()")).await.unwrap();
    chrome.click("export").await.unwrap();
    chrome.click("save-export").await.unwrap();
    chrome.wait_for("window.exported?.['files/notes.txt'] === 'buy milk'").await.unwrap();
    let is_focused = "document.activeElement.dataset.testid === 'save-export'";
    chrome.wait_for(is_focused).await.unwrap();
    let told = "exported['please read this.md'].includes('[notes.txt](<files/notes.txt>)')";
    assert_eq!(chrome.evaluate(told).await.unwrap(), true);
}

#[tokio::test]
async fn a_text_too_long_for_the_field_is_a_file_of_its_message() {
    let world = world().await;
    let chrome = signed_in(&world, "barbara").await;
    let insert = |kind: &str, text: &str| {
        format!(
            "(() => {{ const data = new DataTransfer(); data.setData('text/plain', {text}); \
             const event = '{kind}' === 'paste' \
                 ? new ClipboardEvent('paste', {{clipboardData: data, bubbles: true, cancelable: true}}) \
                 : new DragEvent('drop', {{dataTransfer: data, bubbles: true, cancelable: true}}); \
             return document.getElementById('composer').dispatchEvent(event); }})()"
        )
    };
    let ready = "document.querySelectorAll('[data-testid=attachment][data-state=ready]').length";
    for (count, kind) in ["paste", "drop"].into_iter().enumerate() {
        assert_eq!(chrome.evaluate(&insert(kind, "'short'")).await.unwrap(), true, "{kind}");
        let long = insert(kind, "'x'.repeat(1_000_000)");
        assert_eq!(chrome.evaluate(&long).await.unwrap(), false, "{kind}");
        chrome.wait_for(&format!("{ready} === {}", count + 1)).await.unwrap();
    }
    chrome.wait_for("document.getElementById('composer').value === ''").await.unwrap();
    say(&chrome, "please read this").await;
    chrome
        .wait_for("document.querySelectorAll('[data-testid=message-user] .file-name').length === 2")
        .await
        .unwrap();
}

#[tokio::test]
async fn at_four_hundred_percent_the_conversation_can_still_be_read() {
    let world = world().await;
    let chrome = signed_in(&world, "joan").await;
    say(&chrome, "please show some markdown").await;
    say(&chrome, "thank you").await;
    // What stands below an answer, and above the next question.
    let meeting = "[...document.querySelectorAll('.foot')].some(foot => \
         [...document.querySelectorAll('.acts')].some(acts => { \
             const [a, b] = [foot, acts].map(it => it.getBoundingClientRect()); \
             const isSeen = [foot, acts].every(it => getComputedStyle(it).opacity !== '0'); \
             return isSeen && a.left < b.right && b.left < a.right && a.top < b.bottom \
                 && b.top < a.bottom; }))";
    for (width, height) in [(320, 256), (320, 640), (390, 844)] {
        chrome.resize(width, height).await.unwrap();
        chrome.wait_for("document.documentElement.scrollWidth <= innerWidth").await.unwrap();
        // More than half of what there is, and a header of one line.
        chrome
            .wait_for("document.getElementById('scroller').clientHeight >= innerHeight * 0.4")
            .await
            .unwrap();
        chrome.wait_for("document.querySelector('header.top').clientHeight <= 64").await.unwrap();
        chrome.wait_for(&format!("!{meeting}")).await.unwrap();
        chrome.screenshot(&format!("small-{width}-{height}")).await.unwrap();
    }
    // The list of conversations has room in the menu, however little there is. Without motion
    // as well, the focus goes where the way leads.
    chrome.resize(320, 256).await.unwrap();
    chrome.emulate("prefers-reduced-motion", "reduce").await.unwrap();
    chrome.evaluate("document.getElementById('menu').focus()").await.unwrap();
    let menu = chrome.client.active_element().await.unwrap();
    menu.send_keys("\u{e007}").await.unwrap();
    chrome.wait_for("document.activeElement.id === 'close-menu'").await.unwrap();
    let row = "document.querySelector('[data-testid=conversations] .current')";
    let shown = format!(
        "(() => {{ {row}.scrollIntoView(); const box = {row}.getBoundingClientRect(); \
         const at = document.elementFromPoint(box.left + 40, box.top + box.height / 2); \
         return {row}.contains(at); }})()"
    );
    chrome.wait_for(&shown).await.unwrap();
}

#[tokio::test]
async fn with_the_colours_of_the_system_a_switch_shows_whether_it_is_on() {
    let world = world().await;
    let chrome = signed_in(&world, "edith").await;
    chrome.emulate("forced-colors", "active").await.unwrap();
    chrome.click("settings").await.unwrap();
    let looks = "(() => { const input = document.querySelector('#settings-panel .switch input'); \
                 const colour = (part) => getComputedStyle(input, part).backgroundColor; \
                 input.style.transition = 'none'; \
                 return [true, false].map(isOn => { input.checked = isOn; \
                     return [colour(null), colour('::before')]; }); })()";
    let looks = chrome.evaluate(looks).await.unwrap();
    assert_ne!(looks[0][0], looks[1][0], "on and off look the same");
    for state in looks.as_array().unwrap() {
        assert_ne!(state[0], state[1], "the knob is not seen");
    }
}

#[tokio::test]
async fn an_answer_that_comes_while_nobody_looks_is_counted_in_the_title() {
    /// A browser gives a page that is out of sight no frames; one without a head shows every page.
    const OUT_OF_SIGHT: &str = "(() => { \
         Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'}); \
         window.requestAnimationFrame = () => 1; \
         document.dispatchEvent(new Event('visibilitychange')); })()";
    let world = world().await;
    let chrome = signed_in(&world, "frances").await;
    chrome.fill("[data-testid=composer]", "SLOW").await.unwrap();
    chrome.click("send").await.unwrap();
    chrome.wait_for_state("message-assistant", "streaming").await.unwrap();
    chrome.evaluate(OUT_OF_SIGHT).await.unwrap();
    chrome.wait_for("document.title.startsWith('(1) ')").await.unwrap();
}

#[tokio::test]
async fn a_conversation_prints_whole() {
    let world = world().await;
    let chrome = signed_in(&world, "karen").await;
    for _ in 0..6 {
        say(&chrome, "please show some markdown").await;
    }
    let sheets = chrome.sheets().await.unwrap();
    assert!(sheets >= 2, "{sheets} sheets");
    // What is folded on the screen is on paper as well.
    say(&chrome, &format!("FAST BIG {}", "word ".repeat(2_000))).await;
    let rests = "[...document.querySelectorAll('#thread .rest:not([hidden])')].length";
    chrome.wait_for(&format!("{rests} === 2")).await.unwrap();
    chrome.sheets().await.unwrap();
    chrome.wait_for(&format!("{rests} === 0")).await.unwrap();
    let lines = "document.querySelectorAll('.prose li').length";
    chrome.wait_for(&format!("{lines} > 2_000")).await.unwrap();
}

#[tokio::test]
async fn without_scripts_the_chat_says_at_the_top_what_it_needs() {
    let world = world().await;
    let chrome = Chrome::start_without_scripts(Screen::Desktop).await.unwrap();
    chrome.goto(&world.workspace_url("mary")).await.unwrap();
    chrome.fill("input[name=username]", "mary").await.unwrap();
    chrome.fill("input[name=password]", &world.customer("mary").password).await.unwrap();
    chrome.click_css("button[type=submit]").await.unwrap();
    let note = chrome.find_css(".noscript h1").await.unwrap();
    let (_, top, _, height) = note.rectangle().await.unwrap();
    assert!(top + height < 400.0, "it stands at {top}");
    assert!(
        !chrome
            .client
            .find(fantoccini::Locator::Css("#app"))
            .await
            .unwrap()
            .is_displayed()
            .await
            .unwrap()
    );
    chrome.screenshot("desktop-no-scripts").await.unwrap();
}

#[tokio::test]
async fn a_payment_that_is_due_is_told_in_the_chat_and_a_long_message_is_folded() {
    let world = world().await;
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    // What control answers has a test of its own.
    let overdue = "(() => { const real = window.fetch; const notice = JSON.stringify({notice: {kind: \
                   'overdue', at: 1800000000}}); window.fetch = (url, ...rest) => url === '/auth/notice' \
                   ? Promise.resolve(new Response(notice)) : real(url, ...rest); })()";
    chrome.run_before(overdue).await.unwrap();
    chrome.sign_in(&world, "mary").await.unwrap();
    let told = "document.getElementById('toasts')";
    chrome.wait_for(&format!("{told}.innerText.includes('did not go through')")).await.unwrap();
    let account = format!("{told}.querySelector('a').href === '{}/account'", world.site_url());
    chrome.wait_for(&account).await.unwrap();

    let paste = "(() => { const field = document.getElementById('composer'); \
                 field.value = 'FAST markdown ' + 'word '.repeat(40_000); \
                 field.dispatchEvent(new InputEvent('input', {bubbles: true})); })()";
    chrome.evaluate(paste).await.unwrap();
    chrome.click("send").await.unwrap();
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    let length = "document.querySelector('[data-testid=message-user] .bubble').textContent.length";
    chrome.wait_for(&format!("{length} < 10_000")).await.unwrap();
    chrome
        .evaluate("document.querySelector('[data-testid=message-user] > .button').click()")
        .await
        .unwrap();
    chrome.wait_for(&format!("{length} > 200_000")).await.unwrap();
}
