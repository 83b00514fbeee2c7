/** The page at `/docs`: Swagger UI from our own files. */
export const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OM Messenger: protocol</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<noscript>This page needs scripts. The same for machines: <a href="/docs/openapi.json">OpenAPI 3.1</a>, <a href="/docs/asyncapi.json">AsyncAPI 3.0</a>.</noscript>
<div id="docs"></div>
<script src="/docs/swagger-ui.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** Starts Swagger UI. Its filter looks at the names of tags only; ours at all that names a route. */
export const docsScript = `const matches = (text) => (route) =>
  [route.get("path"), route.get("method"), route.getIn(["operation", "operationId"]), route.getIn(["operation", "summary"])]
    .join(" ").toLowerCase().includes(text.toLowerCase());
SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: "none",
  defaultModelsExpandDepth: 0,
  plugins: [() => ({ fn: { opsFilter: (tags, text) => tags
    .map((tag) => tag.update("operations", (routes) => routes.filter(matches(text))))
    .filter((tag) => tag.get("operations").size > 0) } })],
});
`;
