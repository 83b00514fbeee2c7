import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { closeCodes, errors, limits, mayReconnect, routes, wsQuery, type Route } from "@om/protocol";
import { rolldown } from "rolldown";
import { protocolTypes } from "./protocol-types.ts";

/** Makes the installable package: the client as ES modules with the wire inside, and its types, in lib/. */
const root = join(import.meta.dirname, "../..");
const compiled = join(root, "client/dist");
const lib = join(root, "sdk/lib");

rmSync(lib, { recursive: true, force: true });
mkdirSync(lib);
const bundle = await rolldown({
  input: { index: join(compiled, "index.js"), files: join(compiled, "files.js") },
  external: [/^node:/, "ws"],
  plugins: [
    {
      name: "wire",
      resolveId: (id) => (id === "@om/protocol" ? "\0wire" : undefined),
      load: (id) => (id === "\0wire" ? wireModule() : undefined),
    },
  ],
});
await bundle.write({ dir: lib, format: "esm", chunkFileNames: "[name].js" });
await bundle.close();
writeTypes();
copyFileSync(join(root, "LICENSE"), join(root, "sdk/LICENSE"));

/** What the client uses of the protocol at run time: plain tables. A client validates nothing, so no schema and no validator comes along. */
function wireModule(): string {
  const table = Object.entries<Route>(routes).map(([name, { method, path, auth, upload, file }]) => [
    name,
    { method, path, auth, upload, file },
  ]);
  const retries = Object.entries(errors).map(([code, { retry }]) => [code, { retry }]);
  const values = {
    routes: Object.fromEntries(table) as unknown,
    errors: Object.fromEntries(retries) as unknown,
    limits,
    wsQuery,
    closeCodes,
  };
  const exported = Object.entries(values).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`);
  return [...exported, `export ${mayReconnect.toString()}`].join("\n");
}

/** The types of both entries and of all that they mention; those of the protocol are written out. */
function writeTypes(): void {
  const waiting = ["index.d.ts", "files.d.ts"];
  const written = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (written.has(name)) continue;
    written.add(name);
    const text = readFileSync(join(compiled, name), "utf8")
      .replaceAll(/(from ")\.\/([\w-]+)\.(?:ts|js)"/g, (_, from: string, file: string) => {
        waiting.push(`${basename(file)}.d.ts`);
        return `${from}./${file}.js"`;
      })
      .replaceAll('"@om/protocol"', '"./protocol.js"')
      .replaceAll(/\n\/\/# sourceMappingURL=.*/g, "");
    const own =
      name === "index.d.ts" ? '/// <reference lib="esnext.disposable" />\nexport type * from "./protocol.js";\n' : "";
    writeFileSync(join(lib, name), own + text);
  }
  writeFileSync(join(lib, "protocol.d.ts"), protocolTypes());
}
