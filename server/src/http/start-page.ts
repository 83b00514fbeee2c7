/** What `GET /` shows: what runs here and how to try it. */
export const startPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OM Messenger</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
  body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
  pre { padding: .8rem 1rem; border-radius: .5rem; background: color-mix(in srgb, currentColor 8%, transparent); overflow-x: auto; }
</style>
</head>
<body>
<h1>OM Messenger is running</h1>
<p>This is a chat server. Apps talk to it over HTTP under <code>/api</code> and over WebSocket at <code>/ws</code>.</p>
<h2>Try it in two terminals</h2>
<p>In the folder of the server, start one chat client in each:</p>
<pre>npm run chat -- --user alice</pre>
<pre>npm run chat -- --user bob --with alice</pre>
<p>The first start makes the account. Type a line and press Enter.</p>
<h2>Build on it</h2>
<p><a href="/docs">The protocol</a>: every route, frame and error, also as OpenAPI and AsyncAPI.</p>
<h2>For operators</h2>
<p><code>/health</code> says that the process lives, <code>/ready</code> whether it can serve,
<code>/metrics</code> is Prometheus text.</p>
</body>
</html>
`;
