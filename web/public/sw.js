// The page and its files, kept so that it opens without a line. Files have a hash in their names: what is kept is right for ever. The page is
// asked for first, and taken from here when no answer comes.
const kept = "om-page";
const patienceMs = 3_000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && /^\/($|c\/|join\/|reset\/)/.test(pathname)) event.respondWith(page(request));
  else if (/^\/(assets\/|icon\.svg|manifest\.webmanifest)/.test(pathname)) event.respondWith(file(request));
});

async function page(request) {
  const cache = await caches.open(kept);
  const old = await cache.match("/");
  const asked = fetch(request).then(async (answer) => {
    if (answer.ok) await renew(cache, answer.clone());
    return answer.ok || old === undefined ? answer : old;
  });
  if (old === undefined) return asked;
  return Promise.race([asked, new Promise((resolve) => setTimeout(resolve, patienceMs, old))]).catch(() => old);
}

// The files of the page before are let go when those of the new one are here.
async function renew(cache, answer) {
  const text = await answer.clone().text();
  const names = [...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, name]) => name);
  await Promise.all(names.map(async (name) => (await cache.match(name)) ?? cache.add(name)));
  await cache.put("/", answer);
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url);
    if (pathname.startsWith("/assets/") && !names.includes(pathname)) await cache.delete(url);
  }
}

async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}
