/** Where one of our files is for this page: whatever address the server is called by, the page asks its own origin, which has its cookies. */
export function mediaPath(url: string): string {
  const at = url.indexOf("/media/");
  return at < 0 ? url : `/api${url.slice(at)}`;
}
