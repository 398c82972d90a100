// What scripts add beyond htmx: a word when a request fails, a word when there is no line. No purchase depends on it.
"use strict";
{
  const words = document.currentScript.dataset; // said in the page's language by layouts/base.html
  const place = (id) => document.getElementById(id);
  const paragraph = (name, text) => Object.assign(document.createElement("p"), { className: name, textContent: text });
  const on = (names, act) => names.split(" ").forEach((name) => document.addEventListener("htmx:" + name, act));

  // The region that will be swapped is busy until the answer is there.
  on("beforeRequest", (event) => event.detail.target.setAttribute("aria-busy", "true"));
  // The answer may have named another target, so whatever is busy is looked for.
  const ready = () => document.querySelectorAll("[aria-busy]").forEach((each) => each.removeAttribute("aria-busy"));
  on("afterRequest", ready);

  // One message when htmx got no answer that it swaps; what was typed stays.
  const failed = paragraph("message", words.failed);
  on("beforeRequest", () => failed.remove());
  on("responseError sendError timeout", () => {
    place("messages").prepend(failed);
    place("live").textContent = words.failed;
    failed.scrollIntoView({ block: "nearest" });
  });

  const offline = paragraph("offline", words.offline);
  const look = () => {
    if (navigator.onLine === offline.isConnected) {
      if (navigator.onLine) offline.remove();
      else place("main").prepend(offline);
      place("live").textContent = navigator.onLine ? "" : words.offline;
    }
  };
  addEventListener("online", look);
  addEventListener("offline", look);
  look();

  if (words.worker && navigator.serviceWorker) {
    addEventListener("load", () => navigator.serviceWorker.register(words.worker).catch(() => {}));
  }
}
