// A worker that turns TeX into MathML. Beside the page, like the highlighter: a formula that takes its time
// holds nobody up and can be ended. No module, as the library is a plain script.

importScripts('/vendor/temml/temml.min.js');

/** Nothing that loads or leads elsewhere; no size beyond that of a page, no macro without end. */
const OPTIONS = { trust: false, strict: false, throwOnError: true, maxSize: [10, 20], maxExpand: 200 };

addEventListener('message', ({ data: { tex, display } }) => {
  let html = null;
  try {
    html = temml.renderToString(tex, { ...OPTIONS, displayMode: display });
  } catch {
    // Not TeX that is known: it stays as it was written.
  }
  postMessage({ html });
});
