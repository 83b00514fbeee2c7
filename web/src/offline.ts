/** Keeps the page itself in the browser, so that it opens without a line. */
export function keepPage(onUpdate: () => void): void {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const had = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => had && onUpdate());
  navigator.serviceWorker.register("/sw.js").catch(() => undefined);
}
