// Shows the page anew when something changed, unless somebody is in the middle of something.

// On a small screen there are more tabs than fit.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

const main = document.getElementById("main");
const live = main?.dataset.live;

/** Whether showing it anew would take something from under somebody's hands. */
function isBusy() {
  const focused = document.activeElement;
  return (
    document.hidden ||
    !getSelection().isCollapsed ||
    (main.contains(focused) && focused.matches("input, button, a")) ||
    main.querySelector("[data-testid=question]") !== null
  );
}

async function refresh() {
  if (isBusy()) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  // Signed out meanwhile: the next click says so.
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("main");
  if (fresh && !isBusy() && fresh.innerHTML !== main.innerHTML) {
    main.replaceChildren(...fresh.childNodes);
  }
}

if (live) {
  const events = new EventSource(live);
  events.addEventListener("changed", () => refresh().catch(() => {}));
}
