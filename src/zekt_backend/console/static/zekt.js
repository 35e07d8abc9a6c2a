// What pages cannot do by themselves: dialogs, forms that are sent once, lists that rest while nobody looks.
"use strict";

const dialog = () => document.getElementById("dialog");

// A link with hx-target="#dialog" has brought its content.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === dialog() && !dialog().open) dialog().showModal();
});

// A link inside a drawing opens one, too: htmx lets the browser follow that kind as well.
document.addEventListener("click", (event) => {
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey);
  if (plain && event.target.closest("svg a[hx-get]")) event.preventDefault();
});

// Closed, it is empty: nothing of it is found by whoever searches the page. A click beside it closes it.
document.addEventListener("close", (event) => { if (event.target === dialog()) dialog().replaceChildren(); }, true);
document.addEventListener("click", (event) => { if (event.target === dialog()) dialog().close(); });

// A second click must not send a form again; what is under way can be seen.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog") return;
  if (form.ariaBusy === "true") { event.preventDefault(); return; }
  form.ariaBusy = "true";
  for (const button of form.querySelectorAll("button")) button.ariaDisabled = "true";
});
// Back from another page, the form may be sent once more.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) {
    form.ariaBusy = null;
    for (const button of form.querySelectorAll("button")) button.ariaDisabled = null;
  }
});

// What refreshes itself rests while the page is hidden, lies behind a dialog, or somebody selects text.
document.addEventListener("htmx:beforeRequest", (event) => {
  const live = event.detail.elt;
  if (!live.hasAttribute("data-live")) return;
  const selecting = document.getSelection()?.type === "Range";
  const behind = dialog().open && !dialog().contains(live);
  if (document.hidden || behind || selecting) event.preventDefault();
});
// Where that is refused, what was there stays: the next refresh may do.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig.elt.hasAttribute("data-live") && event.detail.xhr.status !== 200) event.detail.shouldSwap = false;
});

// Fields with data-submits send their form when they change; without scripts there is its button.
document.addEventListener("change", (event) => {
  if (event.target.hasAttribute("data-submits")) event.target.form.requestSubmit();
});

// Buttons with data-copies put a text on the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent.trim());
  button.textContent = "Copied";
});

// "/" leads to the search field of the page.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("main input[type=search]");
  if (search) { event.preventDefault(); search.focus(); }
});
