{% if not config.SERVICE_WORKER %}
// Switched off: whoever still has the worker loses it, and all that it kept.
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(leave()));

async function leave() {
  for (const name of await caches.keys()) await caches.delete(name);
  await registration.unregister();
}
{% else %}
// Keeps the shell and the last catalogue pages that are the same for everybody; queues nothing.
const CACHE = "till-{{ release }}";
const STYLE = "{{ static_url("shop.css") }}";
const SHELL = ["/offline", STYLE, "{{ static_url("htmx-2.0.11.min.js") }}", "{{ static_url("app.js") }}", "{{ static_url("icons/icon.svg") }}"];
const CATALOGUE = /^\/($|c\/|p\/)/;
const PAGES = 40;
const PATIENCE = 4000; // milliseconds until a kept page is better than none
const HTML = { "Content-Type": "text/html; charset=utf-8" };

addEventListener("install", (event) => event.waitUntil(begin()));
addEventListener("activate", (event) => event.waitUntil(tidy()));
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method === "POST") event.respondWith(fetch(request).catch(() => notSent(request)));
  if (request.method !== "GET" || request.headers.has("HX-Request")) return;
  if (request.mode === "navigate") event.respondWith(page(event, CATALOGUE.test(url.pathname)));
  else if (SHELL.includes(url.pathname)) event.respondWith(caches.match(request).then((kept) => kept || fetch(request)));
});

async function begin() {
  await (await caches.open(CACHE)).addAll(SHELL);
  await skipWaiting();
}

async function tidy() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await clients.claim();
}

async function page(event, isCatalogue) {
  const fresh = fetch(event.request);
  fresh.catch(() => {}); // waited for below
  const kept = isCatalogue && (await caches.match(event.request, { ignoreVary: true }));
  if (isCatalogue) event.waitUntil(fresh.then((answer) => keep(event.request, answer.clone())).catch(() => {}));
  const late = new Promise((_, tooLate) => kept && setTimeout(tooLate, PATIENCE));
  return Promise.race([fresh, late]).catch(() => (kept ? aged(kept) : caches.match("/offline")));
}

// Only a page whose cart link is there and shows no count, and that nobody is logged in on, belongs to nobody.
async function keep(request, answer) {
  const text = await answer.text();
  const link = /id="cart-link"[^>]*>([^]*?)<\/a>/.exec(text);
  if (!answer.ok || /no-store/.test(answer.headers.get("Cache-Control")) || !link || /\d/.test(link[1]) || /href="\/account"/.test(text)) return;
  const cache = await caches.open(CACHE);
  const headers = new Headers(answer.headers);
  headers.set("Date", new Date().toUTCString());
  await cache.delete(request, { ignoreVary: true });
  await cache.put(request, new Response(text, { headers }));
  const pages = (await cache.keys()).filter((each) => CATALOGUE.test(new URL(each.url).pathname));
  for (const old of pages.slice(0, -PAGES)) await cache.delete(old, { ignoreVary: true });
}

async function aged(kept) {
  const minutes = Math.round((Date.now() - Date.parse(kept.headers.get("Date"))) / 60000);
  const [steps, unit] = minutes < 90 ? [1, "minute"] : minutes < 2160 ? [60, "hour"] : [1440, "day"];
  const age = new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.round(minutes / steps), unit);
  const said = {{ _("The shop did not answer. You see this page as it was %(age)s.", age="AGE")|tojson }}.replace("AGE", age);
  const text = await kept.text();
  return new Response(text.replace(/id="messages"[^>]*>/, `$&<p class="message">${said}</p>`), { headers: kept.headers });
}

function notSent(request) {
  const sentence = {{ _("Not sent: you are offline.")|tojson }};
  if (request.headers.has("HX-Request")) {
    const here = {{ _("Your details are still on this page.")|tojson }};
    const headers = { ...HTML, "HX-Retarget": "#messages", "HX-Reswap": "innerHTML show:top" };
    return new Response(`<p class="message" role="alert">${sentence} ${here}</p>`, { headers });
  }
  const back = {{ _("Go back: your details are still on the page that you came from.")|tojson }};
  return new Response(
    `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>${sentence}</title><link rel="stylesheet" href="${STYLE}"><main class="narrow"><h1>${sentence}</h1><p>${back}</p></main>`,
    { status: 503, headers: HTML },
  );
}
{% endif %}
